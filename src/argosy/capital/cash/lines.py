"""Each section of the budget as a line of the ledger: what it costs month by month, and when that is paid, in cents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from argosy.capital.months import MoneyRounding, cents, month_name, month_number, month_of, spread
from argosy.capital.plan.budget import CostConfig, Kind, RateConfig, RevenueConfig, RoleConfig, TrafficConfig
from argosy.config import UserError, nearest

STEPS: Mapping[str, int] = {"once": 0, "month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Horizon:
    """The months of a plan, its currency and the rates of others."""

    start: int
    """First month, since the year 0."""
    months: int
    """How many."""
    currency: str
    """What the ledger counts in."""
    rates: Sequence[RateConfig] = ()
    """Of other currencies."""
    rounding: MoneyRounding = "half-up"
    """Of every amount to cents."""

    def span(self, start: str, end: str | None) -> range:
        """Months of the plan, from 0, that lie between two months, both included."""
        first = month_number(start) - self.start
        last = self.months - 1 if end is None else month_number(end) - self.start
        return range(max(0, first), min(self.months - 1, last) + 1)

    def worth(self, currency: str | None, month: int) -> Decimal:
        """Of a unit of a currency in a month of the plan: the latest rate known by then, else the first.

        Raises `UserError` `no-rate` for a currency without one.
        """
        if currency in (None, self.currency):
            return Decimal(1)
        own = sorted((rate for rate in self.rates if rate.currency == currency), key=lambda rate: rate.date)
        if not own:
            known = sorted({rate.currency for rate in self.rates} | {self.currency})
            raise UserError(
                "no-rate",
                f"no [[rates]] tell what {currency} is worth in {self.currency}{nearest(str(currency), known)}",
                hint=f'[[rates]] currency = "{currency}", worth = …, date = …, source = …',
            )
        past = [rate for rate in own if month_of(date.fromisoformat(rate.date)) <= self.start + month]
        return Decimal(str((past or own[:1])[-1].worth))

    def cents(self, amount: float | Decimal, currency: str | None = None, month: int = 0) -> int:
        """An amount in a currency, in cents of the plan's at the rate of a month. Raises as `worth` does."""
        return cents(Decimal(str(amount)) * self.worth(currency, month), self.rounding)

    def name(self, month: int) -> str:
        """A month of the plan as it is written."""
        return month_name(self.start + month)


@dataclass(frozen=True)
class Line:
    """One line of the ledger, in cents of the plan's currency."""

    name: str
    """What for."""
    kind: Kind | str
    """Its head."""
    area: str
    """Whom it serves."""
    amounts: tuple[int, ...]
    """Expense (or revenue) of each month."""
    paid: tuple[int, ...]
    """What changes hands in each month."""
    unpaid: int = 0
    """What changes hands after the last month; below 0 what is paid for months after it."""
    opening: int = 0
    """What is owed on the first day for months before; below 0 what is paid by then for months of the plan."""
    committed: bool = False
    """Whether it is owed in any case."""
    provider: str | None = None
    """Who is paid."""
    after_training: bool = False
    """Whether it moves with the end of training."""
    due: tuple[int, ...] = ()
    """What changes hands in each of the first months after the plan: bills of its months, and those until its `end`."""
    rate: Fraction | None = None
    """What goes on by the month after `due`; the last month's amount unless given."""

    def beyond(self, months: int) -> list[Fraction]:
        """What changes hands in each of so many months after the plan, what recurs by the month and without growth."""
        due, rate = list(map(Fraction, self.due[:months])), self.amounts[-1] if self.rate is None else self.rate
        return due + [Fraction(rate)] * (months - len(due))


def cost_line(cost: CostConfig, horizon: Horizon) -> Line:
    """A cost; its price moves by (1 + change)^(years since `start`), in float64, rounded to cents once a payment."""
    before = 0 if cost.prepaid else cost.paid_after_months  # months whose bills are paid in the plan
    first, step, months = month_number(cost.start) - horizon.start, STEPS[cost.every], horizon.months
    end = cost.start if step == 0 else cost.end
    last = months - 1 if end is None else month_number(end) - horizon.start

    def bill(month: int, on: int) -> int:
        return horizon.cents(_moved(cost.amount, cost.change_per_year, month - first), cost.currency, on)

    bills = [0] * (before + max(months, last + 1 if first < months else 0))
    for month in range(max(-before, first), min(last + 1, len(bills) - before)):
        if step == 0 or (month - first) % step == 0:
            bills[before + month] = bill(month, first if cost.prepaid else max(0, month))
    opening, amounts, paid, due = sum(bills[:before]), bills[before:][:months], bills[:months], bills[months:]
    if cost.prepaid:
        paid, due = [sum(bills) if month == first else 0 for month in range(months)], []
        opening = -sum(bills) if first < 0 else 0
    goes_on = step > 0 and first < months and cost.end is None
    return Line(
        name=cost.name,
        kind=cost.kind,
        area=cost.area,
        amounts=tuple(amounts),
        paid=tuple(paid),
        unpaid=opening + sum(amounts) - sum(paid),
        opening=opening,
        committed=cost.committed or cost.prepaid,
        provider=cost.provider,
        due=tuple(due),
        rate=Fraction(bill(last - (last - first) % step, last), step) if goes_on else Fraction(0),
    )


def role_lines(role: RoleConfig, horizon: Horizon) -> Iterator[Line]:
    """Salaries with on-costs, a year's in twelve parts that add up; and what hiring takes."""
    first, last = month_number(role.start), horizon.months - 1
    if role.end is not None and first <= horizon.start + last:
        last = month_number(role.end) - horizon.start
    salaries, hiring = [0] * max(horizon.months, last + 1), [0] * horizon.months
    for month in range(max(0, first - horizon.start), last + 1):
        now = horizon.start + month
        raised = role.salary * (1 + role.raise_per_year) ** (now // 12 - first // 12)
        each = Decimal(str(raised)) * (1 + Decimal(str(role.on_costs))) * role.count
        yearly = horizon.cents(each, role.currency, month)
        salaries[month] = spread(yearly, 12)[now % 12]
    if role.hiring and 0 <= first - horizon.start < horizon.months:
        month = first - horizon.start
        hiring[month] = horizon.cents(Decimal(str(role.hiring)) * role.count, role.currency, month)
        yield Line(f"hiring: {role.role}", "people", role.area, tuple(hiring), tuple(hiring), rate=Fraction(0))
    amounts, due = tuple(salaries[: horizon.months]), tuple(salaries[horizon.months :])
    rate = None if role.end is None else Fraction(0)
    yield Line(role.role, "people", role.area, amounts, amounts, due=due, rate=rate)


def traffic_line(traffic: TrafficConfig, horizon: Horizon) -> Line:
    """Serving the predicted traffic at a price that moves."""
    first, amounts = month_number(traffic.start) - horizon.start, [0] * horizon.months
    for month in horizon.span(traffic.start, None):
        tokens = traffic.tokens_per_month * (1 + traffic.growth_per_month) ** (month - first)
        amounts[month] = horizon.cents(tokens / 1e6 * token_price(traffic, horizon, month))
    return Line(
        name="inference",
        kind="inference",
        area="operations",
        amounts=tuple(amounts),
        paid=tuple(amounts),
        provider=traffic.provider,
        after_training=traffic.after_training,
    )


def token_price(traffic: TrafficConfig, horizon: Horizon, month: int) -> float:
    """What a million tokens cost in a month of the plan, in its currency. Raises as `Horizon.worth` does."""
    priced = month_of(date.fromisoformat(traffic.date)) - horizon.start
    usd = _moved(traffic.usd_per_million_tokens, traffic.price_change_per_year, month - priced)
    return usd * float(horizon.worth("USD", month))


def revenue_line(revenue: RevenueConfig, horizon: Horizon) -> Line:
    """What customers are billed, and when they pay."""
    before, months = revenue.received_after_months, horizon.months
    first, last = month_number(revenue.start) - horizon.start, months - 1
    if revenue.end is not None and first < months:
        last = month_number(revenue.end) - horizon.start
    bills = [0] * (before + max(months, last + 1))
    for month in range(max(-before, first), last + 1):
        grown = revenue.amount * (1 + revenue.growth_per_month) ** (month - first)
        bills[before + month] = horizon.cents(grown, revenue.currency, max(0, month))
    opening, amounts, paid, due = sum(bills[:before]), bills[before:][:months], bills[:months], bills[months:]
    return Line(
        name=revenue.name,
        kind="revenue",
        area="operations",
        amounts=tuple(amounts),
        paid=tuple(paid),
        unpaid=opening + sum(amounts) - sum(paid),
        opening=opening,
        after_training=revenue.after_training,
        due=tuple(due),
        rate=None if revenue.end is None else Fraction(0),
    )


def _moved(price: float, change_per_year: float, months: int) -> float:
    try:
        return float(price * (1 + change_per_year) ** (months / 12))
    except OverflowError:
        years = f"{months / 12:,.0f} years"
        raise UserError(
            "no-price", f"a price that moves by {change_per_year:g} a year has no value {years} on"
        ) from None
