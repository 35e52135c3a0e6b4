"""The plan as a whole: its trainings priced, its ledger with what is signed and with what is hoped for, its futures."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np

from argosy.capital.budget import MilestoneConfig, TrainingRunConfig
from argosy.capital.cash_flow import CashFlow, cash_flow, funded
from argosy.capital.displacing import BoughtHours, Displacing, bought_hours, displacing, own_line
from argosy.capital.futures import Future, Simulated, Stream, Swing, TrainingTime, simulate, tornado
from argosy.capital.lines import Horizon, Line, cost_line, revenue_line, role_lines, traffic_line
from argosy.capital.market import market_lines, market_streams
from argosy.capital.market_config import ArtefactConfig
from argosy.capital.market_results import Market
from argosy.capital.market_units import market
from argosy.capital.months import cents, month_name, month_number, month_of
from argosy.capital.partner_register import Partners, partners_of
from argosy.capital.plan_file import CapitalPlan
from argosy.capital.pricing import Planner, Pricer
from argosy.capital.resource_use import Resources, resource_streams, resources_of
from argosy.config import Record, UserError

HOURS_A_MONTH = 730.0


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


class Outlook(Record):
    """What the money does."""

    signed: CashFlow
    """With the funding that is certain."""
    hoped: CashFlow
    """With all of it."""
    trainings: tuple[TrainingCost, ...]
    """What training costs."""
    raise_from: str | None
    """Month in which the next round has to begin, so that it arrives before signed money is out; null if it lasts."""
    safety_months: float | None
    """Months until then; below 0 it is late."""
    resources: Resources | None
    """What credits and resources displace, with all that is hoped for; null without them."""
    partners: Partners | None
    """Whom the plan hangs on, with all that is hoped for; null without a register."""
    market: Market | None
    """Channels and artefacts; null without any."""


class Chances(Record):
    """The plan's futures."""

    simulated: Simulated
    """Cash and probabilities."""
    swings: tuple[Swing, ...]
    """What the probability hangs on, most first."""


@dataclass(frozen=True)
class Hoped:
    """The ledger with all that is hoped for."""

    hoped: CashFlow
    """As an outlook's."""
    trainings: tuple[TrainingCost, ...]
    """What training costs."""


@dataclass(frozen=True)
class _Priced:
    cost: TrainingCost
    lines: tuple[Line, ...]
    factor_80: float
    prepaid: bool
    hours: BoughtHours


def outlook(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> Outlook:
    """The ledger of a plan; paths are relative to `folder`. Trainings are planned as their ventures say, or by `price`.

    Raises `UserError` for what is missing or has no rate.
    """
    horizon, price = horizon_of(plan), price or Planner(folder)
    trainings, costs, revenues, others = _parts(plan, horizon, price)
    opening = _opening(plan)
    certain = [one for one in plan.funding if one.probability == 1]
    sure = [one for one in others if one.config.probability == 1]
    signed = cash_flow(opening, costs, revenues, certain, plan.credits, horizon, sure)
    out = None if signed.out_of_cash is None else month_number(signed.out_of_cash)
    return Outlook(
        signed=signed,
        hoped=cash_flow(opening, costs, revenues, plan.funding, plan.credits, horizon, others),
        trainings=tuple(one.cost for one in trainings),
        raise_from=None if out is None else month_name(out - plan.raising_months),
        safety_months=None if signed.runway_months is None else signed.runway_months - plan.raising_months,
        resources=resources_of(plan, horizon, lambda changed: _ledger(changed, price)),
        partners=partners_of(plan, [*costs, *revenues], others, horizon),
        market=market(plan, horizon),
    )


def hoped(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> Hoped:
    """Of an outlook only what is hoped for: many of these take as long as one of those. Raises as `outlook` does."""
    horizon = horizon_of(plan)
    trainings, costs, revenues, others = _parts(plan, horizon, price or Planner(folder))
    flow = cash_flow(_opening(plan), costs, revenues, plan.funding, plan.credits, horizon, others)
    return Hoped(flow, tuple(one.cost for one in trainings))


def _parts(
    plan: CapitalPlan, horizon: Horizon, price: Pricer
) -> tuple[list[_Priced], list[Line], list[Line], list[Displacing]]:
    """Trainings, costs, revenues, and what stands in for cash."""
    trainings = [_priced(one, plan, horizon, price) for one in plan.training]
    winning, won = market_lines(plan, horizon)
    costs = [*_costs(plan, horizon), *(line for one in trainings for line in one.lines), *winning]
    revenues = [*(revenue_line(one, horizon) for one in plan.revenue), *won]
    hours = [one.hours for one in trainings]
    return trainings, costs, revenues, displacing(plan.resources, costs, plan.people, hours, horizon)


def chances(plan: CapitalPlan, folder: Path, *, paths: int = 10_000, seed: int = 0) -> Chances:
    """Draw the futures of a plan: what `[uncertainty]` says, and how far the planner's training times are off.

    Credits pay what they pay in the plan. Raises as `outlook` does.
    """
    future = future_of(plan, folder)
    return Chances(simulated=simulate(future, paths, seed), swings=tornado(future, max(500, paths // 4), seed))


def future_of(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> Future:
    """Everything that may turn out otherwise, in the currency of the plan; `price` as for `outlook`."""
    horizon, doubt = horizon_of(plan), plan.uncertainty
    trainings = [_priced(one, plan, horizon, price or Planner(folder)) for one in plan.training]
    last = max(trainings, key=lambda one: month_number(one.cost.start) + one.cost.months, default=None)
    others = (one.lines[1:] if one is last else one.lines for one in trainings)
    costs = [*_costs(plan, horizon), *(line for lines in others for line in lines)]
    drawn = [last.lines[0]] if last is not None else []
    winning, _ = market_lines(plan, horizon)
    streams = resource_streams(plan, [*costs, *drawn, *winning], [one.hours for one in trainings], horizon)
    if last is not None and last.prepaid:
        streams.append(Stream(f"{last.cost.venture}: prepaid", -np.array(last.lines[0].paid) / 100))
    alike: Counter[str] = Counter()
    for line in costs:
        people = line.kind == "people" and not line.committed  # who is there already need not be found
        name = f"{line.name} ({line.kind}"
        alike[name] += 1
        streams.append(
            Stream(
                # Numbered among its like: what is added elsewhere leaves its random numbers alone.
                f"{name} {alike[name] - 1})",
                -np.array(line.paid) / 100,
                delay_months=doubt.hiring_delay_months if people else 0.0,
                drift_deviation=0.0 if people or line.committed else doubt.price_deviation,
                after_training=line.kind == "inference" and any(one.after_training for one in plan.traffic),
            )
        )
    for number, revenue in enumerate(plan.revenue):
        streams.append(
            Stream(
                f"{revenue.name} (revenue {number})",
                np.array(revenue_line(revenue, horizon).paid) / 100,
                size_deviation=doubt.revenue_deviation,
                delay_months=doubt.revenue_delay_months,
                after_training=revenue.after_training,
            )
        )
    for number, source in enumerate(plan.funding):
        sure = source.probability == 1
        raised, interest = funded([source], horizon)
        streams.append(
            Stream(
                f"{source.name} (funding {number})",
                (np.array(raised) - np.array(interest)) / 100,
                probability=source.probability,
                size_deviation=0.0 if sure else doubt.funding_deviation,
                delay_months=0.0 if sure else doubt.funding_delay_months,
            )
        )
    streams += market_streams(plan, horizon)
    reached: list[MilestoneConfig | ArtefactConfig] = [*plan.milestones, *plan.artefacts]
    return Future(
        opening=_opening(plan) / 100,
        streams=streams,
        months=horizon.months,
        training=None if last is None else _time(last, doubt.price_deviation, horizon),
        milestones={one.name: float(month_number(one.month) - horizon.start) for one in reached},
    )


def ledger_lines(plan: CapitalPlan, folder: Path) -> Iterator[Line]:
    """Every cost and revenue of a plan."""
    horizon = horizon_of(plan)
    yield from _ledger(plan, Planner(folder))[0]
    yield from (line for one in plan.resources if one.probability == 1 and (line := own_line(one, horizon)))
    yield from (revenue_line(one, horizon) for one in plan.revenue)
    yield from market_lines(plan, horizon)[1]


def _ledger(plan: CapitalPlan, price: Pricer) -> tuple[list[Line], list[BoughtHours]]:
    """Every cost of a plan, and the accelerator-hours it buys."""
    horizon = horizon_of(plan)
    trainings = [_priced(one, plan, horizon, price) for one in plan.training]
    winning, _ = market_lines(plan, horizon)
    return [*_costs(plan, horizon), *(line for one in trainings for line in one.lines), *winning], [
        one.hours for one in trainings
    ]


def horizon_of(plan: CapitalPlan) -> Horizon:
    """The months of a plan; `UserError` `missing-key` without a first day."""
    if plan.start is None:
        raise UserError("missing-key", "start is missing: the first day of the plan", hint="start = 2027-01-01")
    return Horizon(month_of(plan.start), plan.months, plan.currency, plan.rates)


def _opening(plan: CapitalPlan) -> int:
    if plan.cash is None:
        raise UserError("missing-key", "cash is missing: what is in the bank on the first day", hint="cash = 1_500_000")
    return cents(plan.cash)


def _costs(plan: CapitalPlan, horizon: Horizon) -> Iterator[Line]:
    yield from (cost_line(one, horizon) for one in plan.costs)
    for role in plan.people:
        yield from role_lines(role, horizon)
    yield from (traffic_line(one, horizon) for one in plan.traffic)


def _priced(asked: TrainingRunConfig, plan: CapitalPlan, horizon: Horizon, price: Pricer) -> _Priced:
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
    other = cents(final * asked.other_runs / 100)
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
    return _Priced(cost, tuple(lines), math.sqrt(wall.high / wall.low), asked.contract == "prepaid", hours)


def _during(name: str, total: int, first: float, months: float, asked: TrainingRunConfig, horizon: Horizon) -> Line:
    """A total, even over a stretch of time, whose months add up to what of it lies in the plan."""
    edges = np.clip((np.arange(horizon.months + 1) - first) / max(months, 1e-9), 0.0, 1.0)
    bounds = [round(total * float(edge)) for edge in edges]
    amounts = [after - before for before, after in pairwise(bounds)]
    paid = list(amounts)
    if asked.contract == "prepaid":
        paid = [0] * horizon.months
        paid[min(max(0, int(first)), horizon.months - 1)] = sum(amounts)
    return Line(
        name, "compute", "research", tuple(amounts), tuple(paid), 0, asked.contract == "prepaid", asked.provider
    )


def _time(training: _Priced, price_deviation: float, horizon: Horizon) -> TrainingTime:
    """The training that ends last, whose final run is drawn; others are as planned."""
    return TrainingTime(
        start_month=float(month_number(training.cost.start) - horizon.start),
        months=training.cost.months,
        factor_80=training.factor_80,
        per_month=0.0 if training.prepaid else training.cost.final_cents / 100 / training.cost.months,
        price_deviation=price_deviation,
    )
