"""Checkpoint intervals against a grid, goodput against drawn failures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.planning import Reliability, checkpoint_interval, goodput, wall_times

pytestmark = pytest.mark.fast

jobs = st.builds(
    Reliability,
    accelerators=st.integers(1, 100_000),
    hours_between_failures=st.floats(1e3, 1e6),
    save_s=st.floats(0.1, 600),
    restart_s=st.floats(0, 1800),
)


@given(jobs)
def test_the_interval_is_the_best_of_a_grid(job: Reliability) -> None:
    found = checkpoint_interval(job)
    grid = found.exact_s * np.exp(np.linspace(-1, 1, 401))
    best = max(goodput(float(work), job) for work in grid)
    assert found.goodput == pytest.approx(best, rel=1e-9) or found.goodput >= best
    assert goodput(1.02 * found.exact_s, job) < found.goodput and goodput(0.98 * found.exact_s, job) < found.goodput


def test_approximations_are_near_where_failures_are_rare_and_far_where_they_are_not() -> None:
    rare = checkpoint_interval(Reliability(accelerators=8, save_s=10, restart_s=300))
    assert rare.young_s == pytest.approx(rare.exact_s, rel=0.01) and rare.daly_s == pytest.approx(
        rare.exact_s, rel=1e-3
    )
    often = checkpoint_interval(Reliability(accelerators=50_000, save_s=600, restart_s=300))
    assert abs(often.young_s / often.exact_s - 1) > 0.1


def test_saving_for_nothing_is_done_all_the_time() -> None:
    found = checkpoint_interval(Reliability(accelerators=1000, save_s=0, restart_s=0))
    assert found.exact_s == 0 and found.goodput == 1


@pytest.mark.parametrize("restart_s", [0.0, 900.0])
def test_drawn_failures_take_the_expected_time(restart_s: float) -> None:
    job = Reliability(accelerators=16_384, save_s=60, restart_s=restart_s)
    interval = checkpoint_interval(job)
    work_s = 400 * interval.exact_s
    drawn = wall_times(work_s, interval.exact_s, job, runs=4000)
    assert np.mean(drawn) == pytest.approx(work_s / interval.goodput, rel=0.003)
    assert np.min(drawn) >= work_s and np.std(drawn) > 0
    assert np.array_equal(drawn, wall_times(work_s, interval.exact_s, job, runs=4000)), "a function of the seed"


def test_a_published_run() -> None:
    """Llama 3 405B: 466 interruptions, 47 of them planned, of 16,384 accelerators in 54 days, more than 90 % useful."""
    job = Reliability(accelerators=16_384, save_s=10, restart_s=300)
    assert 54 * 86_400 * job.failures_per_s == pytest.approx(419, rel=0.02)
    assert 0.9 < checkpoint_interval(job).goodput < 0.97
