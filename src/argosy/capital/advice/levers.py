"""Changes of a plan, each with a dial: a smaller model, fewer tokens, other accelerators, hiring, rounds, the start."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from argosy.capital.advice.advice_results import Dilution, LeftOut
from argosy.capital.advice.alternatives import tenure_cases
from argosy.capital.advice.dilution import with_rounds, with_safe
from argosy.capital.advice.study import Case, Study
from argosy.capital.months import later, month_number, month_of
from argosy.capital.plan.budget import FundingConfig
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.hardware import AcceleratorSpec, accelerators
from argosy.planning import Plan, count

SHARES = (0.8, 0.6, 0.4, 0.2, 0.1, 0.05)
MONTHS = (1.0, 2.0, 3.0, 6.0, 9.0, 12.0, 18.0, 24.0)
LARGER = (1.25, 1.5, 2.0, 3.0)
SOLD = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4)
RAISED = ("round", "safe", "note")
SAFE_NOW = "SAFE now"


@dataclass(frozen=True)
class Lever:
    """A change with a dial."""

    name: str
    """What it is."""
    levels: Sequence[float]
    """Of the dial, from little to much."""
    case: Callable[[float], Case]
    """The plan at a level."""
    told: Callable[[float], str]
    """The change in words."""
    between: Literal["any", "whole", "none"] = "any"
    """Which levels lie between those: any, whole ones, or none, where each level is a thing of its own."""
    neutral: float = 0.0
    """Level that changes nothing."""
    dilution: Callable[[float], Dilution | None] = lambda level: None
    """What it does to the founders' part."""
    also: Callable[[float], tuple[str, ...]] = lambda level: ()
    """What else it costs."""
    not_counted: str = ""
    """What the figures leave out."""


def levers(study: Study) -> Iterator[Lever | LeftOut]:
    """Every lever this plan has, and why it has not the others."""
    yield from _of_training(study)
    yield from _of_people(study)
    yield from _of_rounds(study)
    yield _safe(study)


def _of_training(study: Study) -> Iterator[Lever | LeftOut]:
    planned = study.planned()
    if planned is None:
        yield LeftOut(question="levers of a training", missing="[[training]]")
        return
    yield _scaled(study, "smaller model", "size", planned.parameters, "parameters")
    yield _scaled(study, "fewer tokens", "tokens", planned.question.tokens, "tokens")
    yield _accelerators(study, planned)
    for name, case, price in tenure_cases(study):
        yield LeftOut(question=name, missing=case) if isinstance(case, str) else _tenure(name, case, price)
    yield from _start(study)


def _scaled(study: Study, name: str, key: str, whole: float, what: str) -> Lever:
    return Lever(
        name,
        SHARES,
        lambda level: Case(study.plan, partial(study.planner, **dict[str, Any]({key: level}))),
        lambda level: f"{count(level * whole)} {what} in place of {count(whole)}",
        neutral=1.0,
        not_counted="what a higher loss does to revenue",
    )


def _tenure(name: str, case: Case, price: str) -> Lever:
    return Lever(name, (1.0,), lambda level: case, lambda level: f"{name} ({price})", "none")


def _accelerators(study: Study, planned: Plan) -> Lever:
    """Half and twice as many, and as many of each that has a lower public price."""
    own, number, hour = planned.question.accelerator, planned.question.accelerators, planned.cost.usd_per_hour
    choices: list[tuple[AcceleratorSpec, int]] = [(own, each) for each in (number // 2, number * 2) if each]
    choices += [
        (one, number)
        for one in accelerators()
        if one.usd_per_hour and hour and one.usd_per_hour < hour and one.bfloat16_tflops and one.name != own.name
    ]
    given = planned.cost.price == "given"

    def case(level: float) -> Case:
        spec, several = choices[int(level)]
        changed: dict[str, Any] = {"accelerators": f"{several}x{spec.name}"}
        if given and spec.name != own.name:
            changed["usd_per_hour"] = spec.usd_per_hour
        return Case(study.plan, partial(study.planner, **changed))

    def told(level: float) -> str:
        spec, several = choices[int(level)]
        price = "" if spec.name == own.name else f" at {spec.usd_per_hour:g} USD an hour, read {spec.priced}"
        return f"{several} × {spec.name}{price}, in place of {number} × {own.name}"

    return Lever("other accelerators", tuple(map(float, range(len(choices)))), case, told, "none", neutral=-1.0)


def _start(study: Study) -> Iterator[Lever | LeftOut]:
    """Training later or sooner; what begins after it, and milestones, move with it."""
    assert study.plan.start is not None
    first = month_of(study.plan.start)
    begins = min(month_number(one.start) - one.other_runs_months for one in study.plan.training) - first
    ends = max(month_number(one.start) + one.months for one in study.outlook.trainings) - first
    for name, most, sign in (("training later", study.plan.months - ends - 1, 1), ("training sooner", begins, -1)):
        if levels := _up_to(most):
            yield _shifted(study, name, levels, sign)
        else:
            place = "end" if sign > 0 else "beginning"
            yield LeftOut(question=name, missing=f"training lies at the {place} of the plan")


def _shifted(study: Study, name: str, levels: Sequence[float], sign: int) -> Lever:
    return Lever(
        name,
        levels,
        lambda level: _moved_training(study, sign * int(level)),
        lambda level: f"training begins {_months(level)} {name.split()[1]}",
        "whole",
        not_counted="what competitors do meanwhile" if sign > 0 else "whether text and people are there by then",
    )


def _moved_training(study: Study, by: int) -> Case:
    def moved(ones: Sequence[Any], key: str, every: bool) -> tuple[Any, ...]:
        return tuple(later(one, by, key) if every or one.after_training else one for one in ones)

    plan = study.plan
    return study.base.with_plan(
        training=moved(plan.training, "start", True),
        traffic=moved(plan.traffic, "start", False),
        revenue=moved(plan.revenue, "start", False),
        milestones=moved(plan.milestones, "month", True),
        channels=moved(plan.channels, "start", False),
        artefacts=moved(plan.artefacts, "month", True),
    )


def _of_people(study: Study) -> Iterator[Lever | LeftOut]:
    """Roles that nobody fills yet: those that begin after the first month of the plan."""
    plan = study.plan
    assert plan.start is not None
    first, last = month_of(plan.start), month_of(plan.start) + plan.months - 1
    open_roles = [one for one in plan.people if month_number(one.start) > first]
    latest = max((month_number(one.start) for one in open_roles), default=last)
    levels = _up_to(min(last - latest, 24))
    if not levels:
        yield LeftOut(question="later hiring", missing="[[people]] with a start after the plan's first month")
        return

    def case(level: float) -> Case:
        people = tuple(later(one, int(level)) if one in open_roles else one for one in plan.people)
        return study.base.with_plan(people=people)

    names = ", ".join(dict.fromkeys(one.role for one in open_roles))
    yield Lever(
        "later hiring",
        levels,
        case,
        lambda level: f"{names}: hired {_months(level)} later",
        "whole",
        also=lambda level: (f"{names}: {_months(level)} without them",),
        not_counted="what those people would have done meanwhile",
    )


def unsigned(plan: CapitalPlan) -> tuple[FundingConfig, ...]:
    """Rounds, SAFEs and notes that may not come."""
    return tuple(one for one in plan.funding if one.kind in RAISED and one.probability < 1)


def _of_rounds(study: Study) -> Iterator[Lever | LeftOut]:
    plan, rounds = study.plan, unsigned(study.plan)
    if not rounds:
        for name in ("an earlier raise", "a larger raise"):
            yield LeftOut(question=name, missing="[[funding]] of kind round, safe or note that is not signed")
        return
    assert plan.start is not None
    names = ", ".join(one.name for one in rounds)
    earliest = month_of(plan.start) + plan.raising_months
    levels = _up_to(min(month_number(one.month) for one in rounds) - earliest)

    def changed(change: Callable[[FundingConfig], FundingConfig]) -> Case:
        return study.base.with_plan(funding=tuple(change(one) if one in rounds else one for one in plan.funding))

    if levels:
        yield Lever(
            "an earlier raise",
            levels,
            lambda level: changed(lambda one: later(one, -int(level), "month")),
            lambda level: f"{names}: {_months(level)} sooner",
            "whole",
            dilution=lambda level: with_rounds(plan.cap_table, rounds, sooner=int(level)),
            not_counted="the price that investors pay at a company that has less to show; the round's price stays here",
        )
    else:
        sooner = f"raising_months = {plan.raising_months}: begun on the first day, it arrives no sooner"
        yield LeftOut(question="an earlier raise", missing=sooner)
    yield Lever(
        "a larger raise",
        LARGER,
        lambda level: changed(lambda one: one.model_copy(update={"amount": one.amount * level})),
        lambda level: f"{names}: {level:.2f} times the amount",
        neutral=1.0,
        dilution=lambda level: with_rounds(plan.cap_table, rounds, times=level),
        not_counted="whether investors give more at the same valuation, as likely",
    )


def _safe(study: Study) -> Lever | LeftOut:
    offered, plan = study.plan.advice.safe, study.plan
    if offered is None:
        return LeftOut(question="a SAFE now", missing="[advice] safe = { cap, month, probability }")
    assert plan.start is not None
    if not 0 <= month_number(offered.month) - month_of(plan.start) < plan.months:
        return LeftOut(question="a SAFE now", missing=f"advice.safe.month in the plan, which {offered.month} is not")

    def case(level: float) -> Case:
        new = FundingConfig(
            name=SAFE_NOW, kind="safe", amount=level * offered.cap, month=offered.month, probability=offered.probability
        )
        return study.base.with_plan(funding=(*plan.funding, new))

    return Lever(
        "a SAFE now",
        SOLD,
        case,
        lambda level: f"{level * offered.cap:,.0f} {plan.currency} in {offered.month} at a cap of {offered.cap:,.0f}",
        dilution=lambda level: with_safe(plan.cap_table, SAFE_NOW, offered, level),
        not_counted="what the SAFE does to the price of the next round",
    )


def _up_to(most: float) -> tuple[float, ...]:
    """Numbers of months, and the most there are."""
    whole = float(max(0, int(most)))
    return tuple(sorted({min(one, whole) for one in MONTHS if whole}))


def _months(level: float) -> str:
    return f"{level:g} month{'' if level == 1 else 's'}"
