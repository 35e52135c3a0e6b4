"""A finished run, made without training: the files every stage leaves, with figures drawn by formula."""

import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from argosy.config import Execution, load_venture, resolve_recipe, transformer_config
from argosy.data import prepare
from argosy.evaluation import Baseline, Evaluation, Sample
from argosy.planning import RunPlan
from argosy.planning.results import Span
from argosy.storage import Run, file_digest, write_json
from argosy.training import HeldOut
from tests.conftest import write_corpus

VENTURE = """
name = "voyage"
title = {title}
[data]
sequence_length = 64
vocabulary_size = 320
held_out_fraction = 0.1
[[data.sources]]
kind = "jsonl"
path = "corpus.jsonl"
name = "ships and storms"
weight = 3.0
[[data.sources]]
kind = "text"
path = "notes/*.txt"
license = "CC-BY-4.0"
weight = 1.0
[model]
dim = 32
layers = 2
heads = 4
[training]
steps = 400
batch_size = 8
learning_rate = 5e-3
optimizer = "muon"
[layout]
data = 2
[evaluation]
prompts = ["the captain ", "the storm "]
"""
STEPS = 400
MakeRun = Callable[..., Run]


def metric_line(step: int, steps: int = STEPS) -> dict[str, Any]:
    """One line of `metrics.jsonl`, drawn from a generator seeded by the step."""
    chance = random.Random(step)
    step_s = 0.02 * (1.6 if 0.3 < step / steps < 0.45 else 1.0) * chance.uniform(0.95, 1.1)
    skipped = step == steps // 2
    return {
        "step": step,
        "loss": 1.9 + 3.9 * math.exp(-14 * step / steps) + 0.5 * math.exp(-2 * step / steps) + chance.gauss(0, 0.05),
        "learning_rate": 5e-3 * min(1.0, step / 12) * (0.55 + 0.45 * math.cos(math.pi * step / steps)),
        "gradient_norm": None if skipped else 0.5 + 3 * math.exp(-9 * step / steps) + abs(chance.gauss(0, 0.1)),
        "tokens": step * 512,
        "tokens_per_s": 512 / step_s,
        "mfu": 0.0066 / step_s,
        "elapsed_s": 0.021 * step,
        "step_s": step_s,
        "data_s": 0.02 * step_s,
        "compute_s": 0.8 * step_s,
        "communication_s": 0.15 * step_s,
        "memory_gib": 0.4 + 0.1 * step / steps,
        "skipped": skipped,
    }


def write_metrics(run: Run, steps: int = STEPS) -> None:
    """Write `metrics.jsonl`."""
    run.path.mkdir(parents=True, exist_ok=True)
    run.metrics.write_bytes(b"".join(orjson.dumps(metric_line(step, steps)) + b"\n" for step in range(1, steps + 1)))


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a finished run; `title`, `sample`, `reason` and `licence` may be anything that text can be."""

    def make(
        title: str = "A small model of the sea",
        sample: str = "sees the port. the crew",
        reason: str = "",
        licence: str = "",
    ) -> Run:
        _write_sources(tmp_path, licence)
        (tmp_path / "venture.toml").write_text(VENTURE.format(title=json.dumps(title)), encoding="utf-8")
        venture = load_venture(tmp_path / "venture.toml")
        run = Run.of(venture)
        run.path.mkdir(parents=True)
        run.write_venture(venture)
        prepare(venture, run.data)
        write_metrics(run)
        _write_checkpoint(run)
        _write_story(run, reason or "a bfloat16 matrix product runs at 2.2 × float32 here")
        run.write_result("plan", _plan())
        run.write_result("evaluation", _evaluation(sample))
        _write_receipts(run)
        return run

    return make


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """A finished run."""
    return make_run()


def _write_sources(folder: Path, licence: str) -> None:
    write_corpus(folder / "corpus.jsonl")
    lines = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    for place, line in enumerate(lines):
        line["license"] = licence or ("CC0-1.0", "CC0-1.0", "MIT", "Apache-2.0")[place % 4]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (folder / "notes").mkdir()
    for number in range(12):
        text = f"note {number}: " + "the tide turns and the ship leaves the port. " * (3 + 5 * number)
        (folder / "notes" / f"{number}.txt").write_bytes(text.encode() + (b"\xff" if number == 3 else b""))


def _write_checkpoint(run: Run) -> None:
    venture = run.venture()
    shape = transformer_config(venture, 320)
    execution = Execution(micro_batch=4, precision="bfloat16", compile=False, recompute=False)
    parts = {"model": shape, "recipe": resolve_recipe(venture, shape), "layout": venture.layout, "execution": execution}
    manifest = {"step": STEPS, "tokens": STEPS * 512, **{k: part.model_dump(mode="json") for k, part in parts.items()}}
    folder = run.checkpoints / f"step-{STEPS:08d}"
    folder.mkdir(parents=True)
    write_json(folder / "manifest.json", manifest)


def _write_story(run: Run, reason: str) -> None:
    run.event("stage", stage="prepare", state="started")
    run.event("stage", stage="prepare", state="completed", wall_s=1.5)
    run.event("stage", stage="train", state="started")
    run.event("started", step=0, ranks=2, parameters=42_000, precision="bfloat16", compile=False, torch="2.13.0")
    run.event("choice", reason=reason)
    run.event("recentred", step=22, step_time_s=0.0205, correction=1.025, left_h=0.002)
    for step in range(40, STEPS + 1, 40):
        run.event("checkpoint", step=step, seconds=0.04)
        run.event("held_out", step=step, loss=2.0 + 3.5 * math.exp(-10 * step / STEPS), bits_per_byte=1.3)
        if step == STEPS // 2:
            run.event("skipped", step=step, reason="the gradient was not finite")
            run.event("interrupted", step=step, signal="SIGTERM")
            run.event("resumed", step=step, ranks=2, precision="bfloat16", torch="2.13.0", memory_before_gib=0.3)
    run.event("finished", step=STEPS)
    run.event("stage", stage="train", state="completed", wall_s=9.1)
    run.event("stage", stage="evaluate", state="completed", wall_s=2.0)


def _plan() -> RunPlan:
    return RunPlan(
        planned_at="2026-11-26T12:00:00+00:00",
        where="a made-up machine",
        ranks=2,
        execution=Execution(micro_batch=4, precision="bfloat16", compile=False, recompute=False),
        parameters=42_000,
        tokens=STEPS * 512,
        flops=1e12,
        step_time_s=Span(low=0.018, middle=0.02, high=0.022),
        train_h=Span(low=0.0018, middle=0.002, high=0.0022),
        peak_memory_gib=Span(low=0.11, middle=0.12, high=0.13),
        basis="22 training steps measured here 2026-11-26",
    )


def _evaluation(sample: str) -> Evaluation:
    return Evaluation(
        held_out=HeldOut(loss=2.05, perplexity=7.7679, bits_per_byte=1.234, tokens=2600, bytes=6231),
        baselines=(
            Baseline(name="xz -9", bits_per_byte=1.9, note="the held-out documents in one stream"),
            Baseline(name="byte 5-gram", bits_per_byte=1.7, note="Witten–Bell, trained on 0.1 MB"),
        ),
        samples=(
            Sample(prompt="the captain ", text=sample, tokens_per_s=210.0),
            Sample(prompt="the storm ", text="fears the ship. " * 30, tokens_per_s=205.0),
        ),
        step=STEPS,
        wall_s=2.0,
    )


def _write_receipts(run: Run) -> None:
    index, manifest = run.data / "index.json", next(run.checkpoints.glob("*/manifest.json"))
    stages: list[tuple[str, float, dict[str, str], list[Path], dict[str, str]]] = [
        ("prepare", 1.5, {"sources": "5" * 64}, [index], {"numpy": "2.4.6"}),
        ("train", 9.1, {"data": file_digest(index)}, [manifest, run.metrics], {"torch": "2.13.0"}),
        ("evaluate", 2.0, {"checkpoint": file_digest(manifest)}, [run.path / "evaluation.json"], {"torch": "2.13.0"}),
    ]
    for stage, wall_s, inputs, outputs, versions in stages:
        run.write_receipt(
            stage, inputs=inputs, configuration={}, outputs=outputs, started=time.time() - wall_s, versions=versions
        )
