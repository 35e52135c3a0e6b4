"""Intervals and calibration against the long way round."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.evaluation.statistics import RESAMPLES, calibrate, interval, lead, resampled_means

pytestmark = pytest.mark.fast

answers = st.lists(st.booleans(), min_size=1, max_size=60)


def test_the_bootstrap_is_that_of_samples_drawn_one_by_one() -> None:
    values = np.array([1.0] * 31 + [0.0] * 9 + [-1.0] * 10)
    chance = np.random.default_rng(1)
    naive = values[chance.integers(0, len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    ours = resampled_means(values.tolist())
    # Both quantiles are estimated from 10,000 draws: their error is sqrt(q (1 - q) / n) / density, below 0.01 here.
    assert interval(ours) == pytest.approx(interval(naive), abs=0.03)
    assert ours.mean() == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(len(values) * RESAMPLES))
    assert ours.std() == pytest.approx(values.std() / np.sqrt(len(values)), rel=4 / np.sqrt(2 * RESAMPLES))


@settings(max_examples=30, deadline=None)
@given(answers)
def test_an_interval_is_ordered_lies_between_0_and_1_and_comes_again(right: list[bool]) -> None:
    low, high = interval(resampled_means(right))
    assert 0 <= low <= high <= 1
    assert low <= np.mean(right) + 1e-12 and np.mean(right) - 1e-12 <= high
    assert (low, high) == interval(resampled_means(list(reversed(right))))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_lead_turned_round_is_a_lag(pairs: list[tuple[bool, bool]]) -> None:
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    found, turned = lead(ours, theirs), lead(theirs, ours)
    assert found.accuracy == pytest.approx(-turned.accuracy)
    assert found.share_better + turned.share_better <= 1.02  # two draws of 10,000
    assert found.interval[0] <= found.accuracy + 1e-12 and found.accuracy - 1e-12 <= found.interval[1]


def test_leads_that_are_certain() -> None:
    assert lead([True] * 8, [False] * 8).model_dump() == {"accuracy": 1, "interval": (1, 1), "share_better": 1}
    assert lead([True, False], [True, False]).share_better == 0, "equal is not better"


def test_calibration_of_a_model_that_knows_itself_and_of_one_that_boasts() -> None:
    chance = np.random.default_rng(0)
    confidence = chance.uniform(0.5, 1, 4000)
    right = (chance.random(4000) > confidence).astype(int)  # the first choice is right as often as is claimed
    honest = calibrate([(p, 1 - p) for p in confidence], right.tolist())
    boasting = calibrate([(0.99, 0.01)] * 4000, right.tolist())
    assert honest.expected_error < 0.04 < 0.2 < boasting.expected_error
    assert honest.brier < boasting.brier
    assert [each.questions for each in honest.bins] == [400] * 10
    assert all(a.confidence <= b.confidence for a, b in zip(honest.bins, honest.bins[1:], strict=False))


def test_calibration_by_hand() -> None:
    found = calibrate([(0.8, 0.2), (0.3, 0.7)], [0, 0])
    # Sure of 0.7 and wrong, sure of 0.8 and right: (0.7 + 0.2) / 2; squares 0.04 + 0.04 and 0.49 + 0.49.
    assert found.expected_error == pytest.approx(0.45)
    assert found.brier == pytest.approx((0.08 + 0.98) / 2)
    assert [(each.confidence, each.accuracy) for each in found.bins] == [(0.7, 0), (0.8, 1)]
