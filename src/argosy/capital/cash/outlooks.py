"""The plan as a whole: its ledger with what is signed and with what is hoped for, and its futures."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from argosy.capital.cash.assembling import (
    PlanLines,
    PricedTraining,
    TrainingCost,
    horizon_of,
    opening_cents,
    plan_lines,
    stand_ins,
)
from argosy.capital.cash.cash_flow import CashFlow, cash_flow, funded
from argosy.capital.cash.displacing import BoughtHours, Displacing
from argosy.capital.cash.futures import Future, Simulated, Stream, Swing, TrainingTime, simulate, tornado
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.cash.market import market_streams
from argosy.capital.cash.market_results import Market
from argosy.capital.cash.market_units import market
from argosy.capital.cash.partner_register import Partners, partners_of
from argosy.capital.cash.pricing import Planner, Pricer
from argosy.capital.cash.resource_use import Resources, resource_streams, resources_of
from argosy.capital.cash.training_worth import TrainingWorth, training_worths
from argosy.capital.months import month_name, month_number, month_of
from argosy.capital.plan.budget import FundingConfig, MilestoneConfig
from argosy.capital.plan.market_config import ArtefactConfig
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.config import Record

HALF_A_MONTH = 0.5  # into its month, in which there has to be cash for it


class Outlook(Record):
    """What the money does."""

    signed: CashFlow
    """With the funding that is certain."""
    hoped: CashFlow
    """With all of it."""
    trainings: tuple[TrainingCost, ...]
    """What training costs."""
    raise_from: str | None
    """Month in which the next round has to begin, so that it arrives before signed money is out; null if that is
    after the plan, or never."""
    safety_months: float | None
    """Months until then; below 0 it is late."""
    resources: Resources | None
    """What credits and resources displace, with all that is hoped for; null without them."""
    partners: Partners | None
    """Whom the plan hangs on, with all that is hoped for; null without a register."""
    market: Market | None
    """Channels and artefacts; null without any."""
    worths: tuple[TrainingWorth, ...]
    """Trainings that say what they bring, as investments."""
    outside: tuple[str, ...]
    """Funding and trainings of months that are not the plan's: nothing counts them, but for debt that is still owed."""


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


def outlook(plan: CapitalPlan, folder: Path) -> Outlook:
    """The ledger of a plan; paths are relative to `folder`, trainings planned as their ventures say.

    Raises `UserError` for what is missing or has no rate.
    """
    horizon, pricer = horizon_of(plan), Planner(folder)
    lines = plan_lines(plan, horizon, pricer)
    others = stand_ins(plan, lines, horizon)
    signed = _flow(plan, lines, others, horizon, 1)
    lasts = signed.runway_months
    begin = None if lasts is None else math.floor(lasts) - plan.raising_months

    def ledger(changed: CapitalPlan) -> tuple[Sequence[Line], Sequence[BoughtHours]]:
        other = plan_lines(changed, horizon, pricer)
        return other.costs, other.hours

    return Outlook(
        signed=signed,
        hoped=_flow(plan, lines, others, horizon, 0),
        trainings=tuple(one.cost for one in lines.trainings),
        raise_from=None if begin is None or begin >= horizon.months else horizon.name(begin),
        safety_months=None if lasts is None else lasts - plan.raising_months,
        resources=resources_of(plan, horizon, ledger),
        partners=partners_of(plan, [*lines.costs, *lines.income], others, horizon),
        market=market(plan, horizon),
        worths=training_worths(plan, horizon, partial(_hoped_ledger, price=pricer)),
        outside=tuple(_outside(plan, lines, horizon)),
    )


def _outside(plan: CapitalPlan, lines: PlanLines, horizon: Horizon) -> Iterator[str]:
    dated = [(one.name, one.month, one.month) for one in plan.funding]
    for one in lines.trainings:
        over = horizon.start + math.ceil(month_number(one.cost.start) - horizon.start + one.cost.months) - 1
        dated.append((one.cost.venture, one.cost.start, month_name(over)))
    for name, begins, ends in dated:
        if month_number(ends) < horizon.start or month_number(begins) >= horizon.start + horizon.months:
            yield f"{name}, {begins}"


def hoped(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> Hoped:
    """Of an outlook only what is hoped for, trainings planned by `price` where it is given: many of these take as long
    as one of those. Raises as `outlook` does."""
    lines, flow = _hoped_ledger(plan, horizon_of(plan), price or Planner(folder))
    return Hoped(flow, tuple(one.cost for one in lines.trainings))


def worths(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> tuple[TrainingWorth, ...]:
    """Of an outlook only what trainings are worth, planned by `price` as for `hoped`."""
    return training_worths(plan, horizon_of(plan), partial(_hoped_ledger, price=price or Planner(folder)))


def _hoped_ledger(plan: CapitalPlan, horizon: Horizon, price: Pricer) -> tuple[PlanLines, CashFlow]:
    lines = plan_lines(plan, horizon, price)
    return lines, _flow(plan, lines, stand_ins(plan, lines, horizon), horizon, 0)


def _flow(
    plan: CapitalPlan, lines: PlanLines, others: Sequence[Displacing], horizon: Horizon, least: float
) -> CashFlow:
    """The ledger with the funding and the resources that are at least as probable."""
    funding = [one for one in plan.funding if one.probability >= least]
    sure = [one for one in others if one.config.probability >= least]
    opening = opening_cents(plan, horizon)
    return cash_flow(opening, lines.costs, lines.income, funding, plan.credits, horizon, sure, plan.tax)


def chances(plan: CapitalPlan, folder: Path, *, paths: int = 10_000, seed: int = 0) -> Chances:
    """Draw the futures of a plan: what `[uncertainty]` says, and how far the planner's training times are off.

    Credits pay what they pay in the plan, and so are taxes. Raises as `outlook` does.
    """
    future = future_of(plan, folder)
    return Chances(simulated=simulate(future, paths, seed), swings=tornado(future, max(500, paths // 4), seed))


def future_of(plan: CapitalPlan, folder: Path, price: Pricer | None = None) -> Future:
    """Everything that may turn out otherwise, in the currency of the plan; `price` as for `hoped`."""
    horizon = horizon_of(plan)
    lines = plan_lines(plan, horizon, price or Planner(folder))
    going = [one for one in lines.trainings if month_number(one.cost.start) + one.cost.months > horizon.start]
    last = max(going, key=lambda one: month_number(one.cost.start) + one.cost.months, default=None)
    reached: list[MilestoneConfig | ArtefactConfig] = [*plan.milestones, *plan.artefacts]
    return Future(
        opening=opening_cents(plan, horizon) / 100,
        streams=[
            *resource_streams(plan, lines.costs, lines.hours, horizon),
            *_taxes(plan, lines, horizon),
            *_spending(plan, lines, last),
            *_income(plan, lines),
            *_funding(plan, horizon),
            *market_streams(plan, horizon),
        ],
        months=horizon.months,
        training=None if last is None else _time(last, plan.uncertainty.price_deviation, horizon),
        milestones={one.name: month_number(one.month) - horizon.start + HALF_A_MONTH for one in reached},
    )


def _taxes(plan: CapitalPlan, lines: PlanLines, horizon: Horizon) -> Iterator[Stream]:
    """As the plan with all it hopes for pays them."""
    if plan.tax is not None:
        flow = _flow(plan, lines, stand_ins(plan, lines, horizon), horizon, 0)
        yield Stream("taxes", -np.array([row.tax_paid_cents for row in flow.months]) / 100)


def _spending(plan: CapitalPlan, lines: PlanLines, last: PricedTraining | None) -> Iterator[Stream]:
    """All costs but those of channels and of the final run that is drawn, unless that is paid at signing."""
    doubt = plan.uncertainty
    if last is not None and last.prepaid:
        yield Stream(f"{last.cost.venture}: prepaid", -np.array(last.lines[0].paid) / 100)
    others = [line for one in lines.trainings for line in one.lines if last is None or line is not last.lines[0]]
    alike: Counter[str] = Counter()
    for line in (*lines.running, *others):
        people = line.kind == "people" and not line.committed
        name = f"{line.name} ({line.kind}"
        alike[name] += 1
        yield Stream(
            # Numbered among its like: what is added elsewhere leaves its random numbers alone.
            f"{name} {alike[name] - 1})",
            -np.array(line.paid) / 100,
            # Who is there already need not be found.
            delay_months=doubt.hiring_delay_months if people and not line.amounts[0] else 0.0,
            drift_deviation=0.0 if people or line.committed else doubt.price_deviation,
            after_training=line.after_training,
            goes_on=True,
        )


def _income(plan: CapitalPlan, lines: PlanLines) -> Iterator[Stream]:
    for number, (line, revenue) in enumerate(zip(lines.revenues, plan.revenue, strict=True)):
        begun = plan.start is not None and month_number(revenue.start) < month_of(plan.start)
        yield Stream(
            f"{line.name} (revenue {number})",
            np.array(line.paid) / 100,
            size_deviation=plan.uncertainty.revenue_deviation,
            delay_months=0.0 if begun else plan.uncertainty.revenue_delay_months,
            after_training=line.after_training,
            goes_on=True,
        )


def funding_stream(number: int, source: FundingConfig) -> str:
    """Name of the stream of a plan's source, as numbered there."""
    return f"{source.name} (funding {number})"


def _funding(plan: CapitalPlan, horizon: Horizon) -> Iterator[Stream]:
    for number, source in enumerate(plan.funding):
        sure = source.probability == 1
        raised, repaid, interest = funded([source], horizon)
        yield Stream(
            funding_stream(number, source),
            (np.array(raised) - np.array(repaid) - np.array(interest)) / 100,
            probability=source.probability,
            size_deviation=0.0 if sure else plan.uncertainty.funding_deviation,
            delay_months=0.0 if sure else plan.uncertainty.funding_delay_months,
        )


def _time(training: PricedTraining, price_deviation: float, horizon: Horizon) -> TrainingTime:
    """The training that ends last, whose final run is drawn; others are as planned."""
    return TrainingTime(
        start_month=float(month_number(training.cost.start) - horizon.start),
        months=training.cost.months,
        factor_80=training.factor_80,
        per_month=0.0 if training.prepaid else training.cost.final_cents / 100 / training.cost.months,
        price_deviation=price_deviation,
    )
