"""Successive halving keeps to the budget, uses it, and lets go of all but the best third."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.sweep.halving import ETA, MARGIN, Job, next_rung, target

pytestmark = pytest.mark.fast

JOBS = st.lists(
    st.builds(
        Job,
        steps=st.integers(1, 5000),
        done=st.just(0),
        step_s=st.floats(0.001, 2.0),
        start_s=st.floats(0.0, 20.0),
    ),
    min_size=1,
    max_size=20,
)


def climbed(jobs: list[Job], budget_s: float) -> tuple[list[tuple[float, int]], float]:
    """Rungs (share, jobs) and time when every step takes what was predicted, and the first jobs are always the best."""
    rungs: list[tuple[float, int]] = []
    spent = 0.0
    while plan := next_rung(jobs, budget_s - MARGIN * spent, compared=bool(rungs)):
        share, count = plan
        jobs = jobs[:count]
        spent += sum(job.cost_s(share) for job in jobs) / MARGIN
        jobs = [replace(job, done=target(job.steps, share)) for job in jobs]
        rungs.append(plan)
        if share == 1.0:
            break
    return rungs, spent


@given(JOBS, st.floats(0.0, 1e5))
def test_the_budget_is_kept_and_later_rungs_are_further_and_fewer(jobs: list[Job], budget_s: float) -> None:
    rungs, spent = climbed(jobs, budget_s)
    assert MARGIN * spent <= budget_s * (1 + 1e-9)
    for (share, count), (further, fewer) in pairwise(rungs):
        assert further > share
        assert fewer <= max(1, -(-count // ETA)) or further == 1.0


@given(JOBS)
def test_with_time_for_all_everything_is_trained_to_its_end(jobs: list[Job]) -> None:
    assert climbed(jobs, sum(job.cost_s(1.0) for job in jobs) * 1.001 + 1e-6)[0] == [(1.0, len(jobs))]


def test_eight_equal_jobs_in_the_time_of_three() -> None:
    """All of them to a ninth, three to a third, one to its end: 2.2 trainings in all."""
    jobs = [Job(steps=900, done=0, step_s=1.0, start_s=0.0)] * 8
    rungs, spent = climbed(jobs, 2.3 * 900 * MARGIN)
    assert [(round(1 / share), count) for share, count in rungs] == [(9, 8), (3, 3), (1, 1)]
    assert spent == 800 + 3 * 200 + 600


def test_when_not_a_step_fits_nothing_is_begun() -> None:
    assert next_rung([Job(steps=10, done=0, step_s=1.0, start_s=60.0)] * 4, 59.0, compared=False) is None
    plan = next_rung([Job(steps=1000, done=0, step_s=1.0, start_s=60.0)] * 4, 300.0, compared=False)
    assert plan is not None and plan[1] < 4, "fewer, but in earnest"
