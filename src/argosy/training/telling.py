"""What goes on around the steps of a `fit`: chance of each rank's own, and a progress bar."""

import contextlib
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from argosy.parallel import Mesh
from argosy.progress import progress
from argosy.training.tasks import Task

Advance = Callable[[int, int, Tensor, int], None]
"""(examples of a step, epoch, summed loss and metrics of the epoch so far, its examples so far) is told."""


@contextlib.contextmanager
def own_chance(seed: int, step: int, mesh: Mesh) -> Iterator[None]:
    """Let dropout draw from `step` on what it would draw had training not been interrupted.

    Each replica and each stage draws something else; ranks that share products draw the same, since they have to agree.
    """
    stages, device = mesh.layout.pipeline, mesh.world.device
    place = (step * mesh.replicas + mesh.replica) * stages + mesh.places["pipeline"]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed((seed << 32) + (1 << 31) + place)  # augmentation begins at seed << 32
        yield


@contextlib.contextmanager
def telling(mesh: Mesh, task: Task, steps: range) -> Iterator[Advance]:
    """A progress bar on rank 0, moved at most ten times a second: steps may take less than a millisecond."""
    if not mesh.world.is_main:
        yield lambda count, epoch, totals, seen: None
        return
    with progress("training", sum(map(task.count, steps)), task.unit) as advance:
        waiting, shown = 0, 0.0

        def tell(count: int, epoch: int, totals: Tensor, seen: int) -> None:
            nonlocal waiting, shown
            waiting += count
            if time.perf_counter() - shown > 0.1:
                advance(waiting, note=_note(epoch, totals, seen, mesh))
                waiting, shown = 0, time.perf_counter()

        yield tell


def _note(epoch: int, totals: Tensor, seen: int, mesh: Mesh) -> str:
    """The loss of the epoch so far, as this rank's rows have it; the first of a pipeline does not hear of it."""
    if mesh.layout.pipeline > 1:
        return f"epoch {epoch}"
    return f"epoch {epoch}  loss {float(totals[0]) * mesh.replicas / seen:.3f}"
