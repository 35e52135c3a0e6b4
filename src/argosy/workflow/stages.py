"""A stage of a journey: what it depends on, what it writes, how it is done, and its receipt."""

import importlib.metadata
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argosy.config import AnyVenture, Problem, UserError
from argosy.evaluation import ANSWERS
from argosy.storage import Run, canonical_json, commit_folder, digest, file_digest, venture_tree
from argosy.training import Checkpoint, TrainedClassifier


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
    inputs: Callable[[Run, Any], Mapping[str, str]]
    """Hash of each input; called when the stages before are current."""
    configuration: Callable[[Any], Any]
    """The part of the venture that decides the result."""
    work: Callable[[Run, Any, Options], list[Path] | None]
    """Do it; returns the files the receipt vouches for, None when more is to be done another time."""
    guard: Callable[[Run, Any, Options], None] = field(default=lambda run, venture, options: None)
    """Refuse before anything is touched."""
    discard: Callable[[Run], None] = field(default=lambda run: None)
    """Remove what would keep the work from starting afresh."""
    applies: Callable[[Any], bool] = field(default=lambda venture: True)
    """Whether a venture has this stage at all."""
    packages: tuple[str, ...] = ()
    """Software named in the receipt."""


@dataclass(frozen=True)
class Journey:
    """The stages of a goal in order, and how their results are read."""

    stages: tuple[Stage, ...]
    """From the data to the report."""
    check: Callable[[Any, bool, bool], Sequence[Problem]]
    """Objections to a venture; what a stage that is done (prepared, evaluated) was made from may be gone."""
    prepared: Callable[[Run], Any]
    """What is prepared."""
    trained: Callable[[Run], Any]
    """What is trained, every file of it compared with its hash."""
    evaluation: type[Any]
    """Type of `evaluation.json`."""
    train: Callable[[Run, Any, Options], object]
    """Take part in training."""
    progress: Callable[[Run], tuple[int, int | None, float | None]]
    """Steps done, steps in all, training loss; the last two unknown before the first checkpoint."""

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def do(each: Stage, run: Run, venture: AnyVenture, options: Options, *, force: bool) -> None:
    """Do a stage unless its receipt is current, or `force`d, and write its receipt."""
    inputs, configuration = each.inputs(run, venture), each.configuration(venture)
    if not force and run.is_current(each.name, inputs, configuration):
        say(f"{each.name}: done already")
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
    say(f"{each.name}: done in {time.time() - started:.1f} s")


def say(message: str) -> None:
    """Tell the user."""
    print(message, file=sys.stderr, flush=True)


def sources(run: Run, fingerprint: Callable[[Any], str], venture: AnyVenture) -> Mapping[str, str]:
    """Fingerprint of what a venture is made from; where that is gone, of what was prepared."""
    try:
        return {"sources": fingerprint(venture)}
    except UserError:
        receipt = run.receipt("prepare")
        if receipt is None:
            raise
        return receipt.inputs


def beside(run: Run) -> Path:
    """Where data is prepared that may replace what a checkpoint was trained on."""
    return run.path / ".data.new"


def forget_beside(run: Run) -> None:
    """Remove what was prepared there."""
    shutil.rmtree(beside(run), ignore_errors=True)


def prepared_beside(run: Run) -> bool:
    """Whether something was; it is in its place now."""
    if beside(run).is_dir():
        commit_folder(beside(run), run.data)
        return True
    return False


def manifest_hash(trained: Checkpoint | TrainedClassifier | None) -> Mapping[str, str]:
    """Hash of what is evaluated; nothing before training."""
    return {} if trained is None else {"checkpoint": file_digest(trained.folder / "manifest.json")}


def discard_training(run: Run) -> None:
    """Remove what was trained, and what was found out about it."""
    for folder in (run.checkpoints, run.path / "tensorboard", run.path / "timeline"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (run.metrics, run.path / "plan.json", run.path / "evaluation.json", run.path / ANSWERS, run.report):
        file.unlink(missing_ok=True)


def report_inputs(run: Run, venture: AnyVenture) -> Mapping[str, str]:
    """Hashes of what a report is made from."""
    sources = [run.path / "evaluation.json", run.path / "plan.json", run.metrics, run.data / "index.json"]
    sources += [run.path / "timeline" / "timeline.json", run.path / "capital.json"]
    return {
        "venture.toml": digest(canonical_json(venture_tree(venture))),
        **{path.name: file_digest(path) for path in sources if path.exists()},
    }
