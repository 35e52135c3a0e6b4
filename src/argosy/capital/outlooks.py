"""The plan as a whole: its trainings priced, its ledger with what is signed and with what is hoped for, its futures."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np

from argosy.capital.budget import MilestoneConfig, TrainingRunConfig
from argosy.capital.cash_flow import CashFlow, cash_flow, funded
from argosy.capital.displacing import BoughtHours, bought_hours, displacing
from argosy.capital.futures import Future, Simulated, Stream, Swing, TrainingTime, simulate, tornado
from argosy.capital.lines import Horizon, Line, cost_line, revenue_line, role_lines, traffic_line
from argosy.capital.market import market_lines, market_streams
from argosy.capital.market_config import ArtefactConfig
from argosy.capital.market_results import Market
from argosy.capital.market_units import market
from argosy.capital.months import month_name, month_number, month_of
from argosy.capital.partner_register import Partners, partners_of
from argosy.capital.plan_file import CapitalPlan
from argosy.capital.resource_use import Resources, resource_streams, resources_of
from argosy.config import Record, UserError, Venture, language_venture, load_venture
from argosy.planning import Plan
from argosy.planning import plan as plan_of

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
class PricedTraining:
    """A planned training and its lines, the final run's first."""

    cost: TrainingCost
    """By the planner."""
    lines: tuple[Line, ...]
    """Of the ledger."""
    hours: BoughtHours
    """Accelerator-hours it buys."""
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


def plan_lines(plan: CapitalPlan, horizon: Horizon, folder: Path) -> PlanLines:
    """The lines that ledger, futures and bank's list share; whatever adds a cost or a revenue to a plan adds it here.

    `folder` is what the ventures' paths are relative to. Raises `UserError` for what is missing or has no rate.
    """
    winning, won = market_lines(plan, horizon)
    return PlanLines(
        running=(
            *(cost_line(one, horizon) for one in plan.costs),
            *(line for role in plan.people for line in role_lines(role, horizon)),
            *(traffic_line(one, horizon) for one in plan.traffic),
        ),
        trainings=tuple(_priced(one, horizon, folder) for one in plan.training),
        winning=tuple(winning),
        revenues=tuple(revenue_line(one, horizon) for one in plan.revenue),
        won=tuple(won),
    )


def outlook(plan: CapitalPlan, folder: Path) -> Outlook:
    """The ledger of a plan; paths are relative to `folder`. Raises `UserError` for what is missing or has no rate."""
    horizon = horizon_of(plan)
    lines, opening = plan_lines(plan, horizon, folder), _opening(plan, horizon)
    certain = [one for one in plan.funding if one.probability == 1]
    others = displacing(plan.resources, lines.costs, plan.people, lines.hours, horizon)
    sure = [one for one in others if one.config.probability == 1]
    signed = cash_flow(opening, lines.costs, lines.income, certain, plan.credits, horizon, sure, plan.tax)
    out = None if signed.out_of_cash is None else month_number(signed.out_of_cash)

    def ledger(changed: CapitalPlan) -> tuple[Sequence[Line], Sequence[BoughtHours]]:
        other = plan_lines(changed, horizon, folder)
        return other.costs, other.hours

    return Outlook(
        signed=signed,
        hoped=cash_flow(opening, lines.costs, lines.income, plan.funding, plan.credits, horizon, others, plan.tax),
        trainings=tuple(one.cost for one in lines.trainings),
        raise_from=None if out is None else month_name(out - plan.raising_months),
        safety_months=None if signed.runway_months is None else signed.runway_months - plan.raising_months,
        resources=resources_of(plan, horizon, ledger),
        partners=partners_of(plan, [*lines.costs, *lines.income], others, horizon),
        market=market(plan, horizon),
    )


def chances(plan: CapitalPlan, folder: Path, *, paths: int = 10_000, seed: int = 0) -> Chances:
    """Draw the futures of a plan: what `[uncertainty]` says, and how far the planner's training times are off.

    Credits pay what they pay in the plan, and so are taxes. Raises as `outlook` does.
    """
    future = future_of(plan, folder)
    return Chances(simulated=simulate(future, paths, seed), swings=tornado(future, max(500, paths // 4), seed))


def future_of(plan: CapitalPlan, folder: Path) -> Future:
    """Everything that may turn out otherwise, in the currency of the plan."""
    horizon, doubt = horizon_of(plan), plan.uncertainty
    lines = plan_lines(plan, horizon, folder)
    last = max(lines.trainings, key=lambda one: month_number(one.cost.start) + one.cost.months, default=None)
    drawn = None if last is None else last.lines[0]
    streams = resource_streams(plan, lines.costs, lines.hours, horizon)
    if plan.tax is not None:
        flow = cash_flow(0, lines.costs, lines.income, plan.funding, (), horizon, tax=plan.tax)
        streams.append(Stream("taxes", -np.array([row.tax_paid_cents for row in flow.months]) / 100))
    channels = {id(line) for line in lines.winning}
    for number, line in enumerate(one for one in lines.costs if one is not drawn and id(one) not in channels):
        people = line.kind == "people"
        streams.append(
            Stream(
                f"{line.name} ({number})",
                -np.array(line.paid) / 100,
                delay_months=doubt.hiring_delay_months if people else 0.0,
                drift_deviation=0.0 if people or line.committed else doubt.price_deviation,
                after_training=line.after_training,
            )
        )
    for number, line in enumerate(lines.revenues):
        streams.append(
            Stream(
                f"{line.name} (revenue {number})",
                np.array(line.paid) / 100,
                size_deviation=doubt.revenue_deviation,
                delay_months=doubt.revenue_delay_months,
                after_training=line.after_training,
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
        opening=_opening(plan, horizon) / 100,
        streams=streams,
        months=horizon.months,
        training=None if last is None else _time(last, doubt.price_deviation, horizon),
        milestones={one.name: float(month_number(one.month) - horizon.start) for one in reached},
    )


def horizon_of(plan: CapitalPlan) -> Horizon:
    """The months of a plan; `UserError` `missing-key` without a first day."""
    if plan.start is None:
        raise UserError("missing-key", "start is missing: the first day of the plan", hint="start = 2027-01-01")
    return Horizon(month_of(plan.start), plan.months, plan.currency, plan.rates, plan.rounding)


def _opening(plan: CapitalPlan, horizon: Horizon) -> int:
    if plan.cash is None:
        raise UserError("missing-key", "cash is missing: what is in the bank on the first day", hint="cash = 1_500_000")
    return horizon.cents(plan.cash)


@functools.lru_cache(maxsize=16)
def _planned(venture: Venture) -> Plan:
    return plan_of(venture)


def _priced(asked: TrainingRunConfig, horizon: Horizon, folder: Path) -> PricedTraining:
    """A training with the planner's figures: the final run's line, and that of the others."""
    venture = language_venture(load_venture(folder / asked.venture))
    found = _planned(venture)
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
    return PricedTraining(cost, tuple(lines), hours, math.sqrt(wall.high / wall.low))


def _during(name: str, total: int, first: float, months: float, asked: TrainingRunConfig, horizon: Horizon) -> Line:
    """A total, even over a stretch of time, whose months add up to what of it lies in the plan."""
    edges = np.clip((np.arange(horizon.months + 1) - first) / max(months, 1e-9), 0.0, 1.0)
    bounds = [horizon.cents(Decimal(total) * Decimal(float(edge)) / 100) for edge in edges]
    amounts = [after - before for before, after in pairwise(bounds)]
    paid = list(amounts)
    if asked.contract == "prepaid":
        paid = [0] * horizon.months
        paid[min(max(0, int(first)), horizon.months - 1)] = sum(amounts)
    return Line(
        name, "compute", "research", tuple(amounts), tuple(paid), 0, asked.contract == "prepaid", asked.provider
    )


def _time(training: PricedTraining, price_deviation: float, horizon: Horizon) -> TrainingTime:
    """The training that ends last, whose final run is drawn; others are as planned."""
    return TrainingTime(
        start_month=float(month_number(training.cost.start) - horizon.start),
        months=training.cost.months,
        factor_80=training.factor_80,
        per_month=training.cost.final_cents / 100 / training.cost.months,
        price_deviation=price_deviation,
    )
