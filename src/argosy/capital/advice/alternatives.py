"""Other ways to have the model and the accelerators, each a plan of its own: the planner's, and those with a price."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from argosy.capital.advice.advice_results import Alternative, LeftOut
from argosy.capital.advice.study import Case, Study
from argosy.capital.cash.assembling import HOURS_A_MONTH
from argosy.capital.cash.pricing import Pricer
from argosy.capital.months import month_name, month_number
from argosy.capital.plan.advice_config import OptionConfig
from argosy.capital.plan.budget import CostConfig, TrainingRunConfig
from argosy.config import ArgosyError, UserError
from argosy.hardware import prices_of
from argosy.planning import Plan

AS_PLANNED = "as planned"
SCRATCH = "train from scratch"
SPOT = "rent spot machines"
SPOT_GIVES_UP = "machines that stay; what their restarts take is counted, as often as you say they are taken back"


def alternatives(study: Study) -> Iterator[Alternative | LeftOut]:
    """The plan itself, the planner's other ways, other tenures, and `[[options]]`; what does not fit, and why.

    Raises `UserError`, naming the way, for what cannot be understood.
    """
    yield _alternative(study, AS_PLANNED, study.base, _price(study), "")
    if not study.plan.options:
        yield LeftOut(question="an API, or another offer, in place of training", missing="[[options]]")
    for name, case, price, gives_up in (*_ways(study), *_tenures(study), *_options(study)):
        if isinstance(case, str):
            yield LeftOut(question=name, missing=case)
            continue
        try:
            yield _alternative(study, name, case, price, gives_up)
        except ArgosyError as error:
            if error.code != "no-layout":
                raise UserError(error.code, f"{name}: {error.message}", hint=error.hint) from None
            yield LeftOut(question=name, missing=error.message)


def _ways(study: Study) -> Iterator[tuple[str, Case | str, str, str]]:
    planned, last = study.planned(), study.last_training()
    if planned is None or last is None:
        return
    for way in planned.ways:
        if way.name != SCRATCH and way.usd is not None and way.wall_h is not None:
            price = partial(_as_way, study.planner, last, way.usd, way.wall_h)
            yield way.name, Case(study.plan, price), _price(study), way.gives_up


def _tenures(study: Study) -> Iterator[tuple[str, Case | str, str, str]]:
    planned = study.planned()
    gives_up = {one.name: one.gives_up for one in planned.tenures} if planned else {}
    for name, case, source in tenure_cases(study):
        yield name, case, source, SPOT_GIVES_UP if name == SPOT else gives_up.get(name, "")


def _options(study: Study) -> Iterator[tuple[str, Case | str, str, str]]:
    for option in study.plan.options:
        yield option.name, _option(study, option), f"{option.source}, {option.date}", ""


def tenure_cases(study: Study) -> Iterator[tuple[str, Case | str, str]]:
    """Name, plan and source of prices of each way to have the accelerators but that of the plan; in place of a plan
    the key that it lacks."""
    planned, planner = study.planned(), study.planner
    if planned is None:
        return
    question, given = planned.question, planned.cost.price == "given"
    hours = study.plan.advice.spot_hours_between_failures
    offers = prices_of(question.accelerator.name, "spot")
    spot = next((one for one in planned.tenures if one.name == SPOT), None)
    if question.contract != "spot":
        if spot is None:
            yield SPOT, f"a public spot price of {question.accelerator.name}: none is known", ""
        elif hours is None:
            yield SPOT, "advice.spot_hours_between_failures: how often they are taken back", ""
        else:
            keys: dict[str, Any] = {"contract": "spot", "hours_between_failures": hours}
            if given:
                keys["usd_per_hour"] = spot.usd / planned.cost.accelerator_hours.middle
            source = f"median of {len(offers)} public offers, read {offers[0].read}"
            yield spot.name, Case(study.plan, partial(planner, **keys)), source
    if question.reserved_usd_per_hour is None:
        yield "reserve the accelerators", "reserved_usd_per_hour in the venture's [plan]", ""
    else:
        name = next(one.name for one in planned.tenures if one.name.startswith("reserve"))
        reserved = partial(planner, usd_per_hour=question.reserved_usd_per_hour)
        yield name, _with_costs(study, reserved, _idle), "[plan] of the venture"
    if question.purchase_usd is None:
        yield "buy the accelerators", "purchase_usd in the venture's [plan]", ""
    else:
        source = "[plan] of the venture; electricity and resale are not counted"
        yield "buy", _with_costs(study, partial(_owned, planner), _purchase), source


def _with_costs(study: Study, price: Pricer, cost: Callable[[TrainingRunConfig, Plan], CostConfig | None]) -> Case:
    """Trainings at another price of an hour, with what is paid besides."""
    found = (cost(one, price(one)) for one in study.plan.training)
    more = tuple(one for one in found if one is not None)
    return Case(study.plan, price).with_plan(training=_fixed(study.plan.training), costs=(*study.plan.costs, *more))


def _fixed(trainings: Sequence[TrainingRunConfig]) -> tuple[TrainingRunConfig, ...]:
    """At a price that is agreed and does not move."""
    return tuple(one.model_copy(update={"price_change_per_year": 0.0}) for one in trainings)


def _idle(training: TrainingRunConfig, planned: Plan) -> CostConfig | None:
    """What is paid for reserved accelerators in which nothing runs, month by month."""
    question, bill = planned.question, planned.cost.usd
    assert bill is not None and question.reserved_usd_per_hour is not None
    months = max(question.reserved_months, planned.duration.wall_h.middle / HOURS_A_MONTH)
    whole = question.accelerators * months * HOURS_A_MONTH * question.reserved_usd_per_hour
    idle = whole - bill.middle * (1 + training.other_runs)
    if idle <= 0:
        return None
    first, parts = month_number(training.start), max(1, round(months))
    end = month_name(first + parts - 1)
    return _cost(training, "idle reservation", idle / parts, every="month", end=end, committed=True)


def _purchase(training: TrainingRunConfig, planned: Plan) -> CostConfig:
    question = planned.question
    assert question.purchase_usd is not None
    what = f"purchase of {question.accelerators} × {question.accelerator.name}"
    return _cost(training, what, question.accelerators * question.purchase_usd, every="once", committed=True)


def _cost(training: TrainingRunConfig, name: str, usd: float, **keys: Any) -> CostConfig:
    return CostConfig(
        name=name,
        kind="compute",
        area="research",
        amount=round(usd, 2),
        currency="USD",
        start=training.start,
        provider=training.provider,
        **keys,
    )


def _option(study: Study, option: OptionConfig) -> Case:
    plan, planner = study.plan, study.planner
    trainings: tuple[TrainingRunConfig, ...] = plan.training
    price: Pricer = planner
    if option.training_usd is not None and option.training_months is not None:
        last = study.last_training()
        trainings = _fixed((last,)) if last is not None and option.training_months else ()
        if option.covers == "whole development":
            trainings = tuple(one.model_copy(update={"other_runs": 0.0}) for one in trainings)
        hours = option.training_months * HOURS_A_MONTH
        price = partial(_quoted, planner, option.training_usd, hours)
    else:
        keys = {key: value for key in ("accelerators", "usd_per_hour") if (value := getattr(option, key)) is not None}
        if option.venture is not None:
            trainings = tuple(one.model_copy(update={"venture": option.venture}) for one in trainings)
        price = partial(planner, **keys)
    # What stands in for a training that is no more stands in for nothing.
    gone = {one.venture for one in plan.training} - {one.venture for one in trainings}
    resources = tuple(one for one in plan.resources if one.displaces not in gone)
    traffic = plan.traffic
    if option.price_per_million_tokens is not None:
        served = {"usd_per_million_tokens": option.price_per_million_tokens, "date": option.date}
        traffic = tuple(one.model_copy(update=served) for one in traffic)
    return Case(plan, price).with_plan(training=trainings, traffic=traffic, resources=resources)


def _owned(planner: Pricer, asked: TrainingRunConfig) -> Plan:
    """Nothing is paid by the hour."""
    planned = planner(asked)
    return _rescaled(planned, 0.0, planned.duration.wall_h.middle, spread=True)


def _quoted(planner: Pricer, usd: float, hours: float, asked: TrainingRunConfig) -> Plan:
    """A price and a time that somebody offers, taken as they are."""
    return _rescaled(planner(asked), usd, hours, spread=False)


def _as_way(planner: Pricer, last: TrainingRunConfig, usd: float, hours: float, asked: TrainingRunConfig) -> Plan:
    """A way of the planner in place of the last training, as far off as that one is; others stay."""
    return _rescaled(planner(asked), usd, hours, spread=True) if asked == last else planner(asked)


def _rescaled(planned: Plan, usd: float, hours: float, *, spread: bool) -> Plan:
    def scaled(span: Any, middle: float) -> Any:
        own = span.middle if spread and span.middle else None
        parts = {name: middle * (value / own if own else 1) for name, value in span.model_dump().items()}
        return span.model_copy(update=parts)

    bill, wall = planned.cost.usd, planned.duration.wall_h
    assert bill is not None
    return planned.model_copy(
        update={
            "cost": planned.cost.model_copy(update={"usd": scaled(bill, usd)}),
            "duration": planned.duration.model_copy(update={"wall_h": scaled(wall, hours)}),
        }
    )


def _price(study: Study) -> str:
    return "; ".join(dict.fromkeys(one.price for one in study.outlook.trainings)) or "nothing is trained"


def _alternative(study: Study, name: str, case: Case, price: str, gives_up: str) -> Alternative:
    found, happened = study.outlook_of(case), study.happened if case is study.base else study.tried(case)
    ends = [(month_number(one.start) + one.months, one.months) for one in found.trainings]
    return Alternative(
        name=name,
        effects=study.effects(happened),
        cost_cents=study.cost_cents(found),
        months=max(ends)[1] if ends else None,
        price=price,
        gives_up=gives_up,
    )
