"""Where the money goes and where it comes from: what moving an amount does, and what hangs on each source."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from argosy.capital.advice.advice_results import Allocation, LeftOut, LossChange, MonthOfFunding, Moved, SourceEffect
from argosy.capital.advice.raising import without
from argosy.capital.advice.study import Case, Study, loss_change
from argosy.capital.cash.assembling import horizon_of
from argosy.capital.cash.futures import drawn, events
from argosy.capital.cash.lines import cost_line, role_lines
from argosy.capital.cash.market import funnels, market_lines
from argosy.capital.cash.outlooks import funding_stream
from argosy.capital.months import cents, month_number
from argosy.planning import count

AREAS = ("research", "operations", "marketing")
CASH = "cash"
PART = 0.05  # of all funding, that is moved unless it is said
LEAST_TOKENS = 0.1  # of those planned, below which nothing is said of a training
# What spending in an area brings, where nothing in the plan says so.
NO_FIGURE = {
    "operations": "no figure: nothing in the plan says what it brings",
    "marketing": "no figure: the plan has no channel that says what spending brings",
}


def allocation(study: Study) -> tuple[Allocation, list[LeftOut]]:
    """What moves between areas, money by month, and each source."""
    raised = sum(max(0, one.funding_cents) for one in study.outlook.hoped.months)
    asked = study.plan.advice.moved
    amount = round(raised * PART) if asked is None else cents(asked)
    left = []
    if not amount:
        left.append(LeftOut(question="where the next dollar does most", missing="advice.moved, or [[funding]]"))
    areas = {area: study.outlook.hoped.areas_cents.get(area, 0) for area in AREAS}
    return Allocation(
        areas_cents=areas,
        moved=tuple(_moves(study, amount)) if amount else (),
        funding=tuple(_by_month(study)),
        sources=tuple(_sources(study)),
    ), left


def _moves(study: Study, amount: int) -> Iterator[Moved]:
    """The amount added to the cash, spent from it in each area, and moved from each area to each other."""
    richer = study.base.with_plan(cash=(study.plan.cash or 0.0) + amount / 100)
    effects = study.effects(study.tried(richer))
    yield Moved(source="outside", target=CASH, amount_cents=amount, effects=effects, loss=None, bought="time")
    for source in (CASH, *AREAS):
        for target in AREAS:
            if source != target:
                yield _moved(study, source, target, amount)


def _moved(study: Study, source: str, target: str, amount: int) -> Moved:
    case, loss, said = study.base, None, ""
    for area, change in ((source, -amount), (target, amount)):
        if area == CASH:
            continue
        found = _spent(study, case, area, change)
        if isinstance(found, str):
            return Moved(source=source, target=target, amount_cents=0, effects=(), loss=None, bought=found)
        case, own, told = found
        loss = own or loss
        said = f"{said}; {told}" if said else told
    effects = study.effects(study.tried(case))
    return Moved(source=source, target=target, amount_cents=amount, effects=effects, loss=loss, bought=said)


def _spent(study: Study, case: Case, area: str, change: int) -> tuple[Case, LossChange | None, str] | str:
    """A plan that spends so much more or less in an area, and what that does; or why it cannot."""
    if area == "research":
        return _trained(study, case, change)
    plan = case.plan
    horizon = horizon_of(plan)
    if area == "marketing" and plan.channels:
        return _won(case, change)
    lines = [cost_line(one, horizon) for one in plan.costs]
    lines += [line for one in plan.people for line in role_lines(one, horizon)]
    whole = sum(sum(line.amounts) for line in lines if line.area == area)
    if not whole or whole + change <= 0:
        return f"no figure: {area} has {whole / 100:,.0f} {horizon.currency} of costs and people in the plan"
    factor = 1 + change / whole

    def scaled(ones: Sequence[Any], *keys: str) -> tuple[Any, ...]:
        return tuple(
            one.model_copy(update={key: getattr(one, key) * factor for key in keys}) if one.area == area else one
            for one in ones
        )

    more = case.with_plan(costs=scaled(plan.costs, "amount"), people=scaled(plan.people, "salary", "hiring"))
    return more, None, f"{area}: {NO_FIGURE[area]}"


def _won(case: Case, change: int) -> tuple[Case, LossChange | None, str] | str:
    """Marketing buys customers: the spend of every channel in proportion, and what the funnel makes of it."""
    plan, horizon = case.plan, horizon_of(case.plan)
    spend = sum(sum(one.spend.amounts) for one in funnels(plan, horizon))
    if not spend or spend + change <= 0:
        return f"no figure: the channels spend {spend / 100:,.0f} {horizon.currency} in the plan"
    factor = 1 + change / spend
    channels = tuple(one.model_copy(update={"spend": one.spend * factor}) for one in plan.channels)
    before, after = (
        sum(sum(line.amounts) for line in market_lines(each, horizon)[1])
        for each in (plan, plan.model_copy(update={"channels": channels}))
    )
    told = f"marketing: {(after - before) / 100:+,.0f} {horizon.currency} of revenue by [[channels]], at its median"
    return case.with_plan(channels=channels), None, told


def _trained(study: Study, case: Case, change: int) -> tuple[Case, LossChange | None, str] | str:
    """Research buys training: as many more or fewer tokens as the amount pays for, other runs with them."""
    planned, last = study.planned(), study.last_training()
    if planned is None or last is None:
        return "no figure: research has no [[training]] in the plan"
    bill = sum(one.final_cents + one.other_cents for one in study.outlook.trainings)
    factor = 1 + change / bill if bill else 0.0
    if factor < LEAST_TOKENS:
        return f"no figure: research's trainings cost {bill / 100:,.0f}; the rest of it is people and data"

    trained = partial(study.planner, tokens=round(factor, 4))
    loss = loss_change(planned, trained(last))
    tokens = f"{count(factor * planned.question.tokens)} tokens in place of {count(planned.question.tokens)}"
    text = "" if planned.question.unique_tokens else ", if there is as much text"
    return replace(case, price=trained), loss, f"research: {tokens}{text}"


def _by_month(study: Study) -> Iterator[MonthOfFunding]:
    """Mean and interval of all money raised by the end of each month; what is paid back does not count."""
    horizon, none = horizon_of(study.plan), np.zeros(study.paths)
    total = np.zeros((study.paths, horizon.months))
    for stream in _funding(study).values():
        received = replace(stream, monthly=np.maximum(stream.monthly, 0.0))
        total += np.cumsum(drawn(received, horizon.months, none, study.seed), axis=1)
    low, high = np.quantile(total, (0.1, 0.9), axis=0)
    for month in range(horizon.months):
        yield MonthOfFunding(
            month=horizon.name(month),
            expected=float(total[:, month].mean()),
            low=float(low[month]),
            high=float(high[month]),
        )


def _sources(study: Study) -> Iterator[SourceEffect]:
    """Each probability where a source never comes, against where it comes for certain, when and as large as drawn."""
    horizon = horizon_of(study.plan)
    for number, (name, stream) in enumerate(_funding(study).items()):
        source = study.plan.funding[number]
        certain = [replace(one, probability=1.0) if one is stream else one for one in study.future.streams]
        study.tried_one()
        with_it = events(replace(study.future, streams=certain), study.paths, study.seed)
        none = events(without(study.future, {name}), study.paths, study.seed)
        yield SourceEffect(
            name=source.name,
            kind=source.kind,
            month=source.month,
            probability=source.probability,
            amount_cents=horizon.cents(
                source.amount, source.currency, max(0, month_number(source.month) - horizon.start)
            ),
            without=study.effects(none, with_it),
        )


def _funding(study: Study) -> dict[str, Any]:
    """Streams of the sources, in their order."""
    names = [funding_stream(number, one) for number, one in enumerate(study.plan.funding)]
    streams = {one.name: one for one in study.future.streams}
    return {name: streams[name] for name in names}
