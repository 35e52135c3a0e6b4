"""Findings put as advice: what to do, the figures, the computation, how sure, what would change it."""

from collections.abc import Iterator

from argosy.capital.advice.advice_results import Advice, Alternative, Figure, Head
from argosy.capital.advice.alternatives import AS_PLANNED
from argosy.capital.advice.capital_words import (
    founders_advice,
    risks_advice,
    sources_advice,
    survival_advice,
    worth_advice,
)
from argosy.capital.advice.findings import (
    PAIRED,
    Findings,
    change_told,
    loss_told,
    money,
    percent,
    planned_figure,
    points,
    target_figure,
)
from argosy.capital.advice.study import CLEAR
from argosy.capital.cash.cash_flow import CreditUse
from argosy.planning import count

HEADS: dict[str, Head] = {
    "later hiring": "resources",
    "an earlier raise": "capital",
    "a larger raise": "capital",
    "a SAFE now": "capital",
}


def advice_of(found: Findings) -> Iterator[Advice]:
    """By head: technology, data, resources, capital."""
    pieces = [
        *_alternative(found),
        *_cheapest(found),
        *_flywheel(found),
        *_credits(found),
        *_next_amount(found),
        *worth_advice(found),
        *survival_advice(found),
        *founders_advice(found),
        *risks_advice(found),
        *sources_advice(found),
    ]
    for head in ("technology", "data", "resources", "capital"):
        yield from (one for one in pieces if one.head == head)


def _alternative(found: Findings) -> Iterator[Advice]:
    ways = [one for one in found.alternatives if one.effects and one.effects[0].event == found.study.event]
    if len(ways) < 2:
        return
    best = ways[0]
    first = best.effects[0]
    if first.change > CLEAR * first.standard_error:
        what = f"{best.name} survives best ({points(first)}, {_cost(found, best)}){_gives_up(best)}"
    else:
        cheap = min((one for one in ways if _level(one)), key=lambda one: one.cost_cents)
        what = "no other way is surer than the plan"
        if cheap.name != AS_PLANNED:
            what += f"; the cheapest that is as sure is {cheap.name} ({_cost(found, cheap)}){_gives_up(cheap)}"
    figures = [
        Figure(name=one.name, value=f"{change_told(one.effects[0])}; {_cost(found, one)}", source=one.price)
        for one in ways
    ]
    yield Advice(
        head="technology",
        what=what,
        figures=(planned_figure(found), *figures),
        computed=f"each way replaces the trainings of the plan; {PAIRED}",
        strength=change_told(first),
        changes_if="prices of those dates; how good the model is that each way gives, which is not in these figures",
    )


def _gives_up(one: Alternative) -> str:
    return f"; it gives up {one.gives_up}" if one.gives_up else ""


def _level(one: Alternative) -> bool:
    """Whether a way is as sure as the plan, as far as these futures tell."""
    return one.effects[0].change >= -CLEAR * one.effects[0].standard_error


def _cheapest(found: Findings) -> Iterator[Advice]:
    study, actions = found.study, [one for one in found.actions if one.reaches]
    planned, _ = study.probability()
    if planned >= study.target:
        return
    if not actions:
        best = max(found.actions, key=lambda one: one.effects[0].after, default=None)
        if best is None:
            return
        what = f"no single change reaches {percent(study.target)}"
        if best.effects[0].change > CLEAR * best.effects[0].standard_error:
            what += f"; nearest is {best.lever}: {best.what}"
        chosen = [best]
    else:
        chosen = actions
        first = actions[0]
        price = ", ".join((money(found, first.cost_cents, signed=True), *first.also_costs))
        what = f"{first.lever}: {first.what}; it costs {price}"
    figures = tuple(
        Figure(
            name=f"{one.lever}: {one.what}",
            value="; ".join((change_told(one.effects[0]), money(found, one.cost_cents, signed=True), *one.also_costs)),
            source="actions" + (f", rank {one.rank}" if one.rank else ", not ranked: its price is not money alone"),
        )
        for one in chosen
    )
    yield Advice(
        head=HEADS.get(chosen[0].lever, "technology"),
        what=what,
        figures=(planned_figure(found), target_figure(found), *figures),
        computed=f"the least of each lever that reaches the target, by halving its dial; {PAIRED}",
        strength=change_told(chosen[0].effects[0]),
        changes_if="; ".join(dict.fromkeys(f"{one.lever}: {one.not_counted}" for one in chosen if one.not_counted))
        or "advice.target_probability",
    )


def _flywheel(found: Findings) -> Iterator[Advice]:
    wheel = found.study.plan.advice.flywheel
    if wheel is None or not found.text:
        return
    enough = next((one for one in found.text if one.tokens >= wheel.next_run_tokens), None)
    last = found.text[-1]
    share = last.tokens / wheel.next_run_tokens
    what = (
        f"plan the next run on users' text from {enough.month}: {count(enough.tokens)} tokens by then"
        if enough
        else f"do not wait for users' text: by {last.month} it is {count(last.tokens)} tokens, {percent(share)} of "
        "what the next run needs"
    )
    yield Advice(
        head="data",
        what=what,
        figures=(
            Figure(name="consented", value=percent(wheel.consented), source="advice.flywheel.consented"),
            Figure(name="kept", value=percent(wheel.kept), source="advice.flywheel.kept"),
            Figure(
                name="needed", value=f"{count(wheel.next_run_tokens)} tokens", source="advice.flywheel.next_run_tokens"
            ),
            Figure(name="served", value="tokens_per_month · (1 + growth_per_month)^months", source="traffic"),
        ),
        computed="sum over months of served × consented × kept; `text` has each month",
        strength="as planned: traffic has no interval in [uncertainty]",
        changes_if="traffic, and the share of users who agree",
    )


def _credits(found: Findings) -> Iterator[Advice]:
    plan, uses = found.study.plan, found.study.outlook.hoped.credits
    if not uses:
        return
    order = sorted(range(len(uses)), key=lambda place: (uses[place].expires, len(plan.credits[place].kinds)))
    lost = [one for one in uses if one.expired_cents > 0]
    names = ", then ".join(uses[place].name for place in order)
    told = "; ".join(f"{money(found, one.expired_cents)} of {one.name} end unused in {one.expires}" for one in lost)
    yield Advice(
        head="resources",
        what=f"use {names}" + (f"; {told}: bring forward what they pay for, or ask to extend them" if lost else ""),
        figures=tuple(_credit(found, uses[place], order.index(place)) for place in order),
        computed="bills that a credit may pay, the first to expire first, then the pickiest, unless another order pays "
        "more",
        strength="exact, on the plan's own bills",
        changes_if="when the bills come: training sooner or later, more traffic",
    )


def _credit(found: Findings, use: CreditUse, place: int) -> Figure:
    value = f"pays {money(found, use.used_cents)}, {money(found, use.expired_cents)} left in {use.expires}"
    return Figure(name=f"{place + 1}. {use.name}", value=value, source="credits; argosy capital plan: credits")


def _next_amount(found: Findings) -> Iterator[Advice]:
    rows = {(one.source, one.target): one for one in found.allocation.moved}
    kept = rows.get(("outside", "cash"))
    if kept is None:
        return
    best = max((one for one in rows.values() if one.effects), key=lambda one: one.effects[0].change)
    event, next_one = found.study.event, money(found, kept.amount_cents)
    what = f"move {next_one} from {best.source} to {best.target}: {points(best.effects[0])} for “{event}”"
    if best is kept:
        what = f"keep the next {next_one}, or spend it where it brings most"
    spent = [one for (source, _), one in rows.items() if source == "cash" and one.effects]
    if spent:
        least = max(spent, key=lambda one: one.effects[0].change)
        what += f"; spent, it costs “{event}” least in {least.target} ({points(least.effects[0])}; "
        what += f"kept, {points(kept.effects[0])})"
        what += f", where it moves the predicted loss by {loss_told(least.loss)}" if least.loss else ""
    yield Advice(
        head="resources",
        what=what,
        figures=tuple(
            Figure(
                name=f"{one.source} → {one.target}",
                value="; ".join(
                    filter(None, (change_told(one.effects[0]) if one.effects else "", loss_told(one.loss), one.bought))
                ),
                source="allocation.moved; advice.moved",
            )
            for one in rows.values()
        ),
        computed=f"the plan's lines of an area scaled by the amount, research by the tokens it buys; {PAIRED}",
        strength=change_told(best.effects[0]),
        changes_if="a figure for what operations bring; the steps of [[channels]]",
    )


def _cost(found: Findings, one: Alternative) -> str:
    return money(found, one.cost_cents, signed=True)
