"""What a trainer learns from: examples in arrays, or text; each gives batches by the step, an objective and figures."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from argosy.config import Layout, Recipe, TrainingConfig, UserError
from argosy.data import ArrayPlan, Arrays, BatchPlan, Sequences
from argosy.models import Transformer
from argosy.parallel import World, refuse_layout
from argosy.training.held_out import held_out_loss
from argosy.training.objectives import ExampleObjective, Judge
from argosy.training.step import LossModule

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""(features [B, …], source of chance) to changed features of the same shape.

Chance is drawn on the CPU wherever the features are, so that it is the same on every machine.
"""

GATHERED_STEPS, EVALUATION_ROWS = 32, 4096  # at most
GATHERED_BYTES = 64 << 20  # of features at once


class Task(Protocol):
    """Batches and what to do with them."""

    unit: str
    """What is counted: examples or tokens."""
    steps_per_epoch: int
    """Updates in which everything is seen once."""

    @property
    def objective(self) -> nn.Module:
        """(inputs, targets) to the summed loss [] and summed metrics [M]."""
        ...

    def batch(self, step: int, part: int, parts: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step, of so many parts the one of a rank."""
        ...

    def some(self, rows: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets to try something out with, the same on every rank."""
        ...

    def count(self, step: int) -> int:
        """Examples or tokens of a step, over all ranks."""
        ...


class ExampleTask:
    """Arrays, in another order each epoch."""

    unit = "examples"

    def __init__(
        self,
        objective: ExampleObjective,
        data: Arrays,
        batch_size: int,
        *,
        seed: int,
        device: torch.device,
        augmentation: Augmentation | None,
    ) -> None:
        self.objective, self.device, self.seed, self.augmentation = objective, device, seed, augmentation
        self.plan = ArrayPlan(len(data.features), batch_size, seed)
        self.features, self.targets = (torch.from_numpy(array) for array in data)
        self._steps, self._ready = range(0), [(self.features, self.targets)]
        self.steps_per_epoch = self.plan.steps_per_epoch
        self._gather = max(1, min(GATHERED_STEPS, GATHERED_BYTES // (batch_size * int(data.features[0].nbytes))))
        self._shift = 0

    def align(self, step: int) -> None:
        """Let a pass over the examples begin at `step`."""
        self._shift = -step % self.steps_per_epoch

    def batch(self, step: int, part: int, parts: int) -> tuple[Tensor, Tensor]:
        """The same changes for the same example at the same step, however many ranks share the batch."""
        own = slice(part, None, parts)
        features, targets = self._gathered(step + self._shift, own if self.augmentation is None else slice(None))
        if self.augmentation is not None:
            chance = torch.Generator().manual_seed((self.seed << 32) + step)
            features, targets = self.augmentation(features, chance)[own], targets[own]
        return features, targets

    def some(self, rows: int) -> tuple[Tensor, Tensor]:
        """The first examples."""
        return self.features[:rows].to(self.device), self.targets[:rows].to(self.device)

    def _gathered(self, step: int, part: slice) -> tuple[Tensor, Tensor]:
        """A part of a step's rows, fetched for many steps at once: one by one, that is a tenth of a small step.

        Which steps does not depend on where training began: rows that lie elsewhere in memory may round in another way.
        """
        if step not in self._steps:
            first = step // self._gather * self._gather
            self._steps = range(first, first + self._gather)
            rows = [torch.from_numpy(self.plan.rows(number)[part]) for number in self._steps]
            every, sizes = torch.cat(rows), [len(some) for some in rows]
            arrays = (array[every].to(self.device) for array in (self.features, self.targets))
            parts = (array.split(sizes) for array in arrays)  # type: ignore[no-untyped-call]
            self._ready = list(zip(*parts, strict=True))
        return self._ready[step - self._steps.start]

    def count(self, step: int) -> int:
        """Fewer in the last batch of an epoch."""
        return self.plan.count(step + self._shift)


class TextTask:
    """Sequences of tokens, each to be predicted from those before it."""

    unit = "tokens"

    def __init__(self, model: nn.Module, text: Sequences, batch_size: int, *, seed: int, device: torch.device) -> None:
        self.objective, self.device = LossModule(model, torch.float32), device
        self.plan = BatchPlan(text.store, batch_size, text.length, seed)
        self.steps_per_epoch = -(-self.plan.rows_per_epoch // batch_size)
        self.tokens_per_step = batch_size * text.length

    def batch(self, step: int, part: int, parts: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [b, T]."""
        batch = self.plan.batch(step, part, parts)
        return tensor(batch.inputs, self.device), tensor(batch.targets, self.device)

    def some(self, rows: int) -> tuple[Tensor, Tensor]:
        """The first sequences."""
        inputs, targets = self.batch(0, 0, 1)
        return inputs[:rows], targets[:rows]

    def count(self, step: int) -> int:
        """The same at every step."""
        return self.tokens_per_step


def tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """An array where the model is: a copy, since products of memory aligned in another way may round in another way."""
    return torch.tensor(array, device=device)


def evaluation_rows(features: np.ndarray) -> int:
    """Examples in one forward pass, in which no gradients are kept."""
    return max(1, min(EVALUATION_ROWS, GATHERED_BYTES // int(features[0].nbytes)))


def judge_examples(objective: ExampleObjective, data: Arrays, device: torch.device) -> list[float]:
    """Mean loss and metrics, each example counting the same."""
    totals = np.zeros(1 + len(objective.metrics))
    objective.eval()
    with torch.no_grad():
        size = evaluation_rows(data.features)
        for start in range(0, len(data.features), size):
            features, targets = (array[start : start + size] for array in data)
            loss, metrics = objective(tensor(features, device), tensor(targets, device))
            totals += np.array([float(loss), *metrics.tolist()])
    figures: list[float] = (totals / len(data.features)).tolist()
    return figures


def judge_text(model: nn.Module, text: Sequences, world: World) -> Mapping[str, float]:
    """Loss on the held-out part, and what follows from it."""
    found = held_out_loss(model, text.store, text.length, world=world)
    return {"loss": found.loss, "perplexity": found.perplexity, "bits_per_byte": found.bits_per_byte}


def check_text(model: nn.Module, text: Sequences, others: Mapping[str, object]) -> None:
    """`UserError` unless the model predicts these tokens and none of `others`, of no use for text, is given."""
    given = [name for name, value in others.items() if value]
    if given:
        raise UserError(
            "not-for-text", f"{given[0]} is for examples; a language model is trained by cross_entropy alone"
        )
    if not isinstance(model, Transformer):
        raise UserError("model-misfit", f"text is for a Transformer, not a {type(model).__name__}")
    found, expected = model.config.vocabulary_size, text.store.index.vocabulary_size
    if found != expected:
        raise UserError("model-misfit", f"the model has a vocabulary of {found:,} tokens, the text one of {expected:,}")


def refuse_text(model: nn.Module, layout: Layout, length: int, batch_size: int) -> None:
    """`VentureError` unless a transformer and batches of sequences can be laid out so."""
    assert isinstance(model, Transformer)
    numbers = dict.fromkeys(Recipe.model_fields, 1) | {"batch_size": batch_size, "sequence_length": length}
    refuse_layout(layout, TrainingConfig(), model.config, Recipe.model_validate(numbers))


def check_examples(
    model: nn.Module, data: Arrays, loss_name: str, loss: Judge, device: torch.device, *, weighted: bool = False
) -> None:
    """Send two examples through the model and the loss, and look at the labels; `UserError` for a misfit."""
    features, targets = tensor(data.features[:2], device), tensor(data.targets[:2], device)
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(features)
    except (RuntimeError, IndexError) as error:
        raise UserError(
            "model-misfit",
            f"the model does not take features of shape {list(data.features.shape[1:])}: {_first_line(error)}",
        ) from None
    if loss_name in ("cross_entropy", "CrossEntropyLoss"):
        _check_labels(data.targets, outputs, getattr(loss, "ignore_index", None))
    if loss_name == "binary_cross_entropy":
        _check_range(data.targets, (data.targets < 0) | (data.targets > 1), "0 or 1")
    try:
        values = loss(outputs, targets)
        if weighted and len(values.flatten()) != len(targets):
            raise UserError("bad-option", "class_weight needs a loss that gives a value for each example")
        if values.numel() not in (1, len(targets)):
            raise ValueError(f"{list(values.shape)} values for {len(targets)} examples")
    except (RuntimeError, IndexError, ValueError) as error:
        raise UserError(
            "model-misfit",
            f"outputs of shape {list(outputs.shape[1:])} do not fit targets of shape "
            f"{list(data.targets.shape[1:])} in {loss_name}: {_first_line(error)}",
        ) from None


def _check_labels(targets: np.ndarray, outputs: Tensor, ignored: int | None) -> None:
    if targets.ndim > 1 and targets.shape[1:] == outputs.shape[1:] and outputs.shape[1] > 1:
        return  # a share of each class
    if outputs.ndim < 2:
        raise UserError("model-misfit", f"cross_entropy needs an output for each class, not {list(outputs.shape[1:])}")
    labels = targets.flatten()
    if labels.dtype.kind != "i":
        raise UserError(
            "model-misfit",
            f"cross_entropy needs class numbers or one-hot rows of {outputs.shape[1]}, not {targets.dtype} of shape "
            f"{list(targets.shape[1:])}",
        )
    wrong = ((labels < 0) | (labels >= outputs.shape[1])) & (labels != ignored)
    _check_range(labels, wrong, f"0 to {outputs.shape[1] - 1}, since the model has {outputs.shape[1]} outputs")


def _check_range(labels: np.ndarray, wrong: np.ndarray, expected: str) -> None:
    bad = np.flatnonzero(wrong)
    if len(bad):
        raise UserError(
            "label-out-of-range",
            f"{len(bad):,} labels are out of range, the first ({labels.flat[bad[0]]}) at {bad[0]}: expected {expected}",
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
