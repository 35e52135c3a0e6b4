"""The stages in order. The only room that sees all the others, and the only writer of results and receipts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from argosy import evaluation as evaluation_room
from argosy import parallel as parallel_room
from argosy import report as report_room
from argosy import training as training_room
from argosy.config import AnyVenture, ClassificationVenture, Record, UserError, Venture, VentureError, language_venture
from argosy.data import Dataset, ExampleSet, TracedRow
from argosy.evaluation import Classification, Evaluation
from argosy.storage import Run
from argosy.training import Checkpoint, TrainedClassifier
from argosy.workflow import classification, language
from argosy.workflow.dry_run import dry_run
from argosy.workflow.layout import settled
from argosy.workflow.money import CAPITAL, forget_capital, refuse_broken
from argosy.workflow.scaling import fit_scaling
from argosy.workflow.stages import Journey, Options, do, say

JOURNEYS: Mapping[type[AnyVenture], Journey] = {
    Venture: language.JOURNEY,
    ClassificationVenture: classification.JOURNEY,
}
AS_IT_IS = Options()

__all__ = [
    "Journey",
    "Options",
    "StageStatus",
    "Status",
    "check",
    "compare",
    "dry_run",
    "evaluate",
    "fit_scaling",
    "generate",
    "journey",
    "prepare",
    "report",
    "run",
    "run_until",
    "status",
    "trace",
    "train",
    "trained_model",
]


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
    restarts: int
    """How often ranks that were lost were started again."""
    size_bytes: int
    """Bytes on disk."""


def journey(venture: AnyVenture) -> Journey:
    """The stages that lead to a venture's goal."""
    return JOURNEYS[type(venture)]


def check(venture: AnyVenture, *, prepared: bool = False, evaluated: bool = False) -> None:
    """Raise one `VentureError` with every room's objections; what a stage that is done was made from may be gone."""
    problems = journey(venture).check(venture, prepared, evaluated)
    if problems:
        raise VentureError(str(venture.folder / "venture.toml"), problems)


def run_until(
    venture: AnyVenture,
    last: str,
    run: Run | None = None,
    *,
    force: bool = False,
    afresh: bool = False,
    options: Options = AS_IT_IS,
) -> Run:
    """Do the stages up to `last`, skipping those whose receipts match; `force` redoes `last`, `afresh` all of them.

    As one rank among others that torchrun, Slurm or Kubernetes started, rank 0 does the stages; the others wait for
    its word and take part in training. Raises whatever a stage raises; stages done before it stay done.
    """
    run, stages = run or Run.of(venture), journey(venture).stages

    def lead(venture: AnyVenture, tell: Callable[[str], None] = lambda word: None) -> None:
        """Do the stages, and tell the others when they are needed."""
        retrain = afresh or (force and last == "train")
        venture = settled(venture, run, fresh=retrain)
        prepared, evaluated = (not retrain and run.receipt(stage) is not None for stage in ("prepare", "evaluate"))
        check(venture, prepared=prepared, evaluated=evaluated)
        asked = stages[: 1 + [each.name for each in stages].index(last)]
        todo = [each for each in asked if each.applies(venture)]
        if CAPITAL in todo:
            refuse_broken(run, venture)
        told = replace(options, retrain=retrain, tell=tell)
        with run.lock():
            if afresh:
                for each in stages:
                    run.forget(each.name)
                    each.discard(run)
            if not CAPITAL.applies(venture):
                forget_capital(run)
            for each in todo:
                if each.name == "train" and options.skip_batches:
                    _rewind(run, language_venture(venture), told)
                do(each, run, venture, told, force=force and each.name == last)

    if not parallel_room.external_world():
        lead(venture)
        return run
    with parallel_room.crew(venture.run) as crew:
        if crew.is_main:
            lead(venture, crew.tell)
        else:
            while crew.hear() == "train":
                journey(venture).train(run, settled(venture, run), options)
    return run


def _rewind(run: Run, venture: Venture, options: Options) -> None:
    if options.retrain:
        raise UserError("bad-skip", "--skip-batches goes back in a training, and --force begins it from nothing")
    first, last = options.skip_batches or (0, 0)
    checkpoint = training_room.rewind(run, venture, first, last, allow_changes=options.allow_changes)
    say(f"train: back to step {checkpoint.step}" if checkpoint else f"train: {first} to {last} are left out already")


def run(venture: AnyVenture, folder: Run | None = None, *, force: bool = False) -> Run:
    """Carry out the whole journey; `force` starts from nothing."""
    return run_until(venture, "report", folder, afresh=force)


def prepare(venture: AnyVenture, folder: Run | None = None, *, force: bool = False) -> Dataset | ExampleSet:
    """Read the venture's text or examples, and make numbers of them."""
    target = run_until(venture, "prepare", folder, force=force)
    made: Dataset | ExampleSet = journey(venture).prepared(target)
    return made


def train(
    venture: AnyVenture, folder: Run | None = None, *, force: bool = False, options: Options = AS_IT_IS
) -> Checkpoint | TrainedClassifier:
    """Train to the last step, preparing first where needed."""
    target = run_until(venture, "train", folder, force=force, options=options)
    trained: Checkpoint | TrainedClassifier = journey(venture).trained(target)
    return trained


def evaluate(venture: AnyVenture, folder: Run | None = None, *, force: bool = False) -> Evaluation | Classification:
    """Evaluate the trained model on what was held out."""
    target = run_until(venture, "evaluate", folder, force=force)
    found: Evaluation | Classification = target.read_result("evaluation", journey(venture).evaluation)
    return found


def report(venture: AnyVenture, folder: Run | None = None, *, force: bool = False) -> Path:
    """Write the report; returns its path."""
    return run_until(venture, "report", folder, force=force).report


def trained_model(run: Run) -> Path:
    """Folder of the newest checkpoint's model, every file compared with its hash."""
    language_venture(run.venture())
    return training_room.trained_checkpoint(run.checkpoints).folder / "model"


def generate(model: Path, prompt: str, **sampling: Any) -> Iterator[str]:
    """Stream a continuation of `prompt` by the model in a folder."""
    return evaluation_room.generate_text(model, prompt, **sampling)


def status(venture: AnyVenture, run: Run) -> Status:
    """What of a run is done and current, and how far training is; reads only."""
    venture = settled(venture, run, choose=False)
    step, steps, loss = journey(venture).progress(run)
    states = []
    stale = False
    for each in journey(venture).stages:
        if not each.applies(venture):
            continue
        receipt = run.receipt(each.name)
        if receipt is not None and not stale:
            try:
                stale = not run.is_current(each.name, each.inputs(run, venture), each.configuration(venture))
            except (UserError, OSError):
                stale = True
        state: Literal["done", "stale", "started", "missing"] = "stale" if stale else "done"
        if receipt is None:
            stale = True
            state = "started" if each.name == "train" and steps is not None else "missing"
        states.append(StageStatus(stage=each.name, state=state, wall_s=receipt.wall_s if receipt else None))
    size = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    return Status(
        run=str(run.path),
        in_use=run.in_use(),
        stages=tuple(states),
        step=step,
        steps=steps,
        loss=loss,
        restarts=sum(event.get("kind") == "restarted" for event in run.read_events()),
        size_bytes=size,
    )


def compare(run: Run, other: Run) -> "report_room.Comparison":
    """Two runs side by side."""
    return report_room.compare_runs([run, other])


def trace(venture: AnyVenture, run: Run, step: int, row: int | None) -> Sequence[TracedRow]:
    """The documents behind the batch of training step `step` (from 1), as it was trained if it was."""
    return training_room.trace(language_venture(venture), run, step, row)
