"""How customers are won and kept: spend → reach → leads → customers → revenue by month, for each channel.

The plan's own course is exact in fractions and becomes cents with a carried remainder; draws are float64, made from it
once. One formula, `followed`, does both.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from argosy.capital.cash.futures import Z80, Array, Stream, normal
from argosy.capital.cash.lines import Horizon, Line, cost_line, token_price
from argosy.capital.exact import CENTS, exact
from argosy.capital.months import MoneyRounding, cents, month_number
from argosy.capital.plan.budget import CostConfig
from argosy.capital.plan.market_config import ArtefactConfig, ChannelConfig, EffectConfig, EstimateConfig, ShareConfig
from argosy.capital.plan.plan_file import NAME, CapitalPlan
from argosy.config import Problem, VentureError

N = TypeVar("N", Fraction, Array)
MOST_CUSTOMERS = 10**10  # more than there are people
MOST_CENTS = 10**15  # the most an amount in a plan may be


@dataclass(frozen=True)
class Steps(Generic[N]):
    """The steps of a channel: exact medians, or draws [paths]; money in the channel's currency."""

    cost_per_thousand: N
    leads: N
    customers: N
    revenue: N
    churn: N
    referrals: N
    effects: tuple[N, ...]


@dataclass(frozen=True)
class Course(Generic[N]):
    """What is certain about a channel, month by month; in draws each is [1]."""

    spend: tuple[N, ...]  # cents of the plan's currency
    worth: tuple[N, ...]  # of the channel's currency in the plan's
    serving: tuple[N, ...]  # cents for a customer
    strengths: tuple[tuple[N, ...], ...]  # [effects][months]: what is left of each


@dataclass(frozen=True)
class Followed(Generic[N]):
    """What became of a channel."""

    bought: N  # customers that the spend wins, after the last month too
    new: tuple[N, ...]
    customers: tuple[N, ...]
    revenue: tuple[N, ...]  # cents
    serving: tuple[N, ...]  # cents


@dataclass(frozen=True)
class Funnel:
    """One channel in a plan."""

    channel: ChannelConfig
    effects: tuple[EffectConfig, ...]
    course: Course[Fraction]
    steps: Steps[Fraction]
    exact: Followed[Fraction]
    spend: Line
    serving: Line
    revenue: Line

    @property
    def uncertain(self) -> bool:
        """Whether any of its steps has a range."""
        known = self.channel
        steps = (known.cost_per_thousand, known.leads, known.customers, known.revenue_per_customer, known.churn)
        return any(one is not None and one.range_80 is not None for one in (*steps, known.referrals, *self.effects))

    @property
    def first(self) -> int:
        """First month of the plan with customers; the last one where there are none."""
        months = len(self.exact.customers)
        return next((month for month, count in enumerate(self.exact.customers) if count), months - 1)

    def drawn(self, paths: int, seed: int) -> tuple[Steps[Array], Followed[Array]]:
        """The steps as they may turn out, and what then becomes of the channel."""
        name, delay = self.channel.name, self.channel.delay_months
        steps = _steps(self.channel, self.effects, lambda one, what: _draws(one, f"{name}: {what}", paths, seed))
        course = Course(
            spend=_floats(self.course.spend),
            worth=_floats(self.course.worth),
            serving=_floats(self.course.serving),
            strengths=tuple(map(_floats, self.course.strengths)),
        )
        return steps, followed(course, steps, self.effects, delay, lambda share: np.minimum(share, 1.0))


def followed(
    course: Course[N],
    steps: Steps[N],
    effects: Sequence[EffectConfig],
    delay_months: int,
    at_most_one: Callable[[N], N],
) -> Followed[N]:
    """Follow a channel's money to its customers, and them until they leave.

    contacts = 1000 · spend / cost per thousand; leads = contacts · share, and those that artefacts bring; new =
    leads · share, `delay_months` later, and referrals · customers of the month before;
    customers = customers of the month before · (1 − churn) + new. Who is new pays for that month.
    """
    months, none, one = len(course.spend), steps.churn * 0, steps.churn * 0 + 1
    bought, won = none, [none] * months
    for month in range(months):
        lifts, extra = {"reach": one, "leads": one, "customers": one}, none
        for effect, size, strength in zip(effects, steps.effects, course.strengths, strict=True):
            if effect.lifts == "leads_per_month":
                extra = extra + size * strength[month]
            else:
                lifts[effect.lifts] = lifts[effect.lifts] * (1 + size * strength[month])
        contacts = course.spend[month] * 10 / (steps.cost_per_thousand * course.worth[month]) * lifts["reach"]
        leads = contacts * at_most_one(steps.leads * lifts["leads"])
        share = at_most_one(steps.customers * lifts["customers"])
        bought = bought + leads * share
        if month + delay_months < months:
            won[month + delay_months] = (leads + extra) * share
    new, customers, before = [], [], none
    for month in range(months):
        new.append(won[month] + before * steps.referrals)
        before = before * (1 - steps.churn) + new[month]
        customers.append(before)
    bills = [count * steps.revenue * 100 * worth for count, worth in zip(customers, course.worth, strict=True)]
    serving = [count * cost for count, cost in zip(customers, course.serving, strict=True)]
    return Followed(bought, tuple(new), tuple(customers), tuple(bills), tuple(serving))


def funnels(plan: CapitalPlan, horizon: Horizon, artefacts: Sequence[ArtefactConfig] | None = None) -> list[Funnel]:
    """Every channel of a plan, with the effects of its artefacts or of others.

    Raises `VentureError` for more customers or money than there can be, `UserError` `no-rate` for a currency without
    one.
    """
    given = plan.artefacts if artefacts is None else artefacts
    return [_funnel(number, channel, plan, given, horizon) for number, channel in enumerate(plan.channels)]


def artefact_line(artefact: ArtefactConfig, horizon: Horizon) -> Line:
    """What an artefact costs, in its month."""
    cost = CostConfig(
        name=artefact.name,
        kind="marketing",
        area="marketing",
        amount=artefact.cost,
        currency=artefact.currency,
        every="once",
        start=artefact.month,
    )
    return cost_line(cost, horizon)


def market_lines(plan: CapitalPlan, horizon: Horizon) -> tuple[list[Line], list[Line]]:
    """Costs (spend, serving, artefacts) and revenues of channels and artefacts; raises as `funnels` does."""
    found = funnels(plan, horizon)
    costs = [line for one in found for line in (one.spend, one.serving)]
    return costs + [artefact_line(one, horizon) for one in plan.artefacts], [one.revenue for one in found]


def market_streams(plan: CapitalPlan, horizon: Horizon) -> Iterator[Stream]:
    """Channels and artefacts as what may turn out otherwise.

    The spend of a channel is as planned; its revenue less serving is followed anew in each path, with random numbers
    named by the channel. What an artefact costs moves with prices and with the end of training.
    """
    for one in funnels(plan, horizon):
        channel, planned = one.channel, np.array(one.revenue.paid) - np.array(one.serving.paid)
        moves = channel.after_training
        yield Stream(f"{channel.name} (spend)", -np.array(one.spend.paid) / 100, after_training=moves, goes_on=True)
        yield Stream(
            f"{channel.name} (channel)",
            planned / 100,
            after_training=moves,
            goes_on=True,
            draw=partial(_net, one) if one.uncertain else None,
        )
    for artefact in plan.artefacts:
        yield Stream(
            f"{artefact.name} (artefact)",
            -np.array(artefact_line(artefact, horizon).paid) / 100,
            drift_deviation=plan.uncertainty.price_deviation,
            after_training=True,
        )


def carried(amounts: Sequence[Fraction], rounding: MoneyRounding) -> tuple[int, ...]:
    """Whole cents whose every partial sum is that of the exact ones, rounded."""
    sums, total = [0], Fraction(0)
    for amount in amounts:
        total += amount
        sums.append(cents(total / CENTS, rounding))
    return tuple(after - before for before, after in pairwise(sums))


def _funnel(
    number: int, channel: ChannelConfig, plan: CapitalPlan, artefacts: Sequence[ArtefactConfig], horizon: Horizon
) -> Funnel:
    claimed = [(one, effect) for one in artefacts for effect in one.effects if effect.channel == channel.name]
    effects = tuple(effect for _, effect in claimed)
    worth = tuple(Fraction(horizon.worth(channel.currency, month)) for month in range(horizon.months))
    spend = _spend(channel, worth, horizon)
    course = Course(
        spend=tuple(map(Fraction, spend)),
        worth=worth,
        serving=_serving(channel, plan, worth, horizon),
        strengths=tuple(
            _strength(month_number(one.month) - horizon.start, effect.half_life_months, horizon.months)
            for one, effect in claimed
        ),
    )
    steps = _steps(channel, effects, lambda one, _: exact(0.0 if one is None else one.value))
    sure = followed(course, steps, effects, channel.delay_months, lambda share: min(share, Fraction(1)))
    if max(*sure.customers, sure.bought) > MOST_CUSTOMERS or max(sum(sure.revenue), sum(sure.serving)) > MOST_CENTS:
        expected = "expected fewer than ten billion customers and less than ten trillion in money"
        raise VentureError(NAME, [Problem(f"channels.{number}", expected, channel.name)])
    bills, serving = (carried(some, horizon.rounding) for some in (sure.revenue, sure.serving))
    provider = None if channel.tokens_per_customer is None else plan.traffic[0].provider
    received = (*([0] * channel.received_after_months), *bills)
    paid, due = received[: horizon.months], received[horizon.months :]
    return Funnel(
        channel,
        effects,
        course,
        steps,
        sure,
        Line(f"{channel.name}: spend", "marketing", "marketing", spend, spend),
        Line(f"{channel.name}: serving", "inference", "operations", serving, serving, provider=provider),
        Line(channel.name, "revenue", "marketing", bills, paid, sum(due), due=due),
    )


def _steps(
    channel: ChannelConfig, effects: Sequence[EffectConfig], number: Callable[[EstimateConfig | None, str], N]
) -> Steps[N]:
    return Steps(
        cost_per_thousand=number(channel.cost_per_thousand, "cost per thousand"),
        leads=number(channel.leads, "leads"),
        customers=number(channel.customers, "customers"),
        revenue=number(channel.revenue_per_customer, "revenue"),
        churn=number(channel.churn, "churn"),
        referrals=number(channel.referrals, "referrals"),
        effects=tuple(number(one, f"effect {place}") for place, one in enumerate(effects)),
    )


def _spend(channel: ChannelConfig, worth: Sequence[Fraction], horizon: Horizon) -> tuple[int, ...]:
    first, amounts = month_number(channel.start) - horizon.start, [0] * horizon.months
    for month in horizon.span(channel.start, channel.end):
        grown = exact(channel.spend) * (1 + exact(channel.growth_per_month)) ** (month - first)
        amounts[month] = cents(grown * worth[month], horizon.rounding)
    return tuple(amounts)


def _serving(
    channel: ChannelConfig, plan: CapitalPlan, worth: Sequence[Fraction], horizon: Horizon
) -> tuple[Fraction, ...]:
    if channel.tokens_per_customer is None:
        own = exact(channel.serving_per_customer or 0.0) * 100
        return tuple(own * rate for rate in worth)
    million = exact(channel.tokens_per_customer) / 10**6 * 100
    return tuple(million * exact(token_price(plan.traffic[0], horizon, month)) for month in range(horizon.months))


def _strength(first: int, half_life: float, months: int) -> tuple[Fraction, ...]:
    """0.5^(months since / half-life), in float64 and exact from there; nothing before."""
    return tuple(Fraction(0.5 ** ((month - first) / half_life) if month >= first else 0) for month in range(months))


def _draws(estimate: EstimateConfig | None, name: str, paths: int, seed: int) -> Array:
    """A median with a tenth of the draws below its range and a tenth above: log-normal on each side, shares up to 1.

    [paths], or [1] where it is certain.
    """
    if estimate is None or estimate.range_80 is None:
        return np.array([0.0 if estimate is None else estimate.value])
    low, high = (abs(math.log(bound / estimate.value)) / Z80 for bound in estimate.range_80)
    standard = normal(name, paths, seed)
    drawn: Array = estimate.value * np.exp(standard * np.where(standard < 0, low, high))
    return np.minimum(drawn, 1.0) if isinstance(estimate, ShareConfig) else drawn


def _net(funnel: Funnel, paths: int, seed: int) -> Array:
    """Money received less serving paid in each path, [paths, months]."""
    _, found = funnel.drawn(paths, seed)
    came = [np.zeros(1)] * funnel.channel.received_after_months + list(found.revenue)
    flows = zip(came, found.serving, strict=False)
    return np.stack([np.broadcast_to((more - less) / 100, paths) for more, less in flows], axis=1)


def _floats(numbers: Sequence[Fraction]) -> tuple[Array, ...]:
    return tuple(np.array([float(one)]) for one in numbers)
