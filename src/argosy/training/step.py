"""One optimiser update: forward, backward, clip, step. The loop decides when; this decides how."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from argosy.parallel import Engine, phase
from argosy.training.loss import summed_loss


@dataclass(frozen=True)
class StepResult:
    """What one update did, the same on every rank."""

    loss: float
    """Mean over the tokens (or examples) of the global batch, in nats."""
    gradient_norm: float
    """Global norm before clipping; 0 where it was not looked at."""
    skipped: bool
    """Whether the update was left out because the gradient was not finite."""
    stop_requested: bool
    """Whether any rank was asked to stop."""
    compute_s: float
    """Forward, backward and optimiser on this rank."""
    communication_s: float
    """Waiting for other ranks that nothing overlapped."""
    metrics: tuple[float, ...] = ()
    """Mean of each metric of the objective over the global batch."""


class LossModule(nn.Module):
    """The objective of a language model: the model with its loss, so that what wraps the forward pass sees both.

    With `separator_id`, attention stays inside documents; each one begins with the separator. `compiled`, the loss is;
    the model is compiled or not by itself.
    """

    metrics = ()

    def __init__(
        self, model: nn.Module, dtype: torch.dtype, separator_id: int | None = None, *, compiled: bool = False
    ) -> None:
        super().__init__()
        self.model, self.dtype, self.separator_id, self.compiled = model, dtype, separator_id, compiled

    def of(self, model: nn.Module) -> "LossModule":
        """The same of another model."""
        return LossModule(model, self.dtype, self.separator_id, compiled=self.compiled)

    def outputs(self, inputs: Tensor, states: Tensor | None = None) -> Tensor:
        """States after the final norm of [B, T] tokens; of a part of a model, what it makes of the `states` before."""
        document_ids = None if self.separator_id is None else (inputs == self.separator_id).cumsum(1)
        before = {} if states is None else {"states": states}
        with torch.autocast(inputs.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hidden: Tensor = self.model.hidden(inputs, document_ids, **before)  # type: ignore[operator]
        return hidden

    def judge(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Summed loss in nats of [B, T] targets, and no metrics [0]."""
        head: nn.Linear = self.model.head  # type: ignore[assignment]
        loss = summed_loss(outputs, head.weight, targets, self.dtype, compiled=self.compiled)
        return loss, loss.new_zeros(0)

    def forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both."""
        return self.judge(self.outputs(inputs), targets)


class TrainStep:
    """Forward and backward over micro-batches, one gradient exchange, one clipped update.

    Without `learning_rate`, the optimisers keep the one they have. `guarded`, an update whose gradient is not finite is
    left out, which takes a look at the gradient; with `gradient_clip` it is in any case.
    """

    def __init__(
        self,
        engine: Engine,
        optimizers: Sequence[Optimizer],
        *,
        learning_rate: Callable[[int], float] | None,
        gradient_clip: float | None,
        guarded: bool = True,
    ) -> None:
        self.engine, self.optimizers, self.world = engine, optimizers, engine.mesh.world
        self.learning_rate, self.gradient_clip = learning_rate, gradient_clip
        self.guarded = guarded or gradient_clip is not None
        self._parameters = engine.parameters

    def settle(self, some: Callable[[], tuple[Tensor, Tensor]]) -> None:
        """Do a backward pass over `some` examples that is thrown away, so that the first update sums like later ones.

        DDP orders its gradient buckets anew after the first backward pass, and with them the order in which three or
        more ranks are summed: without this, a resumed run would differ from an uninterrupted one in the last digit.
        """
        if self.engine.unsettled:
            self.engine.backward(*some(), 1.0)
            self._forget_gradients()

    def __call__(self, step: int, inputs: Tensor, targets: Tensor, *, count: int, stop: bool = False) -> StepResult:
        """Do update `step` (from 0) with this rank's rows of a global batch of `count` tokens or examples."""
        start = time.perf_counter()
        sums, norm, waited = self.update(step, inputs, targets, count)
        before = time.perf_counter()
        total, *metrics, stops = self.world.sum(torch.cat([sums, sums.new_tensor([float(stop)])])).tolist()
        end = time.perf_counter()
        waited += end - before if self.world.size > 1 else 0.0
        return StepResult(
            loss=total / count,
            gradient_norm=norm,
            skipped=not math.isfinite(norm),
            stop_requested=stops > 0,
            compute_s=end - start - waited,
            communication_s=waited,
            metrics=tuple(value / count for value in metrics),
        )

    def update(self, step: int, inputs: Tensor, targets: Tensor, count: int) -> tuple[Tensor, float, float]:
        """Do it without telling the other ranks how it went.

        Returns this rank's summed loss and metrics [1 + M], the gradient norm, and seconds of waiting for gradients.
        """
        phase("forward and backward", step + 1)
        sums, waited = self.engine.backward(inputs, targets, count)
        phase("gradient norm and optimiser")
        norm = self.engine.clip(self.gradient_clip) if self.guarded else 0.0
        if math.isfinite(norm):
            rate = None if self.learning_rate is None else self.learning_rate(step)
            for optimizer in self.optimizers:
                for group in optimizer.param_groups if rate is not None else ():
                    group["lr"] = rate
                optimizer.step()
        self._forget_gradients()
        return sums, norm, waited

    def rate(self, step: int) -> float:
        """Learning rate of update `step`."""
        if self.learning_rate is not None:
            return self.learning_rate(step)
        return float(self.optimizers[0].param_groups[0]["lr"])

    def _forget_gradients(self) -> None:
        """As `zero_grad` of the optimisers does, whose records for the profiler take a while in a short step."""
        for parameter in self._parameters:
            parameter.grad = None
