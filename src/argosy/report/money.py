"""The money of a run or of a plan, told to an investor and to an engineer from the same `capital.json`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from argosy.capital import CapitalStory, Probability, TrainingStory
from argosy.planning import Span
from argosy.report.headline import Fact
from argosy.report.money_plots import FILE, money_plots
from argosy.report.money_text import (
    amount,
    likely,
    months,
    multiple,
    percent,
    rate,
    whole,
)
from argosy.report.plots import Plot
from argosy.report.units import SPACE, count, duration

HOUR = 3600


@dataclass(frozen=True)
class Table:
    """A table of figures."""

    title: str
    """What it shows."""
    words: str
    """What to know."""
    header: tuple[str, ...]
    """Columns."""
    rows: tuple[tuple[str, ...], ...]
    """The first cell of each is its name."""
    key: str
    """Where in `capital.json` it is from."""


@dataclass(frozen=True)
class Money:
    """Both views."""

    story: CapitalStory
    """What they are of."""
    lede: str
    """All of it in two sentences."""
    investor: tuple[Fact, ...]
    """Figures for the investor."""
    engineer: tuple[Fact, ...]
    """Figures for the engineer."""
    tables: dict[str, Table]
    """By name."""
    plots: dict[str, Plot]
    """By name."""


def money_of(story: CapitalStory) -> Money:
    """Both views of the money."""
    return Money(
        story=story,
        lede=money_lede(story),
        investor=tuple(_investor(story)),
        engineer=tuple(_engineer(story)),
        tables={name: table for name, table in _tables(story) if table.rows},
        plots=money_plots(story),
    )


def money_lede(story: CapitalStory) -> str:
    """The plan in two sentences."""
    signed, solvent = story.outlook.signed, story.chances.simulated.solvent
    seeks = f" and seeks {amount(story.sought_cents, story.currency)}" if story.sought_cents else ""
    lasts = "lasts for ever" if signed.runway_months is None else f"lasts {months(signed.runway_months)}"
    return (
        f"The company has {amount(signed.opening_cents, story.currency)}{seeks}. Signed money alone {lasts}; with what "
        f"is sought, weighed by its probability, the money outlasts the plan of {story.months} months in "
        f"{likely(solvent.value, solvent.standard_error)} of the futures."
    )


def _fact(label: str, value: str, note: str, key: str, exact: str = "") -> Fact:
    return Fact(label, value, note, (FILE,), exact, key)


def _investor(story: CapitalStory) -> Iterator[Fact]:
    signed, simulated, currency = story.outlook.signed, story.chances.simulated, story.currency
    opening = amount(signed.opening_cents, currency)
    yield _fact(
        "in the bank", opening, f"on {story.start}", "outlook.signed.opening_cents", whole(signed.opening_cents)
    )
    if story.sought_cents:
        sources = ", ".join(
            f"{one.name} {amount(one.cents, currency)} in {one.month} ({percent(one.probability, 0)} likely)"
            for one in story.funding
            if one.probability < 1
        )
        sought = amount(story.sought_cents, currency)
        yield _fact("sought", sought, sources, "funding, sought_cents", whole(story.sought_cents))
    out = f"out of cash in {signed.out_of_cash}" if signed.out_of_cash else "never out of cash within the plan"
    runway = months(signed.runway_months)
    yield _fact("runway", runway, f"with signed money only; {out}", "outlook.signed.runway_months")
    if story.outlook.raise_from is not None and story.outlook.safety_months is not None:
        safety = story.outlook.safety_months
        late = f"{safety:.1f} months from the start" if safety >= 0 else "that is past"
        note = f"to begin a round of {story.raising_months} months; {late}"
        yield _fact("raise by", story.outlook.raise_from, note, "outlook.raise_from")
    solvent, trained = simulated.solvent, simulated.trained
    yield _chance("the money lasts", solvent, simulated.paths, "solvent")
    if trained is not None:
        yield _chance("trained before it is out", trained, simulated.paths, "trained")
    if story.ownership is not None and story.ownership.rounds:
        last = story.ownership.rounds[-1]
        note = f"after {last.name}; {percent(story.ownership.rounds[0].founders_before)} before"
        yield _fact("founders keep", percent(last.founders_after), note, "ownership.rounds")
    for one in story.expected:
        if story.holders.get(one.holder) == "investor" and one.multiple is not None:
            note = f"on average over the sales; a loss in {percent(one.loss_probability, 0)}"
            yield _fact(f"{one.holder} gets back", multiple(one.multiple), note, "expected")


def _chance(label: str, one: Probability, paths: int, key: str) -> Fact:
    note = f"± {100 * one.standard_error:.1f} standard error, of {paths:,} futures"
    return _fact(label, percent(one.value), note, f"chances.simulated.{key}", str(one.value))


def _engineer(story: CapitalStory) -> Iterator[Fact]:
    signed, currency = story.outlook.signed, story.currency
    for one, costs in zip(story.trainings, story.outlook.trainings, strict=True):
        between = f"{amount(costs.low_cents)} to {amount(costs.high_cents)} in eight of ten cases"
        final = amount(costs.final_cents, currency)
        yield _fact(f"final run of {one.model}", final, between, "outlook.trainings", whole(costs.final_cents))
        other = amount(costs.other_cents, currency)
        yield _fact("other runs", other, "failed and small ones, on top", "outlook.trainings", whole(costs.other_cents))
        took = duration(HOUR * one.wall_h.middle)
        yield _fact("takes", took, f"{one.accelerators}, from {one.begins}", "trainings.wall_h")
        price = f"{one.usd_per_hour:.2f}{SPACE}USD"
        yield _fact(
            "an accelerator-hour",
            price,
            "given by the venture" if one.price == "given" else one.price,
            "trainings.usd_per_hour",
        )
    used, left = (sum(getattr(one, name) for one in signed.credits) for name in ("used_cents", "expired_cents"))
    if signed.credits:
        note = f"{amount(left, currency)} expires unused"
        yield _fact("paid by credits", amount(used, currency), note, "outlook.signed.credits", whole(used))


def _tables(story: CapitalStory) -> Iterator[tuple[str, Table]]:
    yield "way", _way(story)
    yield "chances", _chances(story)
    yield "sales", _sales(story)
    for number, one in enumerate(story.trainings):
        yield f"training-{number}", _training(one)
    yield "credits", _credits(story)


def _way(story: CapitalStory) -> Table:
    """From today to a trained model, customers, the next round."""
    signed, hoped, currency = story.outlook.signed, story.outlook.hoped, story.currency
    cash = {month.month: month for month in hoped.months}
    moments = [
        (one.month, f"{one.name}: {amount(one.cents, currency)}", _how(one.probability)) for one in story.funding
    ]
    moments += [(one.begins, f"training of {one.model} begins", "") for one in story.trainings]
    moments += [(one.ends, f"training of {one.model} ends", "median") for one in story.trainings]
    moments += [(month, name, "milestone") for name, month in story.milestones.items()]
    first = next((month.month for month in hoped.months if month.revenue_cents), None)
    moments += [(first, "first revenue", "as planned")] if first else []
    moments += [(signed.out_of_cash, "signed money is out", "")] if signed.out_of_cash else []
    if story.outlook.raise_from:
        moments.append((story.outlook.raise_from, "a round has to begin by now", "so that it arrives in time"))
    if hoped.default_alive_from:
        moments.append((hoped.default_alive_from, "customers pay for everything from here", "as planned"))
    rows = [
        (month, what, how, whole(cash[month].cash_cents) if month in cash else "—")
        for month, what, how in sorted(moments, key=lambda one: one[0])
    ]
    header = ("month", "what", "", f"cash then, {currency}")
    words = "Cash is at the end of the month, with all that is sought."
    return Table("The way", words, header, tuple(rows), "funding, trainings, milestones, outlook")


def _how(probability: float) -> str:
    return "signed" if probability == 1 else f"{percent(probability, 0)} likely"


def _chances(story: CapitalStory) -> Table:
    simulated = story.chances.simulated
    some = [simulated.solvent, *([simulated.trained] if simulated.trained else []), *simulated.milestones]
    rows = tuple((one.name, percent(one.value), f"± {100 * one.standard_error:.1f}") for one in some)
    words = f"{simulated.paths:,} futures, seed {simulated.seed}. A milestone counts when there is money left for it."
    return Table("How likely", words, ("", "probability", "standard error"), rows, "chances.simulated")


def _sales(story: CapitalStory) -> Table:
    """Each sale: what each party gets; of investors also the multiple and the yearly rate."""
    rows = []
    for sale in story.sales:
        chance = "" if sale.probability is None else f", {percent(sale.probability, 0)} likely"
        name = f"{sale.name}, {amount(sale.returns.exit_cents, story.currency)}, {sale.returns.on}{chance}"
        for one in sale.returns.holders:
            figures = (whole(one.invested_cents), whole(one.paid_cents), multiple(one.multiple), rate(one.xirr))
            even = "—" if one.break_even_cents is None or not one.invested_cents else whole(one.break_even_cents)
            rows.append((name, one.holder, *figures, even))
            name = ""
    header = ("sale", "holder", "paid in", "gets", "multiple", "a year", "breaks even at")
    words = "Debts and preferences first; who converts is an equilibrium. Multiples are MOIC, yearly rates XIRR."
    return Table("What investors get back", words, header, tuple(rows), "sales")


def _training(one: TrainingStory) -> Table:
    took = one.actual
    rows = [("steps", f"{one.steps:,}", "", f"{took.steps:,}" if took else "—")]
    figures: tuple[tuple[str, Callable[[float], str], Span, float | None], ...] = (
        ("wall time", lambda hours: duration(HOUR * hours), one.wall_h, took.wall_h if took else None),
        (
            "accelerator-hours",
            lambda hours: f"{hours:,.4g}",
            one.accelerator_hours,
            took.process_hours if took else None,
        ),
        ("bill, USD", lambda usd: f"{usd:,.0f}" if usd >= 100 else f"{usd:.3g}", one.usd, one.actual_usd),
    )
    for label, write, span, actual in figures:
        between = f"{write(span.low)} to {write(span.high)}"
        rows.append((label, write(span.middle), between, "—" if actual is None else write(actual)))
    words = (
        f"{count(one.parameters)} parameters on {count(one.tokens)} tokens; {one.accelerators}, {one.layout}. The bill "
        "is at today’s price; the ledger has it at that of its month, in the plan’s currency."
    )
    if took:
        words += " Actual is this run’s own: each process counts as one accelerator at the plan’s price of an hour."
    header = ("", "planned", "80 % between", "actual")
    return Table(f"Training of {one.model}", words, header, tuple(rows), "trainings")


def _credits(story: CapitalStory) -> Table:
    rows = tuple(
        (one.name, whole(one.used_cents), whole(one.expired_cents), one.expires) for one in story.outlook.signed.credits
    )
    header = ("credits", f"pay, {story.currency}", "expires unused", "last month")
    return Table(
        "Credits",
        "They pay before cash; those that expire first before others.",
        header,
        rows,
        "outlook.signed.credits",
    )
