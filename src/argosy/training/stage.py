"""Training as a stage: start the ranks on this machine (or be one of somebody else's) and return the checkpoint.

Torch-free on this side: the ranks run `argosy.training.worker`.
"""

import os
import signal

from argosy.config import (
    AnyVenture,
    ArgosyError,
    ClassificationVenture,
    Layout,
    UserError,
    Venture,
    language_venture,
    resolve_recipe,
    transformer_config,
)
from argosy.data import open_dataset
from argosy.parallel import Ranks, Survival, check, external_world, problems
from argosy.storage import Run
from argosy.training.manifest import complete_checkpoints, latest_checkpoint, latest_classifier
from argosy.training.results import Checkpoint, TrainedClassifier

STOP_FILE = "stop"


class Interrupted(ArgosyError):
    """The run was asked to stop, and saved."""

    def __init__(self, done: str, run: Run, number: int) -> None:
        super().__init__(
            "interrupted",
            f"stopped at {done} and saved",
            hint=f"to go on from there: argosy train {run.path}",
        )
        self.exit_code = 128 + number


def train(run: Run, venture: Venture, stop_at: int | None = None) -> Checkpoint:
    """Train `venture`, which `run` keeps, to its last step or to `stop_at`, from the latest checkpoint if there is one.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was saved first.
        UserError: the checkpoint is damaged, or its place in the data does not fit.
        RunFailed: a rank died or the loss was not finite.
    """
    number = _run_ranks(run, venture, stop_at)
    checkpoint = latest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise UserError("no-checkpoint", f"training in {run.path} left no checkpoint")
    short = checkpoint.step < min(stop_at or checkpoint.recipe.steps, checkpoint.recipe.steps)
    if short or (number and stop_at):  # asked to stop while it was measured: nothing else shall be trained either
        done = f"step {checkpoint.step} of {checkpoint.recipe.steps}"
        raise Interrupted(done, run, number or signal.SIGTERM)
    return checkpoint


def train_classes(run: Run, venture: ClassificationVenture) -> TrainedClassifier:
    """Train a classifier to its last epoch, from the newest that is saved; raises as `train` does."""
    number = _run_ranks(run, venture)
    trained = latest_classifier(run.checkpoints)
    if trained is None or trained.epoch < trained.epochs:
        done = f"epoch {trained.epoch if trained else 0} of {venture.training.epochs}"
        raise Interrupted(done, run, number or signal.SIGTERM)
    return trained


def _run_ranks(run: Run, venture: AnyVenture, stop_at: int | None = None) -> int:
    """Be one of somebody else's ranks, or start them all; returns the signal that asked for a stop, or 0."""
    if external_world():
        from argosy.training.worker import work

        if os.environ["RANK"] == "0":
            (run.path / STOP_FILE).unlink(missing_ok=True)
            if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")):
                run.event("restarted", step=_saved(run)[0], reason="torchrun started all ranks again")
        return work(run, venture, stop_at)
    survival = Survival(
        venture.run, venture.layout, lambda layout: _valid(layout, run, venture), lambda: _saved(run), run.event
    )
    with Ranks("argosy.training.worker", run.path / STOP_FILE, venture.run.master_port) as ranks:
        return survival.carry_out(ranks, [str(run.path), str(stop_at or 0)])


def _saved(run: Run) -> tuple[int, float]:
    """Step and time of the newest checkpoint; step 0, never, where there is none."""
    folders = complete_checkpoints(run.checkpoints)
    if not folders:
        return 0, 0.0
    return int(folders[-1].name.rpartition("-")[2]), (folders[-1] / "manifest.json").stat().st_mtime


def _valid(layout: Layout, run: Run, venture: AnyVenture) -> bool:
    if isinstance(venture, ClassificationVenture):
        return not check(venture.model_copy(update={"layout": layout}))
    venture = language_venture(venture)
    config = transformer_config(venture, open_dataset(run.data, verify=False).index.vocabulary_size)
    return not list(problems(layout, venture.training, config, resolve_recipe(venture, config)))
