"""A run tells once how far its first steps are from its plan."""

from pathlib import Path

import pytest

from argosy.config import Execution
from argosy.planning import RunPlan
from argosy.planning.results import Span
from argosy.storage import Run
from argosy.training.callbacks import StepMetrics
from argosy.training.recentring import Recentring

pytestmark = pytest.mark.fast
PLAN = RunPlan(
    planned_at="2026-11-26T12:00:00+00:00",
    where="here",
    ranks=1,
    execution=Execution(micro_batch=1, precision="float32", compile=False, recompute=False),
    parameters=1000,
    tokens=100,
    flops=1e9,
    step_time_s=Span(low=0.08, middle=0.1, high=0.125),
    train_h=None,
    peak_memory_gib=None,
    basis="a test",
)


def steps(run: Run, plan: RunPlan | None, count: int, whole: int) -> list[dict[str, object]]:
    watcher = Recentring(run, plan, whole)
    for number in range(1, count + 1):
        slow = 9.0 if number <= 2 else 0.2  # the first two are not like the others
        watcher.on_step(
            StepMetrics(
                step=number,
                loss=1.0,
                learning_rate=1e-3,
                gradient_norm=1.0,
                tokens=number,
                tokens_per_s=1.0,
                mfu=None,
                elapsed_s=1.0,
                step_s=slow,
                data_s=0.0,
                compute_s=slow,
                communication_s=0.0,
                memory_gib=1.0,
                skipped=False,
            )
        )
    return [dict(event) for event in run.read_events() if event["kind"] == "recentred"]


def test_it_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = steps(Run(tmp_path), PLAN, 60, 18_022)
    assert told["step"] == 22 and told["step_time_s"] == pytest.approx(0.2)
    assert told["correction"] == pytest.approx(2.0) and told["left_h"] == pytest.approx(1.0)
    assert "2.00 × what was predicted (0.08 to 0.125); by that, 1.0 hours are left" in capsys.readouterr().err


def test_without_a_plan_only_the_story_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = steps(Run(tmp_path), None, 30, 100)
    assert told["correction"] is None and not capsys.readouterr().err


def test_a_run_that_is_over_is_not_told_how_long_it_takes(tmp_path: Path) -> None:
    assert steps(Run(tmp_path), PLAN, 22, 22) == []
