"""What a planned training is worth, and what it would be worth at another time: the value of waiting.

Compute gets cheaper, the runway shorter, and a product that comes later is sold for a shorter time. A start is tried by
moving the training, and all that it brings, in the plan: its ledger then has the price of that month, the gains of the
months that are left, and the cash, which decides what is possible. Without a horizon and with instant training the best
moment is where a month's saving equals its lost gain (Dixit and Pindyck 1994, Investment under Uncertainty, ch. 5.1).
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from argosy.capital.cash.assembling import PlanLines
from argosy.capital.cash.cash_flow import CashFlow
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.months import later, month_number
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.capital.rates import npv
from argosy.capital.technology.past_rents import PriceFall, public_fall
from argosy.capital.training_returns import TrainingReturn, monthly_rate, training_return
from argosy.config import Record, UserError

FARTHEST = 24  # months by which a start is moved
MOVING = (("revenue", "name"), ("channels", "name"), ("costs", "name"), ("people", "role"))
INFERENCE = "inference"

Ledger = Callable[[CapitalPlan, Horizon], tuple[PlanLines, CashFlow]]


class StartWorth(Record):
    """The training begun in one month."""

    start: str
    """Which."""
    cost_cents: int
    """Paid for it, and for what its gains take."""
    gain_cents: int
    """Received or spared."""
    net_present_value_cents: float
    """Of the difference, on the plan's first day."""
    lowest_cash_cents: int
    """At the end of a month until it ends, with all that is hoped for."""
    possible: bool
    """Whether that is 0 or more."""


class TrainingWorth(Record):
    """One planned training as an investment."""

    venture: str
    """Which."""
    start: str
    """As planned."""
    brings: tuple[str, ...]
    """Whose money are its gains, and what those take."""
    until: str
    """Last month that counts."""
    as_planned: TrainingReturn
    """By month of the plan, and after it until then."""
    starts: tuple[StartWorth, ...]
    """The planned start, and others up to two years away from which it ends in time."""
    best: StartWorth | None
    """Of those possible and worth more than nothing the one worth most; null where there is none."""
    best_with_endless_cash: StartWorth | None
    """The same if cash were no matter: what the runway costs is the difference."""
    value_of_waiting_cents: float
    """What the best start from the planned one on is worth more than that, which is worth 0 where it is impossible or a
    loss."""
    price_change_per_year: float
    """Of an accelerator-hour, as planned."""
    fall: PriceFall | None
    """By public prices; null where they do not tell."""


def training_worths(plan: CapitalPlan, horizon: Horizon, ledger: Ledger) -> tuple[TrainingWorth, ...]:
    """Each training that says what it brings; `ledger` has a plan's lines, and its cash with all that is hoped for."""
    asked = [number for number, one in enumerate(plan.training) if one.brings or one.saving_per_month]
    return tuple(_worth(plan, number, horizon, ledger) for number in asked)


def _worth(plan: CapitalPlan, number: int, horizon: Horizon, ledger: Ledger) -> TrainingWorth:
    training, (lines, cash) = plan.training[number], ledger(plan, horizon)
    count = horizon.months if plan.worth_until is None else month_number(plan.worth_until) + 1 - horizon.start
    planned = _start(plan, number, horizon, lines, cash, count)
    starts = sorted([planned, *_others(plan, number, horizon, ledger, count)], key=lambda one: one.start)
    possible = [one for one in starts if one.possible]
    waited, now = _best([one for one in possible if one.start > training.start]), _best([planned][: planned.possible])
    assert plan.discount_per_year is not None  # plan_problems refuses it
    return TrainingWorth(
        venture=training.venture,
        start=training.start,
        brings=training.brings,
        until=horizon.name(count - 1),
        as_planned=training_return(*_flows(plan, number, horizon, lines, count), plan.discount_per_year),
        starts=tuple(starts),
        best=_best(possible),
        best_with_endless_cash=_best(starts),
        value_of_waiting_cents=max(0.0, _value(waited) - _value(now)),
        price_change_per_year=training.price_change_per_year,
        fall=public_fall(lines.trainings[number].hours.spec.name),
    )


def _others(plan: CapitalPlan, number: int, horizon: Horizon, ledger: Ledger, count: int) -> Iterator[StartWorth]:
    """Other starts, each in a plan that ends as much later or sooner, so that what grows has as long to do so."""
    training = plan.training[number]
    for by in range(-FARTHEST, FARTHEST + 1):
        first = month_number(training.start) - horizon.start + by
        if not by or first < training.other_runs_months or first >= count or not horizon.months + by > 0:
            continue
        with contextlib.suppress(UserError):  # moved, one venture may have hours at two prices
            moved, longer = _moved(plan, number, by), replace(horizon, months=horizon.months + by)
            lines, cash = ledger(moved, longer)
            if first + lines.trainings[number].cost.months <= min(count, longer.months):
                yield _start(moved, number, longer, lines, cash, count)


def _moved(plan: CapitalPlan, number: int, by: int) -> CapitalPlan:
    """The plan with a training, and all that it brings, begun so many months later."""
    brings = plan.training[number].brings
    sections: dict[str, object] = {
        section: tuple(later(one, by) if getattr(one, key) in brings else one for one in getattr(plan, section))
        for section, key in MOVING
    }
    sections["training"] = tuple(later(one, by) if place == number else one for place, one in enumerate(plan.training))
    if INFERENCE in brings:
        sections["traffic"] = tuple(later(one, by) for one in plan.traffic)
    return plan.model_copy(update=sections)


def _start(
    plan: CapitalPlan, number: int, horizon: Horizon, lines: PlanLines, cash: CashFlow, count: int
) -> StartWorth:
    costs, gains = _flows(plan, number, horizon, lines, count)
    lowest = min(one.cash_cents for one in cash.months[: _after(plan, number, horizon, lines)])
    return StartWorth(
        start=plan.training[number].start,
        cost_cents=sum(costs),
        gain_cents=sum(gains),
        net_present_value_cents=npv(
            monthly_rate(plan.discount_per_year or 0.0), [more - less for less, more in zip(costs, gains, strict=True)]
        ),
        lowest_cash_cents=lowest,
        possible=lowest >= 0,
    )


def _after(plan: CapitalPlan, number: int, horizon: Horizon, lines: PlanLines) -> int:
    """First month of the plan after a training has ended."""
    first = month_number(plan.training[number].start) - horizon.start
    return max(1, math.ceil(first + lines.trainings[number].cost.months))


def _flows(
    plan: CapitalPlan, number: int, horizon: Horizon, lines: PlanLines, count: int
) -> tuple[list[int], list[int]]:
    """Cents paid for a training and for what its gains take, and cents received or spared, in so many months."""
    training = plan.training[number]
    spared, after = horizon.cents(training.saving_per_month), _after(plan, number, horizon, lines)
    taken = _named(training.brings, (*lines.running, *lines.winning))
    costs = _by_month([*lines.trainings[number].lines, *taken], horizon, count)
    gains = _by_month(_named(training.brings, lines.income), horizon, count)
    return costs, [more + spared * (month >= after) for month, more in enumerate(gains)]


def _named(names: Sequence[str], lines: Sequence[Line]) -> list[Line]:
    """Lines of these sections: a channel has several, and a role one for hiring."""
    known = {form.format(name) for name in names for form in ("{}", "{}: spend", "{}: serving", "hiring: {}")}
    return [line for line in lines if line.name in known]


def _by_month(lines: Sequence[Line], horizon: Horizon, months: int) -> list[int]:
    """What changes hands in so many months, of the plan and after it."""
    beyond = max(0, months - horizon.months)
    after = [line.beyond(beyond) for line in lines]
    later = (round(sum((some[month] for some in after), Fraction(0))) for month in range(beyond))
    return [*(sum(line.paid[month] for line in lines) for month in range(horizon.months)), *later][:months]


def _best(starts: Sequence[StartWorth]) -> StartWorth | None:
    return max((one for one in starts if _value(one) > 0), key=_value, default=None)


def _value(start: StartWorth | None) -> float:
    return 0.0 if start is None else start.net_present_value_cents
