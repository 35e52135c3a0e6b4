"""What a customer costs and is worth, by channel and in all, with how far that may be off. Float64, rounded nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from argosy.capital.cash.futures import Array
from argosy.capital.cash.lines import Horizon, role_lines
from argosy.capital.cash.market import Followed, Funnel, N, Steps, artefact_line, funnels
from argosy.capital.cash.market_results import ArtefactResult, Estimated, Market, MarketPart
from argosy.capital.plan.plan_file import CapitalPlan

Number = TypeVar("Number", int, float)
PATHS, SEED = 4_000, 0
LONGEST_MONTHS = 600


@dataclass(frozen=True)
class _Customers:
    """One channel's, at the medians [1] or drawn [paths]."""

    loaded: float  # cents spent on winning them
    bought: Array
    new: Array
    at_end: Array
    revenue: Array  # cents, all months
    margin: Array  # cents of one by month
    churn: Array
    most_months: int  # lifetime of those who never leave


def market(plan: CapitalPlan, horizon: Horizon) -> Market | None:
    """Channels and artefacts of a plan; None where it has neither. Raises as `funnels` does."""
    if not plan.channels and not plan.artefacts:
        return None
    found, rate = funnels(plan, horizon), plan.discount_per_year
    people = _people(plan, horizon) if plan.market.include_people else 0
    spends = [sum(one.spend.amounts) for one in found]
    loaded = [one + people * (one / sum(spends) if sum(spends) else 1 / len(spends)) for one in spends]
    exact = [_customers(one, cost, one.steps, one.exact) for one, cost in zip(found, loaded, strict=True)]
    drawn = [
        _customers(one, cost, *one.drawn(PATHS, SEED)) if one.uncertain else sure
        for one, cost, sure in zip(found, loaded, exact, strict=True)
    ]
    parts = [
        _part(one.channel.name, [one], [sure], [draw], rate)
        for one, sure, draw in zip(found, exact, drawn, strict=True)
    ]
    return Market(
        channels=tuple(parts),
        total=_part("all", found, exact, drawn, rate),
        artefacts=_artefacts(plan, found, horizon),
        cac_of="spend and people of area marketing" if plan.market.include_people else "spend",
        paths=PATHS,
        seed=SEED,
    )


def _people(plan: CapitalPlan, horizon: Horizon) -> int:
    lines = (line for role in plan.people for line in role_lines(role, horizon) if role.area == "marketing")
    return sum(sum(line.amounts) for line in lines)


def _customers(funnel: Funnel, loaded: float, steps: Steps[N], found: Followed[N]) -> _Customers:
    first = funnel.first
    worth, serving = float(funnel.course.worth[first]), float(funnel.course.serving[first])
    return _Customers(
        loaded=loaded,
        bought=_array(found.bought),
        new=_array(sum(found.new)),
        at_end=_array(found.customers[-1]),
        revenue=_array(sum(found.revenue)),
        margin=_array(steps.revenue) * 100 * worth - serving,
        churn=_array(steps.churn),
        most_months=len(found.customers) - first,
    )


def _part(
    name: str,
    found: Sequence[Funnel],
    exact: Sequence[_Customers],
    drawn: Sequence[_Customers],
    rate: float | None,
) -> MarketPart:
    """One channel or several together."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sure, draws = _units(exact, rate), _units(drawn, rate)
    estimates: dict[str, Any] = {key: _estimated(value, draws[key]) for key, value in sure.items()}
    return MarketPart(
        name=name,
        spend_cents=_summed([one.spend.amounts for one in found]),
        new_customers=_summed([[float(count) for count in one.exact.new] for one in found]),
        customers=_summed([[float(count) for count in one.exact.customers] for one in found]),
        revenue_cents=_summed([one.revenue.amounts for one in found]),
        serving_cents=_summed([one.serving.amounts for one in found]),
        **{"ltv_discounted_cents": None, **estimates},
        bounded_by_plan=any(not one.churn.all() for one in exact),
        uncertain=any(one.uncertain for one in found),
    )


def _units(parts: Sequence[_Customers], rate: float | None) -> dict[str, Array]:
    """The figures of channels together, those of a customer weighted by the customers that spend wins."""
    bought = _total([one.bought for one in parts])
    weights = [np.ones(1)] if len(parts) == 1 else [one.bought / bought for one in parts]
    loaded = np.array([sum(one.loaded for one in parts)])
    cac = loaded / bought
    margin = _total([weight * one.margin for weight, one in zip(weights, parts, strict=True)])
    ltv = _total([weight * _lifetime_value(one, 0.0) for weight, one in zip(weights, parts, strict=True)])
    units = {
        "bought_customers": bought,
        "customers_at_end": _total([one.at_end for one in parts]),
        "revenue_in_plan_cents": _total([one.revenue for one in parts]),
        "cac_cents": cac,
        "blended_cac_cents": loaded / _total([one.new for one in parts]),
        "margin_cents": margin,
        "ltv_cents": ltv,
        "ltv_to_cac": ltv / cac,
        "payback_months": np.where(margin > 0, cac / margin, np.inf),
        "payback_after_churn_months": _paid_back(cac, weights, parts),
    }
    if rate is not None:
        later = [weight * _lifetime_value(one, rate) for weight, one in zip(weights, parts, strict=True)]
        units["ltv_discounted_cents"] = _total(later)
    return units


def _lifetime_value(one: _Customers, rate: float) -> Array:
    """Σ margin · ((1 − churn) / (1 + d))^k over months k ≥ 0, d the monthly rate: margin · (1 + d) / (churn + d).

    At no churn the sum ends with the plan.
    """
    monthly = (1 + rate) ** (1 / 12) - 1
    endless = one.margin * (1 + monthly) / (one.churn + monthly)
    bounded = one.margin * sum((1 + monthly) ** -month for month in range(one.most_months))
    value: Array = np.where(one.churn > 0, endless, bounded)
    return value


def _paid_back(cac: Array, weights: Sequence[Array], parts: Sequence[_Customers]) -> Array:
    """Months of payments until their sum reaches the cost; infinite where it never does, or not in fifty years."""
    months, paid = np.full(np.shape(cac), np.inf), np.zeros(np.shape(cac))
    left = [weight * one.margin for weight, one in zip(weights, parts, strict=True)]
    for month in range(1, LONGEST_MONTHS + 1):
        paid = paid + _total(left)
        months = np.where(np.isinf(months) & (paid >= cac * (1 - 1e-12)), month, months)
        if np.isfinite(months).all():
            break
        left = [more * (1 - one.churn) for more, one in zip(left, parts, strict=True)]
    return months


def _artefacts(plan: CapitalPlan, found: Sequence[Funnel], horizon: Horizon) -> tuple[ArtefactResult, ...]:
    results = []
    for number, artefact in enumerate(plan.artefacts):
        others = [*plan.artefacts[:number], *plan.artefacts[number + 1 :]]
        without = funnels(plan, horizon, others) if artefact.effects else found
        more = sum(sum(one.exact.new) - sum(two.exact.new) for one, two in zip(found, without, strict=True))
        results.append(
            ArtefactResult(
                name=artefact.name,
                kind=artefact.kind,
                month=artefact.month,
                cost_cents=sum(artefact_line(artefact, horizon).amounts),
                new_customers=float(more),
                sources=tuple(effect.source for effect in artefact.effects),
            )
        )
    return tuple(results)


def _estimated(sure: Array, draws: Array) -> Estimated:
    low, high = np.quantile(draws, (0.1, 0.9), method="inverted_cdf")
    value, low, high = (float(one) if np.isfinite(one) else None for one in (sure[0], low, high))
    return Estimated(value=value, low=low, high=high)


def _array(number: Fraction | Array | int) -> Array:
    return np.atleast_1d(np.asarray(number, dtype=np.float64))


def _total(parts: Sequence[Array]) -> Array:
    return sum(parts, start=np.zeros(1))


def _summed(rows: Sequence[Sequence[Number]]) -> tuple[Number, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))
