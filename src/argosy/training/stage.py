"""Training as a stage: start the ranks on this machine (or be one of somebody else's) and return the checkpoint.

Torch-free on this side: the ranks run `argosy.training.worker`.
"""

import os
import signal

from argosy.config import AnyVenture, ArgosyError, ClassificationVenture, UserError, Venture
from argosy.parallel import external_world, launch
from argosy.storage import Run
from argosy.training.manifest import latest_checkpoint, latest_classifier
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
        return work(run, venture, stop_at)
    return launch(
        "argosy.training.worker",
        [str(run.path), *([] if stop_at is None else [str(stop_at)])],
        ranks=venture.layout.ranks,
        stop_file=run.path / STOP_FILE,
        port=venture.run.master_port,
    )
