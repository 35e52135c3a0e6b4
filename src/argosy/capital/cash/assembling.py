"""A plan's ledger, line by line: what adds a cost or a revenue adds it here, for ledger, futures and bank's list."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import numpy as np

from argosy.capital.cash.displacing import BoughtHours, Displacing, bought_hours, displacing
from argosy.capital.cash.lines import Horizon, Line, cost_line, revenue_line, role_lines, traffic_line
from argosy.capital.cash.market import market_lines
from argosy.capital.cash.pricing import Pricer
from argosy.capital.months import month_number, month_of
from argosy.capital.plan.budget import TrainingRunConfig
from argosy.capital.plan.plan_file import NAME, CapitalPlan
from argosy.config import Problem, Record, Section, UserError, VentureError

S = TypeVar("S", bound=Section)

HOURS_A_MONTH = 730.0
MOST_CENTS = 10**17


class TrainingCost(Record):
    """One planned training, as the planner prices it: its final run, rented, and what is put on top."""

    venture: str
    """Which."""
    start: str
    """First month."""
    months: float
    """Median wall time of the final run."""
    final_cents: int
    """The final run."""
    other_cents: int
    """Failed and small runs beside it."""
    low_cents: int
    """Final run: nine of ten cost more."""
    high_cents: int
    """Final run: nine of ten cost less."""
    price: str
    """Where the price of an accelerator-hour is from, and its date."""


@dataclass(frozen=True)
class PricedTraining:
    """A planned training and its lines, the final run's first."""

    cost: TrainingCost
    """By the planner."""
    lines: tuple[Line, ...]
    """Of the ledger."""
    hours: BoughtHours
    """Accelerator-hours it buys."""
    prepaid: bool
    """Whether the final run is paid at signing."""
    factor_80: float
    """The final run takes between its median / this and × this in 80 of 100 cases."""


@dataclass(frozen=True)
class PlanLines:
    """Every line of a plan's ledger but those of resources."""

    running: tuple[Line, ...]
    """Costs but training and channels."""
    trainings: tuple[PricedTraining, ...]
    """Each with its lines."""
    winning: tuple[Line, ...]
    """What channels and artefacts cost."""
    revenues: tuple[Line, ...]
    """What customers pay that no channel won."""
    won: tuple[Line, ...]
    """What those pay that channels won."""

    @property
    def costs(self) -> tuple[Line, ...]:
        """All of them, training included."""
        return (*self.running, *(line for one in self.trainings for line in one.lines), *self.winning)

    @property
    def income(self) -> tuple[Line, ...]:
        """All revenue."""
        return (*self.revenues, *self.won)

    @property
    def hours(self) -> list[BoughtHours]:
        """What trainings buy."""
        return [one.hours for one in self.trainings]


def plan_lines(plan: CapitalPlan, horizon: Horizon, price: Pricer) -> PlanLines:
    """All lines, trainings planned by `price`. Raises `UserError` for what is missing or has no rate."""
    running = (
        *_counted("costs", plan.costs, lambda one: [cost_line(one, horizon)]),
        *_counted("people", plan.people, lambda role: role_lines(role, horizon)),
        *_counted("traffic", plan.traffic, lambda one: [traffic_line(one, horizon)]),
    )
    winning, won = market_lines(plan, horizon)
    return PlanLines(
        running=running,
        trainings=tuple(_priced(one, horizon, price) for one in plan.training),
        winning=tuple(winning),
        revenues=tuple(_counted("revenue", plan.revenue, lambda one: [revenue_line(one, horizon)])),
        won=tuple(won),
    )


def _counted(part: str, sections: Sequence[S], lines: Callable[[S], Iterable[Line]]) -> Iterator[Line]:
    """The lines of each section; `VentureError` for one that is more than can be counted with."""
    for number, one in enumerate(sections):
        try:
            found = list(lines(one))
        except OverflowError:
            found = []
        if not found or any(sum(line.amounts) >= MOST_CENTS for line in found):
            raise VentureError(NAME, [Problem(f"{part}.{number}", "less than a quadrillion in money over the plan")])
        yield from found


def stand_ins(plan: CapitalPlan, lines: PlanLines, horizon: Horizon) -> list[Displacing]:
    """What pays in place of cash, besides credits."""
    return displacing(plan.resources, lines.costs, plan.people, lines.hours, horizon)


def horizon_of(plan: CapitalPlan) -> Horizon:
    """The months of a plan; `UserError` `missing-key` without a first day."""
    if plan.start is None:
        raise UserError("missing-key", "start is missing: the first day of the plan", hint="start = 2027-01-01")
    return Horizon(month_of(plan.start), plan.months, plan.currency, plan.rates, plan.rounding)


def opening_cents(plan: CapitalPlan, horizon: Horizon) -> int:
    """Cash on the first day; `UserError` `missing-key` without."""
    if plan.cash is None:
        raise UserError("missing-key", "cash is missing: what is in the bank on the first day", hint="cash = 1_500_000")
    return horizon.cents(plan.cash)


def _priced(asked: TrainingRunConfig, horizon: Horizon, price: Pricer) -> PricedTraining:
    """A training with the planner's figures: the final run's line, and that of the others."""
    found = price(asked)
    bill, wall = found.cost.usd, found.duration.wall_h
    if bill is None:
        raise UserError(
            "no-price",
            f"{asked.venture}: {found.cost.price}",
            hint="[plan] accelerators and usd_per_hour of that venture",
        )
    first = month_number(asked.start) - horizon.start
    moved = (1 + asked.price_change_per_year) ** (max(0, first) / 12)
    prices = (Decimal(str(usd)) * Decimal(str(moved)) for usd in (bill.middle, bill.low, bill.high))
    final, low, high = (horizon.cents(usd, "USD", max(0, first)) for usd in prices)
    months = wall.middle / HOURS_A_MONTH
    lines = [_during(f"{asked.venture}: final run", final, first, months, asked, horizon)]
    other = horizon.cents(Decimal(str(asked.other_runs)) * final / 100)
    if other:
        start = first - asked.other_runs_months
        span = asked.other_runs_months or months
        lines.append(_during(f"{asked.venture}: other runs", other, start, span, asked, horizon))
    cost = TrainingCost(
        venture=asked.venture,
        start=asked.start,
        months=months,
        final_cents=final,
        other_cents=other,
        low_cents=low,
        high_cents=high,
        price=found.cost.price,
    )
    hours = bought_hours(asked.venture, found, lines, final)
    return PricedTraining(cost, tuple(lines), hours, asked.contract == "prepaid", math.sqrt(wall.high / wall.low))


def _during(name: str, total: int, first: float, months: float, asked: TrainingRunConfig, horizon: Horizon) -> Line:
    """A total, even over a stretch of time, whose months add up to what of it lies in the plan and after it."""
    ends = math.ceil(first + months) if first < horizon.months else 0
    edges = np.clip((np.arange(max(horizon.months, ends) + 1) - first) / max(months, 1e-9), 0.0, 1.0)
    bounds = [horizon.cents(Decimal(total) * Decimal(float(edge)) / 100) for edge in edges]
    used = [after - before for before, after in pairwise(bounds)]
    amounts, due = used[: horizon.months], used[horizon.months :]
    paid, opening, prepaid = list(amounts), 0, asked.contract == "prepaid"
    if prepaid:
        paid, due = [total if month == int(first) else 0 for month in range(horizon.months)], []
        opening = bounds[0] - total if int(first) < 0 else 0
    unpaid = opening + sum(amounts) - sum(paid)
    return Line(
        name=name,
        kind="compute",
        area="research",
        amounts=tuple(amounts),
        paid=tuple(paid),
        unpaid=unpaid,
        opening=opening,
        committed=prepaid,
        provider=asked.provider,
        due=tuple(due),
        rate=Fraction(0),
    )
