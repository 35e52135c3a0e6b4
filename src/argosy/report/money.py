"""The money of a run or of a plan, told to an investor and to an engineer from the same `capital.json`."""

from collections.abc import Iterator
from dataclasses import dataclass

from argosy.capital import CapitalStory, Probability
from argosy.report.headline import Fact
from argosy.report.money_plots import FILE, money_plots
from argosy.report.money_tables import Table, money_tables
from argosy.report.money_text import amount, hours, likely, months, multiple, percent, whole
from argosy.report.plots import Plot
from argosy.report.units import SPACE


@dataclass(frozen=True)
class Piece:
    """One piece of advice."""

    what: str
    """What to do, as a sentence."""
    strength: str
    """How sure that is."""
    changes_if: str
    """What would change it."""
    computed: str
    """How it follows."""
    rows: tuple[tuple[str, ...], ...]
    """Name, value and origin of each figure it follows from."""


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
    advice: dict[str, list[Piece]]
    """By head; none where it was not asked for."""


def money_of(story: CapitalStory) -> Money:
    """Both views of the money."""
    return Money(
        story=story,
        lede=money_lede(story),
        investor=tuple(_investor(story)),
        engineer=tuple(_engineer(story)),
        tables={name: table for name, table in money_tables(story) if table.rows},
        plots=money_plots(story),
        advice=_advice(story),
    )


def _advice(story: CapitalStory) -> dict[str, list[Piece]]:
    found: dict[str, list[Piece]] = {}
    for one in () if story.advice is None else story.advice.advice:
        rows = tuple((figure.name, figure.value, figure.source) for figure in one.figures)
        sentence = f"{one.what[:1].upper()}{one.what[1:]}"
        found.setdefault(one.head, []).append(Piece(sentence, one.strength, one.changes_if, one.computed, rows))
    return found


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
            lost = percent(one.loss_probability, 0)
            note = f"on average over the sales, if rounds close and the money lasts; a loss in {lost}"
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
        took = hours(one.wall_h.middle)
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
