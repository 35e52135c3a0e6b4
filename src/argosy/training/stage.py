"""Training as a stage: start the ranks on this machine (or be one of somebody else's) and return the checkpoint.

Torch-free on this side: the ranks run `argosy.training.worker`.
"""

import os
import signal

from argosy.config import ArgosyError, UserError, Venture
from argosy.parallel import external_world, launch
from argosy.storage import Run
from argosy.training.manifest import latest_checkpoint
from argosy.training.results import Checkpoint

STOP_FILE = "stop"


class Interrupted(ArgosyError):
    """The run was asked to stop, and saved."""

    def __init__(self, step: int, steps: int, run: Run, number: int) -> None:
        super().__init__(
            "interrupted",
            f"stopped at step {step} of {steps} and saved",
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
    if external_world():
        from argosy.training.worker import work

        if os.environ["RANK"] == "0":
            (run.path / STOP_FILE).unlink(missing_ok=True)
        number = work(run, venture, stop_at)
    else:
        number = launch(
            "argosy.training.worker",
            [str(run.path), *([] if stop_at is None else [str(stop_at)])],
            ranks=venture.layout.ranks,
            stop_file=run.path / STOP_FILE,
            port=venture.run.master_port,
        )
    checkpoint = latest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise UserError("no-checkpoint", f"training in {run.path} left no checkpoint")
    short = checkpoint.step < min(stop_at or checkpoint.recipe.steps, checkpoint.recipe.steps)
    if short or (number and stop_at):  # asked to stop while it was measured: nothing else shall be trained either
        raise Interrupted(checkpoint.step, checkpoint.recipe.steps, run, number or signal.SIGTERM)
    return checkpoint
