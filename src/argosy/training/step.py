"""One optimiser update: forward, backward, clip, step. The loop decides when; this decides how."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from argosy.config import Execution
from argosy.parallel import World, replicate
from argosy.training.loss import summed_loss
from argosy.training.precision import DTYPES


@dataclass(frozen=True)
class StepResult:
    """What one update did, the same on every rank."""

    loss: float
    """Mean over the tokens of the global batch, in nats."""
    gradient_norm: float
    """Global norm before clipping."""
    skipped: bool
    """Whether the update was left out because the gradient was not finite."""
    stop_requested: bool
    """Whether any rank was asked to stop."""
    compute_s: float
    """Forward, backward and optimiser on this rank."""
    communication_s: float
    """Waiting for other ranks that nothing overlapped."""


class LossModule(nn.Module):
    """A language model with its loss, so that what wraps the forward pass sees both.

    With `separator_id`, attention stays inside documents; each one begins with the separator.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype, separator_id: int | None = None) -> None:
        super().__init__()
        self.model, self.dtype, self.separator_id = model, dtype, separator_id

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Summed loss in nats of [B, T] targets."""
        document_ids = None if self.separator_id is None else (inputs == self.separator_id).cumsum(1)
        with torch.autocast(inputs.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hidden: Tensor = self.model.hidden(inputs, document_ids)  # type: ignore[operator]
        head: nn.Linear = self.model.head  # type: ignore[assignment]
        return summed_loss(hidden, head.weight, targets, self.dtype)


class TrainStep:
    """Forward and backward over micro-batches, one gradient exchange, one clipped update."""

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        *,
        learning_rate: Callable[[int], float],
        tokens_per_step: int,
        gradient_clip: float | None,
        execution: Execution,
        separator_id: int | None = None,
        world: World,
    ) -> None:
        self.model, self.optimizers, self.world = model, optimizers, world
        self.module, self.communication = replicate(LossModule(model, DTYPES[execution.precision], separator_id), world)
        self.learning_rate, self.gradient_clip = learning_rate, gradient_clip
        self.micro_batch = execution.micro_batch
        # Replicas average their gradients, so each one's sum is scaled to make that average the global token mean.
        self.scale = world.size / tokens_per_step
        self.tokens_per_step = tokens_per_step

    def settle(self, sequence_length: int) -> None:
        """Do a backward pass that is thrown away, so that the first update sums like every later one.

        DDP orders its gradient buckets anew after the first backward pass, and with them the order in which three or
        more ranks are summed: without this, a resumed run would differ from an uninterrupted one in the last digit.
        """
        if self.world.size > 2:
            tokens = torch.zeros((1, sequence_length), dtype=torch.long, device=self.world.device)
            self._backward(tokens, tokens)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)

    def __call__(self, step: int, inputs: Tensor, targets: Tensor, *, stop: bool = False) -> StepResult:
        """Do update `step` (from 0) with this rank's rows [b, T] of the global batch."""
        start = time.perf_counter()
        nats, waited = self._backward(inputs, targets)
        norm = self._clip()
        skipped = not bool(torch.isfinite(norm))
        if not skipped:
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = self.learning_rate(step)
                optimizer.step()
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        shared = torch.stack([nats.double(), nats.new_tensor(float(stop)).double()])
        before = time.perf_counter()
        total, stops = self.world.all_reduce(shared).tolist()
        end = time.perf_counter()
        waited += end - before if self.world.size > 1 else 0.0
        return StepResult(
            loss=total / self.tokens_per_step,
            gradient_norm=float(norm),
            skipped=skipped,
            stop_requested=stops > 0,
            compute_s=end - start - waited,
            communication_s=waited,
        )

    def _backward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, float]:
        nats = torch.zeros((), device=self.world.device)
        starts = range(0, inputs.shape[0], self.micro_batch)
        for start in starts:
            rows = slice(start, start + self.micro_batch)
            with self._synchronised(start == starts[-1]):
                loss = self.module(inputs[rows], targets[rows])
                (loss * self.scale).backward()
            nats += loss.detach()
        return nats, self.communication.seconds() or 0.0

    def _synchronised(self, last: bool) -> contextlib.AbstractContextManager[None]:
        if last or not isinstance(self.module, DistributedDataParallel):
            return contextlib.nullcontext()
        return self.module.no_sync()

    def _clip(self) -> Tensor:
        limit = self.gradient_clip if self.gradient_clip is not None else float("inf")
        norm: Tensor = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        return norm
