"""Many futures: equal to closed forms where there are any, seeded, calibrated on ventures that were drawn."""

import math
from datetime import date
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from argosy.capital import CapitalPlan
from argosy.capital.cash.futures import Future, Stream, TrainingTime, cash_paths, drawn, simulate, tornado
from argosy.capital.cash.outlooks import future_of

pytestmark = pytest.mark.fast
FLAT = np.ones(24)


def test_nothing_uncertain_is_the_ledger() -> None:
    found = simulate(Future(100.0, [Stream("costs", -5.0 * FLAT)], 24), paths=10)
    assert found.solvent.value == 0.0 and found.out_by_month[19:21] == (0.0, 1.0)
    assert [row[2] for row in found.fan] == pytest.approx([100 - 5 * (month + 1) for month in range(24)])


def test_a_log_normal_training_time_has_a_closed_form() -> None:
    training = TrainingTime(start_month=2.0, months=6.0, factor_80=1.5, per_month=10.0)
    future = Future(75.0, [], 40, training)
    found = simulate(future, paths=40_000)
    deviation = math.log(1.5) / NormalDist().inv_cdf(0.9)
    # The money is out during training when it takes more than 7.5 months of 10 each.
    expected = NormalDist().cdf(math.log(7.5 / 6.0) / deviation)
    assert found.trained is not None
    assert abs(found.trained.value - expected) < 4 * found.trained.standard_error
    assert found.solvent.value == found.trained.value


def test_a_round_that_may_not_come_and_an_exponential_delay_have_closed_forms() -> None:
    costs = Stream("costs", -1.0 * np.ones(60))
    money = np.zeros(60)
    money[5] = 100.0
    found = simulate(Future(10.0, [costs, Stream("round", money, probability=0.7, delay_months=6.0)], 60), 40_000)
    # It has to come in month 10 at the latest (from 0): a delay that rounds to 5 or less.
    expected = 0.7 * (1 - math.exp(-5.5 / 6.0))
    assert abs(found.solvent.value - expected) < 4 * found.solvent.standard_error


def test_the_same_seed_is_the_same_future_and_other_streams_do_not_move_it() -> None:
    one = Stream("revenue", 2.0 * FLAT, size_deviation=0.5)
    costs = Stream("costs", -3.0 * FLAT, drift_deviation=0.3)
    first, again = (simulate(Future(30.0, [one, costs], 24), 500, seed=3) for _ in range(2))
    assert first == again and first != simulate(Future(30.0, [one, costs], 24), 500, seed=4)
    # Common random numbers: certain money added in each path raises every quantile by just as much.
    more = simulate(Future(30.0, [one, costs, Stream("grant", FLAT)], 24), 500, seed=3)
    assert np.array(more.fan) - np.array(first.fan) == pytest.approx(np.arange(1, 25)[:, None] * np.ones(5))


def test_milestones_move_with_training_and_money_limits_them() -> None:
    training = TrainingTime(start_month=0.0, months=4.0, factor_80=1.3, per_month=5.0)
    future = Future(60.0, [Stream("costs", -2.0 * FLAT)], 24, training, {"launch": 6.0, "beyond": 30.0})
    found = simulate(future, 5_000)
    names = {one.name: one.value for one in found.milestones}
    assert found.trained is not None and names["launch"] <= found.trained.value and names["beyond"] == 0.0


def test_a_milestone_needs_cash_at_the_end_of_its_own_month() -> None:
    """Cash of 5 and costs of 2 a month: the third month ends below zero."""
    tree = {"start": date(2027, 1, 1), "months": 12, "cash": 5.0}
    tree |= {"costs": [{"name": "rent", "kind": "office", "amount": 2.0, "start": "2027-01"}]}
    tree |= {"milestones": [{"name": month, "month": f"2027-{month}"} for month in ("01", "02", "03", "04")]}
    plan = CapitalPlan.model_validate(tree, strict=False)
    found = simulate(future_of(plan, Path()), 200)
    assert {one.name: one.value for one in found.milestones} == {"01": 1, "02": 1, "03": 0, "04": 0}


def test_what_begins_sooner_goes_on_until_the_plan_ends() -> None:
    """Training of 12 months that ends sooner: sales of 1 from then on until month 24, none lost at the end."""
    sales = Stream("sales", np.array([0.0] * 12 + [1.0] * 12), after_training=True, goes_on=True)
    future = Future(0.0, [sales], 24, TrainingTime(0.0, 12.0, 1.5))
    cash, _, late = cash_paths(future, 2_000, 0)
    assert (late < -1).mean() > 0.3
    assert cash[:, -1] == pytest.approx(np.clip(12 - np.round(late), 0, None))


def test_the_largest_swing_is_first() -> None:
    streams = [
        Stream("costs", -5.0 * FLAT),
        Stream("large", 3.0 * FLAT, size_deviation=1.0),
        Stream("small", 0.3 * FLAT, size_deviation=0.2),
    ]
    swings = tornado(Future(60.0, streams, 24))
    large, small = swings
    assert (large.name, small.name) == ("large", "small") and abs(large.explained) > abs(small.explained)
    assert large.low < 0.05 and large.high > 0.95


def test_a_source_that_does_not_come_is_judged_by_all_futures_without_it() -> None:
    grant = Stream("grant", np.array([20.0, *[0.0] * 23]), probability=0.7)
    future = Future(60.0, [Stream("costs", -3.0 * FLAT, drift_deviation=0.3), grant], 24)
    swing = next(one for one in tornado(future, 4_000) if one.name == "grant")
    cash, _, late = cash_paths(future, 4_000, 0)
    lasts, came = cash.min(axis=1) >= 0, drawn(grant, 24, late, 0).sum(axis=1) > 0
    assert swing.low == pytest.approx(lasts[~came].mean()) and swing.high == pytest.approx(lasts[came].mean())
    assert swing.low < swing.high


def test_probabilities_are_calibrated_on_ventures_that_were_drawn() -> None:
    """Of ventures that were given a probability, so many live: each outcome is one more draw of the same future."""
    chance, said, happened = np.random.default_rng(11), [], []
    for venture in range(400):
        deviation, opening = chance.uniform(0.1, 0.8), chance.uniform(20, 90)
        streams = [
            Stream("costs", -4.0 * FLAT, drift_deviation=0.2),
            Stream("revenue", chance.uniform(0, 4) * FLAT, size_deviation=deviation, delay_months=3.0),
        ]
        future = Future(opening, streams, 24)
        said.append(simulate(future, 400, seed=venture).solvent.value)
        happened.append(simulate(future, 1, seed=10_000 + venture).solvent.value)
    told, came = np.array(said), np.array(happened)
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
        inside = (told >= low) & (told < high)
        spread = math.sqrt(float((told[inside] * (1 - told[inside])).sum())) + 0.5
        assert abs(came[inside].sum() - told[inside].sum()) < 3.5 * spread
