"""Technology watch: what a better choice from the catalogue saves in this plan.

What the planner can represent (accelerator, price, precision, shape) is planned again, changed in that one thing, and
the two bills are compared. What it cannot (an optimiser's gain, experts) is planned on the published share of the
tokens, and is marked as published. Loss stays as it is by the same computation, by the scaling law, or by what was
published; each row says which.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from argosy.capital.months import month_of
from argosy.capital.technology.watch_catalogue import TechnologyConfig, TechnologyKind
from argosy.config import Record, UserError, Venture
from argosy.hardware import AcceleratorSpec, Contract, accelerator, prices_of
from argosy.planning import Plan, Question, ask, count, inference_aware, plan, question_of

STALE_AFTER_MONTHS = 18
HORIZON_MONTHS = 24.0
MACHINE = 8  # accelerators that an offer must have in one machine, where so many are planned
Known = Literal["planned", "planned, spot machines never taken back", "published, not measured here"]
Quality = Literal["same computation", "same loss by the scaling law", "as published"]


class Alternative(Record):
    """Something better, and what it saves."""

    name: str
    """What."""
    kind: TechnologyKind
    """Which choice it stands against."""
    now: str
    """The venture's choice."""
    instead: str
    """The other."""
    usd_saved: float | None
    """Of the bill; below 0 it costs more; null where one of both has no price."""
    usd_saved_share: float | None
    """The same, of the bill."""
    hours_saved: float
    """Of the wall time; below 0 it takes longer."""
    hours_saved_share: float
    """The same, of the wall time."""
    known: Known
    """Whether the planner computed the saving, what it left out, or that somebody's figure was applied."""
    quality: Quality
    """Why the loss stays."""
    figure: str
    """What was published."""
    conditions: str
    """Under which it holds, and what it costs besides."""
    source: str
    """Who published it."""
    date: str
    """When."""
    stale: bool
    """Whether that is longer ago than was asked for."""


class LeftOut(Record):
    """An entry that saves nothing here."""

    name: str
    """What."""
    kind: TechnologyKind
    """Which choice it stands against."""
    reason: str
    """Why."""


class Watched(Record):
    """A venture beside the catalogue."""

    venture: str
    """Its name."""
    on: date
    """Day from which the age of entries counts."""
    now: str
    """What is planned."""
    usd: float | None
    """Bill of the plan as it is; null without a price."""
    hours: float
    """Wall time of the plan as it is."""
    loss: float
    """In nats a token, predicted."""
    alternatives: tuple[Alternative, ...]
    """What saves money or time, the most money first; savings do not add up."""
    left_out: tuple[LeftOut, ...]
    """What does not apply, or saves nothing."""


class _Excluded(Exception):
    """Why an entry does not apply."""


@dataclass(frozen=True)
class _Change:
    now: str
    instead: str
    question: Question
    quality: Quality
    known: Known = "planned"


def watch(
    venture: Venture,
    entries: Iterable[TechnologyConfig],
    *,
    on: date,
    stale_after_months: int = STALE_AFTER_MONTHS,
    advance: Callable[[float, str], None] = lambda amount, note: None,
) -> Watched:
    """Compare a venture's plan with each entry; `advance(1, name)` is called after each.

    Raises `UserError` as `planning.plan` does for the venture as it is.
    """
    question = question_of(venture, {})
    base = plan(question)
    found: list[Alternative] = []
    left_out: list[LeftOut] = []
    for entry in entries:
        try:
            if entry.month > month_of(on):
                raise _Excluded(f"dated {entry.date}, after {on}")
            change = _changed(entry, question, base, venture)
            found.append(_compared(entry, change, base, month_of(on) - entry.month > stale_after_months))
        except _Excluded as reason:
            left_out.append(LeftOut(name=entry.name, kind=entry.kind, reason=str(reason)))
        advance(1, entry.name)
    found.sort(key=lambda one: (-(one.usd_saved or 0.0), -one.hours_saved))
    return Watched(
        venture=venture.name,
        on=on,
        now=f"{count(base.parameters)} parameters on {count(question.tokens)} tokens, {_machines(question)}",
        usd=base.cost.usd.middle if base.cost.usd else None,
        hours=base.duration.wall_h.middle,
        loss=base.loss.nats_per_token,
        alternatives=tuple(found),
        left_out=tuple(left_out),
    )


def _compared(entry: TechnologyConfig, change: _Change, base: Plan, stale: bool) -> Alternative:
    try:
        other = plan(change.question)
    except UserError as error:
        raise _Excluded(error.message) from None
    hours = base.duration.wall_h.middle - other.duration.wall_h.middle
    bill = base.cost.usd.middle if base.cost.usd else None
    usd = None if bill is None or other.cost.usd is None else bill - other.cost.usd.middle
    if (usd is None or usd <= 0) and hours <= 0:
        more = "" if usd is None else f"{-usd:,.0f} USD and "
        raise _Excluded(f"saves nothing here: {more}{-hours:,.1f} hours more")
    return Alternative(
        name=entry.name,
        kind=entry.kind,
        now=change.now,
        instead=change.instead,
        usd_saved=usd,
        usd_saved_share=usd / bill if usd is not None and bill else None,
        hours_saved=hours,
        hours_saved_share=hours / base.duration.wall_h.middle,
        known=change.known,
        quality=change.quality,
        figure=entry.figure,
        conditions=entry.conditions,
        source=entry.source,
        date=entry.date,
        stale=stale,
    )


def _changed(entry: TechnologyConfig, question: Question, base: Plan, venture: Venture) -> _Change:
    """The question with this one thing changed; `_Excluded` where the entry does not apply."""
    most = entry.most_parameters or math.inf
    if not entry.least_parameters <= base.parameters <= most:
        upwards = "or more" if math.isinf(most) else f"to {count(most)}"
        of = f"{count(entry.least_parameters)} {upwards} parameters"
        raise _Excluded(f"its figure is of {of}, not {count(base.parameters)}")
    match entry.kind:
        case "accelerator":
            return _accelerator(entry, question)
        case "price":
            return _price(entry, question, base)
        case "precision":
            return _precision(entry, question)
        case "optimiser":
            return _optimiser(entry, question, venture.training.optimizer)
        case _:
            return _architecture(entry, question, base)


def _accelerator(entry: TechnologyConfig, question: Question) -> _Change:
    spec = accelerator(entry.accelerator or "")
    if spec.name == question.accelerator.name:
        raise _Excluded(f"{spec.name} is what is planned")
    _has(spec, question.arithmetic)
    contract = entry.contract or question.contract
    other = _with(question, accelerator=spec, usd_per_hour=entry.usd_per_hour, contract=contract)
    return _Change(_machines(question), _machines(other), other, "same computation", _spot(entry, contract, question))


def _price(entry: TechnologyConfig, question: Question, base: Plan) -> _Change:
    spec, contract = question.accelerator, entry.contract or question.contract
    if entry.accelerator is not None and (priced := accelerator(entry.accelerator).name) != spec.name:
        raise _Excluded(f"a price of {priced}, and {spec.name} is planned")
    now = base.cost.usd_per_hour
    if now is None:
        raise _Excluded("the plan has no price that it could fall below")
    usd, whose = entry.usd_per_hour, entry.source
    if usd is None:
        whole = min(MACHINE, question.accelerators)
        offers = [offer for offer in prices_of(spec.name, contract) if offer.count >= whole]
        if not offers:
            raise _Excluded(f"no public price {contract} is known of a machine with {whole} × {spec.name}")
        usd, whose = offers[0].usd_per_hour, f"{offers[0].provider}, {offers[0].region}, read {offers[0].read}"
    failures = entry.hours_between_failures or question.hours_between_failures
    other = _with(question, usd_per_hour=usd, contract=contract, hours_between_failures=failures)
    words = f"{now:.2f} USD an hour {question.contract}", f"{usd:.2f} USD an hour {contract} ({whose})"
    return _Change(*words, other, "same computation", _spot(entry, contract, question))


def _spot(entry: TechnologyConfig, contract: Contract, question: Question) -> Known:
    """A spot price is no saving until restarts are counted, and nobody publishes how often machines are taken back."""
    counted = entry.hours_between_failures is not None or contract != "spot" or question.contract == "spot"
    return "planned" if counted else "planned, spot machines never taken back"


def _precision(entry: TechnologyConfig, question: Question) -> _Change:
    arithmetic = entry.arithmetic or ""
    if arithmetic == question.arithmetic:
        raise _Excluded(f"{arithmetic} is what is planned")
    _has(question.accelerator, arithmetic)
    return _Change(question.arithmetic, arithmetic, _with(question, arithmetic=arithmetic), "as published")


def _optimiser(entry: TechnologyConfig, question: Question, optimizer: str) -> _Change:
    if entry.optimizer == optimizer:
        raise _Excluded(f"{optimizer} is what is planned")
    if entry.instead_of and optimizer not in entry.instead_of:
        raise _Excluded(f"its figure compares with {' and '.join(entry.instead_of)}, not with {optimizer}")
    return _published(entry, question, optimizer, entry.optimizer or "")


def _architecture(entry: TechnologyConfig, question: Question, base: Plan) -> _Change:
    shape = question.shape
    if shape.experts or shape.latent is not None:
        raise _Excluded("its figure is of dense models with heads of keys and values")
    if entry.same_loss:
        return _resized(question, base)
    if entry.queries_per_key is None:
        return _published(entry, question, f"{count(base.parameters)} parameters, dense", entry.name)
    heads = shape.heads // entry.queries_per_key
    if shape.heads % entry.queries_per_key or heads >= shape.kv_heads:
        raise _Excluded(f"{shape.heads} query heads and {shape.kv_heads} of keys and values")
    other = _with(question, shape=shape.model_copy(update={"kv_heads": heads}))
    return _Change(f"{shape.kv_heads} heads of keys and values", f"{heads} of them", other, "as published")


def _resized(question: Question, base: Plan) -> _Change:
    """Size and tokens with the least computation for the loss; what will be served counts as in the plan's ways."""
    best = inference_aware(base.loss.nats_per_token, HORIZON_MONTHS * (question.served_tokens_per_month or 0.0))
    unique = question.unique_tokens
    if unique is not None and best.tokens > unique:
        raise _Excluded(f"needs {count(best.tokens)} tokens that differ, and there are {count(unique)}")
    one, vocabulary = f"1x{question.accelerator.name}", question.shape.vocabulary_size
    made = ask(accelerators=one, size=f"{best.parameters:.0f}", tokens=f"{best.tokens:.0f}", vocabulary_size=vocabulary)
    other = _with(question, shape=made.shape, tokens=made.tokens, batch_tokens=None)
    now = f"{count(base.parameters)} on {count(question.tokens)}"
    instead = f"{count(made.shape.parameter_count())} on {count(made.tokens)}"
    return _Change(now, instead, other, "same loss by the scaling law")


def _published(entry: TechnologyConfig, question: Question, now: str, instead: str) -> _Change:
    share = entry.compute_share or 1.0
    other = _with(question, tokens=share * question.tokens)
    words = now, f"{instead}: {100 * share:.3g} % of the computation"
    return _Change(*words, other, "as published", "published, not measured here")


def _has(spec: AcceleratorSpec, arithmetic: str) -> None:
    peak = {"mxfp8": "float8", "nvfp4": "float4"}.get(arithmetic, arithmetic)
    if getattr(spec, f"{peak}_tflops") is None:
        raise _Excluded(f"{spec.name} has no {arithmetic}")


def _with(question: Question, **changes: Any) -> Question:
    return question.model_copy(update=changes)


def _machines(question: Question) -> str:
    return f"{question.accelerators:,} × {question.accelerator.name}"
