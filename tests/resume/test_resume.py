"""A run that is killed, stopped or moved ends exactly where an uninterrupted one does."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from argosy.storage import Run, file_digest
from argosy.training.distributed_state import load_state
from tests.conftest import CommandLine

LONG = ("--set", "training.steps=30", "--set", "training.checkpoint_every=3")


def final_weights(run: Path, step: int = 30) -> str:
    """Hash of the weights at the end."""
    return file_digest(run / "checkpoints" / f"step-{step:08d}" / "model" / "model.safetensors")


def losses(run: Path) -> list[float]:
    """Loss of every step, which must be there once each."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


def held_out(run: Path) -> dict[int, float]:
    """Held-out loss by step, as far as the story tells."""
    return {event["step"]: event["loss"] for event in Run(run).read_events() if event["kind"] == "held_out"}


def kill_when(argosy: CommandLine, arguments: tuple[str, ...], run: Path, steps: int, delay_s: float) -> bool:
    """Start training and kill -9 every process `delay_s` after it did `steps`; False if it got to its end before."""
    before, metrics = len(starts_of(run)), run / "metrics.jsonl"
    process = argosy.start("train", *arguments)
    while process.poll() is None:
        begun = starts_of(run)
        if len(begun) > before and metrics.exists() and metrics.read_bytes().count(b"\n") >= begun[-1] + steps:
            time.sleep(delay_s)
            for child in descendants(process.pid):
                os.kill(child, signal.SIGKILL)
            break
        time.sleep(0.005)
    process.communicate(timeout=120)
    return process.returncode == -signal.SIGKILL


def starts_of(run: Path) -> list[int]:
    """The step at which training began each time."""
    return [event["step"] for event in Run(run).read_events() if event["kind"] in ("started", "resumed")]


def descendants(pid: int) -> list[int]:
    """The process and everything it started, deepest last."""
    import psutil

    try:
        parent = psutil.Process(pid)
        return [pid, *(child.pid for child in parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    "options", [(), ("--set", "layout.data=2", "--set", "training.async_checkpoint=true"), ("--set", "layout.data=3")]
)
def test_killed_anywhere_ends_bit_identical(argosy: CommandLine, tiny_venture: Path, options: tuple[str, ...]) -> None:
    arguments = (str(tiny_venture), *LONG, "--set", 'training.optimizer="muon"', *options)
    argosy("train", *arguments, "--run", "straight")
    chance = random.Random(len(options))
    run = argosy.folder / "killed"
    kills = [
        kill_when(argosy, (*arguments, "--run", "killed"), run, chance.randint(1, 9), chance.uniform(0, 0.05))
        for _ in range(3)
    ]
    assert sum(kills) >= 2, "at least two kills hit a run at work"
    argosy("train", *arguments, "--run", "killed")
    assert final_weights(run) == final_weights(argosy.folder / "straight")
    assert losses(run) == losses(argosy.folder / "straight")
    ours, theirs = (
        load_state(p / "checkpoints/step-00000030/state", {}, bool) for p in (run, argosy.folder / "straight")
    )
    assert ours.keys() == theirs.keys() and any(name.startswith("random.torch") for name in ours)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items()), "optimiser and random state too"
    assert held_out(run) == held_out(argosy.folder / "straight"), "no evaluation is lost to a kill"
    story = (run / "events.jsonl").read_text()
    assert story.count('"finished"') == 1

    argosy("train", *arguments, "--run", "other", "--set", "training.seed=1")
    assert final_weights(argosy.folder / "other") != final_weights(run), "negative control: another seed differs"


def test_interrupt_saves_and_says_how_to_go_on(argosy: CommandLine, tiny_venture: Path) -> None:
    arguments = (str(tiny_venture), "--set", "training.steps=4000", "--set", "training.checkpoint_every=2000")
    process = argosy.start("train", *arguments, "--set", "layout.data=2")
    metrics = tiny_venture.parent / "runs" / "tiny" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 3):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "to go on from there: argosy train" in err
    step = argosy.json("status", "tiny")["step"]
    assert 3 < step < 2000
    assert json.loads(metrics.read_text().splitlines()[-1])["step"] == step


def test_resumes_on_another_number_of_processes(argosy: CommandLine, tiny_venture: Path) -> None:
    """Same batches; loss within 1e-5 for the first 20 steps after the switch (ARCHITECTURE, exactness)."""
    arguments = (str(tiny_venture), "--set", "training.steps=26", "--set", "training.checkpoint_every=6")
    argosy("train", *arguments, "--run", "one")
    run = argosy.folder / "moved"
    kill_when(argosy, (*arguments, "--run", "moved"), run, 7, 0.0)
    assert (run / "checkpoints" / "step-00000006" / "manifest.json").exists()
    argosy("train", *arguments, "--run", "moved", "--set", "layout.data=2")
    assert "resumed" in (run / "events.jsonl").read_text()
    ours, reference = losses(run), losses(argosy.folder / "one")
    assert max(abs(a - b) for a, b in zip(ours, reference, strict=True)) <= 1e-5
    weights = [load_file(p / "checkpoints/step-00000026/model/model.safetensors") for p in (run, argosy.folder / "one")]
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() < 1e-4, name
