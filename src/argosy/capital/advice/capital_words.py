"""Advice about capital: when and how much to raise, what to watch, on whom it hangs."""

from collections.abc import Iterator

from argosy.capital.advice.advice_results import Advice, Figure, Need
from argosy.capital.advice.findings import PAIRED, Findings, change_told, money, percent, points, target_figure
from argosy.capital.advice.study import CLEAR
from argosy.capital.months import month_number, month_of

MOST_RISKS = 5


def worth_advice(found: Findings) -> Iterator[Advice]:
    """When to begin a training, by what it costs and brings."""
    for one in found.worths:
        planned, best, endless = one.as_planned, one.best, one.best_with_endless_cash
        now = round(planned.net_present_value_cents)
        if best is None:
            what = f"do not train {one.venture} for what it brings by {one.until}: no start is possible and worth it"
        elif best.start == one.start:
            what = f"begin {one.venture} in {one.start}, as planned: no other month is worth more"
        else:
            worth = money(found, round(best.net_present_value_cents))
            what = f"begin {one.venture} in {best.start}: worth {worth}, and {money(found, now)} in {one.start}"
        waits = [Figure(name="waiting", value=money(found, round(one.value_of_waiting_cents)), source="outlook.worths")]
        if endless is not None and endless != best:
            value = f"{money(found, round(endless.net_present_value_cents))}, begun in {endless.start}"
            waits.append(Figure(name="were cash no matter", value=value, source="outlook.worths"))
        if one.fall is not None:
            value = f"{one.fall.moved} a year; planned {100 * one.price_change_per_year:+g} %"
            waits.append(Figure(name="public prices moved", value=value, source=one.fall.source))
        even = planned.gain_factor_to_break_even
        yield Advice(
            head="capital",
            what=what,
            figures=(
                Figure(name="costs", value=money(found, planned.cost_cents), source="training, training.brings"),
                Figure(name="brings", value=money(found, planned.gain_cents), source="training.brings"),
                Figure(name="present value", value=money(found, now), source="discount_per_year"),
                *waits,
            ),
            computed=f"the training and all it brings moved in the plan, month by month, until {one.until}",
            strength="the plan's own course, nothing drawn"
            + ("" if even is None else f"; it breaks even at {even:.2f} times the gains"),
            changes_if="the gains, which are yours; price_change_per_year; discount_per_year",
        )


def survival_advice(found: Findings) -> Iterator[Advice]:
    """When and how much to raise so that the plan is sure."""
    study, needs = found.study, found.raising.needs
    assert study.plan.start is not None
    first = month_of(study.plan.start)
    in_time = [one for one in needs if month_number(one.begin) >= first]
    if not needs:
        what, chosen = "no money raised later makes the plan as sure: it may be out before the first month ends", None
    elif not needs[0].amount_cents:
        what, chosen = (
            f"no round is needed for {percent(study.target)} until the plan ends: what is signed is enough",
            needs[0],
        )
    elif not in_time:
        chosen = needs[-1]
        what = (
            f"a round begun today comes too late: money has to be there by {chosen.month}, and a round takes "
            f"{study.plan.raising_months} months; take money that is faster, or spend less until then"
        )
    else:
        least = in_time[0]
        enough = least.amount_cents if least.high_cents is None else least.high_cents
        chosen = [one for one in in_time if one.amount_cents <= enough][-1]
        latest = in_time[-1]
        least_told, latest_told = (money(found, one.amount_cents) for one in (chosen, latest))
        what = f"raise {least_told} at least, there by {chosen.month} (begin by {chosen.begin})"
        if latest != chosen:
            what += f"; at the latest by {latest.month} (begin by {latest.begin}), when it takes {latest_told}"
    figures = [
        Figure(name=f"in {one.month}", value=money(found, one.amount_cents), source="raising.needs")
        for one in needs[:: max(1, len(needs) // 6)]
    ]
    yield Advice(
        head="capital",
        what=what,
        figures=(
            target_figure(found),
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


def founders_advice(found: Findings) -> Iterator[Advice]:
    """How much to raise for the founders' expected value."""
    rows = found.raising.founders
    if not rows:
        return
    best = max(rows, key=lambda one: one.expected_cents)
    alike = [
        one for one in rows if best.expected_cents - one.expected_cents <= CLEAR * best.standard_error * best.exit_cents
    ]
    low, high = min(one.amount_cents for one in alike), max(one.amount_cents for one in alike)
    as_good = f" ({money(found, low)} to {money(found, high)} are as good)" if low < high else ""
    if best is rows[0]:
        as_good += ", or less: it is the least that was tried"
    what = f"for the founders' expected value raise {money(found, best.amount_cents)}{as_good}"
    if not best.expected_cents:
        what = "at no amount that was tried may the founders expect anything"
    yield Advice(
        head="capital",
        what=what,
        figures=tuple(
            Figure(
                name=money(found, one.amount_cents),
                value=f"money lasts {percent(one.lasts)} ± {percent(one.standard_error)}; founders have "
                f"{percent(one.founders)} and get {money(found, round(one.exit_cents))} at the exits; expected "
                f"{money(found, round(one.expected_cents))}",
                source="cap_table.rounds, exits, argosy capital simulate and waterfall",
            )
            for one in rows
        ),
        computed="P(the money lasts, the round closed) × Σ probability × what the founders get at each exit",
        strength=f"± {money(found, round(best.standard_error * best.exit_cents))} from the number of futures",
        changes_if="the pre-money valuation, the exits and their probabilities, which are yours; a round that fails",
    )


def risks_advice(found: Findings) -> Iterator[Advice]:
    """The largest risks, and what lowers each."""
    largest = [one for one in found.risks if one.planned - one.worst > CLEAR * one.worst_error][:MOST_RISKS]
    if not largest:
        return
    yield Advice(
        head="capital",
        what="watch in this order: " + "; ".join(one.name for one in largest),
        figures=tuple(
            Figure(
                name=one.name,
                value=f"{percent(one.planned)} falls to {percent(one.worst)}; "
                + (
                    f"{one.lowered_by} makes it {percent(one.then)} (± {percent(one.standard_error)})"
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


def sources_advice(found: Findings) -> Iterator[Advice]:
    """The source that most hangs on."""
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
        what=f"have a second source beside {source.name}: without it “{worst.event}” changes by {points(worst)}",
        figures=tuple(
            Figure(
                name=f"{one.event} without {each.name}",
                value=f"{percent(one.before)} with it, {percent(one.after)} without",
                source=f"funding: {each.name}, {each.month}, probability {each.probability:g}",
            )
            for each, one in leaning
        ),
        computed=f"the source certain against never; {PAIRED}",
        strength=change_told(worst),
        changes_if="other funding, or spending that waits for it",
    )


def _interval(found: Findings, one: Need) -> str:
    low = "-" if one.low_cents is None else money(found, one.low_cents)
    high = "no end" if one.high_cents is None else money(found, one.high_cents)
    return f"{low} to {high} in eight of ten sets of as many futures"
