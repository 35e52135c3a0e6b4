"""Batches that are left out: the run goes back, trains on without them, and stays exact."""

import shutil
from pathlib import Path

from argosy.data import BatchPlan, open_dataset
from argosy.storage import Run
from argosy.training import latest_checkpoint
from tests.conftest import CommandLine
from tests.resume.test_resume import final_weights, kill_when, losses

SKIP = ("--skip-batches", "14", "16")


def hashes(run: Path) -> list[str]:
    """The batch of every step, by what the newest checkpoint says."""
    latest = latest_checkpoint(Run(run).checkpoints)
    assert latest is not None
    cursor = latest.cursor
    plan = BatchPlan(open_dataset(run / "data"), cursor.batch_size, cursor.sequence_length, cursor.seed, cursor.skipped)
    return [plan.batch_hash(step) for step in range(latest.step)]


def test_going_back_is_exact_killed_or_moved(argosy: CommandLine, tiny_venture: Path) -> None:
    keys = ("training.steps=30", "training.checkpoint_every=3", "training.keep_last=20")
    arguments = (str(tiny_venture), *(word for key in keys for word in ("--set", key)))
    whole, once, killed, moved = (argosy.folder / name for name in ("whole", "once", "killed", "moved"))
    argosy("train", *arguments, "--run", "whole")
    for copy in (once, killed, moved):
        shutil.copytree(whole, copy)

    said = argosy("train", *arguments, "--run", "once", *SKIP).stderr
    assert "back to step 12" in said and "resuming at step 12" in said
    before, after = losses(whole), losses(once)
    assert before[:13] == after[:13] and before[13] != after[13] and len(after) == 30
    old, new = hashes(whole), hashes(once)
    assert new[:13] == old[:13] and new[13:27] == old[16:]
    assert {row["batch"] for row in argosy.json("trace", "once", "14")} == {17}

    assert kill_when(argosy, (*arguments, "--run", "killed", *SKIP), killed, 5, 0.0)
    assert "resuming at" in argosy("train", *arguments, "--run", "killed").stderr, "also without saying it again"
    assert final_weights(killed) == final_weights(once) and losses(killed) == after

    argosy("train", *arguments, "--run", "moved", *SKIP, "--set", "layout.data=2")
    assert hashes(moved) == new
    assert max(abs(a - b) for a, b in zip(losses(moved), after, strict=True)) <= 1e-5

    assert "left out already" in argosy("train", *arguments, "--run", "once", *SKIP).stderr, "twice is once"
    assert "[bad-skip]" in argosy("train", *arguments, "--run", "once", "--force", *SKIP, code=2).stderr
    assert losses(once) == after, "a refusal touches nothing"
