"""The return of a training run and the value of waiting equal closed forms and cases worked out by hand."""

import csv
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from argosy.capital import PriceFall, TrainingStart, fitted_fall, training_return, waiting
from argosy.config import UserError

pytestmark = pytest.mark.fast
RATE = 1.01**12 - 1  # 1 % a month


def test_return_by_hand() -> None:
    found = training_return([1000, 200], [0, 300, 600, 600], RATE)
    flows = [-1000, 100, 600, 600]
    assert found.net_present_value_cents == pytest.approx(sum(f / 1.01**t for t, f in enumerate(flows)))
    assert (found.cost_cents, found.gain_cents, found.payback_months) == (1200, 1500, 3)
    assert found.discounted_payback_months == 3
    assert found.rate.rate is not None
    monthly = (1 + found.rate.rate) ** (1 / 12)
    assert sum(f / monthly**t for t, f in enumerate(flows)) == pytest.approx(0, abs=1e-6)
    factor = found.gain_factor_to_break_even
    assert factor is not None
    gains = [0, 300 / 1.01, 600 / 1.01**2, 600 / 1.01**3]
    assert factor * sum(gains) == pytest.approx(1000 + 200 / 1.01)


def test_payback_must_last() -> None:
    """A second run in month 3 puts the account below zero again."""
    assert training_return([100, 0, 0, 200], [0, 100, 50, 0, 150], 0.0).payback_months == 4
    assert training_return([100], [0, 99], 0.0).payback_months is None
    assert training_return([100], [0, 100, 1], 0.5).payback_months == 1
    assert training_return([100], [0, 100, 1], 0.5).discounted_payback_months is None
    assert training_return([100], [], 0.1).gain_factor_to_break_even is None


def test_return_refuses() -> None:
    with pytest.raises(UserError, match=r"gain_cents\[1\] = -5"):
        training_return([100], [0, -5], 0.1)
    with pytest.raises(UserError, match="above −1"):
        training_return([100], [0, 5], -1.0)


def _run(**changes: Any) -> TrainingStart:
    usual: dict[str, Any] = {
        "compute_cents": 10**8,
        "duration_months": 0,
        "gain_cents_per_month": 4 * 10**6,
        "horizon_months": 6000,
        "discount_rate": 0.25,
        "cash_cents": 10**12,
        "burn_cents_per_month": 0,
    }
    return TrainingStart(**usual | changes)


@settings(max_examples=40, deadline=None)
@given(fall=st.floats(0.1, 0.6), rate=st.floats(0.15, 0.6), gain=st.integers(10**6, 10**7))
def test_best_month_is_the_closed_form(fall: float, rate: float, gain: int) -> None:
    """Without a horizon: e^(λt) = (ρ + λ)·K·(1 − v)/(gain·ρ), of continuous rates, between the neighbouring months."""
    run = _run(discount_rate=rate, gain_cents_per_month=gain)
    found = waiting(run, PriceFall(per_year=fall, source="drawn"), 400)
    month_rate, month_fall = math.log(1 + rate) / 12, -math.log(1 - fall) / 12
    worth = gain / (1 - math.exp(-month_rate))  # of endless gains that start at once
    best = math.log((month_rate + month_fall) * 10**8 / (month_rate * worth)) / month_fall
    assert found.best is not None
    assert abs(found.best.month - min(max(best, 0), 400)) <= 1


def test_without_a_falling_price_waiting_never_pays() -> None:
    found = waiting(_run(), PriceFall(per_year=0.0, source="assumed"), 24)
    worthless = waiting(_run(gain_cents_per_month=1000), found.fall, 24)
    assert (worthless.best, worthless.best_with_endless_cash, worthless.value_of_waiting_cents) == (None, None, 0)
    assert found.best is not None and found.best.month == 0
    assert found.value_of_waiting_cents == 0


def test_a_gain_lost_by_being_late_shortens_the_wait() -> None:
    fall = PriceFall(per_year=0.4, source="assumed")
    patient = waiting(_run(gain_cents_per_month=2 * 10**6), fall, 200).best
    hurried = waiting(_run(gain_cents_per_month=2 * 10**6, gain_lost_per_month=0.01), fall, 200).best
    assert patient is not None and hurried is not None
    assert hurried.month < patient.month


def test_the_runway_ends_the_wait() -> None:
    """Cash 100, burn 5 a month, compute 50: the run must end by month 10 or 11, although waiting longer would pay."""
    run = _run(
        compute_cents=5000, gain_cents_per_month=80, cash_cents=10_000, burn_cents_per_month=500, duration_months=2
    )
    found = waiting(run, PriceFall(per_year=0.5, source="assumed"), 36)
    assert [one.possible for one in found.starts] == [
        10_000 - 500 * (m + 2) - 5000 * 0.5 ** (m / 12) >= 0 for m in range(37)
    ]
    assert found.best is not None and found.best.possible
    assert found.best_with_endless_cash is not None and found.best_with_endless_cash.month > found.best.month
    assert found.value_of_waiting_cents > 0
    broke = waiting(run.model_copy(update={"cash_cents": 100}), found.fall, 36)
    assert broke.best is None and broke.value_of_waiting_cents == 0


def test_waiting_by_hand() -> None:
    run = _run(
        compute_cents=1200, other_cost_cents=100, duration_months=1, gain_cents_per_month=500, horizon_months=4,
        discount_rate=RATE, cash_cents=5000, burn_cents_per_month=300,
    )  # fmt: skip
    second = waiting(run, PriceFall(per_year=0.5, source="assumed"), 1).starts[1]
    cost = 1200 * 0.5 ** (1 / 12) + 100
    assert second.cost_cents == pytest.approx(cost)
    assert second.net_present_value_cents == pytest.approx(500 / 1.01**2 + 500 / 1.01**3 - cost / 1.01)
    assert second.cash_at_end_cents == pytest.approx(5000 - 600 - cost)


def test_inputs_without_a_source_or_sense() -> None:
    with pytest.raises(ValidationError, match="source"):
        PriceFall(per_year=0.2, source="")
    with pytest.raises(UserError, match="latest_month = -1"):
        waiting(_run(), PriceFall(per_year=0.2, source="assumed"), -1)
    with pytest.raises(UserError, match="three prices"):
        fitted_fall([("lab", date(2024, 1, 1), 2.0)] * 5, "one day")


def test_a_fall_built_in_is_fitted() -> None:
    """A dear vendor, and from the second year on a cheap one: the change of vendors is no fall of prices."""
    days = [date(2024, 1, 1) + timedelta(days=30 * i) for i in range(24)]
    level = [("dear", 3.0, days), ("cheap", 1.0, days[12:]), ("seen once", 0.1, days[-1:])]
    prices = [
        (vendor, day, usd * 0.7 ** ((day - days[0]).days / 365.25)) for vendor, usd, seen in level for day in seen
    ]
    assert fitted_fall(prices, "built in").per_year == pytest.approx(0.3, abs=1e-9)
    noise = np.random.default_rng(0).normal(0, 0.1, len(prices))
    noisy = [(vendor, day, usd * math.exp(e)) for (vendor, day, usd), e in zip(prices, noise, strict=True)]
    rough = fitted_fall(noisy, "built in")
    assert rough.standard_error is not None
    assert abs(rough.per_year - 0.3) < 3 * rough.standard_error < 0.3


def test_fall_of_a_shared_price_series(data_folder: Path) -> None:
    """H100 on demand, each vendor against itself; yearly medians fell from 4.76 (2023) to 3.62 (2025)."""
    with (data_folder / "capital" / "hardware_prices_epoch.csv").open(encoding="utf-8-sig") as file:
        prices = [
            (row["Vendor"], date.fromisoformat(row["Price date"]), float(price))
            for row in csv.DictReader(file)
            if row["Hardware model"] == "NVIDIA H100 SXM5 80GB" and (price := row["Price per chip-hour (on-demand)"])
        ]
    assert len(prices) > 10
    found = fitted_fall(prices, "Epoch AI, hardware prices, on demand, to 2025-03-17")
    assert found.standard_error is not None
    assert -2 * found.standard_error < found.per_year < 0.5
