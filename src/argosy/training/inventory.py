"""A run's checkpoints on disk: look at them, compare every byte with its hash, remove old ones. Torch-free."""

from collections.abc import Iterator

from safetensors import SafetensorError, safe_open

from argosy.config import ClassificationVenture, Layout, Record, UserError
from argosy.progress import progress
from argosy.storage import Run
from argosy.training.manifest import complete_checkpoints, damage_of, open_checkpoint, open_classifier, prune, read_best
from argosy.training.results import Checkpoint, TrainedClassifier


class StoredCheckpoint(Record):
    """One complete checkpoint."""

    step: int
    """Optimiser updates done."""
    folder: str
    """Where it lies."""
    bytes: int
    """Size of its files, by its manifest."""
    files: int
    """Their number."""
    loss: float | None
    """Training loss then, in nats; null when it was not finite."""
    layout: Layout
    """Layout it was written from."""
    best: bool
    """Whether its held-out loss is the lowest, so that pruning keeps it."""
    damage: tuple[str, ...] | None = None
    """What is missing or changed; null until it is verified."""


class StoredTensor(Record):
    """One tensor of a checkpoint's model."""

    name: str
    """Of the parameter."""
    shape: tuple[int, ...]
    """Of the whole tensor, whatever the layout was."""
    dtype: str
    """As safetensors names it."""


class Inventory(Record):
    """What there is."""

    run: str
    """Folder of the run."""
    checkpoints: tuple[StoredCheckpoint, ...]
    """Complete ones, oldest first; the last is gone on from."""
    unfinished: tuple[str, ...]
    """Folders of saves and removals that were cut off; training and pruning clear them away."""

    @property
    def bytes(self) -> int:
        """Size of all of them."""
        return sum(one.bytes for one in self.checkpoints)


def stored_checkpoints(run: Run) -> Inventory:
    """The run's checkpoints by their manifests; nothing else is read."""
    return Inventory(
        run=str(run.path),
        checkpoints=tuple(_stored(one, run) for one in _opened(run)),
        unfinished=tuple(sorted(path.name for path in run.checkpoints.glob(".step-*"))),
    )


def checkpoint_at(run: Run, step: int | None) -> Checkpoint | TrainedClassifier:
    """The run's checkpoint of a step, the newest unless given; `UserError` `no-checkpoint` names those there are."""
    opened = list(_opened(run))
    for one in reversed(opened):
        if step in (None, one.step):
            return one
    which = "" if step is None else f" of step {step}"
    there = ", ".join(str(one.step) for one in opened)
    raise UserError(
        "no-checkpoint",
        f"{run.path} has no checkpoint{which}",
        hint=f"there are steps {there}" if there else "`argosy train` makes one",
    )


def stored_tensors(checkpoint: Checkpoint | TrainedClassifier) -> tuple[StoredTensor, ...]:
    """Names and shapes of the model's tensors, from the headers of its files."""
    found = []
    for name in checkpoint.files:
        if name.endswith(".safetensors") and "optimizer" not in name:
            path = checkpoint.folder / name
            try:
                with safe_open(path, "numpy") as file:
                    for key in file.keys():  # noqa: SIM118, it is no mapping
                        part = file.get_slice(key)
                        found.append(StoredTensor(name=key, shape=tuple(part.get_shape()), dtype=part.get_dtype()))
            except (SafetensorError, OSError) as error:
                raise UserError("damaged-checkpoint", f"{path} cannot be read: {error}") from None
    return tuple(sorted(found, key=lambda one: one.name))


def verified(run: Run, step: int | None = None) -> Inventory:
    """The inventory, with what is missing or changed in the checkpoint of `step`, or in each of them."""
    found = stored_checkpoints(run)
    chosen = [checkpoint_at(run, step)] if step is not None else list(_opened(run))
    damage = {}
    with progress("hashing", sum(_size(one) for one in chosen), "B") as advance:
        for one in chosen:
            damage[one.step] = tuple(damage_of(one, advance))
    marked = (one.model_copy(update={"damage": damage.get(one.step)}) for one in found.checkpoints)
    return found.model_copy(update={"checkpoints": tuple(marked)})


def pruned(run: Run, keep_last: int, *, dry_run: bool = False) -> tuple[StoredCheckpoint, ...]:
    """Remove all but the newest `keep_last` checkpoints and the best; returns what went, or would.

    Holds the run, so that no training writes meanwhile. Raises `UserError` for fewer than one to keep.
    """
    if keep_last < 1:
        raise UserError("bad-option", f"keep_last = {keep_last}: a run without a checkpoint begins again; 1 at least")
    with run.lock():
        goes = tuple(one for one in stored_checkpoints(run).checkpoints[:-keep_last] if not one.best)
        if not dry_run:
            prune(run.checkpoints, keep_last)
    return goes


def _opened(run: Run) -> Iterator[Checkpoint | TrainedClassifier]:
    classifier = isinstance(run.venture(), ClassificationVenture)
    for folder in complete_checkpoints(run.checkpoints):
        yield open_classifier(folder) if classifier else open_checkpoint(folder)


def _stored(checkpoint: Checkpoint | TrainedClassifier, run: Run) -> StoredCheckpoint:
    best = read_best(run.checkpoints)
    return StoredCheckpoint(
        step=checkpoint.step,
        folder=str(checkpoint.folder),
        bytes=_size(checkpoint),
        files=len(checkpoint.files),
        loss=checkpoint.loss if isinstance(checkpoint, Checkpoint) else checkpoint.figures.get("loss"),
        layout=checkpoint.layout,
        best=best is not None and best.step == checkpoint.step,
    )


def _size(checkpoint: Checkpoint | TrainedClassifier) -> int:
    return sum(file.bytes for file in checkpoint.files.values())
