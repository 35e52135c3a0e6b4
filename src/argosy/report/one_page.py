"""The investor's page: everything that matters on one A4 page, laid out once for the PDF and for the print page.

Every number on it is a formatted field of the `CapitalStory`; axes are labelled with values of what they draw only.
"""

from collections.abc import Callable, Mapping, Sequence

from argosy.capital import CapitalStory
from argosy.report.money_text import amount, hours, likely, months, multiple, percent, rate
from argosy.report.scene import BUFF, FAINT, INK, LINE, MAGENTA, MUTED, PALE, QUIET, SEA, WIDTH_MM, Measure, Scene
from argosy.report.units import count

MARGIN = 14.0
INNER = WIDTH_MM - 2 * MARGIN
GAP = 8.0
HALF = (INNER - GAP) / 2
PARTY_COLOURS = (SEA, MAGENTA, BUFF, QUIET, FAINT, INK, MUTED)
USES, MILESTONES, SALES, FLAGS = 10, 4, 5, 6  # rows that there is room for
Say = Callable[..., str]


def one_page(story: CapitalStory, measure: Measure, words: Mapping[str, str] | None = None) -> Scene:
    """Lay out the page; `words` gives each English phrase in another language."""
    scene = Scene(measure)

    def say(phrase: str, **figures: str) -> str:
        return (words[phrase] if words is not None else phrase).format(**figures)

    _head(scene, story, say)
    _figures(scene, story, say, 44.0)
    _cash(scene, story, say, 73.0)
    _uses(scene, story, say, 156.0)
    _owners(scene, story, say, 156.0)
    _chances(scene, story, say, 215.0)
    _sales(scene, story, say, 215.0)
    _training(scene, story, say, 263.0)
    _foot(scene, story, say, 281.0)
    return scene


def _head(scene: Scene, story: CapitalStory, say: Say) -> None:
    scene.text(MARGIN, 23, story.company or say("Investor page"), 25, "serif", room=INNER - 62)
    right = WIDTH_MM - MARGIN
    scene.text(right, 18.5, say("Investor page"), 8, "bold", SEA, "right", room=60)
    scene.text(
        right,
        22.7,
        say("plan of {day}, {months} months", day=str(story.start), months=f"{story.months}"),
        7.5,
        colour=MUTED,
        align="right",
        room=60,
    )
    scene.paragraph(MARGIN, 30.5, say("{about}", about=story.about, about_zh=story.about_zh), INNER, 2, 10, MUTED)
    for y in (38.6, 39.6):
        scene.line(((MARGIN, y), (right, y)), INK, 0.2)
    step = INNER / 32
    for place in range(0, 32, 2):
        scene.box(MARGIN + place * step, 38.6, step, 1.0, INK)


def _figures(scene: Scene, story: CapitalStory, say: Say, y: float) -> None:
    signed, simulated, currency = story.outlook.signed, story.chances.simulated, story.currency
    sought = [one for one in story.funding if one.probability < 1]
    by = story.outlook.raise_from
    figures = [
        (say("in the bank"), amount(signed.opening_cents, currency), say("on {day}", day=str(story.start))),
        (
            say("sought"),
            amount(story.sought_cents, currency) if sought else "—",
            "; ".join(f"{one.name} {one.month}, {percent(one.probability, 0)}" for one in sought),
        ),
        (
            say("runway, signed money"),
            say("for ever")
            if signed.runway_months is None
            else say("{n} months", n=months(signed.runway_months).split()[0]),
            say("out of cash in {month}", month=signed.out_of_cash)
            if signed.out_of_cash
            else say("not within the plan"),
        ),
        (
            say("a round has to begin by"),
            by or "—",
            say("{n} months before the money is out", n=f"{story.raising_months}") if by else say("the money lasts"),
        ),
        (
            say("the money outlasts the plan"),
            likely(simulated.solvent.value, simulated.solvent.standard_error),
            say("of {n} futures, ± standard error", n=f"{simulated.paths:,}"),
        ),
    ]
    room = INNER / len(figures)
    for place, (label, value, note) in enumerate(figures):
        x = MARGIN + place * room
        scene.line(((x, y), (x + room - 4, y)), INK, 0.2)
        scene.text(x, y + 4.2, label, 7.2, colour=MUTED, room=room - 4)
        scene.text(x, y + 11.4, value, 15, "serif", SEA, room=room - 2)
        scene.paragraph(x, y + 15.4, note, room - 4, 2, 6.8, MUTED)


def _title(scene: Scene, x: float, y: float, title: str, unit: str, room: float) -> None:
    scene.text(x, y, title, 9.5, "bold", room=room)
    beside = scene.measure(title, 9.5, "bold") + 2.5
    if room - beside > 10:
        scene.text(x + beside, y, unit, 7.2, colour=MUTED, room=room - beside)


def _cash(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    """Cash by month: the fan of the futures, both columns of the ledger, and when what happens."""
    _title(scene, MARGIN, top, say("Cash at the end of each month"), story.currency, INNER)
    fan = list(zip(*story.chances.simulated.fan, strict=True))
    hoped, signed = (
        [month.cash_cents / 100 for month in flow.months] for flow in (story.outlook.hoped, story.outlook.signed)
    )
    left, right, high, low = MARGIN + 16, WIDTH_MM - MARGIN - 44, top + 15, top + 69
    values = [0.0, *hoped, *signed, *fan[0], *fan[4]]
    most, least = float(max(values)), float(min(values))
    x = [left + (right - left) * place / max(1, story.months - 1) for place in range(story.months)]

    def y(value: float) -> float:
        return low - (low - high) * (value - least) / ((most - least) or 1.0)

    for below, above, colour in ((0, 4, PALE), (1, 3, FAINT)):
        up = [(x[i], y(value)) for i, value in enumerate(fan[below])]
        down = [(x[i], y(value)) for i, value in enumerate(fan[above])]
        scene.area([*up, *reversed(down)], colour)
    for value in dict.fromkeys((most, 0.0, least)):
        scene.line(((left, y(value)), (right, y(value))), INK if value == 0 else LINE, 0.15)
    marks = [(value, y(value) + 0.9) for value in dict.fromkeys((0.0, most, least))]
    for value, place in marks[:1] + [mark for mark in marks[1:] if abs(mark[1] - marks[0][1]) > 3]:
        scene.text(left - 1.5, place, count(value) if value else "0", 6.8, colour=MUTED, align="right", room=14)
    lines = [
        (say("median future"), fan[2], SEA, 0.0),
        (say("as planned, all that is sought"), hoped, BUFF, 1.6),
        (say("as planned, signed only"), signed, MAGENTA, 0.8),
    ]
    for _, line, colour, dash in reversed(lines):
        scene.line([(x[i], y(value)) for i, value in enumerate(line)], colour, 0.55, dash)
    ends = [(name, line[-1], colour) for name, line, colour, _ in lines]
    ends += [(say("one in ten has more"), fan[4][-1], QUIET), (say("one in ten has less"), fan[0][-1], QUIET)]
    places = _apart([y(value) for _, value, _ in ends], 6.2, low)
    for (name, value, colour), place in zip(ends, places, strict=True):
        scene.line(((right, y(value)), (right + 3, place)), colour, 0.15)
        scene.text(right + 4, place + 0.2, count(value), 7.2, "bold", colour, room=40)
        scene.text(right + 4, place + 2.9, name, 6.3, colour=MUTED, room=40)
    names = [month.month for month in story.outlook.hoped.months]
    step = max(1, -(-story.months // 7))
    for place in range(0, story.months, step):
        scene.text(x[place], low + 4, names[place], 6.8, colour=MUTED, align="middle")
    _flags(scene, story, say, names, x, top + 4.6, low)


def _apart(wanted: Sequence[float], gap: float, low: float) -> list[float]:
    """Places near those wanted and at least `gap` from each other, in the same order of height."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    found = [wanted[place] for place in order]
    for place in range(1, len(found)):
        found[place] = max(found[place], found[place - 1] + gap)
    over = max(0.0, found[-1] - low)
    found = [value - over for value in found]
    for place in range(len(found) - 2, -1, -1):
        found[place] = min(found[place], found[place + 1] - gap)
    placed = dict(zip(order, found, strict=True))
    return [placed[place] for place in range(len(wanted))]


def _flags(
    scene: Scene, story: CapitalStory, say: Say, names: Sequence[str], x: Sequence[float], top: float, low: float
) -> None:
    """What happens when, above the curve."""
    moments = [(one.begins, say("training")) for one in story.trainings]
    moments += [(one.month, one.name) for one in story.funding]
    moments += [(story.outlook.raise_from, say("raise by"))] if story.outlook.raise_from else []
    moments += [(story.outlook.signed.out_of_cash, say("signed money out"))] if story.outlook.signed.out_of_cash else []
    first = next((month.month for month in story.outlook.hoped.months if month.revenue_cents), None)
    moments += [(first, say("first revenue"))] if first else []
    shown = sorted((one for one in moments if one[0] in names), key=lambda one: one[0])[:FLAGS]
    taken = [0.0, 0.0, 0.0]
    for month, name in shown:
        at = x[names.index(month)]
        row = min(range(3), key=lambda one: (taken[one] > at, one) if min(taken) <= at else (0, taken[one]))
        y = top + row * 3.1
        scene.line(((at, y - 1.6), (at, low)), LINE, 0.15)
        scene.text(max(at, taken[row]) + 0.7, y, name, 6.3, colour=MUTED, room=34)
        taken[row] = max(at, taken[row]) + min(34, scene.measure(name, 6.3, "sans")) + 2.5


def _uses(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    unit = say("{total}, cash and credits", total=amount(story.expenses_cents, story.currency))
    _title(scene, MARGIN, top, say("Use of funds"), unit, HALF)
    bars, step = HALF - 24 - 30, min(6.4, 50 / max(1, len(story.uses)))
    for place, one in enumerate(story.uses[:USES]):
        y = top + 4 + place * step
        scene.text(MARGIN, y + 0.5 * step, say(one.kind), 7.5, room=23)
        scene.box(MARGIN + 24, y, max(0.3, bars * one.cents / story.uses[0].cents), 0.7 * step, SEA)
        figures = f"{amount(one.cents)}  {percent(one.share)}"
        scene.text(MARGIN + HALF, y + 0.5 * step, figures, 7.5, colour=MUTED, align="right")


def _owners(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    if story.ownership is None:
        return
    left = MARGIN + HALF + GAP
    _title(scene, left, top, say("Who owns the company"), say("fully diluted"), HALF)
    tables = story.ownership.tables
    shown = tables if len(tables) <= 2 else (tables[0], tables[-1])
    parties = list(dict.fromkeys(party for table in shown for party in table.parts))
    colours = dict(zip(parties, PARTY_COLOURS, strict=False))
    for place, table in enumerate(shown):
        y, x = top + 4 + place * 10, left
        when, _, name = table.when.partition(" ")
        scene.text(left, y + 2.2, f"{say(when)} {name}", 7, colour=MUTED, room=HALF - 20)
        scene.text(left + HALF, y + 2.2, table.date, 7, colour=MUTED, align="right")
        for party, share in table.parts.items():
            wide = HALF * float(share)
            scene.box(x, y + 3.2, wide, 4.8, colours.get(party, LINE))
            x += wide
    for place, party in enumerate(parties[: len(PARTY_COLOURS)]):
        y = top + 7 + len(shown) * 10 + place * 4.2
        scene.box(left, y - 2.1, 2.4, 2.4, colours[party])
        scene.text(left + 4, y, say(party) if party in _PARTIES else party, 7.2, room=HALF - 40)
        for right, table in zip((left + HALF - 18, left + HALF), shown[-2:], strict=False):
            held = percent(table.parts[party]) if party in table.parts else "—"
            scene.text(right, y, held, 7.2, colour=MUTED, align="right")
    y = top + 8 + len(shown) * 10 + min(len(parties), len(PARTY_COLOURS)) * 4.2
    if story.ownership.rounds:
        one = story.ownership.rounds[-1]
        phrase = "{name}: {amount} at {before} before, {after} after the money, for {share}"
        told = say(
            phrase,
            name=one.name,
            amount=amount(one.amount_cents, story.currency),
            before=amount(one.pre_money_cents),
            after=amount(one.post_money_cents),
            share=percent(one.new_investors),
        )
        scene.text(left, y, told, 7.2, room=HALF)


_PARTIES = ("founders", "team and option pool", "other investors", "others")


def _chances(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    simulated = story.chances.simulated
    _title(scene, MARGIN, top, say("How likely"), say("with money left, ± standard error"), HALF)
    rows = [(say("training ends before the money"), "", simulated.trained)] if simulated.trained else []
    rows += [(one.name, story.milestones[one.name], one) for one in simulated.milestones][-MILESTONES:]
    rows.append((say("the money outlasts the plan"), "", simulated.solvent))
    for place, (name, month, one) in enumerate(rows):
        y = top + 6 + place * 6
        scene.text(MARGIN, y, name, 7.5, room=HALF - 44)
        scene.text(MARGIN + HALF - 30, y, month, 7.5, colour=MUTED, align="right")
        scene.text(MARGIN + HALF, y, likely(one.value, one.standard_error), 7.5, "bold", align="right")
        scene.line(((MARGIN, y + 1.8), (MARGIN + HALF, y + 1.8)), LINE, 0.15)


def _sales(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    """What the investor who pays in most gets back from each sale, and on average."""
    investors = [
        one for sale in story.sales for one in sale.returns.holders if story.holders.get(one.holder) == "investor"
    ]
    if not investors:
        return
    left = MARGIN + HALF + GAP
    name = max(investors, key=lambda one: one.invested_cents).holder
    _title(scene, left, top, say("What comes back"), say("to {name}", name=name), HALF)
    columns = (left + HALF - 34, left + HALF - 16, left + HALF)
    for x, head in zip(columns, ("price of the sale", "multiple", "a year"), strict=True):
        scene.text(x, top + 4.6, say(head), 6.5, colour=MUTED, align="right")
    rows = []
    for sale in story.sales[:SALES]:
        own = next((one for one in sale.returns.holders if one.holder == name), None)
        chance = f", {percent(sale.probability, 0)}"
        figures = (
            amount(sale.returns.exit_cents),
            multiple(own.multiple if own else None),
            rate(own.xirr if own else None),
        )
        rows.append((sale.name, f", {str(sale.returns.on)[:4]}{chance}", figures))
    average = say("on average, if the money lasts")
    rows += [
        (average, "", ("", multiple(one.multiple), rate(one.xirr))) for one in story.expected if one.holder == name
    ]
    for place, (label, tail, cells) in enumerate(rows):
        y = top + 9.2 + place * 6
        scene.text(left, y, label, 7.5, room=HALF - 50, tail=tail)
        for x, cell in zip(columns, cells, strict=True):
            scene.text(x, y, cell, 7.5, "bold" if x != columns[0] else "sans", align="right")
        scene.line(((left, y + 1.8), (left + HALF, y + 1.8)), LINE, 0.15)


def _training(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    """What the model takes, a line for each training, and what credits pay; nothing where there is neither."""
    if not story.trainings and not story.outlook.signed.credits:
        return
    _title(scene, MARGIN, top, say("Training the model"), say("by the planner"), INNER)
    y = top + 5.4
    for one, cost in list(zip(story.trainings, story.outlook.trainings, strict=True))[:2]:
        phrase = (
            "{model} on {tokens} tokens, {where}, from {month}: {time}; final run {final} ({low} to {high} in eight of "
            "ten cases), other runs {other}"
        )
        told = say(
            phrase,
            model=one.model,
            tokens=count(one.tokens),
            where=one.accelerators,
            month=one.begins,
            time=hours(one.wall_h.middle),
            final=amount(cost.final_cents, story.currency),
            low=amount(cost.low_cents),
            high=amount(cost.high_cents),
            other=amount(cost.other_cents),
        )
        scene.text(MARGIN, y, told, 7.5, room=INNER)
        y += 4.4
    for credit in story.outlook.signed.credits[:2]:
        phrase = "{name} pay {used}; {left} expire unused in {month}"
        told = say(
            phrase,
            name=credit.name,
            used=amount(credit.used_cents, story.currency),
            left=amount(credit.expired_cents, story.currency),
            month=credit.expires,
        )
        scene.text(MARGIN, y, told, 7.5, room=INNER)
        y += 4.4


def _foot(scene: Scene, story: CapitalStory, say: Say, top: float) -> None:
    scene.line(((MARGIN, top), (WIDTH_MM - MARGIN, top)), INK, 0.2)
    simulated = story.chances.simulated
    told = say(
        "Every figure is computed from capital.toml ({hash}) in {currency}: the ledger in whole cents, {paths} futures "
        "(seed {seed}). Shaded: half and eight of ten futures. Estimates, not promises; nothing here is an offer.",
        hash=story.plan_sha256[:12],
        currency=story.currency,
        paths=f"{simulated.paths:,}",
        seed=f"{simulated.seed}",
    )
    scene.paragraph(MARGIN, top + 4, told, INNER, 2, 6.8, MUTED)
