"""A run's checkpoints looked at, verified and pruned, as the command line does it."""

import json
from pathlib import Path

import pytest

from argosy.cli.app import _run as command
from argosy.config import load_venture
from argosy.storage import Run
from argosy.training.manifest import note_best
from argosy.training.results import HeldOut
from tests.models.test_transformer import shape
from tests.training.test_checkpoint import checkpointer, manifest

pytestmark = pytest.mark.fast


@pytest.fixture
def run(tmp_path: Path, tiny_venture: Path) -> Run:
    """Four checkpoints, of which the second is the best; and what a cut-off save left."""
    run = Run(tmp_path / "run")
    run.write_venture(load_venture(tiny_venture))
    (run.path / "receipts").mkdir()
    source = checkpointer(run.checkpoints)
    for step, loss in enumerate([3.0, 1.0, 2.0, 4.0], start=1):
        source.save(manifest(step), lambda c, seconds: None)
        note_best(run.checkpoints, step, HeldOut(loss=loss, perplexity=1.0, bits_per_byte=1.0, tokens=1, bytes=1))
    (run.checkpoints / ".step-00000005.tmp").mkdir()
    return run


def test_what_there_is(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["checkpoint", "inspect", str(run.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["step"], one["best"]) for one in found["checkpoints"]] == [
        (1, False),
        (2, True),
        (3, False),
        (4, False),
    ]
    assert found["unfinished"] == [".step-00000005.tmp"] and all(one["bytes"] > 1000 for one in found["checkpoints"])
    assert command(["checkpoint", "inspect", str(run.path), "--step", "3", "--json"]) == 0
    tensors = {one["name"]: one["shape"] for one in json.loads(capsys.readouterr().out)["tensors"]}
    assert tensors["embedding.weight"] == [shape().vocabulary_size, shape().dim]
    assert command(["checkpoint", "inspect", str(run.path), "--step", "9"]) == 2
    assert "there are steps 1, 2, 3, 4" in capsys.readouterr().err


def test_each_byte_is_compared(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["checkpoint", "verify", str(run.path)]) == 0
    assert capsys.readouterr().out.count("sound") == 4
    victim = run.checkpoints / "step-00000002" / "state" / ".metadata"
    victim.write_bytes(victim.read_bytes()[:-1] + b"\0")
    assert command(["checkpoint", "verify", str(run.path), "--step", "1"]) == 0
    assert command(["checkpoint", "verify", str(run.path)]) == 1
    assert "state/.metadata is not what was saved" in capsys.readouterr().out


def test_the_best_outlives_pruning(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    prune = ["checkpoint", "prune", str(run.path), "--keep-last"]
    assert command([*prune, "1", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": [], "would_remove": [1, 3]}
    assert command([*prune, "0"]) == 2
    assert command([*prune, "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == [1, 3]
    assert sorted(path.name for path in run.checkpoints.glob("step-*")) == ["step-00000002", "step-00000004"]
