"""Plan against actual: figures of the run beside those that were told before it."""

import statistics

import pytest

from argosy.report.planned import planned
from argosy.report.views import view_run
from argosy.storage import Run
from tests.report.conftest import STEPS, metric_line

pytestmark = pytest.mark.fast


def test_plan_against_actual(run: Run) -> None:
    found = planned(view_run(run))
    assert found is not None
    rows = {row.label: row for row in found.rows}
    assert list(rows) == ["time of a step", "all steps", "peak memory of a rank"]
    steps = [metric_line(step)["step_s"] for step in range(1, STEPS + 1)]
    assert rows["time of a step"].off == f"{100 * (statistics.median(steps) / 0.02 - 1):+.0f}\xa0%"
    assert rows["time of a step"].within and not rows["peak memory of a rank"].within
    assert rows["peak memory of a rank"].actual == "0.2\xa0GiB"
    assert "22 training steps measured here" in found.words and "1.02 times as long" in found.words


def test_half_a_run_is_not_compared_as_a_whole(run: Run) -> None:
    lines = run.metrics.read_bytes().splitlines(keepends=True)
    run.metrics.write_bytes(b"".join(lines[: STEPS // 2]))
    found = planned(view_run(run))
    assert found is not None and "all steps" not in [row.label for row in found.rows]


def test_a_run_of_an_older_version_has_no_plan(run: Run) -> None:
    (run.path / "plan.json").unlink()
    assert planned(view_run(run)) is None


def test_other_ranks_are_not_held_against_the_plan(run: Run) -> None:
    run.event("resumed", step=STEPS, ranks=1, precision="bfloat16", torch="2.13.0", memory_before_gib=0.3)
    found = planned(view_run(run))
    assert found is not None and found.rows == () and "another number of processes" in found.words


@pytest.mark.parametrize("damage", ["", "[1]", '{"step_time_s": {"low": "x"}, "basis": 3}'])
def test_a_damaged_plan_is_no_reason_to_have_no_page(run: Run, damage: str) -> None:
    (run.path / "plan.json").write_text(damage)
    found = planned(view_run(run))
    assert found is None or found.rows == ()
