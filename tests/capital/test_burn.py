"""What is not cash pays the most there is, to the cent: against enumeration, and against every cut of the flow."""

from collections.abc import Sequence
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital.cash.burn import Bill, Supply, burn
from argosy.capital.cash.cash_flow import cash_flow
from argosy.capital.cash.lines import Horizon, cost_line
from argosy.capital.months import month_number
from argosy.capital.plan.budget import CostConfig, CreditConfig

pytestmark = pytest.mark.fast

Case = tuple[list[Bill], list[Supply]]


@st.composite
def cases(draw: st.DrawFn, bills: int, supplies: int, most: int) -> Case:
    """Bills of a few months, and supplies that may pay some part of some of them."""
    due = [Bill(draw(st.integers(0, 3)), draw(st.integers(0, most))) for _ in range(draw(st.integers(0, bills)))]
    found = []
    for _ in range(draw(st.integers(0, supplies))):
        caps = {n: draw(st.integers(0, bill.cents)) for n, bill in enumerate(due) if draw(st.booleans())}
        found.append(Supply(draw(st.integers(0, 2 * most)), caps))
    return due, found


def paid_by(month: int, bills: Sequence[Bill], paid: Sequence[dict[int, int]]) -> int:
    return sum(cents for one in paid for number, cents in one.items() if bills[number].month <= month)


def smallest_cut(month: int, bills: Sequence[Bill], supplies: Sequence[Supply]) -> int:
    """The most that can be paid by a month, by the theorem of Ford and Fulkerson: over all sets of supplies."""
    due = {number: bill for number, bill in enumerate(bills) if bill.month <= month}
    places = range(len(supplies))
    return min(
        sum(supplies[place].cents for place in places if place not in kept)
        + sum(min(bill.cents, sum(supplies[p].most.get(n, 0) for p in kept)) for n, bill in due.items())
        for size in range(len(supplies) + 1)
        for kept in combinations(places, size)
    )


@settings(deadline=None, max_examples=600)
@given(cases(bills=8, supplies=5, most=50))
def test_no_more_can_be_paid_by_the_end_of_any_month(case: Case) -> None:
    bills, supplies = case
    paid = burn(bills, supplies)
    for supply, pays in zip(supplies, paid, strict=True):
        assert sum(pays.values()) <= supply.cents
        assert all(0 < cents <= supply.most.get(number, 0) for number, cents in pays.items())
    for number, bill in enumerate(bills):
        assert sum(pays.get(number, 0) for pays in paid) <= bill.cents
    for month in range(4):
        assert paid_by(month, bills, paid) == smallest_cut(month, bills, supplies)


@settings(deadline=None, max_examples=60)
@given(cases(bills=3, supplies=2, most=3))
def test_as_much_as_the_best_of_all_ways_to_pay(case: Case) -> None:
    bills, supplies = case
    edges = [(place, number, most) for place, one in enumerate(supplies) for number, most in one.most.items()]
    best = 0
    for tried in product(*(range(most + 1) for *_, most in edges)):
        by_supply, by_bill = [0] * len(supplies), [0] * len(bills)
        for (place, number, _), cents in zip(edges, tried, strict=True):
            by_supply[place] += cents
            by_bill[number] += cents
        if all(x <= y.cents for x, y in zip([*by_supply, *by_bill], [*supplies, *bills], strict=True)):
            best = max(best, sum(tried))
    assert paid_by(3, bills, burn(bills, supplies)) == best


def test_the_earliest_to_expire_is_not_always_the_one_to_use_first() -> None:
    horizon = Horizon(month_number("2027-01"), 6, "USD")
    costs = [
        CostConfig(name="gpus", kind="compute", amount=100.0, every="once", start="2027-01", provider="cloud"),
        CostConfig(name="text", kind="data", amount=100.0, every="once", start="2027-02", provider="library"),
    ]
    wide = CreditConfig(name="wide", amount=100.0, start="2027-01", expires="2027-03", kinds=("compute", "data"))
    narrow = CreditConfig(name="narrow", amount=100.0, start="2027-01", expires="2027-06", kinds=("compute",))
    found = cash_flow(0, [cost_line(one, horizon) for one in costs], [], [], [wide, narrow], horizon)
    assert [(one.name, one.used_cents) for one in found.credits] == [("wide", 10_000), ("narrow", 10_000)]
    assert found.lowest_cash_cents == 0
    alone = cash_flow(0, [cost_line(costs[0], horizon)], [], [], [wide, narrow], horizon)
    assert [one.used_cents for one in alone.credits] == [10_000, 0]


def test_two_hundred_months_of_chained_bills_are_rearranged_to_the_last_cent() -> None:
    """Each month's bill may be paid by the supply of its month or of the next, and the last supply comes last."""
    count = 200
    bills = [Bill(month, 7) for month in range(count)]
    supplies = [Supply(7, {n: 7 for n in (place - 1, place) if 0 <= n < count}) for place in range(count, 0, -1)]
    assert sum(sum(pays.values()) for pays in burn(bills, supplies)) == 7 * count


def test_a_share_counts_as_it_is_written() -> None:
    horizon = Horizon(month_number("2027-01"), 1, "USD")
    bill = cost_line(CostConfig(name="gpus", kind="compute", amount=1.0, start="2027-01"), horizon)
    credit = CreditConfig(name="c", amount=9.0, start="2027-01", expires="2027-01", kinds=("compute",), share=0.29)
    assert cash_flow(0, [bill], [], [], [credit], horizon).credits[0].used_cents == 29
