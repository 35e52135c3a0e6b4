"""Every root of a series of flows is found: the shared files, roots built in, roots that nearly touch, peers."""

import csv
import json
import math
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import irr, npv, xirr, xnpv
from argosy.capital.day_counts import DAY_COUNTS, DayCount, years_between
from argosy.capital.rates import moic
from argosy.config import UserError

pytestmark = pytest.mark.fast
START = date(2024, 1, 1)


@pytest.fixture(scope="module")
def shared(data_folder: Path) -> Path:
    return data_folder / "capital" / "xirr"


def _flows(path: Path) -> tuple[list[date], list[Decimal]]:
    with path.open() as file:
        rows = [(date.fromisoformat(day), Decimal(amount)) for day, amount in csv.reader(file)]
    return [day for day, _ in rows], [amount for _, amount in rows]


def _expected(shared: Path, kind: str) -> list[dict[str, Any]]:
    return json.loads((shared / "vectors.json").read_text())[kind]  # type: ignore[no-any-return]


def test_shared_files(shared: Path) -> None:
    for case in _expected(shared, "xirr"):
        found = xirr(*_flows(shared / case["file"]))
        for root in (case["expected"], case["other_root"]):
            assert root is None or min(abs(root - one) for one in found.roots) < 1e-8, case
        assert (found.rate is None) == (not found.roots)
        assert found.ambiguous == (len(found.roots) > 1)
        if found.roots:
            assert found.rate == min(found.roots, key=lambda rate: abs(rate - 0.1))


def test_files_without_a_root_have_none_and_the_root_that_the_source_missed_is_one(shared: Path) -> None:
    for case in _expected(shared, "xirr"):
        dates, amounts = _flows(shared / case["file"])
        found = xirr(dates, amounts)
        years = np.array([(day - min(dates)).days / 365 for day in dates])
        grid = np.linspace(math.log(1e-4), math.log(11), 2000)
        values = np.exp(-grid[:, None] * years) @ np.array([float(amount) for amount in amounts])
        assert np.count_nonzero((values[1:] > 0) != (values[:-1] > 0)) == len(found.roots), case
    missed = xirr(*_flows(shared / "30-20.csv"))  # the source gives up on it; its value changes sign there all the same
    assert missed.rate == pytest.approx(-0.8973538214882, abs=1e-12)


def test_shared_regular_flows(shared: Path) -> None:
    for case in _expected(shared, "irr"):
        found = irr(case["flows"])
        assert [found.rate] == pytest.approx(case["expected"], abs=1e-8)
        assert all(abs(npv(rate, case["flows"])) < 1e-9 * max(map(abs, case["flows"])) for rate in found.roots)


def _with_roots(rates: list[Fraction]) -> list[Fraction]:
    """Yearly flows whose net present value is 0 at these rates and, of all above −1, at no other."""
    flows = [Fraction(1)]
    for rate in rates:
        flows = [a - b for a, b in zip([*flows, 0], [0, *(f * (1 + rate) for f in flows)], strict=True)]
    return flows


rates_in_cents = st.integers(-95, 1500).map(lambda n: Fraction(n, 100))


@settings(max_examples=25, deadline=None)
@given(st.lists(rates_in_cents, min_size=1, max_size=6))
def test_exactly_the_roots_built_in_are_found(rates: list[Fraction]) -> None:
    found = irr(_with_roots(rates))
    distinct = sorted(map(float, set(rates)))
    listed = [rate for rate in distinct if rate <= 10]
    assert list(found.roots) == pytest.approx(listed, abs=1e-8)
    assert found.ambiguous == (len(listed or distinct) > 1)
    nearest = min(distinct, key=lambda rate: abs(rate - 0.1))
    assert found.rate is not None and abs(abs(found.rate - 0.1) - abs(nearest - 0.1)) < 1e-8


@pytest.mark.parametrize("times", [2, 3, 4, 5])
def test_roots_that_coincide_count_once(times: int) -> None:
    found = irr(_with_roots([Fraction(1, 10)] * times + [Fraction(2)]))
    assert found.roots == pytest.approx([0.1, 2.0], abs=1e-12)


def test_roots_that_nearly_touch_are_told_apart() -> None:
    flows = [Fraction(-100), Fraction(220), Fraction(-121)]
    below, above = list(flows), list(flows)
    below[2] -= Fraction(1, 10**30)  # pushes the value under 0 everywhere
    above[2] += Fraction(1, 10**18)
    assert irr(below).rate is None
    apart = irr(above).roots
    assert len(apart) == 2
    assert apart == pytest.approx([0.1 - 1e-10, 0.1 + 1e-10], abs=1e-13)


def test_ends_of_the_list() -> None:
    assert irr([-1, 11]).roots == (10.0,)
    beyond = irr([-1, 12])
    assert (beyond.rate, beyond.roots, beyond.ambiguous) == (pytest.approx(11.0), (), False)
    assert irr(_with_roots([Fraction(20), Fraction(30)])).ambiguous
    usual = irr(_with_roots([Fraction(1, 5), Fraction(30)]))  # nobody takes 3000 % for the meaning of these flows
    assert (usual.rate, usual.ambiguous) == (pytest.approx(0.2), False)
    lost = xirr([START, START + timedelta(days=1)], [-1000, 1])
    assert lost.rate is not None and -1 < lost.rate < -0.999999


def test_flows_without_a_rate() -> None:
    assert irr([100, 200, 300]).rate is None
    assert irr([-100]).rate is None
    for flows in ([], [0, 0], [0.0]):
        with pytest.raises(UserError, match="every rate fits") as refused:
            irr(flows)
        assert refused.value.code == "no-cash-flow"
    with pytest.raises(UserError, match="10³⁰⁸"):
        xirr([START, START + timedelta(days=1)], [-1, 100])
    with pytest.raises(UserError, match="finite"):
        irr([-1.0, math.inf])
    with pytest.raises(UserError, match="above −1"):
        npv(-1.0, [1, 2])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(-(10**8), 10**8).filter(bool)), min_size=2, max_size=12, unique=True
    )
)
def test_every_crossing_of_zero_is_a_root(drawn: list[tuple[int, int]]) -> None:
    dates, amounts = [START + timedelta(days=days) for days, _ in drawn], [cents for _, cents in drawn]
    try:
        found = xirr(dates, amounts)
    except UserError as refused:
        assert refused.code in ("no-cash-flow", "rate-out-of-range")
        return
    grid = np.expm1(np.linspace(math.log(1e-3), math.log(11) - 1e-6, 400))
    values = [xnpv(float(rate), dates, amounts) for rate in grid]
    scale = sum(map(abs, amounts))
    for low, high, one, other in zip(grid, grid[1:], values, values[1:], strict=False):
        if (one > 0) != (other > 0) and min(abs(one), abs(other)) > 1e-9 * scale:
            assert sum(low <= rate <= high for rate in found.roots) % 2 == 1
    assert xirr(dates[::-1], amounts[::-1]) == found


def test_peer_agrees_where_it_answers(shared: Path) -> None:
    pyxirr = pytest.importorskip("pyxirr")
    for case in _expected(shared, "xirr"):
        dates, amounts = _flows(shared / case["file"])
        theirs = pyxirr.xirr(dates, [float(a) for a in amounts])
        if theirs is not None:
            assert min(abs(theirs - rate) for rate in xirr(dates, amounts).roots) < 1e-8


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("actual/365", "ACT_365F"),
        ("actual/360", "ACT_360"),
        ("actual/365.25", "ACT_365_25"),
        ("actual/actual", "ACT_ACT_ISDA"),
        ("30/360", "THIRTY_360_ISDA"),
        ("30E/360", "THIRTY_E_360"),
    ],
)
@settings(max_examples=50, deadline=None)
@given(start=st.dates(date(1990, 1, 1), date(2050, 1, 1)), days=st.integers(0, 9000))
def test_day_counts_equal_a_peer(ours: DayCount, theirs: str, start: date, days: int) -> None:
    pyxirr = pytest.importorskip("pyxirr")
    end = start + timedelta(days=days)
    expected = pyxirr.year_fraction(start, end, getattr(pyxirr.DayCount, theirs))
    assert float(years_between(start, end, ours)) == pytest.approx(expected, abs=1e-12)


def test_the_day_count_moves_the_rate() -> None:
    dates, amounts = [date(2020, 1, 1), date(2024, 7, 1)], [-1000, 1540]
    rates = [xirr(dates, amounts, day_count).rate for day_count in DAY_COUNTS]
    assert len(set(rates)) == len(DAY_COUNTS) - 1  # no 31st here, by which the two of 30 days differ
    assert all(rate == pytest.approx(0.1, abs=3e-3) for rate in rates)


def test_multiple() -> None:
    assert moic(3, 1) == Fraction(1, 3)
    assert moic(0, 1) is None
