"""Finding, checking and pruning checkpoints on disk. Torch-free."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from argosy.config import Record, UserError
from argosy.progress import Advance
from argosy.storage import canonical_json, file_digest, read_json, remove_folder, write_json
from argosy.training.results import Checkpoint, HeldOut, TrainedClassifier

T = TypeVar("T", Checkpoint, TrainedClassifier)


class Best(Record):
    """`best.json`: the checkpoint with the lowest held-out loss so far."""

    step: int
    """Its step."""
    held_out: HeldOut
    """Its held-out loss."""


def complete_checkpoints(folder: Path) -> list[Path]:
    """Folders of the complete checkpoints, oldest first; the manifest is written last, so it is the proof."""
    return sorted(path.parent for path in folder.glob("step-*/manifest.json"))


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """Open the newest complete checkpoint, unverified; None when there is none."""
    return _latest(folder, Checkpoint)


def latest_classifier(folder: Path) -> TrainedClassifier | None:
    """Open the newest classifier saved, unverified; None when there is none."""
    return _latest(folder, TrainedClassifier)


def _latest(folder: Path, kind: type[T]) -> T | None:
    complete = complete_checkpoints(folder)
    return _open(complete[-1], kind) if complete else None


def best_checkpoint(folder: Path) -> Checkpoint | None:
    """Open the checkpoint with the lowest held-out loss, else the newest; None when there is none."""
    best = read_best(folder)
    path = folder / f"step-{best.step:08d}" if best else None
    return open_checkpoint(path) if path and (path / "manifest.json").exists() else latest_checkpoint(folder)


def read_best(folder: Path) -> Best | None:
    """The record of the best checkpoint, or None where there is none that can be read."""
    try:
        return Best.model_validate_json((folder / "best.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def note_best(folder: Path, step: int, held_out: HeldOut) -> None:
    """Record `step` as the best if its held-out loss is the lowest so far, and finite."""
    best = read_best(folder)
    if math.isfinite(held_out.loss) and (best is None or held_out.loss < best.held_out.loss):
        write_json(folder / "best.json", Best(step=step, held_out=held_out).model_dump(mode="json"))


def open_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint's manifest; raises `UserError` when it is damaged."""
    return _open(folder, Checkpoint)


def open_classifier(folder: Path) -> TrainedClassifier:
    """Read a classifier's manifest; raises `UserError` when it is damaged."""
    return _open(folder, TrainedClassifier)


def _open(folder: Path, kind: type[T]) -> T:
    try:
        checkpoint = kind.model_validate_json(canonical_json(read_json(folder / "manifest.json")))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:3])
        raise UserError(
            "damaged-checkpoint",
            f"{folder}/manifest.json is not a manifest of this version: {wrong}",
            hint=f"remove the folder {folder}, or open it with the version that wrote it",
        ) from None
    return checkpoint.model_copy(update={"folder": folder})


def verify(checkpoint: Checkpoint | TrainedClassifier) -> None:
    """Compare every file with its hash in the manifest, before anything is deserialised.

    Raises `UserError` naming the files that are missing or changed, and the checkpoint before this one.
    """
    if wrong := list(damage_of(checkpoint)):
        others = [path.name for path in complete_checkpoints(checkpoint.folder.parent) if path != checkpoint.folder]
        before = f"to go on from {others[-1]} instead, " if others else "to start again, "
        raise UserError(
            "damaged-checkpoint",
            f"checkpoint {checkpoint.folder} is damaged: {'; '.join(wrong[:5])}",
            hint=f"{before}remove the folder {checkpoint.folder} and run the same command",
        )


def damage_of(checkpoint: Checkpoint | TrainedClassifier, advance: Advance = lambda _: None) -> Iterator[str]:
    """What is missing or changed; `advance(bytes)` is told of each file that was looked at."""
    for name, output in checkpoint.files.items():
        path = checkpoint.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != output.bytes or file_digest(path) != output.sha256:
            yield f"{name} is not what was saved"
        advance(output.bytes)


def trained_checkpoint(folder: Path) -> Checkpoint:
    """The newest checkpoint, every file of it compared with its hash; raises `UserError` where there is none."""
    return _trained(folder, Checkpoint)


def trained_classifier(folder: Path) -> TrainedClassifier:
    """The newest classifier, every file of it compared with its hash; raises `UserError` where there is none."""
    return _trained(folder, TrainedClassifier)


def _trained(folder: Path, kind: type[T]) -> T:
    checkpoint = _latest(folder, kind)
    if checkpoint is None:
        raise UserError("no-checkpoint", f"{folder.parent} has no checkpoint yet", hint="`argosy train` makes one")
    try:
        verify(checkpoint)
    except UserError:
        if _latest(folder, kind) == checkpoint:
            raise
        return _trained(folder, kind)  # training went on meanwhile and removed it
    return checkpoint


def prune(folder: Path, keep_last: int) -> None:
    """Remove all complete checkpoints but the newest `keep_last` and the best."""
    best = read_best(folder)
    for path in complete_checkpoints(folder)[:-keep_last]:
        if best is None or path.name != f"step-{best.step:08d}":
            remove_folder(path)
