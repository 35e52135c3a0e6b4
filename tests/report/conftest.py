"""A finished run, made without training: every file a report reads, with figures drawn by formula."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.config import load_venture
from argosy.data import prepare
from argosy.evaluation import Baseline, Evaluation, Sample
from argosy.storage import Run
from argosy.training import HeldOut
from tests.conftest import TINY, write_corpus

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def metric_line(step: int) -> dict[str, Any]:
    """One line of `metrics.jsonl`."""
    return {
        "step": step,
        "loss": 2 + 4 / step,
        "learning_rate": 1e-3,
        "gradient_norm": None if step == 7 else 1 + 1 / step,
        "tokens": step * 192,
        "tokens_per_s": 9000.0 + step,
        "mfu": 0.4,
        "elapsed_s": step * 0.1,
        "step_s": 0.1,
        "data_s": 0.001,
        "compute_s": 0.09,
        "communication_s": 0.009,
        "memory_gib": 0.5,
        "skipped": step == 7,
    }


@pytest.fixture
def finished_run(tmp_path: Path) -> Run:
    """A run with data, metrics, events, evaluation and receipts; its text tries to break out of the page."""
    write_corpus(tmp_path / "corpus.jsonl")
    (tmp_path / "venture.toml").write_text(TINY.replace("[data]", f"title = {json.dumps(NASTY)}\n[data]", 1))
    venture = load_venture(tmp_path / "venture.toml")
    run = Run.of(venture)
    run.path.mkdir(parents=True)
    run.write_venture(venture)
    prepare(venture, run.data)
    with run.metrics.open("w") as file:
        for step in range(1, 41):
            file.write(json.dumps(metric_line(step)) + "\n")
    run.event("started", step=0, ranks=2, precision="float32", parameters=43_936, recipe={"steps": 40, "batch_size": 6})
    for step in (20, 40):
        run.event("held_out", step=step, loss=3.0 - step / 40, bits_per_byte=1.5)
    run.event("skipped", step=7, reason="the gradient was not finite")
    evaluation = Evaluation.model_validate(
        {
            "held_out": HeldOut(loss=2.0, perplexity=7.4, bits_per_byte=1.25, tokens=500, bytes=2000),
            "baselines": (Baseline(name="xz -9", bits_per_byte=1.9, note="note"),),
            "samples": (Sample(prompt="the ", text=NASTY, tokens_per_s=10.0),),
            "step": 40,
            "wall_s": 1.0,
        }
    )
    run.write_result("evaluation", evaluation)
    run.write_receipt(
        "prepare",
        inputs={"sources": "0" * 64},
        configuration={},
        outputs=[run.data / "index.json"],
        started=1.0,
        versions={"numpy": "2"},
    )
    return run
