"""A classifier's venture on layouts: the same epochs as one process, the same bits when it goes on, other layouts."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.test_classifier import trained, venture
from tests.conftest import CommandLine

__all__ = ["venture"]
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_layouts_learn_the_same_and_go_on(argosy: CommandLine, venture: Path) -> None:
    divided = ("--set", "layout.tensor=2", "--set", "layout.pipeline=2")
    argosy("train", str(venture), "--run", "one")
    argosy("train", str(venture), "--run", "straight", *divided)
    one, straight = (trained(venture.parent / name)[1] for name in ("one", "straight"))
    assert straight[0]["loss"] == pytest.approx(one[0]["loss"], abs=1e-5)
    for a, b in zip(one, straight, strict=True):
        assert b == pytest.approx(a, abs=2e-3)

    metrics = venture.parent / "stopped" / "metrics.jsonl"
    process = argosy.start("train", str(venture), "--run", "stopped", *divided)
    while not metrics.exists() and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    process.communicate()
    argosy("train", str(venture), "--run", "stopped", *divided)
    assert trained(venture.parent / "stopped") == trained(venture.parent / "straight")


def test_what_a_layout_cannot_do_is_said_before_anything(argosy: CommandLine, venture: Path) -> None:
    wrong = {
        "context=2": "no sequence",
        "pipeline=3": "2 layers are fewer than 3",
        "tensor=64": "more ranks than the 32",
    }
    for layout, said in wrong.items():
        assert said in argosy("train", str(venture), "--set", f"layout.{layout}", code=2).stderr


@pytest.mark.timeout(600)
def test_the_example_prints_the_same_figures_for_every_layout() -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = "examples/parallel/perceptron/mnist_layouts.py"
    environment = {**os.environ, "DIGITS": "300", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, script], cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"data=2", "shard=2", "tensor=2", "pipeline=2"}, done.stderr[-3000:]
    figures = [[float(number) for number in re.findall(r"\d+\.\d+", line)] for line in lines]
    for some in figures[1:]:
        assert some == pytest.approx(figures[0], abs=1e-5)
