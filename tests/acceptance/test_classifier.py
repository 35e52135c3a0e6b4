"""A classifier as a venture: the same journey, receipts, resumption and report."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argosy.data import drawn_digits
from tests.conftest import CommandLine

VENTURE = """
name = "digits"
[goal]
task = "classification"
[data]
held_out_fraction = 0.3
preprocessing = ["normalization"]
[[data.sources]]
kind = "arrays"
path = "digits.npz"
[model]
hidden = [32]
[training]
epochs = 4
batch_size = 50
schedule = "cosine"
learning_rate = 5e-3
ema_decay = 0.9
augmentation = {shift = 1}
"""


@pytest.fixture
def venture(tmp_path: Path) -> Path:
    """A few drawn digits."""
    digits, _ = drawn_digits(600, 0)
    np.savez(tmp_path / "digits.npz", features=digits.features, targets=digits.targets)
    path = tmp_path / "venture.toml"
    path.write_text(VENTURE)
    return path


def trained(run: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Hashes of what was saved last, and the epochs."""
    manifest = json.loads(sorted(Path(run).glob("checkpoints/*/manifest.json"))[-1].read_text())
    return manifest["files"], [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


def test_the_journey_of_a_classifier(argosy: CommandLine, venture: Path) -> None:
    result = argosy.json("run", str(venture))
    confusion = np.array(result["confusion"])
    assert result["accuracy"] == pytest.approx(confusion.trace() / confusion.sum()) and result["accuracy"] > 0.5
    assert result["accuracy_low"] < result["accuracy"] < result["accuracy_high"]
    assert result["accuracy"] > result["baselines"][-1]["accuracy"]
    run = Path(result["run"])
    page = (run / "report.html").read_text()
    assert f"{100 * result['accuracy']:.2f}" in page and "nearest class mean" in page and "confusion" in page
    _, epochs = trained(run)
    assert [line["epoch"] for line in epochs] == [1, 2, 3, 4] and epochs[-1]["loss"] < epochs[0]["loss"]
    assert any((run / "tensorboard").iterdir())

    again = argosy("run", str(venture))
    assert again.stderr.count("done already") == 4 and "true class (rows)" in again.stdout
    status = argosy.json("status", "digits")
    assert [stage["state"] for stage in status["stages"]] == ["done"] * 4 and status["step"] == status["steps"]
    (venture.parent / "digits.npz").unlink()
    argosy("report", "digits", "--force")  # a finished run outlives its files
    for verb in (("generate", "digits"), ("trace", "digits", "1"), ("export", "digits")):
        assert "wrong-goal" in argosy(*verb, code=2).stderr
    assert "then, 9 now" in argosy("train", "digits", "--set", "training.epochs=9", code=2).stderr
    argosy("train", "digits", "--set", "training.epoch=9", code=2)


def test_a_classifier_goes_on_in_the_same_bits(argosy: CommandLine, venture: Path) -> None:
    argosy("train", str(venture), "--run", "straight")
    metrics = venture.parent / "stopped" / "metrics.jsonl"
    for number in (signal.SIGINT, signal.SIGKILL):
        process = argosy.start("train", str(venture), "--run", "stopped")
        begun = metrics.stat().st_mtime_ns if metrics.exists() else 0
        while not (metrics.exists() and metrics.stat().st_mtime_ns > begun) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate()
        while argosy.json("status", "stopped")["in_use"]:  # a rank that lost its command saves first
            time.sleep(0.2)
    os.utime(venture.parent / "digits.npz")  # another date, the same examples
    argosy("train", str(venture), "--run", "stopped")
    assert trained(venture.parent / "stopped") == trained(venture.parent / "straight")


def test_a_loss_that_is_not_finite_ends_training(argosy: CommandLine, venture: Path) -> None:
    wild = ("--set", "training.optimizer=sgd", "--set", "training.learning_rate=1e30")
    error = argosy("train", str(venture), *wild, code=1).stderr
    assert "[not-finite]" in error and "lower training.learning_rate" in error
    assert argosy.json("status", "digits")["step"] == 0


def test_two_processes_learn_the_same(argosy: CommandLine, venture: Path) -> None:
    argosy("train", str(venture), "--run", "one")
    argosy("train", str(venture), "--run", "two", "--set", "layout.data=2")
    one, two = (trained(venture.parent / name)[1] for name in ("one", "two"))
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, abs=2e-3)
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], abs=1e-5)
