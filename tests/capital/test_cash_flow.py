"""The ledger: cents that add up, credits before cash, runway that is infinite where nothing burns."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital.cash.cash_flow import cash_flow
from argosy.capital.cash.lines import Horizon, cost_line, revenue_line, role_lines
from argosy.capital.cash.taxes import taxed
from argosy.capital.months import MoneyRounding, cents, month_name, month_number, spread
from argosy.capital.plan.budget import (
    CostConfig,
    CreditConfig,
    FundingConfig,
    RateConfig,
    RevenueConfig,
    RoleConfig,
    TaxConfig,
)
from argosy.config import UserError

pytestmark = pytest.mark.fast
HORIZON = Horizon(month_number("2027-01"), 24, "USD")
RENT = CostConfig(name="rent", kind="office", amount=1000.0, start="2027-01")


def test_runway_is_infinite_at_zero_burn_and_counts_whole_months_before_the_last_cent() -> None:
    assert cash_flow(100, [], [], [], [], HORIZON).runway_months is None
    found = cash_flow(350_000, [cost_line(RENT, HORIZON)], [], [], [], HORIZON)
    assert found.out_of_cash == "2027-04" and found.runway_months == 3.5
    assert found.lowest_month == "2028-12" and found.lowest_cash_cents == 350_000 - 24 * 100_000
    long = cash_flow(3_000_000, [cost_line(RENT, HORIZON)], [], [], [], HORIZON)
    assert long.out_of_cash is None and long.runway_months == 30.0


@pytest.mark.parametrize(("every", "month", "burn"), [("year", "2027-12", 100_000), ("quarter", "2027-03", 400_000)])
def test_beyond_the_plan_a_bill_of_a_year_counts_by_the_month(every: str, month: str, burn: int) -> None:
    """Its last month has such a bill, and one that comes once, which does not come again; credits do not pay either."""
    rare = RENT.model_copy(update={"name": "licence", "amount": 12_000.0, "every": every, "start": month})
    once = RENT.model_copy(update={"name": "move", "amount": 50_000.0, "every": "once", "start": "2028-12"})
    given = CreditConfig(name="free", amount=1e6, start="2027-01", expires="2028-12", kinds=("office",), share=0.5)
    found = cash_flow(10**9, [cost_line(one, HORIZON) for one in (RENT, rare, once)], [], [], [given], HORIZON)
    left = found.months[-1].cash_cents
    assert found.runway_months == pytest.approx(24 + left / (100_000 + burn))


def test_beyond_the_plan_what_has_ended_does_not_go_on_and_what_is_known_is_paid_when_due() -> None:
    debt = FundingConfig(
        name="bank", kind="venture debt", amount=11_000.0, month="2027-01", probability=1, repaid_over_months=11
    )
    pilot = RevenueConfig(name="pilot", amount=900.0, start="2027-01", end="2027-10", received_after_months=2)
    year, half = replace(HORIZON, months=12), replace(HORIZON, months=6)
    rent = cost_line(RENT, year)
    # Debt whose last part, and a pilot whose last bill, were paid in December.
    found = cash_flow(10_000_000, [rent], [revenue_line(pilot, year)], [debt], [], year)
    assert found.months[-1].repaid_cents == 100_000 and found.runway_months == 12 + 97
    # Half of that debt is left; its fee, and hiring, come once.
    paid_half = debt.model_copy(update={"month": "2027-07", "fee": 0.1, "repaid_over_months": 10})
    role = RoleConfig(role="clerk", area="operations", salary=0.0, on_costs=0.0, start="2027-12", hiring=500.0)
    found = cash_flow(10_000_000, [rent, *role_lines(role, year)], [], [paid_half], [], year)
    left = found.months[-1].cash_cents - 550_000
    assert found.runway_months == pytest.approx(12 + left / 100_000)
    # A bill of a year is a twelfth by the month however short the plan, also where it came before.
    for start in ("2027-02", "2026-10"):
        rare = RENT.model_copy(update={"name": "licence", "amount": 12_000.0, "every": "year", "start": start})
        found = cash_flow(10_000_000, [cost_line(one, half) for one in (RENT, rare)], [], [], [], half)
        assert found.runway_months == 6 + found.months[-1].cash_cents / 200_000
    over = RENT.model_copy(update={"every": "year", "start": "2027-07", "end": "2027-11"})
    assert cash_flow(1, [cost_line(over, year)], [], [], [], year).out_of_cash == "2027-07"
    assert sum(cost_line(over, year).beyond(99)) == 0
    # Signed until 2028-03: three more of them; what is prepaid until then takes no more.
    signed = RENT.model_copy(update={"end": "2028-03", "committed": True, "paid_after_months": 1})
    assert cost_line(signed, year).beyond(6) == [100_000] * 4 + [0] * 2
    assert cash_flow(100_000, [cost_line(signed, year)], [], [], [], year).owed_cents == (12 - 3 + 4) * 100_000
    assert sum(cost_line(signed.model_copy(update={"prepaid": True}), year).beyond(6)) == 0
    # Customers who were billed and have not paid yet go on too.
    late = RevenueConfig(name="sales", amount=1_000.0, start="2027-11", received_after_months=3)
    assert revenue_line(late, year).beyond(4) == [0, 100_000, 100_000, 100_000]


def test_tax_of_a_year_does_not_go_on_where_no_profit_does() -> None:
    grant = FundingConfig(name="ministry", kind="grant", amount=300_000.0, month="2027-08", probability=1)
    tax = TaxConfig(profit_rate=0.3, year_ends=6, paid_after_months=2)
    found = cash_flow(10**6, [cost_line(RENT, HORIZON)], [], [grant], [], HORIZON, tax=tax)
    assert sum(row.tax_paid_cents for row in found.months) > 0
    assert found.runway_months == pytest.approx(24 + found.months[-1].cash_cents / 100_000, rel=1e-9)


def test_not_alive_by_default_where_the_runway_ends() -> None:
    """A licence of every February is not paid by customers who pay the other months' rent."""
    licence = RENT.model_copy(update={"name": "licence", "amount": 12_000.0, "every": "year", "start": "2027-02"})
    sales = revenue_line(RevenueConfig(name="sales", amount=1_100.0, start="2027-01"), HORIZON)
    found = cash_flow(10**8, [cost_line(one, HORIZON) for one in (RENT, licence)], [sales], [], [], HORIZON)
    assert found.runway_months is not None and found.default_alive_from is None
    gift = CreditConfig(name="gift", amount=1e6, start="2027-01", expires="2028-12", kinds=("office",))
    assert cash_flow(0, [cost_line(RENT, HORIZON)], [], [], [gift], HORIZON).default_alive_from is None


def test_what_is_owed_when_the_cash_is_out_has_debt_in_it() -> None:
    loan = {"kind": "venture debt", "amount": 1200.0, "probability": 1.0, "repaid_over_months": 12}
    loan |= {"interest_only_months": 20}
    early, never = (FundingConfig(name=month, month=month, **loan) for month in ("2026-11", "2027-06"))
    lease = RENT.model_copy(update={"committed": True, "end": "2027-12"})
    found = cash_flow(100_000, [cost_line(lease, HORIZON)], [], [early, never], [], HORIZON)
    assert found.out_of_cash == "2027-02" and found.owed_cents == 10 * 100_000 + 120_000


@pytest.mark.parametrize(("end", "months"), [("2028-12", 0), ("2029-03", 3)])
def test_what_has_an_end_ends_there_beyond_the_plan_too(end: str, months: int) -> None:
    role = RoleConfig(role="clerk", area="operations", salary=12_000.0, on_costs=0.0, start="2027-01", end=end)
    sold = RevenueConfig(name="pilot", amount=1000.0, start="2027-01", end=end)
    lines = (*role_lines(role, HORIZON), cost_line(RENT.model_copy(update={"end": end}), HORIZON))
    for line in (*lines, revenue_line(sold, HORIZON)):
        assert line.beyond(5) == [100_000] * months + [0] * (5 - months)
    assert cash_flow(10**8, lines, [], [], [], HORIZON).runway_months is None


def test_credits_pay_first_those_that_expire_earliest_and_what_is_left_is_told() -> None:
    compute = CostConfig(name="gpus", kind="compute", amount=1000.0, start="2027-01", provider="cloud")
    lines = [cost_line(compute, HORIZON), cost_line(RENT, HORIZON)]
    early = CreditConfig(name="early", amount=2500.0, start="2027-01", expires="2027-02", kinds=("compute",))
    late = CreditConfig(name="late", amount=9999.0, start="2027-02", expires="2027-06", kinds=("compute",), share=0.5)
    other = CreditConfig(
        name="other", amount=5.0, start="2027-01", expires="2028-01", kinds=("compute",), provider="elsewhere"
    )
    found = cash_flow(10_000_000, lines, [], [], [late, early, other], HORIZON)
    assert [row.credits_cents for row in found.months[:7]] == [100_000, 100_000, 50_000, 50_000, 50_000, 50_000, 0]
    uses = {use.name: (use.used_cents, use.expired_cents) for use in found.credits}
    assert uses == {"early": (200_000, 50_000), "late": (200_000, 799_900), "other": (0, 500)}


def test_what_is_prepaid_leaves_at_once_and_is_an_expense_by_month() -> None:
    reserved = CostConfig(
        name="reserved", kind="compute", amount=500.0, start="2027-03", end="2027-08", prepaid=True, change_per_year=0.0
    )
    found = cash_flow(1_000_000, [cost_line(reserved, HORIZON)], [], [], [], HORIZON)
    assert [row.operating_cash_cents for row in found.months[:4]] == [0, 0, -300_000, 0]
    assert [row.expenses_cents.get("compute", 0) for row in found.months[:9]] == [0, 0, *[50_000] * 6, 0]
    long = cost_line(reserved.model_copy(update={"end": "2030-02"}), HORIZON)
    assert long.paid[2] == sum(long.paid) == 36 * 50_000 and sum(long.amounts) == 22 * 50_000


def test_debt_is_served_before_a_company_is_alive_and_also_where_it_was_drawn_before_the_plan() -> None:
    sales = revenue_line(RevenueConfig(name="sales", amount=1500.0, start="2027-01"), HORIZON)
    debt = FundingConfig(
        name="bank",
        kind="venture debt",
        amount=24_000.0,
        month="2026-06",
        probability=1,
        interest_per_year=0.12,
        repaid_over_months=24,
    )
    found = cash_flow(1_500_000, [cost_line(RENT, HORIZON)], [sales], [debt], [], HORIZON)
    # Six of 24 parts were paid by December: 18,000 is owed in January, and 1 % of it is that month's interest.
    assert [row.repaid_cents for row in found.months] == [100_000] * 18 + [0] * 6
    assert [row.interest_cents for row in found.months[:2]] == [18_000, 17_000]
    assert found.months[0].funding_cents == -100_000 and found.default_alive_from == "2028-07"
    broke = cash_flow(100_000, [cost_line(RENT, HORIZON)], [sales], [debt], [], HORIZON)
    assert broke.out_of_cash == "2027-02" and broke.default_alive_from is None


def test_debt_is_paid_back_with_interest_on_what_is_owed() -> None:
    debt = FundingConfig(
        name="bank",
        kind="venture debt",
        amount=1200.0,
        month="2027-01",
        probability=1.0,
        fee=0.01,
        interest_per_year=0.12,
        interest_only_months=2,
        repaid_over_months=3,
    )
    rows = cash_flow(0, [], [], [debt], [], HORIZON).months
    assert [row.funding_cents for row in rows[:7]] == [120_000, 0, 0, -40_000, -40_000, -40_000, 0]
    assert [row.interest_cents for row in rows[:7]] == [1200, 1200, 1200, 1200, 800, 400, 0]
    assert rows[-1].cash_cents == -1200 - 4800


def test_alive_by_default_from_the_month_in_which_customers_pay_for_good() -> None:
    sales = revenue_line(RevenueConfig(name="sales", amount=900.0, start="2027-01", growth_per_month=0.05), HORIZON)
    found = cash_flow(10_000_00, [cost_line(RENT, HORIZON)], [sales], [], [], HORIZON)
    assert found.default_alive_from == "2027-04" and found.runway_months is None
    poor = cash_flow(50_00, [cost_line(RENT, HORIZON)], [sales], [], [], HORIZON)
    assert poor.default_alive_from is None and poor.out_of_cash == "2027-01"


def test_a_currency_needs_a_dated_rate() -> None:
    euro = RENT.model_copy(update={"currency": "EUR"})
    with pytest.raises(UserError, match="EUR is worth in USD"):
        cost_line(euro, HORIZON)
    rates = [
        RateConfig(currency="EUR", worth=1.1, date="2027-03-15", source="a bank"),
        RateConfig(currency="EUR", worth=1.0, date="2026-12-01", source="a bank"),
    ]
    line = cost_line(euro, Horizon(HORIZON.start, 24, "USD", rates))
    assert line.amounts[:4] == (100_000, 100_000, 110_000, 110_000)
    # What is paid at the start is paid at the rate of that day, and so is what it is for (IAS 21).
    line = cost_line(
        euro.model_copy(update={"prepaid": True, "end": "2027-04"}), Horizon(HORIZON.start, 24, "USD", rates)
    )
    yearly = cost_line(euro.model_copy(update={"every": "year"}), Horizon(HORIZON.start, 12, "USD", rates))
    assert yearly.amounts[0] == 100_000 and yearly.beyond(1)[0] * 12 == 110_000
    assert line.paid[0] == 400_000 and line.amounts[:5] == (100_000,) * 4 + (0,)


@given(st.integers(0, 10**12), st.integers(1, 400))
def test_parts_add_up(total: int, parts: int) -> None:
    found = spread(total, parts)
    assert sum(found) == total and max(found) - min(found) <= 1


@given(st.integers(12, 12 * 9999))
def test_months_are_read_as_they_are_written(number: int) -> None:
    assert month_number(month_name(number)) == number


COSTS = st.builds(
    CostConfig,
    name=st.just("a cost"),
    kind=st.sampled_from(["compute", "data", "office"]),
    amount=st.integers(0, 10**7).map(lambda n: n / 100),
    every=st.sampled_from(["once", "month", "quarter", "year"]),
    start=st.integers(-5, 30).map(lambda n: month_name(HORIZON.start + n)),
    change_per_year=st.floats(-0.5, 0.5),
    paid_after_months=st.integers(0, 5),
)
CREDITS = st.builds(
    CreditConfig,
    name=st.just("a credit"),
    amount=st.integers(0, 10**7).map(lambda n: n / 100),
    start=st.just("2027-02"),
    expires=st.sampled_from(["2027-05", "2028-06"]),
    kinds=st.sampled_from([("compute",), ("compute", "data")]),
    share=st.floats(0.1, 1.0),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(COSTS, max_size=6), st.lists(CREDITS, max_size=3), st.integers(-(10**9), 10**9))
def test_cash_is_conserved(costs: list[CostConfig], credits: list[CreditConfig], opening: int) -> None:
    lines = [cost_line(cost, HORIZON) for cost in costs]
    found = cash_flow(opening, lines, [], [], credits, HORIZON)
    billed, opening_payable = sum(sum(line.amounts) for line in lines), sum(line.opening for line in lines)
    assert opening_payable + billed == sum(sum(line.paid) + line.unpaid for line in lines)
    assert billed == sum(found.areas_cents.values())
    used = sum(use.used_cents for use in found.credits)
    assert found.months[-1].cash_cents == opening - sum(sum(line.paid) for line in lines) + used
    for use, credit in zip(found.credits, credits, strict=True):
        assert use.used_cents >= 0 and use.used_cents + use.expired_cents == cents(credit.amount)


def test_what_began_before_the_plan_is_paid_in_it_or_was() -> None:
    before = RENT.model_copy(update={"start": "2026-06", "paid_after_months": 2})
    line = cost_line(before, HORIZON)
    assert line.opening == 200_000 and line.paid == (100_000,) * 24 and line.unpaid == 200_000
    prepaid = RENT.model_copy(update={"start": "2026-10", "end": "2027-03", "prepaid": True})
    line = cost_line(prepaid, HORIZON)
    assert sum(line.paid) == 0 and line.amounts[:4] == (100_000,) * 3 + (0,) and line.opening == -300_000
    sales = RevenueConfig(name="sales", amount=1_000.0, start="2026-11", received_after_months=3)
    line = revenue_line(sales, HORIZON)
    assert line.opening == 200_000 and line.paid[:3] == (0, 100_000, 100_000) and line.unpaid == 300_000


def test_a_year_of_salary_is_paid_to_the_cent() -> None:
    role = RoleConfig(role="engineer", area="research", salary=100_000.01, on_costs=0.2, start="2027-01", hiring=500.0)
    hiring, salary = role_lines(role, HORIZON)
    assert sum(salary.amounts[:12]) == 12_000_001 and sum(hiring.amounts) == 50_000


def test_what_credits_pay_does_not_lower_the_tax() -> None:
    sales = revenue_line(RevenueConfig(name="sales", amount=1500.0, start="2027-01"), HORIZON)
    gift = CreditConfig(name="gift", amount=3_000.0, start="2027-01", expires="2028-12", kinds=("office",))
    tax = TaxConfig(profit_rate=0.25)
    found = [cash_flow(0, [cost_line(RENT, HORIZON)], [sales], [], some, HORIZON, tax=tax) for some in ([], [gift])]
    assert [sum(row.tax_cents for row in flow.months) for flow in found] == [300_000, 375_000]


def test_tax_on_profit_with_losses_carried_forward() -> None:
    tax = TaxConfig(profit_rate=0.25, losses_before=100.0, losses_offset=0.8, year_ends=6, paid_after_months=3)
    profits = [-5_000] * 6 + [10_000] * 12 + [3_333] * 6  # 2027-01 to 2028-12; tax years end in June
    due, paid = taxed(profits, tax, HORIZON)
    # 30,000 lost before July and 10,000 before the plan are 40,000 of 120,000; then 19,998 for half a year.
    assert {month: cents for month, cents in enumerate(due) if cents} == {17: 20_000, 23: 5_000}  # 4,999.5: half up
    assert {month: cents for month, cents in enumerate(paid) if cents} == {20: 20_000}
    limited = taxed([-1_000_000] * 6 + [10_000] * 12, tax, HORIZON)[0]
    assert limited[17] == 120_000 * 20 // 100 * 25 // 100


FUNDING = st.builds(
    FundingConfig,
    name=st.just("a bank"),
    kind=st.just("venture debt"),
    amount=st.integers(0, 10**6).map(float),
    month=st.sampled_from(["2026-05", "2027-03", "2028-04"]),
    probability=st.just(1.0),
    fee=st.sampled_from([0.0, 0.015]),
    interest_per_year=st.sampled_from([0.0, 0.11]),
    repaid_over_months=st.integers(1, 30),
)


GRANTS = st.builds(
    FundingConfig,
    name=st.just("a ministry"),
    kind=st.just("grant"),
    amount=st.integers(0, 10**6).map(float),
    month=st.sampled_from(["2027-03", "2028-04"]),
    probability=st.just(1.0),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(COSTS, max_size=5),
    st.lists(CREDITS, max_size=2),
    st.lists(FUNDING | GRANTS, max_size=2),
    st.floats(0, 10**5),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from(["half-up", "half-even"]),
    st.sampled_from(["2026-10", "2027-02"]),
)
def test_the_balance_sheet_balances(
    costs: list[CostConfig],
    credits: list[CreditConfig],
    funding: list[FundingConfig],
    sold: float,
    late: int,
    rate: float,
    rounding: MoneyRounding,
    begun: str,
) -> None:
    """What the company owns is what it owes and what its owners have: cash follows from profit, and the other way."""
    horizon = replace(HORIZON, rounding=rounding)
    sales = RevenueConfig(name="sales", amount=sold, start=begun, growth_per_month=0.1, received_after_months=late)
    prepaid = [cost.model_copy(update={"prepaid": True}) for cost in costs[:1]]
    lines = [cost_line(cost, horizon) for cost in (*prepaid, *costs[1:])]
    revenue = revenue_line(sales, horizon)
    found = cash_flow(1_000, lines, [revenue], funding, credits, horizon, tax=TaxConfig(profit_rate=rate))
    receivable, payable, tax_owed, earned, raised = revenue.opening, sum(line.opening for line in lines), 0, 0, 0
    owners = 1_000 + receivable - payable
    for month, row in enumerate(found.months):
        receivable += revenue.amounts[month] - revenue.paid[month]
        payable += sum(line.amounts[month] - line.paid[month] for line in lines)  # below 0: paid before it is used
        tax_owed += row.tax_cents - row.tax_paid_cents
        earned += row.profit_cents + row.credits_cents
        raised += row.funding_cents - row.grants_cents
        assert row.cash_cents + receivable == payable + tax_owed + owners + earned + raised
    assert receivable == revenue.unpaid and payable == sum(line.unpaid for line in lines)
