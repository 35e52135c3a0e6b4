"""The tables about money, each made from `capital.json` alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from argosy.capital import CapitalStory, Estimated, TrainingStory
from argosy.planning import Span
from argosy.report.money_text import amount, hours, multiple, percent, rate, whole
from argosy.report.units import count


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


def money_tables(story: CapitalStory) -> Iterator[tuple[str, Table]]:
    """Every table with its name; one without rows says nothing."""
    yield "way", _way(story)
    yield "chances", _chances(story)
    yield "sales", _sales(story)
    for number, one in enumerate(story.trainings):
        yield f"training-{number}", _training(one)
    yield "credits", _credits(story)
    yield "market", _market(story)
    yield "resources", _resources(story)
    yield "partners", _partners(story)
    yield "gaps", _gaps(story)


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
    if story.outlook.outside:
        words += f" Not in the plan’s months, and not counted: {'; '.join(story.outlook.outside)}."
    return Table("The way", words, header, tuple(rows), "funding, trainings, milestones, outlook")


def _how(probability: float) -> str:
    return "signed" if probability == 1 else f"{percent(probability, 0)} likely"


def _chances(story: CapitalStory) -> Table:
    simulated = story.chances.simulated
    rows = tuple((one.name, percent(one.value), f"± {100 * one.standard_error:.1f}") for one in simulated.probabilities)
    words = f"{simulated.paths:,} futures, seed {simulated.seed}. A milestone counts when there is money left for it."
    return Table("How likely", words, ("", "probability", "standard error"), rows, "chances.simulated")


def _sales(story: CapitalStory) -> Table:
    """Each sale: what each party gets; of investors also the multiple and the yearly rate."""
    rows = []
    for sale in story.sales:
        chance = f", {percent(sale.probability, 0)} likely"
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
        ("wall time", hours, one.wall_h, took.wall_h if took else None),
        ("accelerator-hours", "{:,.4g}".format, one.accelerator_hours, took.process_hours if took else None),
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


def _market(story: CapitalStory) -> Table:
    """Customers by channel: what one costs, is worth, and when that is back."""
    market = story.outlook.market
    rows = []
    for one in () if market is None else (*market.channels, *([market.total] if len(market.channels) > 1 else [])):
        worth = (one.customers_at_end, one.cac_cents, one.ltv_cents, one.ltv_to_cac, one.payback_after_churn_months)
        writes = (plain, whole, whole, plain, plain)
        figures = (estimated(each, write) for each, write in zip(worth, writes, strict=True))
        rows.append((one.name, whole(sum(one.spend_cents)), *figures))
    if market is not None:
        rows += [(f"{one.name}, {one.month}", whole(one.cost_cents), "", "", "", "", "") for one in market.artefacts]
    header = ("channel", "spend", "customers at end", "CAC", "LTV", "LTV / CAC", "paid back in months")
    words = "In brackets eight of ten draws; each step is an input with a source. CAC is of spend, LTV margin ÷ churn."
    return Table("Customers", words, header, tuple(rows), "outlook.market")


def plain(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}"


def estimated(one: Estimated, write: Callable[[float], str]) -> str:
    """A figure and, where it is uncertain, what eight of ten draws lie between."""
    if one.value is None:
        return "—"
    uncertain = one.low is not None and one.high is not None and one.low != one.high
    return f"{write(one.value)} ({write(one.low or 0)} to {write(one.high or 0)})" if uncertain else write(one.value)


def _resources(story: CapitalStory) -> Table:
    found = story.outlook.resources
    uses = () if found is None else found.uses
    rows = tuple(
        (
            one.name,
            one.displaces,
            whole(one.displaced_cents),
            whole(one.worth_cents),
            percent(one.probability, 0),
            one.expires,
            one.warning or "",
        )
        for one in uses
    )
    header = ("not cash", "displaces", "bills", "spares of cash", "likely", "expires", "")
    return Table(
        "What is not cash", "Valued at what it displaces, used before cash.", header, rows, "outlook.resources"
    )


def _partners(story: CapitalStory) -> Table:
    found = story.outlook.partners
    rows = tuple(
        (
            one.name,
            ", ".join(one.provides),
            whole(one.cents),
            percent(one.share),
            ", ".join(one.alternatives) or "none",
            f"{one.switching_months}",
            whole(one.lost_cents),
            one.contract_end or "—",
        )
        for one in (() if found is None else found.partners)
    )
    header = (
        "partner",
        "provides",
        "in the plan",
        "share",
        "alternatives",
        "months to switch",
        "at stake then",
        "until",
    )
    words = "Share of those that provide is of all bills but salaries, of those that buy of all revenue."
    return Table("Whom the plan hangs on", words, header, rows, "outlook.partners")


def _gaps(story: CapitalStory) -> Table:
    found = story.outlook.partners
    rows = tuple((one.what, whole(one.cents)) for one in (() if found is None else found.gaps))
    return Table(
        "Gaps", "What the plan has and the register does not.", ("gap", "amount"), rows, "outlook.partners.gaps"
    )
