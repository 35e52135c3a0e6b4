"""All that advice follows from, and how its figures are told."""

from collections.abc import Sequence
from dataclasses import dataclass

from argosy.capital.advice.advice_results import (
    Action,
    Allocation,
    Alternative,
    Effect,
    Figure,
    LossChange,
    MonthOfText,
    Raising,
    Risk,
)
from argosy.capital.advice.study import Study
from argosy.capital.cash.training_worth import TrainingWorth

PAIRED = "the same futures with and without it: mean of the differences, standard error s/√n"


@dataclass(frozen=True)
class Findings:
    """All that advice follows from."""

    study: Study
    actions: Sequence[Action]
    alternatives: Sequence[Alternative]
    allocation: Allocation
    raising: Raising
    risks: tuple[Risk, ...]
    text: tuple[MonthOfText, ...]
    worths: tuple[TrainingWorth, ...]


def planned_figure(found: Findings) -> Figure:
    """The event's probability as planned."""
    value, error = found.study.probability()
    return Figure(
        name=f"{found.study.event}, as planned",
        value=f"{percent(value)} ± {percent(error)}",
        source="argosy capital simulate",
    )


def target_figure(found: Findings) -> Figure:
    """What is to be reached."""
    return Figure(name="to be reached", value=percent(found.study.target), source="advice.target_probability")


def change_told(one: Effect) -> str:
    """A probability before and after."""
    return f"{percent(one.before)} → {percent(one.after)} ({points(one)})"


def points(one: Effect) -> str:
    """Its change."""
    return f"{100 * one.change:+.1f} ± {100 * one.standard_error:.1f} points"


def loss_told(change: LossChange | None) -> str:
    """The change of a predicted loss, with its interval of 90 %; nothing where it stays."""
    if change is None:
        return ""
    return f"{change.after - change.before:+.3f} nats ({change.low:+.3f} to {change.high:+.3f})"


def percent(share: float) -> str:
    """A share."""
    return f"{100 * share:.1f} %"


def money(found: Findings, cents: int, *, signed: bool = False) -> str:
    """An amount in the plan's currency."""
    return f"{cents / 100:{'+' if signed else ''},.0f} {found.study.plan.currency}"
