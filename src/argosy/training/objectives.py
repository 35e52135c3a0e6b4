"""What a model of examples is judged by: losses and metrics by name, as sums, so that any split of a batch adds up."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from argosy.config import UserError, nearest

Judge = Callable[[Tensor, Tensor], Tensor]
"""(outputs [B, …], targets [B, …]) to a value for each example [B], or their mean [] ."""


def _per_example(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1) if values.ndim > 1 else values


def cross_entropy(outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """-log softmax(outputs)[target] of logits [B, C] and class numbers [B] or one-hot rows [B, C]."""
    classes = _classes(targets, outputs)
    return functional.cross_entropy(outputs, classes, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """-log likelihood of targets 0 or 1 under sigmoid(outputs), logits [B] or [B, 1]."""
    flat = outputs.reshape(len(outputs), -1)
    targets = targets.reshape(flat.shape).to(flat.dtype)
    return _per_example(functional.binary_cross_entropy_with_logits(flat, targets, reduction="none"))


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of (outputs - targets)² over each example's values."""
    return _per_example((outputs - targets.reshape(outputs.shape)).square())


def mean_absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of |outputs - targets| over each example's values."""
    return _per_example((outputs - targets.reshape(outputs.shape)).abs())


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where the likeliest class is the target; of one logit, where its sign is."""
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return (outputs.flatten() > 0).eq(targets.flatten() > 0.5).float()
    return outputs.argmax(1).eq(_classes(targets, outputs, hard=True)).float()


def top_5_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where the target is among the five likeliest classes."""
    best = outputs.topk(min(5, outputs.shape[1]), dim=1).indices
    return best.eq(_classes(targets, outputs, hard=True)[:, None]).any(1).float()


def _classes(targets: Tensor, outputs: Tensor, *, hard: bool = False) -> Tensor:
    """Class numbers [B], from [B, 1] too; one-hot rows [B, C] as they are unless `hard`."""
    if targets.ndim == 2 and targets.shape[1] == outputs.shape[1] > 1:
        return targets.argmax(1) if hard else targets.to(outputs.dtype)
    return targets.flatten()


LOSSES: Mapping[str, Judge] = {
    judge.__name__: judge for judge in (cross_entropy, binary_cross_entropy, mean_squared_error, mean_absolute_error)
}
METRICS: Mapping[str, Judge] = {
    judge.__name__: judge for judge in (accuracy, top_5_accuracy, mean_squared_error, mean_absolute_error)
}


UNIGNORED = -100  # PyTorch's own `ignore_index`, a number that no class has
UNKNOWN = {"loss": "unknown-loss", "metric": "unknown-metric"}


def named(kind: str, given: str | Judge, known: Mapping[str, Judge]) -> tuple[str, Judge]:
    """Return (name, function) of a name or a function; raises `UserError` with the nearest name."""
    if isinstance(given, nn.Module) and getattr(given, "reduction", None) == "mean":
        given = _without_mean(given)
    if not isinstance(given, str):
        return getattr(given, "__name__", type(given).__name__), given
    if given not in known:
        raise UserError(
            UNKNOWN[kind],
            f"{kind} = {given!r}: expected {', '.join(known)}, or a function of (outputs, targets)"
            f"{nearest(given, known)}",
        )
    return given, known[given]


def _without_mean(loss: nn.Module) -> Judge:
    """A loss module of PyTorch, giving a value for each example.

    One that weights classes, or ignores one, keeps its own mean.
    """
    if getattr(loss, "weight", None) is not None or getattr(loss, "ignore_index", UNIGNORED) != UNIGNORED:
        return loss
    single = copy(loss)
    single.reduction = "none"  # type: ignore[assignment]

    def per_example(outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.numel() == targets.numel():  # [B, 1] and [B] would make [B, B]
            targets = targets.reshape(outputs.shape)
        return _per_example(single(outputs, targets))

    per_example.__name__ = type(loss).__name__
    return per_example


class ExampleObjective(nn.Module):
    """A model with its loss and metrics: (features, targets) to (summed loss [], summed metrics [M])."""

    def __init__(
        self, model: nn.Module, loss: Judge, metrics: Sequence[Judge], class_weight: Tensor | None = None
    ) -> None:
        super().__init__()
        self.model, self.loss, self.metrics, self.class_weight = model, loss, tuple(metrics), class_weight

    def of(self, model: nn.Module) -> "ExampleObjective":
        """The same of another model."""
        return ExampleObjective(model, self.loss, self.metrics, self.class_weight)

    def outputs(self, inputs: Tensor, states: Tensor | None = None) -> Tensor:
        """What the model makes of features; of a part of a model, of what the part before made."""
        found: Tensor = self.model(inputs if states is None else states)
        return found

    def forward(self, features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Judge a batch."""
        return self.judge(self.outputs(features), targets)

    def judge(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Summed loss and metrics; of no examples, everything is 0 and the gradient too."""
        values = self._values(self.loss, outputs, targets)
        if self.class_weight is not None:
            if len(values) != len(targets):
                raise UserError("bad-option", "class_weight needs a loss that gives a value for each example")
            values = values * self.class_weight[_classes(targets, outputs, hard=True).long()]
        with torch.no_grad():
            sums = [self._values(metric, outputs, targets).sum() for metric in self.metrics]
        return values.sum(), torch.stack(sums) if sums else values.new_zeros(0)

    def _values(self, judge: Judge, outputs: Tensor, targets: Tensor) -> Tensor:
        values = judge(outputs, targets)
        return values.expand(len(targets)) if values.ndim == 0 else values
