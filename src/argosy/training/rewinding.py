"""Leaving out batches: back to the checkpoint before them, and on without them. Torch-free."""

from argosy.config import UserError, Venture
from argosy.data import Ranges
from argosy.storage import Run, file_digest, remove_folder, write_json
from argosy.training.changes import check_unchanged
from argosy.training.manifest import complete_checkpoints, open_checkpoint, read_best
from argosy.training.results import Checkpoint


def rewind(run: Run, venture: Venture, first: int, last: int, *, allow_changes: bool) -> Checkpoint | None:
    """Go back to the newest checkpoint that has not seen batches `first` to `last`, and leave them out from there.

    Batches are counted from 1, as if none were left out, so the same call again changes nothing and returns None. The
    manifest, whose cursor then names the batches, is written before the later checkpoints go: cut off anywhere, the run
    goes on from a complete state, and the same call completes it. (Chowdhery et al. 2022, PaLM, section 5.1, restarted
    100 steps before a spike without 200 to 500 batches.)

    Raises:
        UserError: these are no batches of this run, no checkpoint from before them is left, or the venture has changed.
    """
    checkpoints = [open_checkpoint(folder) for folder in complete_checkpoints(run.checkpoints)]
    latest = checkpoints[-1] if checkpoints else None
    skipped = latest.cursor.skipped if latest else ()
    step = _step(skipped, first - 1)
    if not 1 <= first <= last or (latest and step >= latest.recipe.steps):
        end = f" to {latest.recipe.steps + sum(b - a for a, b in skipped)}" if latest else ""
        raise UserError("bad-skip", f"batches {first} to {last}: this run's batches are numbered 1{end}, first to last")
    merged = _with(skipped, first - 1, last)
    if merged == skipped:
        return None
    before = [checkpoint for checkpoint in checkpoints if checkpoint.step <= step]
    if not before:
        kept = ", ".join(str(checkpoint.step) for checkpoint in checkpoints) or "none"
        raise UserError(
            "bad-skip",
            f"step {step + 1} would be the first without batch {first}, and no checkpoint from before it is left "
            f"(kept: {kept})",
            hint="training.keep_last keeps more of them; --force trains again from the start",
        )
    target = before[-1]
    check_unchanged(target, venture, file_digest(run.data / "index.json"), allow_changes=allow_changes)
    run.forget("train")
    changed = target.model_copy(update={"cursor": target.cursor.model_copy(update={"skipped": merged})})
    write_json(target.folder / "manifest.json", changed.model_dump(mode="json"))
    best = read_best(run.checkpoints)
    if best is not None and best.step > target.step:
        (run.checkpoints / "best.json").unlink()
    for checkpoint in reversed(checkpoints[len(before) :]):
        remove_folder(checkpoint.folder)
    run.event("rewound", step=target.step, reason=f"batches {first} to {last} are left out")
    return changed


def _with(skipped: Ranges, first: int, end: int) -> Ranges:
    """The stretches and one more, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for a, b in sorted((*skipped, (first, end))):
        if joined and a <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(b, joined[-1][1])
        else:
            joined.append((a, b))
    return tuple(joined)


def _step(skipped: Ranges, batch: int) -> int:
    """The first step whose batch is `batch` or a later one."""
    return batch - sum(min(end, batch) - first for first, end in skipped if first < batch)
