"""Profit and loss, cash and runway by month, in cents: what is signed, and what is hoped for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, zip_longest

from argosy.capital.cash.displacing import Burned, Displacing, burned
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.cash.taxes import taxed
from argosy.capital.exact import exact
from argosy.capital.months import month_number, spread
from argosy.capital.plan.budget import CreditConfig, FundingConfig, TaxConfig
from argosy.config import Record


class CreditUse(Record):
    """What became of credits."""

    name: str
    """Whose."""
    used_cents: int
    """Bills they paid."""
    expired_cents: int
    """What was left when they expired; null credit beyond the plan counts as left."""
    expires: str
    """Last month."""


class MonthOfCash(Record):
    """One month."""

    month: str
    """Which."""
    revenue_cents: int
    """Billed."""
    grants_cents: int
    """Grants that arrive, which are income (IAS 20); `funding_cents` has their cash."""
    expenses_cents: dict[str, int]
    """By head, whenever they are paid and whatever pays them."""
    interest_cents: int
    """On what is owed, and the fees of debt."""
    tax_cents: int
    """On the tax year's profit with the bills that credits and resources paid, in its last month."""
    profit_cents: int
    """Revenue and grants without expenses, interest and tax."""
    operating_cash_cents: int
    """Received from customers without what was paid in cash."""
    credits_cents: int
    """Bills that credits paid."""
    resources_cents: int
    """Bills that other resources displaced."""
    funding_cents: int
    """Raised and borrowed, less what is paid back."""
    repaid_cents: int
    """Debt that is paid back."""
    tax_paid_cents: int
    """Tax that is paid in it."""
    cash_cents: int
    """At the end."""


class CashFlow(Record):
    """A plan's ledger, month by month."""

    currency: str
    """What it counts in."""
    opening_cents: int
    """Cash before the first month."""
    months: tuple[MonthOfCash, ...]
    """In order."""
    lowest_cash_cents: int
    """The least there is at the end of a month."""
    lowest_month: str
    """When."""
    out_of_cash: str | None
    """First month that ends below zero; null if none does."""
    runway_months: float | None
    """Months that begin with cash to pay all of them. Beyond the plan bills and debts are paid as they fall due, what
    recurs goes on, a bill of every quarter or year by the month, and neither credits nor resources pay. Null is for
    ever."""
    default_alive_from: str | None
    """Month from which customers pay for everything, debt too, until the plan ends and beyond it, reached with cash;
    else null."""
    credits: tuple[CreditUse, ...]
    """What pays bills in place of cash."""
    areas_cents: dict[str, int]
    """Expenses of all months for research, operations and marketing."""
    owed_cents: int
    """Committed payments and debt that are due after the first month that ends below zero, or none."""


def cash_flow(
    opening_cents: int,
    costs: Sequence[Line],
    revenues: Sequence[Line],
    funding: Sequence[FundingConfig],
    credits: Sequence[CreditConfig],
    horizon: Horizon,
    resources: Sequence[Displacing] = (),
    tax: TaxConfig | None = None,
) -> CashFlow:
    """Follow the money. Resources and credits pay before cash: the most there is by the end of every month."""
    costs = [*costs, *(one.own for one in resources if one.own is not None)]
    burnt = burned(costs, credits, resources, horizon)
    rows = _months(opening_cents, costs, revenues, funding, burnt, horizon, tax)
    lowest = min(rows, key=lambda row: row.cash_cents)
    out = next((number for number, row in enumerate(rows) if row.cash_cents < 0), None)
    areas: dict[str, int] = defaultdict(int)
    for line in costs:
        areas[line.area] += sum(line.amounts)
    if out is None:
        runway = _runway(rows, _beyond(costs, revenues, funding, horizon, rows, tax))
    else:
        runway = _runway_until(out, opening_cents, rows)
    return CashFlow(
        currency=horizon.currency,
        opening_cents=opening_cents,
        months=tuple(rows),
        lowest_cash_cents=lowest.cash_cents,
        lowest_month=lowest.month,
        out_of_cash=None if out is None else rows[out].month,
        runway_months=runway,
        default_alive_from=_default_alive(rows) if runway is None else None,
        credits=tuple(_credit_uses(credits, burnt)),
        areas_cents=dict(areas),
        owed_cents=0 if out is None else _owed(costs, funding, horizon, out),
    )


def _owed(costs: Sequence[Line], funding: Sequence[FundingConfig], horizon: Horizon, out: int) -> int:
    repaid, _ = _debts(funding, horizon, out + 1)
    return sum(sum(line.paid[out + 1 :]) + sum(line.due) for line in costs if line.committed) + sum(repaid)


def _debts(funding: Sequence[FundingConfig], horizon: Horizon, month: int) -> tuple[list[int], list[int]]:
    """What is paid back and interest, from a month until all is paid, of debts drawn before it."""
    drawn = [one for one in funding if month_number(one.month) - horizon.start < month]
    longest = max((one.interest_only_months + one.repaid_over_months for one in drawn), default=0)
    _, repaid, interest = funded(drawn, replace(horizon, months=month + longest))
    return repaid[month:], interest[month:]


def _months(
    opening_cents: int,
    costs: Sequence[Line],
    revenues: Sequence[Line],
    funding: Sequence[FundingConfig],
    burnt: Burned,
    horizon: Horizon,
    tax: TaxConfig | None,
) -> list[MonthOfCash]:
    raised, repaid, interest = funded(funding, horizon)
    rows, cash = [], opening_cents
    by_credits, by_resources = (burnt.by_month(paid, horizon.months) for paid in (burnt.credits, burnt.resources))
    billed, spent = (
        [sum(line.amounts[month] for line in some) for month in range(horizon.months)] for some in (revenues, costs)
    )
    grants, _, _ = funded([one for one in funding if one.kind == "grant"], horizon)
    before_tax = [
        income + grant - cost - owed for income, grant, cost, owed in zip(billed, grants, spent, interest, strict=True)
    ]
    # What credits and resources pay is nobody's expense before the tax office.
    displaced = [one + other for one, other in zip(by_credits, by_resources, strict=True)]
    due, tax_paid = taxed([sum(both) for both in zip(before_tax, displaced, strict=True)], tax, horizon)
    for month in range(horizon.months):
        expenses: dict[str, int] = defaultdict(int)
        for line in costs:
            if line.amounts[month]:
                expenses[line.kind] += line.amounts[month]
        operating = sum(line.paid[month] for line in revenues) - sum(line.paid[month] for line in costs)
        operating += by_credits[month] + by_resources[month]
        cash += operating + raised[month] - repaid[month] - interest[month] - tax_paid[month]
        rows.append(
            MonthOfCash(
                month=horizon.name(month),
                revenue_cents=billed[month],
                grants_cents=grants[month],
                expenses_cents=dict(sorted(expenses.items())),
                interest_cents=interest[month],
                tax_cents=due[month],
                profit_cents=before_tax[month] - due[month],
                operating_cash_cents=operating,
                credits_cents=by_credits[month],
                resources_cents=by_resources[month],
                funding_cents=raised[month] - repaid[month],
                repaid_cents=repaid[month],
                tax_paid_cents=tax_paid[month],
                cash_cents=cash,
            )
        )
    return rows


def _credit_uses(credits: Sequence[CreditConfig], burnt: Burned) -> Iterator[CreditUse]:
    for credit, total, paid in zip(credits, burnt.credit_cents, burnt.credits, strict=True):
        used = sum(paid.values())
        yield CreditUse(name=credit.name, used_cents=used, expired_cents=total - used, expires=credit.expires)


def funded(funding: Sequence[FundingConfig], horizon: Horizon) -> tuple[list[int], list[int], list[int]]:
    """What is raised, what is paid back, and interest, in each month. Debt from before the plan is still owed in it.

    The fee of debt is an expense, as its interest is; others get so much less.
    """
    raised, repaid, interest = ([0] * horizon.months for _ in range(3))
    for source in funding:
        month = month_number(source.month) - horizon.start
        if month >= horizon.months:
            continue
        amount = horizon.cents(source.amount, source.currency, month)
        if month >= 0:
            fee = horizon.cents(Decimal(str(source.fee)) * amount / 100)
            borrowed = source.kind in ("venture debt", "note")
            raised[month] += amount if borrowed else amount - fee
            interest[month] += fee if borrowed else 0
        owed = amount if source.kind == "venture debt" else 0
        yearly = Decimal(str(source.interest_per_year))
        parts = spread(amount, source.repaid_over_months) if owed else []
        for later in range(month + 1, horizon.months):
            if owed <= 0:
                break
            turn = later - month - 1 - source.interest_only_months
            part = parts[turn] if 0 <= turn < len(parts) else 0
            if later >= 0:
                interest[later] += horizon.cents(yearly * owed / 1200)
                repaid[later] += part
            owed -= part
    return raised, repaid, interest


def _beyond(
    costs: Sequence[Line],
    revenues: Sequence[Line],
    funding: Sequence[FundingConfig],
    horizon: Horizon,
    rows: Sequence[MonthOfCash],
    tax: TaxConfig | None,
) -> list[Fraction]:
    """Cash of each month after the plan, until nothing but what recurs is left in the last one."""
    repaid, interest = _debts(funding, horizon, horizon.months)
    months = max([len(repaid), *(len(line.due) for line in (*costs, *revenues))]) + 1
    none = [Fraction(0)] * months
    received, paid = (
        [sum(month, Fraction(0)) for month in zip(none, *(line.beyond(months) for line in some), strict=True)]
        for some in (revenues, costs)
    )
    recurs, rate = received[-1] - paid[-1], Fraction(0) if tax is None else exact(tax.profit_rate)
    flows = [
        more - less - back - owed - rate * max(Fraction(0), recurs - owed)
        for more, less, back, owed in zip_longest(received, paid, repaid, interest, fillvalue=Fraction(0))
    ]
    flows[0] -= sum(row.tax_cents - row.tax_paid_cents for row in rows)
    return flows


def _runway_until(out: int, opening: int, rows: Sequence[MonthOfCash]) -> float:
    before = rows[out - 1].cash_cents if out else opening
    spent = before - rows[out].cash_cents
    return out + (max(0, before) / spent if spent > 0 else 0.0)


def _runway(rows: Sequence[MonthOfCash], beyond: Sequence[Fraction]) -> float | None:
    cash = Fraction(rows[-1].cash_cents)
    for month, flow in enumerate(beyond):
        if cash + flow < 0:
            return len(rows) + month + float(cash / -flow)
        cash += flow
    return None if beyond[-1] >= 0 else len(rows) + len(beyond) + float(cash / -beyond[-1])


def _own_cents(row: MonthOfCash) -> int:
    """Cash of a month without what is raised; debt is served from it."""
    return row.operating_cash_cents - row.interest_cents - row.tax_paid_cents - row.repaid_cents


def _default_alive(rows: Sequence[MonthOfCash]) -> str | None:
    """Paul Graham, "Default Alive or Default Dead?", 2015: on the money that is there, as things go."""
    paid = [_own_cents(row) >= 0 for row in rows]
    from_there: list[bool] = list(accumulate(reversed(paid), lambda sofar, one: sofar and one))[::-1]
    return next((row.month for row, alive in zip(rows, from_there, strict=True) if alive), None)
