"""Findings put as advice: what to do, the figures, the computation, how sure, what would change it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from argosy.capital.advice_results import (
    Action,
    Advice,
    Allocation,
    Alternative,
    Effect,
    Figure,
    Head,
    LossChange,
    MonthOfText,
    Need,
    Raising,
    Risk,
)
from argosy.capital.alternatives import AS_PLANNED
from argosy.capital.cash_flow import CreditUse
from argosy.capital.months import month_number, month_of
from argosy.capital.study import Study
from argosy.planning import count

MOST_RISKS = 5
CLEAR = 2.0  # standard errors, within which two probabilities are called equal
HEADS: dict[str, Head] = {
    "later hiring": "resources",
    "an earlier raise": "capital",
    "a larger raise": "capital",
    "a SAFE now": "capital",
}
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


def advice_of(found: Findings) -> Iterator[Advice]:
    """By head: technology, data, resources, capital."""
    pieces = [
        *_alternative(found),
        *_cheapest(found),
        *_flywheel(found),
        *_credits(found),
        *_next_amount(found),
        *_survival(found),
        *_founders(found),
        *_risks(found),
        *_sources(found),
    ]
    for head in ("technology", "data", "resources", "capital"):
        yield from (one for one in pieces if one.head == head)


def _alternative(found: Findings) -> Iterator[Advice]:
    plan = next((one for one in found.alternatives if one.name == AS_PLANNED), None)
    if plan is None or len(found.alternatives) < 2:
        return
    best = found.alternatives[0]
    first = best.effects[0]
    clear = first.change > CLEAR * first.standard_error
    money = _money(found, best.cost_cents, signed=True)
    if clear:
        what = f"{best.name} survives best ({money} against the plan){_gives_up(best)}"
    else:
        cheap = min((one for one in found.alternatives if _level(one)), key=lambda one: one.cost_cents)
        what = "no other way is surer than the plan"
        if cheap.name != AS_PLANNED:
            what += f"; the cheapest that is as sure is {cheap.name} ({_cost(found, cheap)}){_gives_up(cheap)}"
    figures = [
        Figure(name=one.name, value=f"{_told(one.effects[0])}; {_cost(found, one)}", source=one.price)
        for one in found.alternatives
        if one.effects
    ]
    yield Advice(
        head="technology",
        what=what,
        figures=(_planned(found), *figures),
        computed=f"each way replaces the trainings of the plan; {PAIRED}",
        strength=_told(first),
        changes_if="prices of those dates; how good the model is that each way gives, which is not in these figures",
    )


def _gives_up(one: Alternative) -> str:
    return f"; it gives up {one.gives_up}" if one.gives_up else ""


def _level(one: Alternative) -> bool:
    """Whether a way is as sure as the plan, as far as these futures tell."""
    return bool(one.effects) and one.effects[0].change >= -CLEAR * one.effects[0].standard_error


def _cheapest(found: Findings) -> Iterator[Advice]:
    study, actions = found.study, [one for one in found.actions if one.reaches]
    planned, _ = study.probability()
    if planned >= study.target:
        return
    if not actions:
        best = max(found.actions, key=lambda one: one.effects[0].after, default=None)
        if best is None:
            return
        what = f"no single change reaches {_part(study.target)}; nearest is {best.lever}: {best.what}"
        chosen = [best]
    else:
        chosen = actions
        first = actions[0]
        price = ", ".join((_money(found, first.cost_cents, signed=True), *first.also_costs))
        what = f"{first.lever}: {first.what}; it costs {price}"
    figures = tuple(
        Figure(
            name=f"{one.lever}: {one.what}",
            value="; ".join((_told(one.effects[0]), _money(found, one.cost_cents, signed=True), *one.also_costs)),
            source="actions" + (f", rank {one.rank}" if one.rank else ", not ranked: its price is not money alone"),
        )
        for one in chosen
    )
    yield Advice(
        head=HEADS.get(chosen[0].lever, "technology"),
        what=what,
        figures=(_planned(found), _target(found), *figures),
        computed=f"the least of each lever that reaches the target, by halving its dial; {PAIRED}",
        strength=_told(chosen[0].effects[0]),
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
        else f"do not wait for users' text: by {last.month} it is {count(last.tokens)} tokens, {_part(share)} of "
        "what the next run needs"
    )
    yield Advice(
        head="data",
        what=what,
        figures=(
            Figure(name="consented", value=f"{_part(wheel.consented)}", source="advice.flywheel.consented"),
            Figure(name="kept", value=f"{_part(wheel.kept)}", source="advice.flywheel.kept"),
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
    told = "; ".join(f"{_money(found, one.expired_cents)} of {one.name} end unused in {one.expires}" for one in lost)
    yield Advice(
        head="resources",
        what=f"use {names}" + (f"; {told}: bring forward what they pay for, or ask to extend them" if lost else ""),
        figures=tuple(_credit(found, uses[place], order.index(place)) for place in order),
        computed="bills of each month that a credit may pay, the first to expire first, then the pickiest",
        strength="exact, on the plan's own bills",
        changes_if="when the bills come: training sooner or later, more traffic",
    )


def _credit(found: Findings, use: CreditUse, place: int) -> Figure:
    value = f"pays {_money(found, use.used_cents)}, {_money(found, use.expired_cents)} left in {use.expires}"
    return Figure(name=f"{place + 1}. {use.name}", value=value, source="credits; argosy capital plan: credits")


def _next_amount(found: Findings) -> Iterator[Advice]:
    rows = {(one.source, one.target): one for one in found.allocation.moved}
    kept = rows.get(("outside", "cash"))
    if kept is None:
        return
    best = max((one for one in rows.values() if one.effects), key=lambda one: one.effects[0].change)
    where = "kept as cash" if best is kept else f"from {best.source} to {best.target}"
    what = f"the next {_money(found, kept.amount_cents)} does most for “{found.study.event}” {where}"
    what += f" ({_points(best.effects[0])})"
    spent = [one for (source, _), one in rows.items() if source == "cash" and one.effects]
    if spent:
        least = max(spent, key=lambda one: one.effects[0].change)
        what += f"; spent, it costs least in {least.target} ({_points(least.effects[0])})"
        what += f", where it moves the predicted loss by {_loss(least.loss)}" if least.loss else ""
    yield Advice(
        head="resources",
        what=what,
        figures=tuple(
            Figure(
                name=f"{one.source} → {one.target}",
                value="; ".join(
                    filter(None, (_told(one.effects[0]) if one.effects else "", _loss(one.loss), one.bought))
                ),
                source="allocation.moved; advice.moved",
            )
            for one in rows.values()
        ),
        computed=f"the plan's lines of an area scaled by the amount, research by the tokens it buys; {PAIRED}",
        strength=_told(best.effects[0]),
        changes_if="a figure for what operations and marketing bring",
    )


def _loss(change: LossChange | None) -> str:
    if change is None:
        return ""
    return f"{change.after - change.before:+.3f} nats ({change.low:+.3f} to {change.high:+.3f})"


def _survival(found: Findings) -> Iterator[Advice]:
    study, needs = found.study, found.raising.needs
    assert study.plan.start is not None
    first = month_of(study.plan.start)
    in_time = [one for one in needs if month_number(one.begin) >= first]
    if not needs:
        what, chosen = "no money raised later makes the plan as sure: it may be out before the first month ends", None
    elif not in_time:
        chosen = needs[-1]
        what = (
            f"a round begun today comes too late: money has to be there by {chosen.month}, and a round takes "
            f"{study.plan.raising_months} months; take money that is faster, or spend less until then"
        )
    else:
        least = in_time[0]
        as_little = [one for one in in_time if one.amount_cents == least.amount_cents]
        chosen = as_little[-1]
        latest = in_time[-1]
        if not least.amount_cents:
            what = f"no round is needed for {_part(study.target)}: what is signed is enough"
        else:
            what = (
                f"raise {_needed(found, chosen)} at least, there by {chosen.month} (begin by {chosen.begin}); at the "
                f"latest by {latest.month} (begin by {latest.begin}), when it takes {_needed(found, latest)}"
            )
    figures = [
        Figure(name=f"in {one.month}", value=_needed(found, one), source="raising.needs")
        for one in needs[:: max(1, len(needs) // 6)]
    ]
    yield Advice(
        head="capital",
        what=what,
        figures=(
            _target(found),
            Figure(name="a round takes", value=f"{study.plan.raising_months} months", source="raising_months"),
            *figures,
        ),
        computed=(
            "rounds that are not signed left out; of the lowest cash of each future from a month on, the target's "
            "quantile; futures out of cash before cannot be saved"
        ),
        strength="no amount" if chosen is None else _interval(found, chosen),
        changes_if="; ".join(one.name for one in found.risks[:2]) or "nothing in the plan is uncertain",
    )


def _founders(found: Findings) -> Iterator[Advice]:
    rows = found.raising.founders
    if not rows:
        return
    best = max(rows, key=lambda one: one.expected_cents)
    alike = [
        one for one in rows if best.expected_cents - one.expected_cents <= CLEAR * best.standard_error * best.exit_cents
    ]
    low, high = min(one.amount_cents for one in alike), max(one.amount_cents for one in alike)
    as_good = f" ({_money(found, low)} to {_money(found, high)} are as good)" if low < high else ""
    if best is rows[0]:
        as_good += ", or less: it is the least that was tried"
    yield Advice(
        head="capital",
        what=f"for the founders' expected value raise {_money(found, best.amount_cents)}{as_good}",
        figures=tuple(
            Figure(
                name=_money(found, one.amount_cents),
                value=f"money lasts {_part(one.lasts)} ± {_part(one.standard_error)}; founders have "
                f"{_part(one.founders)} and get {_money(found, round(one.exit_cents))} at the exits; expected "
                f"{_money(found, round(one.expected_cents))}",
                source="cap_table.rounds, exits, argosy capital simulate and waterfall",
            )
            for one in rows
        ),
        computed="P(the money lasts, the round closed) × Σ probability × what the founders get at each exit",
        strength=f"± {_money(found, round(best.standard_error * best.exit_cents))} from the number of futures",
        changes_if="the pre-money valuation, the exits and their probabilities, which are yours; a round that fails",
    )


def _risks(found: Findings) -> Iterator[Advice]:
    largest = [one for one in found.risks if one.planned - one.worst > CLEAR * one.worst_error][:MOST_RISKS]
    if not largest:
        return
    yield Advice(
        head="capital",
        what="watch in this order: " + "; ".join(one.name for one in largest),
        figures=tuple(
            Figure(
                name=one.name,
                value=f"{_part(one.planned)} falls to {_part(one.worst)}; "
                + (
                    f"{one.lowered_by} makes it {_part(one.then)} (± {_part(one.standard_error)})"
                    if one.lowered_by
                    else "no action above helps there"
                ),
                source="risks; argosy capital simulate: swings",
            )
            for one in largest
        ),
        computed="futures in which a thing turns out at its worst tenth, or does not come; there, with each action",
        strength=f"{found.study.paths:,} futures; an action is named where it helps by two standard errors",
        changes_if="[uncertainty], and the probability of each [[funding]]",
    )


def _sources(found: Findings) -> Iterator[Advice]:
    leaning = [
        (source, one)
        for source in found.allocation.sources
        for one in source.without
        if one.change < -CLEAR * one.standard_error
    ]
    if not leaning:
        return
    source, worst = min(leaning, key=lambda pair: pair[1].change)
    yield Advice(
        head="capital",
        what=f"have a second source beside {source.name}: without it “{worst.event}” falls by {_part(-worst.change)}",
        figures=tuple(
            Figure(
                name=f"{one.event} without {each.name}",
                value=f"{_part(one.before)} with it, {_part(one.after)} without",
                source=f"funding: {each.name}, {each.month}, probability {each.probability:g}",
            )
            for each, one in leaning
        ),
        computed=f"the source certain against never; {PAIRED}",
        strength=_told(worst),
        changes_if="other funding, or spending that waits for it",
    )


def _planned(found: Findings) -> Figure:
    value, error = found.study.probability()
    return Figure(
        name=f"{found.study.event}, as planned",
        value=f"{_part(value)} ± {_part(error)}",
        source="argosy capital simulate",
    )


def _target(found: Findings) -> Figure:
    return Figure(name="to be reached", value=f"{_part(found.study.target)}", source="advice.target_probability")


def _told(one: Effect) -> str:
    return f"{_part(one.before)} → {_part(one.after)} ({_points(one)})"


def _points(one: Effect) -> str:
    return f"{100 * one.change:+.1f} ± {100 * one.standard_error:.1f} points"


def _cost(found: Findings, one: Alternative) -> str:
    return _money(found, one.cost_cents, signed=True)


def _needed(found: Findings, one: Need) -> str:
    return "-" if one.amount_cents is None else _money(found, one.amount_cents)


def _interval(found: Findings, one: Need) -> str:
    low = "-" if one.low_cents is None else _money(found, one.low_cents)
    high = "no end" if one.high_cents is None else _money(found, one.high_cents)
    return f"{low} to {high} in eight of ten sets of as many futures"


def _part(share: float) -> str:
    return f"{100 * share:.1f} %"


def _money(found: Findings, cents: int, *, signed: bool = False) -> str:
    return f"{cents / 100:{'+' if signed else ''},.0f} {found.study.plan.currency}"
