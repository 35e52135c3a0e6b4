"""The waterfall equals an independent solver that tries every set of decisions; its properties hold on drawn cases."""

import json
import random
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from argosy.capital import (
    Common,
    Debt,
    Dividends,
    Options,
    Scenario,
    Securities,
    ShareClass,
    Stake,
    Waterfall,
    exit_returns,
    weighted_returns,
)
from argosy.capital.sales.cents import ROUNDINGS
from argosy.config import UserError

from .brute_force import SOLD, drawn, drawn_exit, equilibria, gain_of_deviating, payouts

pytestmark = pytest.mark.fast
seeds = st.integers(0, 2**40)


def _paid(securities: Securities, exit_cents: int, **more: Any) -> dict[str, int]:
    return {one.name: one.paid_cents for one in exit_returns(securities, exit_cents, **more).payouts}


def test_shared_cases(data_folder: Path) -> None:
    cases = json.loads((data_folder / "capital" / "waterfall_dev.json").read_text())["vectors"]
    assert len(cases) == 12
    for case in cases:
        classes = tuple(
            ShareClass(
                name=one["name"],
                shares=int(one["shares"]),
                invested_cents=round(one["invested"] * 100),
                seniority=one["seniority"],
                multiple=Fraction(one["mult"]),
                participation="full" if one["participating"] else "none",
            )
            for one in case["classes"]
        )
        securities = Securities(common=(Common(name="common", shares=int(case["common_shares"])),), classes=classes)
        found = exit_returns(securities, round(case["exit"] * 100))
        assert {p.name: p.paid_cents for p in found.payouts} == {k: round(v * 100) for k, v in case["payout"].items()}
        assert [p.name for p in found.payouts if p.converted] == case["converted"]


@pytest.mark.parametrize("seed", range(60))
def test_equals_the_solver_that_tries_every_decision(seed: int) -> None:
    chance = random.Random(seed)
    securities = drawn(chance)
    for exit_cents in (drawn_exit(chance), drawn_exit(chance), chance.randint(10**5, 10**7)):
        expected = [payouts(securities, exit_cents, one) for one in equilibria(securities, exit_cents)]
        assert expected, "no equilibrium"
        assert all(one == Waterfall.of(securities, SOLD).at(exit_cents) for one in expected)


@settings(max_examples=250, deadline=None)
@given(seeds)
def test_properties(seed: int) -> None:
    chance = random.Random(seed)
    securities, low, high = drawn(chance), *sorted((drawn_exit(chance), drawn_exit(chance)))
    below, above = (exit_returns(securities, cents, on=SOLD) for cents in (low, high))
    assert sum(one.paid_cents for one in above.payouts) == sum(one.exact_cents for one in above.payouts) == high
    for one, other in zip(below.payouts, above.payouts, strict=True):
        assert 0 <= one.paid_cents <= other.paid_cents
        assert one.exact_cents <= other.exact_cents
    decided = frozenset(one.name for one in above.payouts if one.converted or one.exercised)
    assert payouts(securities, high, decided) == {one.name: one.exact_cents for one in above.payouts}
    assert gain_of_deviating(securities, high, decided) <= 0
    assert (
        sum(holder.paid_cents for holder in above.holders)
        + sum(one.paid_cents for one in above.payouts if one.name.startswith("debt"))
        == high
    )


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_cent_by_cent_nobody_loses(seed: int) -> None:
    chance = random.Random(seed)
    securities, start = drawn(chance), drawn_exit(chance)
    before = _paid(securities, start, on=SOLD)
    for exit_cents in range(start + 1, start + 6):
        after = _paid(securities, exit_cents, on=SOLD)
        assert sorted(after[name] - before[name] for name in after) == [0] * (len(after) - 1) + [1]
        before = after


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_largest_remainders_stay_within_a_cent(seed: int) -> None:
    chance = random.Random(seed)
    securities, exit_cents = drawn(chance), drawn_exit(chance)
    found = exit_returns(securities, exit_cents, on=SOLD, rounding="largest-remainder").payouts
    assert sum(one.paid_cents for one in found) == exit_cents
    assert all(abs(one.paid_cents - one.exact_cents) < 1 for one in found)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_break_even_is_the_lowest_price_that_returns_the_money(seed: int) -> None:
    chance = random.Random(seed)
    securities = drawn(chance)
    waterfall = Waterfall.of(securities, SOLD)
    for one in exit_returns(securities, 10**6, on=SOLD).payouts:
        if one.break_even_cents is None:
            assert waterfall.at(10**15)[one.name] < one.invested_cents
        else:
            assert waterfall.at(one.break_even_cents)[one.name] >= one.invested_cents
            if one.break_even_cents:
                assert waterfall.at(one.break_even_cents - 1)[one.name] < one.invested_cents


PREFERRED = ShareClass(name="A", shares=100, invested_cents=1000)
FOUNDERS = Common(name="founders", shares=300)


def test_conversion_depends_on_the_others() -> None:
    """B's preference is small: once it converts, A's share of what is left is worth less than A's preference."""
    first = ShareClass(name="A", shares=100, invested_cents=1000, seniority=1)
    second = ShareClass(name="B", shares=100, invested_cents=500)
    securities = Securities(common=(FOUNDERS,), classes=(first, second))
    found = exit_returns(securities, 4800)
    assert [one.converted for one in found.payouts] == [False, True, False]
    assert _paid(securities, 4800) == {"A": 1000, "B": 950, "founders": 2850}
    assert payouts(securities, 4800, frozenset({"A"}))["A"] > 1000  # against a B that keeps its preference, A would
    assert list(equilibria(securities, 4800)) == [frozenset({"B"})]


def test_caps() -> None:
    capped = PREFERRED.model_copy(update={"participation": "capped", "cap_multiple": Fraction(2)})
    securities = Securities(common=(FOUNDERS,), classes=(capped,))
    assert _paid(securities, 3000) == {"A": 1500, "founders": 1500}
    assert _paid(securities, 5000) == {"A": 2000, "founders": 3000}  # 1000 and a quarter of 4000
    assert _paid(securities, 7000) == {"A": 2000, "founders": 5000}
    assert _paid(securities, 12000) == {"A": 3000, "founders": 9000}  # converted
    whole = Waterfall.of(securities).tranches
    assert [(one.start_cents, one.events) for one in whole] == [
        (0, ("A has its preference",)),
        (1000, ("founders shares", "A shares beside its preference")),
        (5000, ("A has reached its cap",)),
        (8000, ("A converts",)),
    ]


def test_options_are_exercised_in_the_money_only() -> None:
    grant = Options(name="grant", shares=100, strike_cents=Fraction(5))
    securities = Securities(common=(FOUNDERS,), options=(grant,))
    assert _paid(securities, 1500) == {"founders": 1500, "grant": 0}
    assert _paid(securities, 3500) == {"founders": 3000, "grant": 500}  # (3500 + 500) over 400 shares is 10 a share
    assert [one.exercised for one in exit_returns(securities, 1500).payouts] == [False, False]
    assert exit_returns(securities, 3500).share_price_cents == 10


def test_debts_and_ranks_come_first() -> None:
    debts = (
        Debt(name="fees", owed_cents=100, seniority=1),
        Debt(name="loan", owed_cents=300),
        Debt(name="lease", owed_cents=100),
    )
    senior = ShareClass(name="B", shares=100, invested_cents=1000, seniority=2, multiple=Fraction(3, 2))
    securities = Securities(common=(FOUNDERS,), classes=(PREFERRED, senior), debts=debts)
    assert _paid(securities, 300) == {"fees": 100, "loan": 150, "lease": 50, "A": 0, "B": 0, "founders": 0}
    assert _paid(securities, 2200) == {"fees": 100, "loan": 300, "lease": 100, "A": 200, "B": 1500, "founders": 0}


@pytest.mark.parametrize(("compounding", "owed"), [(False, 1250), (True, 1270)])
def test_dividends_accrue(compounding: bool, owed: int) -> None:
    dividends = Dividends(rate=Fraction(1, 10), since=date(2024, 2, 29), compounding=compounding)
    one = PREFERRED.model_copy(update={"dividends": dividends})
    on = date(2026, 8, 30)  # two years and, from 1 March on, 182 days: 1249.86 and 1270.33
    assert one.preference_cents(on) == owed
    assert one.preference_cents(date(2024, 1, 1)) == 1000
    with pytest.raises(UserError, match="date of the exit"):
        exit_returns(Securities(common=(FOUNDERS,), classes=(one,)), 5)


def test_a_safe_or_a_note_sold_before_any_round() -> None:
    """A SAFE is a class: its money back, or the shares it turns into."""
    safe = ShareClass(name="SAFE", shares=100, invested_cents=100_000)
    securities = Securities(common=(Common(name="founders", shares=900),), classes=(safe,))
    assert _paid(securities, 50_000) == {"SAFE": 50_000, "founders": 0}
    assert _paid(securities, 500_000) == {"SAFE": 100_000, "founders": 400_000}
    assert _paid(securities, 2_000_000) == {"SAFE": 200_000, "founders": 1_800_000}


STAKES = (
    Stake(holder="fund", security="A", shares=75, invested_cents=750, on=date(2024, 1, 1)),
    Stake(holder="angel", security="A", shares=25, invested_cents=250, on=date(2024, 1, 1)),
    Stake(holder="fund", security="founders", shares=100, invested_cents=100, on=date(2025, 1, 1)),
    Stake(holder="Ada", security="founders", shares=200),
)


def test_what_rounding_to_cents_takes_is_no_loss() -> None:
    """100 shares each at 1.005 cents: three paid 101 cents, half a cent up, and their class is owed 302."""
    owners = [Stake(holder=name, security="A", shares=100, invested_cents=101) for name in ("one", "two", "three")]
    preferred = ShareClass(name="A", shares=300, invested_cents=302)
    securities = Securities(common=(FOUNDERS,), classes=(preferred,), stakes=tuple(owners))
    found = weighted_returns([Scenario(name="sold", exit_cents=400, probability=Fraction(1), securities=securities)])
    assert {
        one.holder: one.break_even_cents for one in found.exits[0].holders if one.holder != "founders"
    } == dict.fromkeys(("one", "two", "three"), 302)
    assert all(one.loss_probability == 0 for one in found.holders)


def test_holders() -> None:
    securities = Securities(common=(FOUNDERS,), classes=(PREFERRED,), stakes=STAKES)
    found = {one.holder: one for one in exit_returns(securities, 8000, on=date(2026, 1, 1)).holders}
    assert {name: one.paid_cents for name, one in found.items()} == {"fund": 3500, "angel": 500, "Ada": 4000}
    assert found["angel"].multiple == 2
    assert found["angel"].xirr == pytest.approx(2 ** (365 / 731) - 1)
    assert found["Ada"].xirr is None and found["Ada"].multiple is None
    assert found["fund"].break_even_cents == 1000 + 300  # 750 at 1000, then a third of each further cent, up to 850
    lost = exit_returns(securities, 0, on=date(2026, 1, 1)).holders[0]
    assert (lost.multiple, lost.xirr) == (0, None)
    at_once = Securities(common=(Common(name="A", shares=1),), stakes=(STAKES[1].model_copy(update={"shares": 1}),))
    assert exit_returns(at_once, 250, on=date(2024, 1, 1)).holders[0].xirr is None
    with pytest.raises(UserError, match="comes before 'fund' pays"):
        exit_returns(securities, 8000, on=date(2024, 6, 1))


def test_cents_among_holders_sum_and_ties_go_by_order() -> None:
    stakes = tuple(Stake(holder=f"h{i}", security="common", shares=1) for i in range(3))
    securities = Securities(common=(Common(name="common", shares=3),), stakes=stakes)
    for rounding in ROUNDINGS:
        found = exit_returns(securities, 100, rounding=rounding).holders
        assert [one.paid_cents for one in found] == [34, 33, 33]


def test_weighted() -> None:
    securities = Securities(common=(FOUNDERS,), classes=(PREFERRED,), stakes=STAKES)
    failure = Scenario(
        name="failure", exit_cents=0, probability=Fraction(6, 10), securities=securities, on=date(2026, 1, 1)
    )
    sold = Scenario(
        name="sale", exit_cents=8000, probability=Fraction(4, 10), securities=securities, on=date(2027, 1, 1)
    )
    found = weighted_returns([failure, sold])
    assert found.exit_cents == 3200
    assert {one.holder: one.expected_cents for one in found.holders} == {"fund": 1400, "angel": 200, "Ada": 1600}
    angel = found.holders[1]
    assert (angel.multiple, angel.loss_probability) == (Fraction(4, 5), Fraction(3, 5))
    assert angel.xirr == pytest.approx((200 / 250) ** (365 / 1096) - 1)
    with pytest.raises(UserError, match=r"sum to 0\.4"):
        weighted_returns([sold])


def test_who_pays_after_one_of_the_sales_pays_only_for_the_others() -> None:
    """Half sold before the fund pays 100, half after, for three times that: 50 expected in, 150 out, on their days."""
    early = Securities(common=(FOUNDERS,))
    fund = Stake(holder="fund", security="A", shares=300, invested_cents=100, on=date(2026, 1, 1))
    late = Securities(
        common=(FOUNDERS,), classes=(ShareClass(name="A", shares=300, invested_cents=100),), stakes=(fund,)
    )
    found = weighted_returns(
        [
            Scenario(name="soon", exit_cents=500, probability=Fraction(1, 2), securities=early, on=date(2025, 6, 1)),
            Scenario(name="later", exit_cents=600, probability=Fraction(1, 2), securities=late, on=date(2027, 1, 1)),
        ]
    )
    (mine,) = (one for one in found.holders if one.holder == "fund")
    assert (mine.invested_cents, mine.expected_cents, mine.multiple, mine.loss_probability) == (50, 150, 3, 0)
    assert mine.xirr == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("securities", "message"),
    [
        ({"common": (FOUNDERS, FOUNDERS)}, "given twice"),
        ({"debts": (Debt(name="loan", owed_cents=1),)}, "nobody holds a share"),
        ({"common": (FOUNDERS,), "stakes": (Stake(holder="Ada", security="founders", shares=1),)}, "1 shares of 300"),
        ({"common": (FOUNDERS,), "stakes": (Stake(holder="Ada", security="B", shares=1),)}, "not listed"),
    ],
)
def test_claims_that_make_no_sense(securities: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Securities(**securities)


def test_values_that_make_no_sense() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Common(name="founders", shares=-1)
    with pytest.raises(ValidationError, match="cap_multiple belongs"):
        ShareClass(name="A", shares=1, invested_cents=1, cap_multiple=Fraction(2))
    with pytest.raises(ValidationError, match="below multiple"):
        ShareClass(name="A", shares=1, invested_cents=1, participation="capped", cap_multiple=Fraction(1, 2))
    with pytest.raises(UserError, match="0 or more"):
        exit_returns(Securities(common=(FOUNDERS,)), -1)
