"""Trackers get every figure once, from a thread of their own, and can neither stop nor slow training."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from argosy.config import Venture, load_venture
from argosy.storage import Run
from argosy.training import check, trackers
from argosy.training.results import HeldOut
from argosy.training.trackers import Tracker
from tests.training.test_callbacks import metrics

HELD_OUT = HeldOut(loss=2.5, perplexity=1.0, bits_per_byte=1.25, tokens=1, bytes=1)


@pytest.fixture
def venture(tiny_venture: Path) -> Venture:
    return load_venture(tiny_venture, ['run.trackers=["wandb", "mlflow"]'])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "runs" / "tiny")
    run.event("started", step=0)
    return run


class FakeWandb:
    """Records what it is told; keeps its step as the real one does when it resumes online."""

    __spec__ = SimpleNamespace(origin="here")

    def __init__(self) -> None:
        self.inits: list[dict[str, Any]] = []
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.finished = 0

    @property
    def step(self) -> int:
        return max((step for step, _ in self.logged), default=-1) + 1

    def init(self, **options: Any) -> "FakeWandb":
        self.inits.append(options)
        return self

    def log(self, figures: dict[str, float], step: int) -> None:
        self.logged.append((step, figures))

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def track(run: Run, venture: Venture, name: str, *steps: int) -> None:
    """Hand over these steps, with a held-out loss after the last."""
    tracker = Tracker(name, run, venture)
    for step in steps:
        tracker.on_step(metrics(step))
    tracker.on_held_out(steps[-1], HELD_OUT)
    tracker.on_end()


def test_resuming_goes_on_in_the_same_run_without_doubles(run: Run, venture: Venture, wandb: FakeWandb) -> None:
    track(run, venture, "wandb", 1, 2, 3)
    track(run, venture, "wandb", 2, 3, 4)
    assert [options["project"] for options in wandb.inits] == ["tiny", "tiny"]
    assert wandb.inits[0]["id"] == wandb.inits[1]["id"] and wandb.finished == 2
    assert [step for step, figures in wandb.logged if "train/loss" in figures] == [1, 2, 3, 4]
    assert "train/gradient_norm" not in wandb.logged[1][1], "what was not finite is not logged"
    assert (4, {"held_out/loss": 2.5, "held_out/bits_per_byte": 1.25}) in wandb.logged
    run.event("rewound", step=2)
    track(run, venture, "wandb", 3)
    assert wandb.inits[2]["id"] != wandb.inits[0]["id"], "another after going back: its figures are others"


def test_a_tracker_that_fails_is_told_of_once(
    run: Run, venture: Venture, wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(figures: dict[str, float], step: int) -> None:
        raise ConnectionError("the network is down")

    monkeypatch.setattr(wandb, "log", broken)
    tracker = Tracker("wandb", run, venture)
    tracker.on_step(metrics(1))
    tracker._thread.join(10)
    tracker.on_step(metrics(2))
    tracker.on_end()
    assert capfd.readouterr().err.count("going on without wandb: ConnectionError: the network is down") == 1
    assert [event["what"] for event in run.read_events() if event["kind"] == "fallback"] == ["wandb"]


def test_a_tracker_that_hangs_is_left(
    run: Run, venture: Venture, wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trackers, "CLOSING_S", 0.1)
    release = threading.Event()
    monkeypatch.setattr(wandb, "log", lambda figures, step: release.wait(30))
    track(run, venture, "wandb", 1)
    assert "did not take everything" in capfd.readouterr().err
    release.set()


def test_a_missing_package_is_a_problem_of_the_venture(
    venture: Venture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb").mkdir()  # what wandb itself leaves behind is no package
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in ("wandb", "mlflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    problems = check(venture)
    assert [problem.value for problem in problems] == ["wandb", "mlflow"]
    assert all(problem.code == "missing-package" and "pip install" in problem.expected for problem in problems)


def test_the_real_wandb_offline(run: Run, venture: Venture, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb.sdk", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    track(run, venture, "wandb", 1, 2)
    assert list((run.path / "wandb").glob("offline-run-*"))
    assert not [event for event in run.read_events() if event["kind"] == "fallback"]


def test_the_real_mlflow_in_files(run: Run, venture: Venture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    track(run, venture, "mlflow", 1, 2, 3)
    track(run, venture, "mlflow", 3, 4)
    client = mlflow.MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert [m.step for m in client.get_metric_history(found.info.run_id, "train/loss")] == [1, 2, 3, 4]
    assert found.data.params["model.dim"] == "32" and found.info.status == "FINISHED"
    assert not [event for event in run.read_events() if event["kind"] == "fallback"]
