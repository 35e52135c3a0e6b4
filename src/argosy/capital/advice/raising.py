"""When and how much to raise: for survival, by the futures' own lowest cash; for the founders, by what exits pay."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from argosy.capital.advice.advice_results import FoundersAt, LeftOut, Need, Raising
from argosy.capital.advice.dilution import brought, resized, rounds_of
from argosy.capital.advice.levers import unsigned
from argosy.capital.advice.study import Study
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.cash.futures import Z80, Future, cash_paths, standard_error
from argosy.capital.cash.outlooks import funding_stream
from argosy.capital.cash.sale import scenarios_of
from argosy.capital.exact import exact
from argosy.capital.months import month_name, month_of
from argosy.capital.plan.budget import LASTS, TRAINED, FundingConfig
from argosy.capital.plan.plan_file import NAME, table_at
from argosy.capital.sales.exits import Scenario, exit_returns
from argosy.config import ArgosyError

TIMES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0)


def raising(study: Study) -> tuple[Raising, list[LeftOut]]:
    """Both answers, and what is missing for the second."""
    founders = _founders(study)
    left = [founders] if isinstance(founders, LeftOut) else []
    return Raising(needs=_needs(study), founders=() if isinstance(founders, LeftOut) else founders), left


def without(future: Future, names: set[str]) -> Future:
    """The same future in which some streams never come; random numbers of others stay."""
    streams = [replace(one, probability=0.0) if one.name in names else one for one in future.streams]
    return replace(future, streams=streams)


def _needs(study: Study) -> tuple[Need, ...]:
    """For each month the least certain money in it that makes the plan as sure as the target, unsigned rounds left out.

    A future is saved by money in month m if cash is never below zero before, and the money covers its lowest cash from
    then on: so the least amount is the target's quantile of those, no search needed. Its interval is that of an order
    statistic: n·p ± z·√(n·p·(1 − p)).
    """
    hoped = unsigned(study.plan)
    names = {funding_stream(number, one) for number, one in enumerate(study.plan.funding) if one in hoped}
    future = without(study.future, names)
    cash, end, late = cash_paths(future, study.paths, study.seed)
    counted = cash.copy()
    last = _last_months(study, future, end, late)
    counted[np.arange(future.months) > last[:, None]] = np.inf
    lowest_from = np.minimum.accumulate(counted[:, ::-1], axis=1)[:, ::-1]
    solvent_until = np.minimum.accumulate(counted, axis=1) >= 0
    assert study.plan.start is not None
    first, found = month_of(study.plan.start), []
    for month in range(future.months):
        before = solvent_until[:, month - 1] if month else np.ones(study.paths, dtype=bool)
        need = np.where(before & (last < future.months), np.maximum(0.0, -lowest_from[:, month]), np.inf)
        # Where what is asked for lies before that month, money in it is not needed.
        low, middle, high = _order_statistics(np.sort(need), study.target)
        if middle is None:
            break
        name, begin = month_name(first + month), month_name(first + month - study.plan.raising_months)
        found.append(Need(month=name, begin=begin, amount_cents=middle, low_cents=low, high_cents=high))
    return tuple(found)


def _last_months(
    study: Study, future: Future, end: npt.NDArray[np.float64] | None, late: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Number of the last month whose cash the event asks for, in each future."""
    if study.event == LASTS:
        return np.full(study.paths, future.months - 1)
    moment = end if study.event == TRAINED and end is not None else (future.milestones or {})[study.event] + late
    return np.ceil(moment).astype(np.int64) - 1


def _order_statistics(ordered: npt.NDArray[np.float64], target: float) -> tuple[int | None, int | None, int | None]:
    """Of the target's quantile: the low end of its interval of 80 %, itself, the high end; in cents."""
    number = len(ordered)
    spread = Z80 * math.sqrt(number * target * (1 - target))
    places = (math.ceil(number * target + far) - 1 for far in (-spread, 0.0, spread))

    def at(place: int) -> int | None:
        value = float(ordered[max(0, place)]) if place < number else math.inf
        return math.ceil(value * 100) if math.isfinite(value) else None

    low, middle, high = (at(place) for place in places)
    return low, middle, high


def _founders(study: Study) -> tuple[FoundersAt, ...] | LeftOut:
    plan, question = study.plan, "how much to raise for the founders"
    rounds = rounds_of(plan.cap_table, unsigned(plan))
    if not plan.exits:
        return LeftOut(question=question, missing="[[exits]]")
    if plan.cap_table is None or not rounds:
        missing = "a round of [cap_table] with the name (or an investor) of a [[funding]] that is not signed"
        return LeftOut(question=question, missing=missing)
    table = plan.cap_table
    scaled = tuple(one for one in unsigned(plan) if rounds_of(table, (one,)))
    planned = sum(
        (
            each.amount
            for this in rounds
            for each, own in zip(this.investors, brought(this, scaled), strict=True)
            if own
        ),
        Fraction(0),
    )
    try:
        return tuple(_founders_at(study, scaled, resized(table, scaled, times), times, planned) for times in TIMES)
    except ArgosyError as error:
        return LeftOut(question=question, missing=error.message)


def _founders_at(
    study: Study, scaled: Sequence[FundingConfig], table: CapTableConfig, times: float, planned: Fraction
) -> FoundersAt:
    """What is not signed comes as planned, its rounds with so many times their money; nothing where the money ends."""
    hoped = unsigned(study.plan)
    funding = tuple(
        one.model_copy(update={"amount": one.amount * (times if one in scaled else 1.0), "probability": 1.0})
        if one in hoped
        else one
        for one in study.plan.funding
    )
    lasts = float(study.tried(study.base.with_plan(funding=funding))[LASTS].mean())
    plan = study.plan.model_copy(update={"cap_table": table})
    exits = sum(one.probability * _founders_cents(table, one) for one in scenarios_of(plan, NAME))
    return FoundersAt(
        amount_cents=round(planned * exact(times) * 100),
        lasts=lasts,
        standard_error=standard_error(lasts, study.paths),
        exit_cents=float(exits),
        expected_cents=lasts * float(exits),
        founders=float(table_at(plan, NAME).table.founders),
    )


def _founders_cents(table: CapTableConfig, one: Scenario) -> int:
    founders = {each.name for each in table.holders if each.kind == "founder"}
    sale = exit_returns(one.securities, one.exit_cents, on=one.on)
    return sum(each.paid_cents for each in sale.holders if each.holder in founders)
