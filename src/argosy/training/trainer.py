"""The trainer of examples: compile, fit, evaluate, predict, save, load, on one process or under torchrun."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from argosy.config import RunConfig, UserError, nearest
from argosy.data import ArrayPlan, Arrays, as_arrays
from argosy.parallel import World, join
from argosy.progress import progress
from argosy.training.history import History
from argosy.training.objectives import LOSSES, METRICS, ExampleObjective, Judge, named
from argosy.training.saved import load_trainer, save_trainer
from argosy.training.step import TrainStep

Examples = Arrays | tuple[Any, Any] | Dataset[Any]
EVALUATION_ROWS = 4096  # in one forward pass; of small models, since no gradients are kept

OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "adam": partial(torch.optim.Adam, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
    "sgd": partial(torch.optim.SGD, lr=0.01, momentum=0.9, fused=True),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.001),
    "adagrad": partial(torch.optim.Adagrad, lr=0.01, fused=True),
}


class EpochCallback:
    """Does nothing; subclasses override what they need. Called on every rank with the same figures."""

    def on_epoch(self, trainer: "Trainer", epoch: int, figures: Mapping[str, float]) -> None:
        """After each epoch (from 1) and its validation; set `trainer.stop_training` to make it the last."""

    def on_end(self, trainer: "Trainer") -> None:
        """After the last epoch."""


class EarlyStopping(EpochCallback):
    """Ends training when `monitor` has not improved for `patience` epochs, and puts the best weights back.

    A figure improves by falling, one whose name ends in `accuracy` by rising.
    """

    def __init__(self, monitor: str = "val_loss", patience: int = 3, *, restore_best: bool = True) -> None:
        self.monitor, self.patience, self.restore_best = monitor, patience, restore_best
        self.sign = -1.0 if monitor.endswith("accuracy") else 1.0
        self.best, self.best_epoch = float("inf"), 0
        self._weights: dict[str, Tensor] = {}

    def on_epoch(self, trainer: "Trainer", epoch: int, figures: Mapping[str, float]) -> None:
        """Compare with the best."""
        if self.monitor not in figures:
            known = nearest(self.monitor, figures) or f"; there are {', '.join(figures)}"
            raise UserError("unknown-metric", f"monitor = {self.monitor!r} is not measured{known}")
        value = self.sign * figures[self.monitor]
        if value < self.best:
            self.best, self.best_epoch = value, epoch
            self._weights = {name: t.detach().clone() for name, t in trainer.model.state_dict().items()}
        elif epoch - self.best_epoch >= self.patience:
            trainer.stop_training = True

    def on_end(self, trainer: "Trainer") -> None:
        """Put the best weights back."""
        if self.restore_best and self._weights:
            trainer.model.load_state_dict(self._weights)


class Trainer:
    """A model with how it is trained and judged.

    Args:
        model: any module from features [B, …] to outputs [B, …].
        optimizer: a name (`adam`, `adamw`, `sgd`, `rmsprop`, `adagrad`), an optimiser, or a function of the parameters.
        loss: a name (`cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `mean_absolute_error`) or a
            function of (outputs, targets) that gives a value for each example, or their mean.
        metrics: names (`accuracy`, `top_5_accuracy`, …) or such functions.
        learning_rate: the optimiser's own unless given.
        gradient_clip: largest global gradient norm; none unless given.
        seed: of the order of examples.

    Raises:
        UserError: an unknown name, with the nearest one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: str | Optimizer | Callable[..., Optimizer] = "adam",
        loss: str | Judge = "cross_entropy",
        metrics: Sequence[str | Judge] = (),
        *,
        learning_rate: float | None = None,
        gradient_clip: float | None = None,
        seed: int = 0,
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device)
        self.loss_name, self.loss = named("loss", loss, LOSSES)
        judges = [named("metric", metric, METRICS) for metric in metrics]
        self.metric_names, self.metrics = [name for name, _ in judges], [judge for _, judge in judges]
        self.optimizer = self._optimizer(optimizer, learning_rate)
        self.gradient_clip, self.seed = gradient_clip, seed
        self.history, self.stop_training, self.steps = History(), False, 0

    def _optimizer(self, given: str | Optimizer | Callable[..., Optimizer], rate: float | None) -> Optimizer:
        if isinstance(given, str) and given not in OPTIMIZERS:
            known = f"{', '.join(OPTIMIZERS)}, or an optimiser{nearest(given, OPTIMIZERS)}"
            raise UserError("unknown-optimizer", f"optimizer = {given!r}: expected {known}")
        self.optimizer_name = given if isinstance(given, str) else type(given).__name__
        make = OPTIMIZERS[given] if isinstance(given, str) else given
        optimizer = make if isinstance(make, Optimizer) else make(self.model.parameters())
        for group in optimizer.param_groups if rate is not None else ():
            group["lr"] = rate
        return optimizer

    def fit(
        self,
        examples: Examples,
        targets: Any = None,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation: Examples | None = None,
        callbacks: Sequence[EpochCallback] = (),
        class_weight: Mapping[int, float] | None = None,
    ) -> History:
        """Train for `epochs` more epochs and return the history of all of them.

        Under torchrun every rank takes its part of each batch; figures are those of the whole batch. `class_weight`
        multiplies the loss of the examples of a class, 1 for classes it leaves out.

        Raises:
            UserError: examples that do not fit each other, the model or the loss; nothing was trained.
            RunFailed: ranks are missing.
        """
        data, held_out = as_arrays(examples, targets), None if validation is None else as_arrays(validation)
        for part in (data, held_out) if held_out is not None else (data,):
            self._try_out(part)
        plan = ArrayPlan(data, batch_size, self.seed)
        objective = ExampleObjective(self.model, self.loss, self.metrics, self._weights(class_weight, data))
        self.stop_training = False
        with join(RunConfig()) as world:
            step = TrainStep(
                objective, [self.optimizer], learning_rate=None, gradient_clip=self.gradient_clip, world=world
            )
            row = plan.batch(0)
            step.settle(self._tensor(row.features[:1]), self._tensor(row.targets[:1]))
            with _progress(world, epochs * plan.size) as advance:
                for epoch in range(1 + self.history.epochs, 1 + self.history.epochs + epochs):
                    figures = self._epoch(step, plan, world, advance)
                    if held_out is not None:
                        figures |= {f"val_{name}": value for name, value in self._judge(held_out).items()}
                    self.history.append(figures)
                    for callback in callbacks:
                        callback.on_epoch(self, epoch, figures)
                    if self.stop_training:
                        break
        for callback in callbacks:
            callback.on_end(self)
        return self.history

    def _epoch(self, step: TrainStep, plan: ArrayPlan, world: World, advance: Callable[..., None]) -> dict[str, float]:
        self.model.train()
        totals = np.zeros(1 + len(self.metrics))
        for _ in range(plan.steps_per_epoch):
            count = len(plan.rows(self.steps))
            batch = plan.batch(self.steps, world.rank, world.size)
            result = step(self.steps, self._tensor(batch.features), self._tensor(batch.targets), count=count)
            totals += np.array([result.loss, *result.metrics]) * count
            self.steps += 1
            advance(count, partial(_note, self.history.epochs + 1, result.loss))
        return dict(zip(("loss", *self.metric_names), (totals / plan.size).tolist(), strict=True))

    def evaluate(self, examples: Examples, targets: Any = None) -> dict[str, float]:
        """Mean loss and metrics over the examples, each counting the same."""
        data = as_arrays(examples, targets)
        self._try_out(data)
        return self._judge(data)

    def _judge(self, data: Arrays) -> dict[str, float]:
        objective = ExampleObjective(self.model, self.loss, self.metrics)
        totals = np.zeros(1 + len(self.metrics))
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(data.features), EVALUATION_ROWS):
                rows = slice(start, start + EVALUATION_ROWS)
                loss, metrics = objective(self._tensor(data.features[rows]), self._tensor(data.targets[rows]))
                totals += np.array([float(loss), *metrics.tolist()])
        figures = totals / len(data.features)
        return dict(zip(("loss", *self.metric_names), figures.tolist(), strict=True))

    def predict(self, features: Any) -> np.ndarray:
        """The model's outputs [N, …] for features [N, …]."""
        data = as_arrays(features, np.zeros(len(features)))
        self.model.eval()
        with torch.no_grad():
            parts = [
                self.model(self._tensor(data.features[start : start + EVALUATION_ROWS])).cpu()
                for start in range(0, len(data.features), EVALUATION_ROWS)
            ]
        return torch.cat(parts).numpy()

    def save(self, folder: Path | str) -> Path:
        """Write model, optimiser and history to a folder that appears whole or not at all; returns it.

        Under torchrun every rank calls this: the first writes, the others wait until it is done.
        """
        with join(RunConfig()) as world:
            if world.is_main:
                save_trainer(self, Path(folder))
            world.barrier()
        return Path(folder)

    @classmethod
    def load(cls, folder: Path | str, model: nn.Module | None = None, **objects: Any) -> "Trainer":
        """Open what `save` wrote.

        A perceptron and a transformer are built again; any other `model` is given, and so are an optimiser, a loss or
        metrics that are not known by name. Raises `UserError` for a folder that is none, or of another version.
        """
        return load_trainer(cls, Path(folder), model, objects)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _weights(self, class_weight: Mapping[int, float] | None, data: Arrays) -> Tensor | None:
        if class_weight is None:
            return None
        classes = data.targets.shape[1] if data.targets.ndim == 2 else int(data.targets.max()) + 1
        weights = torch.ones(max(classes, 1 + max(class_weight)), device=self.device)
        for number, weight in class_weight.items():
            weights[number] = weight
        return weights

    def _try_out(self, data: Arrays) -> None:
        """Send the first example through the model and the loss, and look at the labels; `UserError` for a misfit."""
        features, targets = self._tensor(data.features[:1]), self._tensor(data.targets[:1])
        self.model.eval()
        try:
            with torch.no_grad():
                outputs = self.model(features)
        except (RuntimeError, IndexError) as error:
            raise UserError(
                "model-misfit",
                f"the model does not take features of shape {list(data.features.shape[1:])}: {_first_line(error)}",
            ) from None
        if self.loss_name == "cross_entropy":
            _check_labels(data.targets, outputs)
        try:
            self.loss(outputs, targets)
        except (RuntimeError, IndexError, ValueError) as error:
            raise UserError(
                "model-misfit",
                f"outputs of shape {list(outputs.shape[1:])} do not fit targets of shape "
                f"{list(data.targets.shape[1:])} in {self.loss_name}: {_first_line(error)}",
            ) from None


@contextlib.contextmanager
def _progress(world: World, examples: int) -> Iterator[Callable[..., None]]:
    """A progress bar on rank 0, moved at most ten times a second: steps may take less than a millisecond."""
    if not world.is_main:
        yield lambda amount, note: None
        return
    with progress("training", examples, "examples") as advance:
        waiting, shown = 0, 0.0

        def gather(amount: int, note: Callable[[], str]) -> None:
            nonlocal waiting, shown
            waiting += amount
            if time.perf_counter() - shown > 0.1:
                advance(waiting, note=note())
                waiting, shown = 0, time.perf_counter()

        yield gather


def _check_labels(targets: np.ndarray, outputs: Tensor) -> None:
    if targets.ndim == 2 and targets.shape[1] == outputs.shape[-1] > 1:
        return
    if outputs.ndim < 2:
        raise UserError("model-misfit", f"cross_entropy needs an output for each class, not {list(outputs.shape[1:])}")
    labels = targets.flatten()
    if labels.dtype.kind != "i":
        raise UserError(
            "model-misfit",
            f"cross_entropy needs class numbers or one-hot rows of {outputs.shape[1]}, not {targets.dtype} of shape "
            f"{list(targets.shape[1:])}",
        )
    bad = np.flatnonzero((labels < 0) | (labels >= outputs.shape[1]))
    if len(bad):
        raise UserError(
            "label-out-of-range",
            f"{len(bad):,} labels are out of range, the first ({labels[bad[0]]}) at {bad[0]}: expected 0 to "
            f"{outputs.shape[1] - 1}, since the model has {outputs.shape[1]} outputs",
        )


def _note(epoch: int, loss: float) -> str:
    return f"epoch {epoch}  loss {loss:.3f}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
