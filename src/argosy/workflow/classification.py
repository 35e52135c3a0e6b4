"""The journey of a classifier: examples, tensors, a network, accuracy, a report."""

from pathlib import Path
from typing import Any

from argosy import data as data_room
from argosy import evaluation as evaluation_room
from argosy import parallel as parallel_room
from argosy import report as report_room
from argosy import training as training_room
from argosy.config import ClassificationVenture, Problem, UserError
from argosy.storage import Run, file_digest
from argosy.workflow.money import CAPITAL
from argosy.workflow.stages import (
    Journey,
    Options,
    Stage,
    beside,
    discard_training,
    forget_beside,
    manifest_hash,
    prepared_beside,
    report_inputs,
    sources,
)


def check(venture: ClassificationVenture, prepared: bool, evaluated: bool) -> list[Problem]:
    """Every room's objections."""
    found = [*parallel_room.check(venture), *training_room.check(venture)]
    return found if prepared else [*found, *data_room.check_examples(venture)]


def _data_configuration(venture: ClassificationVenture) -> Any:
    """Where files lie is left to the fingerprint."""
    return venture.data.model_dump(mode="json", exclude={"sources": {"__all__": {"path"}}})


def _prepare(run: Run, venture: ClassificationVenture, options: Options) -> list[Path]:
    if not prepared_beside(run):
        data_room.prepare_examples(venture, run.data)
    return sorted(run.data.iterdir())


def _refuse_new_data(run: Run, venture: ClassificationVenture, options: Options) -> None:
    """Prepare beside the examples that a checkpoint was trained on, which are kept unless these are the same again."""
    latest = training_room.latest_classifier(run.checkpoints)
    forget_beside(run)
    if latest is None or options.retrain:
        return
    data_room.prepare_examples(venture, beside(run))
    if file_digest(beside(run) / "index.json") != latest.data_sha256:
        forget_beside(run)
        raise UserError(
            "venture-changed",
            f"the examples or how they are prepared changed since {latest.name} was trained",
            hint="`argosy run --force` trains again from the start; --run DIR keeps both",
        )


def _train(run: Run, venture: ClassificationVenture, options: Options) -> list[Path]:
    options.tell("train")
    trained = training_room.train_classes(run, venture)
    return [*sorted(trained.folder.iterdir()), run.metrics]


def _refuse_changes(run: Run, venture: ClassificationVenture, options: Options) -> None:
    latest = training_room.latest_classifier(run.checkpoints)
    if latest is not None:
        training_room.check_classifier_unchanged(latest, venture, file_digest(run.data / "index.json"))


def _evaluate(run: Run, venture: ClassificationVenture, options: Options) -> list[Path]:
    examples = data_room.open_examples(run.data)
    trained = training_room.trained_classifier(run.checkpoints)
    run.write_result("evaluation", evaluation_room.evaluate_classifier(examples, trained))
    return [run.path / "evaluation.json"]


def _progress(run: Run) -> tuple[int, int | None, float | None]:
    latest = training_room.latest_classifier(run.checkpoints)
    if latest is None:
        return 0, None, None
    return latest.step, latest.step * latest.epochs // latest.epoch, latest.figures["loss"]


JOURNEY = Journey(
    stages=(
        Stage(
            "prepare",
            lambda run, venture: sources(run, data_room.example_fingerprint, venture),
            _data_configuration,
            _prepare,
            guard=_refuse_new_data,
            discard=forget_beside,
            packages=("numpy", "safetensors"),
        ),
        Stage(
            "train",
            lambda run, venture: {"data": file_digest(run.data / "index.json")},
            training_room.classifier_configuration,
            _train,
            guard=_refuse_changes,
            discard=discard_training,
            packages=("torch", "safetensors"),
        ),
        Stage(
            "evaluate",
            lambda run, venture: manifest_hash(training_room.latest_classifier(run.checkpoints)),
            lambda venture: None,
            _evaluate,
            packages=("torch",),
        ),
        CAPITAL,
        Stage(
            "report",
            report_inputs,
            lambda venture: venture.title,
            lambda run, venture, options: [report_room.render_classifier(run)],
            packages=("plotly", "jinja2"),
        ),
    ),
    check=check,
    prepared=lambda run: data_room.open_examples(run.data).summary,
    trained=lambda run: training_room.trained_classifier(run.checkpoints),
    evaluation=evaluation_room.Classification,
    train=lambda run, venture, options: training_room.train_classes(run, venture),
    progress=_progress,
)
