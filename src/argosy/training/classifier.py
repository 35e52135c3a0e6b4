"""A classifier as a training run: a trainer saved after every epoch, which goes on in the same bits from there."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import torch

from argosy.config import ClassificationVenture, RunFailed
from argosy.data import ImageAugmentation, Preprocessing, open_examples
from argosy.models import perceptron
from argosy.parallel import Mesh, World, compare_replicas, layout_of
from argosy.storage import Run, atomic_folder, atomic_write, described, file_digest, write_json
from argosy.training.callbacks import Scalars, TensorBoard, closing
from argosy.training.changes import classifier_configuration
from argosy.training.epochs import EpochCallback
from argosy.training.manifest import latest_classifier, prune, verify
from argosy.training.results import TrainedClassifier
from argosy.training.saved import write_trainer
from argosy.training.trackers import Tracker
from argosy.training.trainer import Trainer

KEPT = 2  # saved epochs


def train_classifier(
    run: Run, venture: ClassificationVenture, world: World, stop_requested: Callable[[], bool]
) -> None:
    """Train to the last epoch, from the newest saved one; ends after an epoch when asked to."""
    examples, training = open_examples(run.data), venture.training
    layout = layout_of(venture, world.size)
    latest = latest_classifier(run.checkpoints)
    if latest is None:
        torch.manual_seed(training.seed)
        widths = (int(np.prod(examples.summary.feature_shape)), *venture.model.hidden, len(examples.summary.classes))
        trainer = Trainer(
            perceptron(*widths),
            metrics=["accuracy"],
            layout=layout,
            **training.model_dump(exclude={"epochs", "batch_size", "augmentation"}),
        )
    else:
        verify(latest)
        trainer = Trainer.load(latest.folder, layout=layout)
        trainer.preprocessing = Preprocessing()  # the examples are prepared
    start = trainer.history.epochs
    if world.is_main:
        run.event(
            "resumed" if start else "started",
            step=trainer.steps,
            ranks=world.size,
            layout=layout.model_dump(),
            parameters=_parameters(trainer),
            torch=torch.__version__,
            threads=torch.get_num_threads(),
        )
    change = ImageAugmentation(**training.augmentation.model_dump())
    with contextlib.ExitStack() as stack:
        sinks = stack.enter_context(closing(_sinks(run, venture, trainer.steps))) if world.is_main else []
        trainer.fit(
            examples.train,
            validation=examples.held_out,
            epochs=training.epochs,
            initial_epoch=start,
            batch_size=training.batch_size,
            augmentation=change if change != ImageAugmentation() else None,
            callbacks=[EpochKeeper(run, venture, examples.preprocessing, world, stop_requested, sinks)],
        )
    if world.is_main:
        run.event("finished" if trainer.history.epochs == training.epochs else "interrupted", step=trainer.steps)


class EpochKeeper(EpochCallback):
    """After each epoch: saves the trainer, writes `metrics.jsonl`, and listens for a stop."""

    def __init__(
        self,
        run: Run,
        venture: ClassificationVenture,
        preprocessing: Preprocessing,
        world: World,
        stop_requested: Callable[[], bool],
        sinks: Sequence[Scalars],
    ) -> None:
        self.run, self.venture, self.preprocessing = run, venture, preprocessing
        self.world, self.stop_requested, self.sinks = world, stop_requested, sinks

    def on_epoch(self, trainer: Trainer, epoch: int, figures: Mapping[str, float]) -> None:
        """Keep everything; the oldest saved epochs go. Raises `RunFailed` `not-finite`, keeping nothing of this one."""
        for name, value in figures.items():
            if not math.isfinite(value):
                raise RunFailed(
                    "not-finite",
                    f"the {name} of epoch {epoch} is {value}",
                    hint="lower training.learning_rate, or set training.gradient_clip; earlier epochs are kept",
                )
        if trainer.layout.ranks == trainer.layout.data:
            compare_replicas(trainer.model.parameters(), Mesh(trainer.layout, self.world), trainer.steps)
        trainer.preprocessing = self.preprocessing
        begun = time.perf_counter()
        state = trainer.optimizer_state()
        if self.world.is_main:
            self._save(trainer, epoch, figures, state)
            self._write_metrics(trainer)
            prune(self.run.checkpoints, KEPT)
            saved_s = round(time.perf_counter() - begun, 3)
            self.run.event("epoch", step=trainer.steps, epoch=epoch, seconds=saved_s, **figures)
            for sink in self.sinks:
                sink.scalars(trainer.steps, _named(figures))
        stop = float(self.world.sum(torch.tensor([float(self.stop_requested())]))) > 0
        trainer.stop_training = trainer.stop_training or stop

    def _save(self, trainer: Trainer, epoch: int, figures: Mapping[str, float], state: dict[str, torch.Tensor]) -> None:
        with atomic_folder(self.run.checkpoints / f"step-{trainer.steps:08d}") as temporary:
            write_trainer(trainer, temporary, state)
            manifest = TrainedClassifier(
                epoch=epoch,
                epochs=self.venture.training.epochs,
                step=trainer.steps,
                figures=dict(figures),
                parameters=_parameters(trainer),
                configuration=classifier_configuration(self.venture),
                data_sha256=file_digest(self.run.data / "index.json"),
                layout=trainer.layout,
                files=described(sorted(temporary.iterdir()), temporary),
            )
            write_json(temporary / "manifest.json", manifest.model_dump(mode="json"))

    def _write_metrics(self, trainer: Trainer) -> None:
        with atomic_write(self.run.metrics) as temporary:
            names = list(trainer.history)
            rows = zip(*trainer.history.values(), strict=True)
            lines: list[dict[str, Any]] = [
                {"epoch": epoch, **dict(zip(names, row, strict=True))} for epoch, row in enumerate(rows, start=1)
            ]
            temporary.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))


def _sinks(run: Run, venture: ClassificationVenture, step: int) -> list[Scalars]:
    return [
        TensorBoard(run.path / "tensorboard", step),
        *(Tracker(name, run, venture) for name in venture.run.trackers),
    ]


def _named(figures: Mapping[str, float]) -> dict[str, float]:
    return {
        f"held_out/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}": value
        for name, value in figures.items()
    }


def _parameters(trainer: Trainer) -> int:
    return sum(parameter.numel() for parameter in trainer.model.parameters())
