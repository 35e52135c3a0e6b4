"""The trainer of anything: compile, fit, evaluate, predict, save, load, on one process or under torchrun."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import Dataset

from argosy.config import Layout, RunConfig, TrainingConfig, UserError, nearest
from argosy.data import Arrays, Preprocessing, Sequences, as_arrays, as_preprocessing
from argosy.parallel import Mesh, World, check_plan, check_ranks, compute_device, join, refuse_module
from argosy.training.epochs import EpochCallback
from argosy.training.history import History
from argosy.training.laid_out import Divided, Whole, laid_out
from argosy.training.objectives import LOSSES, METRICS, ExampleObjective, Judge, cross_entropy, named
from argosy.training.optimizers import build_optimizers, optimizer_state
from argosy.training.saved import load_trainer, save_trainer
from argosy.training.schedules import SCHEDULES, Length, learning_rate_factor
from argosy.training.step import TrainStep
from argosy.training.tasks import (
    Augmentation,
    ExampleTask,
    Task,
    TextTask,
    check_examples,
    check_text,
    evaluation_rows,
    judge_examples,
    judge_text,
    refuse_text,
    tensor,
)
from argosy.training.telling import Advance, own_chance, telling

Examples = Arrays | Sequences | tuple[Any, Any] | Dataset[Any]
MUON_RATE = 0.003

OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, lr=0.01, momentum=0.9),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.001),
    "adagrad": partial(torch.optim.Adagrad, lr=0.01),
}
FUSED = ("adam", "adamw", "sgd", "adagrad")  # PyTorch fuses these on a CPU too


class Trainer:
    """A model with how it is trained and judged.

    Args:
        model: any module from features [B, …] to outputs [B, …]; or a `Transformer`, to train on text.
        optimizer: a name (`adam`, `adamw`, `sgd`, `rmsprop`, `adagrad`, `muon`), an optimiser, or a function of the
            parameters. Muon takes the matrices, AdamW the rest.
        loss: a name (`cross_entropy`, `binary_cross_entropy`, `mean_squared_error`, `mean_absolute_error`), a loss
            module of PyTorch, or a function of (outputs, targets) that gives a value for each example, or their mean.
        metrics: names (`accuracy`, `top_5_accuracy`, …) or such functions.
        learning_rate: the optimiser's own unless given.
        schedule: `constant`, or `cosine` or `wsd` over each `fit`, after a warm-up.
        gradient_clip: largest global gradient norm; none unless given.
        label_smoothing: share of each label spread over all classes (Szegedy et al. 2016).
        ema_decay: judge, and save beside, an exponential moving average of the weights (Polyak & Juditsky 1992).
        preprocessing: steps (`cleaning`, `one_hot`, `normalization`, or objects), learned when `fit` is first called.
        seed: of the order of examples and of augmentation.
        layout: how the processes that torchrun starts share the work, such as `Layout(shard=2, tensor=2)`; each sees
            its part of every batch unless given.
        plan: with `layout.tensor`, what linear layers of a module of your own become, by patterns of their names:
            `{"first": "column", "second": "row"}`.

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
        schedule: str = "constant",
        gradient_clip: float | None = None,
        label_smoothing: float = 0.0,
        ema_decay: float | None = None,
        preprocessing: Preprocessing | Iterable[Any] = (),
        seed: int = 0,
        layout: Layout | None = None,
        plan: Mapping[str, str] | None = None,
    ) -> None:
        if plan is not None:
            check_plan(model, plan)
        self.layout, self.plan = layout or Layout(), plan
        self.device = compute_device()
        self.model = model.to(self.device)
        loss = loss.to(self.device) if isinstance(loss, nn.Module) else loss
        self.loss_name, self.loss = named("loss", loss, LOSSES)
        self.label_smoothing = label_smoothing
        if label_smoothing:
            if self.loss_name != "cross_entropy" or not 0 < label_smoothing < 1:
                raise UserError("bad-option", f"label_smoothing = {label_smoothing}: 0 to 1, and with cross_entropy")
            self.loss = partial(cross_entropy, label_smoothing=label_smoothing)
        judges = [named("metric", metric, METRICS) for metric in metrics]
        self.metric_names, self.metrics = [name for name, _ in judges], [judge for _, judge in judges]
        self.optimizers = self._optimizers(optimizer, learning_rate)
        if schedule not in SCHEDULES:
            raise UserError(
                "bad-option", f"schedule = {schedule!r}: expected {', '.join(SCHEDULES)}{nearest(schedule, SCHEDULES)}"
            )
        if ema_decay is not None and not 0 < ema_decay < 1:
            raise UserError("bad-option", f"ema_decay = {ema_decay}: expected 0 to 1, such as 0.999")
        self.schedule, self.gradient_clip, self.ema_decay, self.seed = schedule, gradient_clip, ema_decay, seed
        self.average = None if ema_decay is None else _averaged(self.model, ema_decay)
        self.preprocessing = as_preprocessing(preprocessing)
        self.history, self.stop_training, self.steps = History(), False, 0
        self._laid_out: Whole | Divided | None = None

    def _optimizers(self, given: str | Optimizer | Callable[..., Optimizer], rate: float | None) -> list[Optimizer]:
        self.optimizer_name = given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
        if given == "muon":
            optimizers = build_optimizers([self.model], TrainingConfig(optimizer="muon"), rate or MUON_RATE, "float32")
        elif isinstance(given, str):
            if given not in OPTIMIZERS:
                known = f"{', '.join(OPTIMIZERS)}, muon, or an optimiser{nearest(given, [*OPTIMIZERS, 'muon'])}"
                raise UserError("unknown-optimizer", f"optimizer = {given!r}: expected {known}")
            options = {"fused": True} if given in FUSED and self.device.type == "cpu" else {}
            optimizers = [OPTIMIZERS[given](self.model.parameters(), **options)]
        else:
            optimizers = [given if isinstance(given, Optimizer) else given(self.model.parameters())]
        for group in _groups(optimizers):
            group["initial_lr"] = group["lr"] = group["lr"] if rate is None else rate
        return optimizers

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Parameters with their learning rate (`lr`), of all optimisers."""
        return _groups(self.optimizers)

    @property
    def judged(self) -> nn.Module:
        """The model that `evaluate` and `predict` use: the average of the weights where one is kept."""
        return self.model if self.average is None else self.average.module

    def fit(
        self,
        examples: Examples,
        targets: Any = None,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        initial_epoch: int = 0,
        steps: int | None = None,
        tokens: int | None = None,
        validation: Examples | None = None,
        callbacks: Sequence[EpochCallback] = (),
        class_weight: Mapping[int, float] | None = None,
        augmentation: Augmentation | None = None,
    ) -> History:
        """Train on and return the history of everything so far.

        The length is `epochs` passes; with `steps` (or `tokens`, of text) it is that, told in `epochs` equal parts. A
        loaded trainer goes on from `initial_epoch`, the number of those that are done.
        Under torchrun every rank takes its part of each batch; figures are those of the whole batch. `class_weight`
        multiplies the loss of the examples of a class, 1 for classes it leaves out.

        Raises:
            UserError: examples that do not fit each other, the model or the loss; nothing was trained.
            RunFailed: ranks are missing.
        """
        if min(batch_size, epochs, steps or 1, tokens or 1, 1 + initial_epoch) < 1 or 0 in (steps, tokens):
            raise UserError("bad-option", "batch_size, epochs, steps and tokens: expected 1 or more")
        start = "start them: torchrun --standalone --nproc-per-node {} SCRIPT.py"
        layout = check_ranks(self.layout, int(os.environ.get("WORLD_SIZE", "1")), start)
        task = self._task(examples, targets, batch_size, class_weight, augmentation)
        held_out = None if validation is None else self._held_out(validation)
        ends = _ends(task, epochs, initial_epoch, steps, tokens)
        if steps is tokens is None and isinstance(task, ExampleTask):
            task.align(self.steps)
        whole = range(self.steps - ends[0], self.steps - ends[0] + ends[-1])
        ends = [whole.start + end for end in ends]
        self.stop_training = False
        for callback in callbacks:
            callback.on_begin(self)
        with (
            join(RunConfig()) as world,
            laid_out(self, task, mesh := Mesh(layout, world), batch_size) as laid,
            telling(mesh, task, range(self.steps, whole.stop)) as advance,
        ):
            self._laid_out = laid
            step = TrainStep(
                laid.engine, self.optimizers, learning_rate=None, gradient_clip=self.gradient_clip, guarded=False
            )
            step.settle(partial(task.batch, self.steps, mesh.replica, mesh.replicas))
            try:
                for begin, end in pairwise(ends):
                    figures = self._epoch(laid, step, task, range(begin, end), whole, advance)
                    if held_out is not None:
                        figures |= {f"val_{name}": value for name, value in self._agreed(held_out, world).items()}
                    self.history.append(figures)
                    for callback in callbacks:
                        callback.on_epoch(self, self.history.epochs, figures)
                    if world.broadcast_object(self.stop_training):
                        break
            finally:
                self._laid_out = None
        for callback in callbacks:
            callback.on_end(self)
        return self.history

    def _epoch(
        self, laid: Whole | Divided, step: TrainStep, task: Task, part: range, whole: range, advance: Advance
    ) -> dict[str, float]:
        mesh = laid.engine.mesh
        for model in laid.engine.models:
            model.train()
        wide = torch.float32 if self.device.type == "mps" else torch.float64  # Apple's device has no float64
        totals, seen = torch.zeros(1 + len(self.metrics), dtype=wide, device=self.device), 0
        laid.take()
        with own_chance(self.seed, part.start, mesh):
            for number in part:
                count = task.count(number)
                self._schedule(number - whole.start, len(whole))
                sums, _, _ = step.update(number, *task.batch(number, mesh.replica, mesh.replicas), count)
                laid.average()
                totals += sums
                seen += count
                self.steps += 1
                advance(count, self.history.epochs + 1, totals, seen)
        laid.give()
        figures = mesh.world.sum(totals) / max(1, seen)
        return dict(zip(("loss", *self.metric_names), figures.tolist(), strict=True))

    def _schedule(self, step: int, steps: int) -> None:
        if self.schedule == "constant":
            return
        usual = TrainingConfig()
        length = Length(steps, int(usual.warmup_fraction * steps), int(usual.decay_fraction * steps))
        factor = learning_rate_factor(self.schedule, step, length)
        for group in self.groups:
            group["lr"] = factor * group["initial_lr"]

    def _task(
        self,
        examples: Examples,
        targets: Any,
        batch_size: int,
        class_weight: Mapping[int, float] | None,
        augmentation: Augmentation | None,
    ) -> Task:
        if isinstance(examples, Sequences):
            self._check_text(examples, targets=targets, class_weight=class_weight, augmentation=augmentation)
            refuse_text(self.model, self.layout, examples.length, batch_size)
            return TextTask(self.model, examples, batch_size, seed=self.seed, device=self.device)
        learning = deepcopy(self.preprocessing)  # kept if nothing is wrong with the examples
        data = as_arrays(examples, targets, learning if learning.fitted else learning.fit)
        weights = None if class_weight is None else self._weights(class_weight, data)
        check_examples(self.model, data, self.loss_name, self.loss, self.device, weighted=weights is not None)
        refuse_module(self.model, self.layout, self.plan, tensor(data.features[:2], self.device))
        self.preprocessing = learning
        objective = ExampleObjective(self.model, self.loss, self.metrics, weights)
        return ExampleTask(objective, data, batch_size, seed=self.seed, device=self.device, augmentation=augmentation)

    def _check_text(self, text: Sequences, **options: Any) -> None:
        loss = self.loss_name if self.loss_name != "cross_entropy" else None
        own = {"loss": loss, "metrics": self.metrics, "preprocessing": self.preprocessing.steps}
        check_text(self.model, text, {**own, "label_smoothing": self.label_smoothing, **options})

    def _held_out(self, examples: Examples, targets: Any = None) -> Arrays | Sequences:
        if isinstance(examples, Sequences):
            self._check_text(examples, targets=targets)
            return examples
        data = as_arrays(examples, targets, self.preprocessing)
        check_examples(self.judged, data, self.loss_name, self.loss, self.device)
        return data

    def evaluate(self, examples: Examples, targets: Any = None) -> dict[str, float]:
        """Mean loss and metrics over the examples, each counting the same; of text, over what is held out of it."""
        return self._judge(self._held_out(examples, targets), World(0, 1, self.device))

    def _agreed(self, data: Arrays | Sequences, world: World) -> dict[str, float]:
        """The first rank's figures on every rank: statistics of batch normalisation are each rank's own."""
        figures = world.broadcast_object(self._judge(data, world))
        assert isinstance(figures, dict)
        return figures

    def _judge(self, data: Arrays | Sequences, world: World) -> dict[str, float]:
        if isinstance(data, Sequences):
            return dict(judge_text(self.judged, data, world))
        figures = judge_examples(ExampleObjective(self.judged, self.loss, self.metrics), data, self.device)
        return dict(zip(("loss", *self.metric_names), figures, strict=True))

    def predict(self, features: Any) -> np.ndarray:
        """The model's outputs [N, …] for features [N, …]."""
        data = as_arrays(features, np.zeros(len(features)), self.preprocessing)
        self.judged.eval()
        size = evaluation_rows(data.features)
        with torch.no_grad():
            parts = [
                self.judged(tensor(data.features[start : start + size], self.device)).cpu()
                for start in range(0, len(data.features), size)
            ]
        return torch.cat(parts).numpy()

    def save(self, folder: Path | str) -> Path:
        """Write model, optimiser and history to a folder that appears whole or not at all; returns it.

        Under torchrun every rank calls this: the first writes, the others wait until it is done.
        """
        with join(RunConfig()) as world:
            state = self.optimizer_state()
            if world.is_main:
                save_trainer(self, Path(folder), state)
            world.barrier()
        return Path(folder)

    def optimizer_state(self) -> dict[str, Tensor]:
        """The optimisers' tensors as `{parameter.key: tensor}`; of a divided model on the first rank, all calling."""
        if self._laid_out is not None:
            return self._laid_out.optimizer_state()
        return optimizer_state(self.model.named_parameters(), self.optimizers)

    @classmethod
    def load(cls, folder: Path | str, model: nn.Module | None = None, **objects: Any) -> "Trainer":
        """Open what `save` wrote.

        A perceptron and a transformer are built again; any other `model` is given, and so are an optimiser, a loss,
        metrics or preprocessing that are not known by name. Raises `UserError` for a folder that is none, or of
        another version.
        """
        return load_trainer(cls, Path(folder), model, objects)

    def _weights(self, class_weight: Mapping[int, float], data: Arrays) -> Tensor:
        if not class_weight or min(class_weight) < 0:
            raise UserError("bad-option", f"class_weight = {class_weight!r}: expected a weight by class number")
        wide = data.targets.ndim == 2 and data.targets.shape[1] > 1
        classes = data.targets.shape[1] if wide else int(data.targets.max()) + 1
        weights = torch.ones(max(classes, 1 + max(class_weight)), device=self.device)
        for number, weight in class_weight.items():
            weights[number] = weight
        return weights


def _ends(task: Task, epochs: int, initial_epoch: int, steps: int | None, tokens: int | None) -> list[int]:
    """The steps at which epochs begin and end, from `initial_epoch` on, counted from the first epoch."""
    if tokens is not None:
        if not isinstance(task, TextTask):
            raise UserError("bad-option", "tokens is for text; give steps or epochs")
        steps = -(-tokens // task.tokens_per_step)
    length = steps or epochs * task.steps_per_epoch
    if initial_epoch > epochs or length < epochs:
        raise UserError("bad-option", f"{length} steps in {epochs} epochs, from {initial_epoch} on: not one for each")
    return [length * part // epochs for part in range(initial_epoch, epochs + 1)]


def _groups(optimizers: Iterable[Optimizer]) -> list[dict[str, Any]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def _averaged(model: nn.Module, decay: float) -> AveragedModel:
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)
