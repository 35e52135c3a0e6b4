"""The stages in order. The only room that sees all the others, and the only writer of results and receipts."""

import importlib.metadata
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from argosy import config as configuration_room
from argosy import data as data_room
from argosy import evaluation as evaluation_room
from argosy import parallel as parallel_room
from argosy import report as report_room
from argosy import training as training_room
from argosy.config import Record, UserError, Venture, VentureError
from argosy.storage import Run, canonical_json, commit_folder, digest, file_digest, venture_tree


class StageStatus(Record):
    """One stage of a run."""

    stage: str
    """Its name."""
    state: Literal["done", "stale", "started", "missing"]
    """Done and current, done but something before it changed, begun and not finished, or not done."""
    wall_s: float | None
    """How long it took."""


class Status(Record):
    """How far a run is."""

    run: str
    """Its folder."""
    in_use: bool
    """Whether a process holds it now."""
    stages: tuple[StageStatus, ...]
    """Every stage in order."""
    step: int
    """Step of the newest checkpoint."""
    steps: int | None
    """Steps of the whole training; null before the first checkpoint."""
    loss: float | None
    """Training loss at that checkpoint."""
    size_bytes: int
    """Bytes on disk."""


@dataclass(frozen=True)
class Options:
    """What a command adds to the venture for this time only."""

    allow_changes: bool = False
    """Resume although training keys differ from the checkpoint's."""
    skip_batches: tuple[int, int] | None = None
    """First and last batch to leave out: training goes back to the checkpoint before them first."""
    stop_at: int | None = None
    """Step after which training stops for now, and measures itself."""
    retrain: bool = False
    """Training will begin from nothing, so no checkpoint has to fit."""
    tell: Callable[[str], None] = lambda word: None
    """Give the ranks of an external launcher a word."""


@dataclass(frozen=True)
class Stage:
    """One step of the journey: what it depends on, what it writes, and how it is done."""

    name: str
    """Verb and receipt name."""
    inputs: Callable[[Run, Venture], Mapping[str, str]]
    """Hash of each input; called when the stages before are current."""
    configuration: Callable[[Venture], Any]
    """The part of the venture that decides the result."""
    work: Callable[[Run, Venture, Options], list[Path] | None]
    """Do it; returns the files the receipt vouches for, None when more is to be done another time."""
    guard: Callable[[Run, Venture, Options], None] = field(default=lambda run, venture, options: None)
    """Refuse before anything is touched."""
    discard: Callable[[Run], None] = field(default=lambda run: None)
    """Remove what would keep the work from starting afresh."""
    packages: tuple[str, ...] = ()
    """Software named in the receipt."""


def check(venture: Venture, *, prepared: bool = False, evaluated: bool = False) -> None:
    """Raise one `VentureError` with every room's objections; what a stage that is done was made from may be gone."""
    rooms = [configuration_room, parallel_room, training_room]
    rooms += [room for room, done in ((data_room, prepared), (evaluation_room, evaluated)) if not done]
    problems = [problem for room in rooms for problem in room.check(venture)]
    if problems:
        raise VentureError(str(venture.folder / "venture.toml"), problems)


def _sources(run: Run, venture: Venture) -> Mapping[str, str]:
    """Fingerprint of the text; where it is gone, that of what was prepared."""
    try:
        return {"sources": data_room.source_fingerprint(venture)}
    except UserError:
        receipt = run.receipt("prepare")
        if receipt is None:
            raise
        return receipt.inputs


def _prepare(run: Run, venture: Venture, options: Options) -> list[Path]:
    if _beside(run).is_dir():
        commit_folder(_beside(run), run.data)
    else:
        data_room.prepare(venture, run.data)
    return [path for path in sorted(run.data.iterdir()) if path.is_file()]


def _train(run: Run, venture: Venture, options: Options) -> list[Path] | None:
    options.tell("train")
    checkpoint = training_room.train(run, venture, options.stop_at)
    if checkpoint.step < checkpoint.recipe.steps:
        return None
    return [*(path for path in sorted(checkpoint.folder.rglob("*")) if path.is_file()), run.metrics]


def _evaluate(run: Run, venture: Venture, options: Options) -> list[Path]:
    store, checkpoint = data_room.open_dataset(run.data), training_room.trained_checkpoint(run.checkpoints)
    run.write_result("evaluation", evaluation_room.evaluate(venture, store, checkpoint, run.path))
    answers = [run.path / evaluation_room.ANSWERS] if venture.evaluation.tasks else []
    return [run.path / "evaluation.json", *answers]


def _report(run: Run, venture: Venture, options: Options) -> list[Path]:
    return [report_room.render(run)]


def _checkpoint_hash(run: Run, _venture: Venture) -> Mapping[str, str]:
    checkpoint = training_room.latest_checkpoint(run.checkpoints)
    return {} if checkpoint is None else {"checkpoint": file_digest(checkpoint.folder / "manifest.json")}


def _report_inputs(run: Run, venture: Venture) -> Mapping[str, str]:
    sources = [run.path / "evaluation.json", run.metrics, run.data / "index.json"]
    return {
        "venture.toml": digest(canonical_json(venture_tree(venture))),
        **{path.name: file_digest(path) for path in sources if path.exists()},
    }


def _data_configuration(venture: Venture) -> Any:
    """Where files lie is left to the fingerprint, so that a venture and the copy its run keeps are the same."""
    tree = venture.data.model_dump(mode="json", exclude={"document_mask": True, "tokenizer": True})
    for source, entry in zip(venture.data.sources, tree["sources"], strict=True):
        entry |= {"path": None, "name": source.title}
    return tree


STAGES = (
    Stage(
        "prepare",
        _sources,
        _data_configuration,
        _prepare,
        guard=lambda run, venture, options: _refuse_new_data(run, venture, options),
        discard=lambda run: shutil.rmtree(_beside(run), ignore_errors=True),
        packages=("numpy", "tokenizers", "tiktoken"),
    ),
    Stage(
        "train",
        lambda run, venture: {"data": file_digest(run.data / "index.json")},
        training_room.configuration_of,
        _train,
        guard=lambda run, venture, options: _refuse_changes(run, venture, options),
        discard=lambda run: _discard_training(run),
        packages=("torch", "safetensors"),
    ),
    Stage(
        "evaluate",
        lambda run, venture: {**_checkpoint_hash(run, venture), **evaluation_room.inputs_of(venture)},
        lambda venture: evaluation_room.configuration_of(venture),
        _evaluate,
        packages=("torch",),
    ),
    Stage("report", _report_inputs, lambda venture: venture.title, _report, packages=("plotly", "jinja2")),
)


def _refuse_new_data(run: Run, venture: Venture, options: Options) -> None:
    """Prepare beside the data that a checkpoint was trained on, which is kept unless this is the same again."""
    latest = training_room.latest_checkpoint(run.checkpoints)
    beside = _beside(run)
    shutil.rmtree(beside, ignore_errors=True)
    if latest is not None and not options.retrain:
        data_room.prepare(venture, beside)
        if file_digest(beside / "index.json") != latest.cursor.manifest_sha256:
            shutil.rmtree(beside)
            raise training_room.data_changed(latest, _data_configuration(run.venture()), _data_configuration(venture))


def _beside(run: Run) -> Path:
    return run.path / ".data.new"


def _refuse_changes(run: Run, venture: Venture, options: Options) -> None:
    latest = training_room.latest_checkpoint(run.checkpoints)
    if latest is not None:
        training_room.check_unchanged(
            latest, venture, file_digest(run.data / "index.json"), allow_changes=options.allow_changes
        )


def _discard_training(run: Run) -> None:
    """What was trained, and what was found out about it."""
    for folder in (run.checkpoints, run.path / "tensorboard"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (run.metrics, run.path / "evaluation.json", run.path / evaluation_room.ANSWERS, run.report):
        file.unlink(missing_ok=True)


def stage(name: str) -> Stage:
    """The stage of that name."""
    return next(s for s in STAGES if s.name == name)


def run_until(
    venture: Venture,
    last: str,
    run: Run | None = None,
    *,
    force: bool = False,
    afresh: bool = False,
    options: Options = Options(),
) -> Run:
    """Do the stages up to `last`, skipping those whose receipts match; `force` redoes `last`, `afresh` all of them.

    As one rank among others that torchrun, Slurm or Kubernetes started, rank 0 does the stages; the others wait for
    its word and take part in training. Raises whatever a stage raises; stages done before it stay done.
    """
    run = run or Run.of(venture)

    def lead(tell: Callable[[str], None] = lambda word: None) -> None:
        """Do the stages, and tell the others when they are needed."""
        retrain = afresh or (force and last == "train")
        prepared, evaluated = (not retrain and run.receipt(stage) is not None for stage in ("prepare", "evaluate"))
        check(venture, prepared=prepared, evaluated=evaluated)
        told = replace(options, retrain=retrain, tell=tell)
        with run.lock():
            if afresh:
                _forget_everything(run)
            for each in STAGES[: 1 + [each.name for each in STAGES].index(last)]:
                if each.name == "train" and options.skip_batches:
                    _rewind(run, venture, told)
                _do(each, run, venture, told, force=force and each.name == last)

    if not parallel_room.external_world():
        lead()
        return run
    with parallel_room.crew(venture.run) as crew:
        if crew.is_main:
            lead(crew.tell)
        else:
            while crew.hear() == "train":
                training_room.train(run, venture, options.stop_at)
    return run


def _rewind(run: Run, venture: Venture, options: Options) -> None:
    if options.retrain:
        raise UserError("bad-skip", "--skip-batches goes back in a training, and --force begins it from nothing")
    first, last = options.skip_batches or (0, 0)
    checkpoint = training_room.rewind(run, venture, first, last, allow_changes=options.allow_changes)
    _say(f"train: back to step {checkpoint.step}" if checkpoint else f"train: {first} to {last} are left out already")


def _do(each: Stage, run: Run, venture: Venture, options: Options, *, force: bool) -> None:
    inputs, configuration = each.inputs(run, venture), each.configuration(venture)
    if not force and run.is_current(each.name, inputs, configuration):
        _say(f"{each.name}: done already")
        return
    if force:
        each.discard(run)
    else:
        each.guard(run, venture, options)
    run.write_venture(venture)
    run.forget(each.name)
    run.event("stage", stage=each.name, state="started")
    started = time.time()
    try:
        outputs = each.work(run, venture, options)
    except Exception as error:
        run.event("stage", stage=each.name, state="failed", message=str(error))
        raise
    if outputs is None:
        return
    run.write_receipt(
        each.name,
        inputs=inputs,
        configuration=configuration,
        outputs=outputs,
        started=started,
        versions={name: importlib.metadata.version(name) for name in each.packages},
    )
    run.event("stage", stage=each.name, state="completed", wall_s=round(time.time() - started, 3))
    _say(f"{each.name}: done in {time.time() - started:.1f} s")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _forget_everything(run: Run) -> None:
    """Withdraw every receipt and remove what the stages would go on from."""
    for each in STAGES:
        run.forget(each.name)
        each.discard(run)


def run(venture: Venture, folder: Run | None = None, *, force: bool = False) -> Run:
    """Carry out the whole journey; `force` starts from nothing."""
    return run_until(venture, STAGES[-1].name, folder, afresh=force)


def prepare(venture: Venture, folder: Run | None = None, *, force: bool = False) -> "data_room.Dataset":
    """Read, tokenise and shard the venture's text."""
    target = run_until(venture, "prepare", folder, force=force)
    return data_room.open_dataset(target.data, verify=False).index


def train(
    venture: Venture, folder: Run | None = None, *, force: bool = False, options: Options = Options()
) -> "training_room.Checkpoint":
    """Train to the last step, preparing first where needed."""
    target = run_until(venture, "train", folder, force=force, options=options)
    return training_room.trained_checkpoint(target.checkpoints)


def evaluate(venture: Venture, folder: Run | None = None, *, force: bool = False) -> "evaluation_room.Evaluation":
    """Evaluate the trained model on held-out text."""
    target = run_until(venture, "evaluate", folder, force=force)
    return target.read_result("evaluation", evaluation_room.Evaluation)


def report(venture: Venture, folder: Run | None = None, *, force: bool = False) -> Path:
    """Write the report; returns its path."""
    return run_until(venture, "report", folder, force=force).report


def trained_model(run: Run) -> Path:
    """Folder of the newest checkpoint's model, every file compared with its hash."""
    return training_room.trained_checkpoint(run.checkpoints).folder / "model"


def generate(model: Path, prompt: str, **sampling: Any) -> Iterator[str]:
    """Stream a continuation of `prompt` by the model in a folder."""
    return evaluation_room.generate_text(model, prompt, **sampling)


def status(venture: Venture, run: Run) -> Status:
    """What of a run is done and current, and how far training is; reads only."""
    latest = training_room.latest_checkpoint(run.checkpoints)
    states = []
    stale = False
    for each in STAGES:
        receipt = run.receipt(each.name)
        if receipt is not None and not stale:
            try:
                stale = not run.is_current(each.name, each.inputs(run, venture), each.configuration(venture))
            except (UserError, OSError):
                stale = True
        state: Literal["done", "stale", "started", "missing"] = "stale" if stale else "done"
        if receipt is None:
            stale = True
            state = "started" if each.name == "train" and latest is not None else "missing"
        states.append(StageStatus(stage=each.name, state=state, wall_s=receipt.wall_s if receipt else None))
    size = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    return Status(
        run=str(run.path),
        in_use=run.in_use(),
        stages=tuple(states),
        step=latest.step if latest else 0,
        steps=latest.recipe.steps if latest else None,
        loss=latest.loss if latest else None,
        size_bytes=size,
    )


def compare(run: Run, other: Run) -> "report_room.Comparison":
    """Two runs side by side."""
    return report_room.compare_runs([run, other])


def trace(venture: Venture, run: Run, step: int, row: int | None) -> "Sequence[data_room.TracedRow]":
    """The documents behind the batch of training step `step` (from 1), as it was trained if it was."""
    return training_room.trace(venture, run, step, row)
