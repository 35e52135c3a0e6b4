"""Advice from a plan's own figures, under four heads; each piece with what it follows from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from argosy.capital.advice.actions import cheapest, most_tries
from argosy.capital.advice.advice_results import Advised, Alternative, LeftOut, MonthOfText
from argosy.capital.advice.advice_words import advice_of
from argosy.capital.advice.allocation import allocation
from argosy.capital.advice.alternatives import alternatives
from argosy.capital.advice.findings import Findings
from argosy.capital.advice.levers import Lever, levers
from argosy.capital.advice.raising import raising
from argosy.capital.advice.risks import risks
from argosy.capital.advice.study import Study, nothing
from argosy.capital.cash.assembling import horizon_of
from argosy.capital.cash.outlooks import worths
from argosy.capital.cash.pricing import Planner
from argosy.capital.months import month_number
from argosy.capital.plan.plan_file import CapitalPlan

OTHER_TRIES = 30  # alternatives, moves between areas and amounts of a round, about


def _unwatched(most: int) -> AbstractContextManager[Callable[[float], None]]:
    return nullcontext(nothing)


def advise(
    plan: CapitalPlan,
    folder: Path,
    *,
    paths: int = 10_000,
    seed: int = 0,
    planner: Planner | None = None,
    watch: Callable[[int], AbstractContextManager[Callable[[float], None]]] = _unwatched,
) -> Advised:
    """Advice for a plan whose paths are relative to `folder`.

    Every change is tried on the same `paths` futures; `watch(most)` is entered with how many there are at most, for a
    function that is told of each. Raises as `outlook` does, and `UserError` `unknown-event`.
    """
    study = Study(plan, folder, paths=paths, seed=seed, planner=planner)
    dials = list(levers(study))
    most = sum(most_tries(one) for one in dials if isinstance(one, Lever)) + OTHER_TRIES + len(plan.funding)
    with watch(most) as study.advance:
        raised, left = raising(study)
        allocated, missing = allocation(study)
        others = list(alternatives(study))
        actions, untried = cheapest(study, dials)
    left = [*untried, *(one for one in others if isinstance(one, LeftOut)), *missing, *left]
    text = tuple(_text(plan))
    if not text:
        needed = "[advice] flywheel = { consented, kept, next_run_tokens }" if plan.traffic else "[[traffic]]"
        left.append(LeftOut(question="the data flywheel: from usage to the next run's text", missing=needed))
    if plan.training and not any(one.brings or one.saving_per_month for one in plan.training):
        left.append(LeftOut(question="what a training is worth, and when", missing="training.brings"))
    if not plan.credits:
        left.append(LeftOut(question="which credits first", missing="[[credits]]"))
    found = Findings(
        study=study,
        actions=[one.action for one in actions],
        alternatives=_surest([one for one in others if isinstance(one, Alternative)], study.event),
        allocation=allocated,
        raising=raised,
        risks=risks(study, actions),
        text=text,
        worths=worths(plan, folder, study.planner),
    )
    planned, error = study.probability()
    return Advised(
        currency=plan.currency,
        paths=paths,
        seed=seed,
        target_probability=study.target,
        event=study.event,
        planned=planned,
        standard_error=error,
        advice=tuple(advice_of(found)),
        actions=tuple(found.actions),
        alternatives=tuple(found.alternatives),
        allocation=allocated,
        raising=raised,
        risks=found.risks,
        text=text,
        not_answered=tuple(dict.fromkeys(left)),
    )


def _surest(found: Sequence[Alternative], event: str) -> list[Alternative]:
    """Those that have the event first, the surest before others, of equals the cheapest."""
    chance = {one.name: each.after for one in found for each in one.effects if each.event == event}
    return sorted(found, key=lambda one: (-chance.get(one.name, -1.0), one.cost_cents))


def _text(plan: CapitalPlan) -> Iterator[MonthOfText]:
    """Tokens that users agreed to and that are worth keeping, as served in the plan."""
    wheel = plan.advice.flywheel
    if wheel is None or not plan.traffic:
        return
    horizon, whole = horizon_of(plan), 0.0
    for month in range(horizon.months):
        for one in plan.traffic:
            since = month - (month_number(one.start) - horizon.start)
            if since >= 0:
                served = one.tokens_per_month * (1 + one.growth_per_month) ** since
                whole += served * wheel.consented * wheel.kept
        yield MonthOfText(month=horizon.name(month), tokens=whole)
