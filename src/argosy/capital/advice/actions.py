"""The least of each change that makes a plan as sure as it is to be, and what it costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from argosy.capital.advice.advice_results import Action, LeftOut
from argosy.capital.advice.levers import Lever
from argosy.capital.advice.study import CLEAR, Case, Happened, Study, loss_change
from argosy.capital.cash.outlooks import Hoped
from argosy.config import ArgosyError

HALVINGS = 7  # of the way between two levels of a dial: to a hundredth of it
LATER = 0.05  # months by which training may end later without that being a price


@dataclass(frozen=True)
class Tried:
    """An action, and what happened with it in each future."""

    action: Action
    happened: Happened


def cheapest(study: Study, levers: Iterable[Lever | LeftOut]) -> tuple[list[Tried], list[LeftOut]]:
    """The least of each lever that reaches the target (the most there is of it where none does), those that reach it
    first, in the order of their cost; and what could not be tried."""
    found: list[Tried] = []
    left: list[LeftOut] = []
    for lever in levers:
        if isinstance(lever, LeftOut):
            left.append(lever)
            continue
        before = study.tries
        tried = least(study, lever)
        study.advance(most_tries(lever) - (study.tries - before))
        if tried is None:
            left.append(LeftOut(question=lever.name, missing="none of it can be planned with what there is"))
        else:
            found.append(tried)
    return _ranked(found), left


def least(study: Study, lever: Lever) -> Tried | None:
    """The least level of a lever that reaches the target, else the one that helps most; null where none can be planned.

    Levels are tried from little to much; the way between the last that does not and the first that does is halved, the
    futures staying the same. Things without an order are all tried, and the cheapest that reaches the target is taken.
    Where the plan reaches it as it is, the first level is told.
    """
    if lever.between == "none":
        every = [one for level in lever.levels if (one := _try(study, lever, level))]
        there = [one for one in every if one.action.reaches]
        return min(there or _best(every), key=_cost, default=None)
    low, tried = lever.neutral, list[Tried]()
    for level in lever.levels:
        one = _try(study, lever, level)
        if one is not None and study.reached(study.happened):
            return one
        if one is not None and one.action.reaches:
            return _halved(study, lever, low, level, one)
        if one is not None:
            tried.append(one)
            low = level
    return next(iter(_best(tried)), None)


def most_tries(lever: Lever) -> int:
    """How many changes a lever is tried at, at most."""
    return len(lever.levels) + (0 if lever.between == "none" else HALVINGS)


def _halved(study: Study, lever: Lever, low: float, high: float, there: Tried) -> Tried:
    """The least level between one that does not reach the target and one that does."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if lever.between == "whole":
            middle = float(int(middle))
            if middle in (low, high):
                break
        one = _try(study, lever, middle)
        if one is not None and one.action.reaches:
            high, there = middle, one
        else:
            low = middle
    return there


def _try(study: Study, lever: Lever, level: float) -> Tried | None:
    """An action; null where the planner or the cap table has no such plan."""
    try:
        case = lever.case(level)
        found, happened = study.outlook_of(case), study.tried(case)
    except ArgosyError:
        study.tried_one()
        return None
    return Tried(_action(study, lever, level, case, found, happened), happened)


def _action(study: Study, lever: Lever, level: float, case: Case, found: Hoped, happened: Happened) -> Action:
    last, planned = study.last_training(), study.planned()
    loss = None if last is None or planned is None else loss_change(planned, case.price(last))
    dilution, delay = lever.dilution(level), study.delay_months(found)
    also = list(lever.also(level))
    if loss is not None and loss.after > loss.before:
        change = loss.after - loss.before
        also.append(f"{change:.3f} nats a token of predicted loss ({loss.low:.3f} to {loss.high:.3f})")
    if dilution is not None and dilution.after < dilution.before:
        also.append(f"{100 * (dilution.before - dilution.after):.2f} points of the founders' part")
    if delay is not None and delay > LATER:
        also.append(f"{delay:.1f} months until training ends")
    raised = [sum(one.funding_cents for one in each.hoped.months) for each in (found, study.outlook)]
    if dilution is None and raised[0] > raised[1]:
        also.append("dilution, which the cap table does not tell")
    return Action(
        lever=lever.name,
        what=lever.told(level),
        level=level,
        effects=study.effects(happened),
        reaches=study.reached(happened),
        cost_cents=study.cost_cents(found),
        funding_cents=raised[0] - raised[1],
        delay_months=delay,
        loss=loss,
        dilution=dilution,
        also_costs=tuple(also),
        not_counted=lever.not_counted,
        rank=None,
    )


def _best(tried: Sequence[Tried]) -> list[Tried]:
    """Those that raise the probability most, as far as these futures tell; in their order."""
    top = max((one.action.effects[0] for one in tried), key=lambda one: one.after, default=None)
    if top is None:
        return []
    enough = top.after - CLEAR * top.standard_error
    return [one for one in tried if one.action.effects[0].after >= enough]


def _cost(tried: Tried) -> tuple[int, int]:
    return len(tried.action.also_costs), tried.action.cost_cents


def _ranked(found: Sequence[Tried]) -> list[Tried]:
    """Those that reach the target and cost nothing but money have a rank; others follow, with their own prices."""
    ordered = sorted(found, key=lambda one: (not one.action.reaches, bool(one.action.also_costs), _order(one)))
    ranks = count(1)
    return [
        replace(one, action=one.action.model_copy(update={"rank": next(ranks)}))
        if one.action.reaches and not one.action.also_costs
        else one
        for one in ordered
    ]


def _order(one: Tried) -> float:
    return one.action.cost_cents if one.action.reaches else -one.action.effects[0].after
