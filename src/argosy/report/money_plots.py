"""The plots about money, each made from `capital.json` alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from argosy.capital import CapitalStory, Ownership, TrainingWorth, plain_name
from argosy.report.money_text import amount, percent, whole
from argosy.report.plots import Plot, curve, plot_layout

FILE = "capital.json"
ROLES = ("main", "second", "third", "quiet", "faint")
SWINGS = 10  # of what the probability hangs on, drawn
EVERY = 3  # months between two rows of a table


def money_plots(story: CapitalStory) -> dict[str, Plot]:
    """All of them, by name."""
    return {plot.name: plot for plot in _plots(story)}


def _plots(story: CapitalStory) -> Iterator[Plot]:
    yield _cash(story)
    yield _out(story)
    yield _uses(story)
    yield _spending(story)
    if story.ownership is not None:
        yield _owners(story)
    if story.curve is not None:
        yield _returns(story)
    if story.chances.swings:
        yield _swings(story)
    for number, one in enumerate(story.outlook.worths):
        yield _worth(number, one, story)


def _cash(story: CapitalStory) -> Plot:
    """Cash at the end of each month: half and eight of ten futures, and both columns of the ledger."""
    names = _names(story)
    fan = list(zip(*story.chances.simulated.fan, strict=True))
    traces = [
        _dated(names, "one in ten has less", fan[0], "faint", width=0.5),
        _dated(names, "one in ten has more", fan[4], "faint", width=0.5) | {"fill": "tonexty"},
        _dated(names, "one in four has less", fan[1], "faint", width=0.5),
        _dated(names, "one in four has more", fan[3], "faint", width=0.5) | {"fill": "tonexty"},
        _dated(names, "median future", fan[2], "main"),
    ]
    flows = {"planned, signed money only": story.outlook.signed, "planned, all that is sought": story.outlook.hoped}
    for (name, flow), role in zip(flows.items(), ("second", "third"), strict=True):
        line = _dated(names, name, [month.cash_cents / 100 for month in flow.months], role, width=1.75)
        line["line"]["dash"] = "dot" if role == "second" else "dash"
        traces.append(line)
    signed = story.outlook.signed
    words = (
        f"Signed money alone is lowest at the end of {signed.lowest_month}: "
        f"{amount(signed.lowest_cash_cents, story.currency)}."
    )
    rows = tuple(
        (
            names[month],
            *(f"{fan[quantile][month]:,.0f}" for quantile in (0, 2, 4)),
            *(whole(flow.months[month].cash_cents) for flow in flows.values()),
        )
        for month in range(0, story.months, EVERY)
    )
    header = ("month", "one in ten has less", "median", "one in ten has more", "signed", "sought")
    return Plot(
        "cash",
        "Cash at the end of each month",
        story.currency,
        words,
        FILE,
        header,
        rows,
        {"data": traces, "layout": _by_month()},
        key="chances.simulated.fan, outlook",
    )


def _out(story: CapitalStory) -> Plot:
    names, out = _names(story), story.chances.simulated.out_by_month
    layout = _by_month()
    layout["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
    return Plot(
        "out",
        "Futures that have run out of money",
        "share, by the end of the month",
        f"By the end of the plan it is {percent(out[-1])} of {story.chances.simulated.paths:,} futures.",
        FILE,
        ("month", "share"),
        tuple((names[month], percent(out[month])) for month in range(0, story.months, EVERY)),
        {"data": [_dated(names, "out of money", out, "second")], "layout": layout},
        key="chances.simulated.out_by_month",
    )


def _uses(story: CapitalStory) -> Plot:
    trace = _lying("expenses", [one.cents / 100 for one in story.uses], [one.kind for one in story.uses], "main")
    first = story.uses[0] if story.uses else None
    words = f"{amount(story.expenses_cents, story.currency)} over {story.months} months"
    words += f"; {first.kind} {percent(first.share)} of it." if first else "."
    return Plot(
        "uses",
        "Use of funds",
        story.currency,
        words,
        FILE,
        ("head", story.currency, "share"),
        tuple((one.kind, whole(one.cents), percent(one.share)) for one in story.uses),
        {"data": [trace], "layout": _lying_layout(story.currency)},
        note="Cash and credits together, whenever they are paid.",
        key="uses",
    )


def _spending(story: CapitalStory) -> Plot:
    """Computing by month, and what of all bills credits pay."""
    names, flow = _names(story), story.outlook.signed.months
    heads = {
        "training": [month.expenses_cents.get("compute", 0) / 100 for month in flow],
        "inference": [month.expenses_cents.get("inference", 0) / 100 for month in flow],
        "storage and transfer": [
            sum(month.expenses_cents.get(kind, 0) for kind in ("storage", "transfer")) / 100 for month in flow
        ],
    }
    traces: list[dict[str, Any]] = [
        {"type": "bar", "name": name, "x": names, "y": values, "meta": {"role": role}}
        for (name, values), role in zip(heads.items(), ("main", "second", "third"), strict=True)
    ]
    paid = [month.credits_cents / 100 for month in flow]
    marks = _dated(names, "paid by credits", paid, "quiet") | {"mode": "markers", "marker": {"symbol": "diamond"}}
    rows = tuple(
        (name, *(f"{heads[head][i]:,.0f}" for head in heads), f"{paid[i]:,.0f}") for i, name in enumerate(names)
    )
    return Plot(
        "computing",
        "Computing, month by month",
        story.currency,
        f"Credits pay {amount(sum(month.credits_cents for month in flow), story.currency)} of all bills.",
        FILE,
        ("month", *heads, "paid by credits"),
        rows,
        {"data": [*traces, marks], "layout": _by_month() | {"barmode": "stack"}},
        key="outlook.signed.months",
    )


def _owners(story: CapitalStory) -> Plot:
    assert story.ownership is not None
    tables = story.ownership.tables
    parties = _parties(story.ownership)
    names = [table.when for table in tables]
    traces = [
        _lying(party, [100 * float(table.parts.get(party, 0)) for table in tables], names, ROLES[place % len(ROLES)])
        for place, party in enumerate(parties)
    ]
    rounds = "; ".join(
        f"{one.name} buys {percent(one.new_investors)} for {amount(one.amount_cents, story.currency)}"
        for one in story.ownership.rounds
    )
    rows = tuple((party, *(percent(table.parts.get(party, 0), 2) for table in tables)) for party in parties)
    return Plot(
        "owners",
        "Who owns the company",
        "% of the fully diluted count",
        f"{rounds}." if rounds else "No round is planned.",
        FILE,
        ("party", *names),
        rows,
        {"data": traces, "layout": _lying_layout("%") | {"barmode": "stack"}},
        key="ownership.tables",
    )


def _parties(found: Ownership) -> list[str]:
    """Those in any table, in order: a party has the same colour wherever it is drawn."""
    return list(dict.fromkeys(party for table in found.tables for party in table.parts))


def _returns(story: CapitalStory) -> Plot:
    assert story.curve is not None
    x = [cents / 100 for cents in story.curve.exits_cents]
    owners = [] if story.ownership is None else _parties(story.ownership)
    known = {party: place for place, party in enumerate(owners)}
    parties = sorted(story.curve.paid_cents, key=lambda party: known.get(party, len(known)))
    traces = [
        curve(party, x, [cents / 100 for cents in story.curve.paid_cents[party]], ROLES[place % len(ROLES)], width=1)
        | {"stackgroup": "paid"}
        for place, party in enumerate(parties)
    ]
    rows = tuple(
        (whole(price), *(whole(story.curve.paid_cents[party][place]) for party in parties))
        for place, price in enumerate(story.curve.exits_cents)
        if place % 4 == 0
    )
    return Plot(
        "returns",
        "What a sale pays to whom",
        story.currency,
        f"On {story.curve.on}, from nothing to {amount(story.curve.exits_cents[-1], story.currency)}.",
        FILE,
        ("price of the sale", *parties),
        rows,
        {"data": traces, "layout": plot_layout(f"price of the sale, {story.currency}")},
        note="Rounds that are not in the plan would dilute everybody.",
        key="curve",
    )


def _swings(story: CapitalStory) -> Plot:
    """A bar for each uncertain thing, from its worst tenth to its best."""
    some = story.chances.swings[:SWINGS]
    trace = _lying("", [100 * (one.high - one.low) for one in some], [plain_name(one.name) for one in some], "main")
    trace |= {"name": "worst tenth to best tenth", "base": [100 * one.low for one in some]}
    layout = _lying_layout("probability that the money lasts, %")
    solvent = 100 * story.chances.simulated.solvent.value
    layout["shapes"] = [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": solvent, "x1": solvent, "line": {"dash": "dot"}}
    ]
    rows = tuple(
        (plain_name(one.name), percent(one.low), percent(one.high), f"{100 * one.explained:+.1f}") for one in some
    )
    return Plot(
        "swings",
        "What the probability hangs on",
        "%",
        f"It hangs most on {plain_name(some[0].name)}: were that as planned, it would move by "
        f"{100 * some[0].explained:+.1f} points.",
        FILE,
        ("", "at its worst tenth", "at its best tenth", "points, were it as planned"),
        rows,
        {"data": [trace], "layout": layout},
        note="The dotted line is the probability itself.",
        key="chances.swings",
    )


def _worth(number: int, one: TrainingWorth, story: CapitalStory) -> Plot:
    """Present value of a training by the month it begins in."""
    starts, planned, best = one.starts, one.as_planned, one.best
    names = [each.start for each in starts]
    values = [each.net_present_value_cents / 100 for each in starts]
    broke = [each for each in starts if not each.possible]
    traces = [_dated(names, "worth, less what it costs", values, "main")]
    here = [each for each in starts if each.start == one.start]
    other = [best] if best is not None and best.start != one.start else []
    for label, some, role in (
        ("cash does not reach", broke, "second"),
        ("as planned, and the best" if other else "as planned", here + other, "third"),
    ):
        worth = [each.net_present_value_cents / 100 for each in some]
        dots = _dated([each.start for each in some], label, worth, role)
        traces += [dots | {"mode": "markers"}] if some else []
    words = (
        f"As planned it is worth {amount(planned.net_present_value_cents, story.currency)} more than it costs, at "
        f"{percent(planned.discount_rate, 0)} a year"
        f"{'' if here[0].possible else ', but cash does not reach until it ends'}; "
        + ("no start is possible and worth it." if best is None else "")
        + ("" if best is None else f"waiting is worth {amount(one.value_of_waiting_cents)}.")
    )
    rows = tuple(
        (
            each.start,
            *(whole(cents) for cents in (each.cost_cents, each.gain_cents, each.net_present_value_cents)),
            f"{whole(each.lowest_cash_cents)}{'' if each.possible else ', too little'}",
        )
        for each in starts
    )
    return Plot(
        f"worth-{number}",
        f"What {one.venture} is worth, by its first month",
        story.currency,
        words,
        FILE,
        ("begun in", "costs", "brings", "present value", "lowest cash until it ends"),
        rows,
        {"data": traces, "layout": _by_month()},
        note=f"Counted until {one.until}. What it brings: {', '.join(one.brings) or 'a saving'}.",
        key="outlook.worths",
    )


def _names(story: CapitalStory) -> list[str]:
    return [month.month for month in story.outlook.signed.months]


def _dated(
    names: Sequence[str], name: str, values: Sequence[float], role: str, *, width: float = 2.25
) -> dict[str, Any]:
    """A curve over months."""
    return curve(name, range(len(values)), values, role, width=width) | {"x": list(names)}


def _by_month() -> dict[str, Any]:
    layout = plot_layout("")
    layout["xaxis"] |= {"type": "date", "tickformat": "%Y-%m"}
    layout["yaxis"] |= {"tickformat": "~s"}
    return layout


def _lying(name: str, sizes: Sequence[float], names: Sequence[str], role: str) -> dict[str, Any]:
    """Lying bars, whose names are too long to stand under them."""
    shown = [round(size, 4) for size in sizes]
    return {"type": "bar", "orientation": "h", "name": name, "x": shown, "y": list(names), "meta": {"role": role}}


def _lying_layout(unit: str) -> dict[str, Any]:
    layout = plot_layout(unit) | {"bargap": 0.4, "hovermode": "closest"}
    layout["yaxis"] = {"type": "category", "autorange": "reversed", "showgrid": False, "dtick": 1}
    return layout
