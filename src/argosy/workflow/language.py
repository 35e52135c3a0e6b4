"""The journey of a language model: text, tokens, a transformer, held-out loss, a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argosy import config as configuration_room
from argosy import data as data_room
from argosy import evaluation as evaluation_room
from argosy import parallel as parallel_room
from argosy import report as report_room
from argosy import training as training_room
from argosy.config import (
    Problem,
    UserError,
    Venture,
    VentureError,
    language_venture,
    resolve_recipe,
    transformer_config,
)
from argosy.hardware import load_profile
from argosy.planning import plan_run
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


def check(venture: Venture, prepared: bool, evaluated: bool) -> list[Problem]:
    """Every room's objections; what a stage that is done was made from may be gone."""
    rooms = [configuration_room, parallel_room, training_room]
    rooms += [room for room, done in ((data_room, prepared), (evaluation_room, evaluated)) if not done]
    return [problem for room in rooms for problem in room.check(venture)]


def _prepare(run: Run, venture: Venture, options: Options) -> list[Path]:
    if not prepared_beside(run):
        data_room.prepare(venture, run.data)
    return [path for path in sorted(run.data.iterdir()) if path.is_file()]


def _train(run: Run, venture: Venture, options: Options) -> list[Path] | None:
    if training_room.latest_checkpoint(run.checkpoints) is None:
        config = transformer_config(venture, _prepared(run).vocabulary_size)
        recipe = resolve_recipe(venture, config)
        layout = parallel_room.layout_of(venture, parallel_room.world_size(venture))
        run.write_result("plan", plan_run(venture, config, recipe, load_profile(), layout))
    options.tell("train")
    checkpoint = training_room.train(run, venture, options.stop_at)
    if checkpoint.step < checkpoint.recipe.steps:
        return None
    # No plan in a run that an older version began, no timeline where none was asked for.
    others = [run.path / "plan.json", run.path / "timeline" / "timeline.json"]
    files = [path for path in sorted(checkpoint.folder.rglob("*")) if path.is_file()]
    return [*files, run.metrics, *(path for path in others if path.is_file())]


def _evaluate(run: Run, venture: Venture, options: Options) -> list[Path]:
    if problems := evaluation_room.check(venture):  # of files that changed since the run began
        raise VentureError("evaluation", problems)
    store, checkpoint = data_room.open_dataset(run.data), training_room.trained_checkpoint(run.checkpoints)
    run.write_result("evaluation", evaluation_room.evaluate(venture, store, checkpoint, run.path))
    answers = [run.path / evaluation_room.ANSWERS] if venture.evaluation.tasks else []
    return [run.path / "evaluation.json", *answers]


def _report(run: Run, venture: Venture, options: Options) -> list[Path]:
    return [report_room.render(run)]


def _data_configuration(venture: Venture) -> Any:
    """Where files lie is left to the fingerprint, so that a venture and the copy its run keeps are the same."""
    tree = venture.data.model_dump(mode="json", exclude={"document_mask": True, "tokenizer": True})
    for source, entry in zip(venture.data.sources, tree["sources"], strict=True):
        entry |= {"path": None, "name": source.title}
    return tree


def _refuse_new_data(run: Run, venture: Venture, options: Options) -> None:
    """Prepare beside the data that a checkpoint was trained on, which is kept unless this is the same again."""
    latest = training_room.latest_checkpoint(run.checkpoints)
    forget_beside(run)
    if latest is not None and not options.retrain:
        data_room.prepare(venture, beside(run))
        if file_digest(beside(run) / "index.json") != latest.cursor.manifest_sha256:
            forget_beside(run)
            then = _data_configuration(language_venture(run.venture()))
            raise training_room.data_changed(latest, then, _data_configuration(venture))


def _refuse_changes(run: Run, venture: Venture, options: Options) -> None:
    latest = training_room.latest_checkpoint(run.checkpoints)
    if latest is not None:
        training_room.check_unchanged(
            latest, venture, file_digest(run.data / "index.json"), allow_changes=options.allow_changes
        )


def _evaluation_inputs(run: Run, venture: Venture) -> Mapping[str, str]:
    """Hashes of questions and rivals; where a file is gone, of what was evaluated."""
    try:
        return evaluation_room.inputs_of(venture)
    except (UserError, OSError):
        receipt = run.receipt("evaluate")
        if receipt is None:
            raise
        return {name: value for name, value in receipt.inputs.items() if name != "checkpoint"}


STAGES = (
    Stage(
        "prepare",
        lambda run, venture: sources(run, data_room.source_fingerprint, venture),
        _data_configuration,
        _prepare,
        guard=_refuse_new_data,
        discard=forget_beside,
        packages=("numpy", "tokenizers", "tiktoken"),
    ),
    Stage(
        "train",
        lambda run, venture: {"data": file_digest(run.data / "index.json")},
        training_room.configuration_of,
        _train,
        guard=_refuse_changes,
        discard=discard_training,
        packages=("torch", "safetensors"),
    ),
    Stage(
        "evaluate",
        lambda run, venture: {
            **manifest_hash(training_room.latest_checkpoint(run.checkpoints)),
            **_evaluation_inputs(run, venture),
        },
        evaluation_room.configuration_of,
        _evaluate,
        packages=("torch",),
    ),
    CAPITAL,
    Stage("report", report_inputs, lambda venture: venture.title, _report, packages=("plotly", "jinja2")),
)


def _prepared(run: Run) -> "data_room.Dataset":
    return data_room.open_dataset(run.data, verify=False).index


def _progress(run: Run) -> tuple[int, int | None, float | None]:
    latest = training_room.latest_checkpoint(run.checkpoints)
    return (latest.step, latest.recipe.steps, latest.loss) if latest else (0, None, None)


JOURNEY = Journey(
    stages=STAGES,
    check=check,
    prepared=_prepared,
    trained=lambda run: training_room.trained_checkpoint(run.checkpoints),
    evaluation=evaluation_room.Evaluation,
    train=lambda run, venture, options: training_room.train(run, venture, options.stop_at),
    progress=_progress,
)
