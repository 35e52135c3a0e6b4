"""Values tried from the command line, interrupted and gone on with; a trial is a run like any other."""

import signal
import time
from pathlib import Path

from argosy.config import load_venture
from argosy.storage import Run
from argosy.workflow import Options, run_until
from tests.conftest import CommandLine
from tests.resume.test_resume import final_weights, losses

KEYS = ("--set", "training.steps=300", "--set", "training.checkpoint_every=100")


def test_an_interrupted_sweep_goes_on_and_its_trials_are_runs(argosy: CommandLine, tiny_venture: Path) -> None:
    command = ("sweep", str(tiny_venture), *KEYS, "--set", "training.learning_rate=3e-3,1e2,1e-2")
    folder = tiny_venture.parent / "runs" / "tiny-sweep"
    process = argosy.start(*command)
    metrics = folder / "learning_rate=0.003" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 3):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "the same command goes on with the sweep" in err, err

    found = argosy.json(*command)
    assert [trial["state"] for trial in found["trials"]] == ["done", "done", "failed"]
    assert "not finite" in found["trials"][-1]["reason"]
    assert found["best"] == found["trials"][0]["label"] and found["notes"] == []
    assert len(losses(folder / "learning_rate=0.003")) == 300
    shown = argosy(*command).stdout
    assert shown.count("300 of 300") == 2 and f"argosy run {folder / found['best']}" in shown
    assert argosy.json("status", str(folder / found["best"]))["step"] == 300
    assert "training.learning_rate" in str(
        argosy.json("compare", *(str(folder / t["label"]) for t in found["trials"][:2]))
    )


def test_stopping_at_a_rung_changes_nothing(argosy: CommandLine, tiny_venture: Path) -> None:
    venture, rungs = load_venture(tiny_venture), Run(argosy.folder / "rungs")
    run_until(venture, "train", rungs, options=Options(stop_at=5))
    assert rungs.receipt("train") is None and len(losses(rungs.path)) == 5
    run_until(venture, "train", rungs, options=Options(stop_at=12))
    assert rungs.receipt("train") is not None
    measured = [event["step"] for event in rungs.read_events() if event["kind"] == "rung"]
    assert measured == [5, 12]
    run_until(venture, "train", Run(argosy.folder / "straight"))
    assert final_weights(rungs.path, 12) == final_weights(argosy.folder / "straight", 12)
    assert losses(rungs.path) == losses(argosy.folder / "straight")
