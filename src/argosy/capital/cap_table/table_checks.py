"""What is wrong with a cap table that its parts cannot see alone: names that lead nowhere, days without order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.config import Problem, nearest

KEY = "cap_table"


def table_problems(config: CapTableConfig) -> Iterable[Problem]:
    """Every problem of the table, by key."""
    yield from _twice("holders", [one.name for one in config.holders])
    yield from _twice("classes", [one.name for one in config.classes])
    yield from _twice("rounds", [one.name for one in config.rounds])
    yield from _unknown_names(config)
    yield from _days_without_order(config)
    yield from _converts_nowhere(config)
    yield from _wrong_class(config)


def _twice(part: str, names: Sequence[str]) -> Iterable[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(f"{KEY}.{part}", f"a name for each, this is there {count} times", name)


def _unknown_names(config: CapTableConfig) -> Iterable[Problem]:
    holders, classes = [one.name for one in config.holders], [one.name for one in config.classes]
    named: list[tuple[str, str, list[str]]] = []
    for part in ("holdings", "grants", "safes", "notes"):
        named += [(f"{part}.{i}.holder", one.holder, holders) for i, one in enumerate(getattr(config, part))]
    named += [(f"holdings.{i}.share_class", one.share_class, classes) for i, one in enumerate(config.holdings)]
    for i, terms in enumerate(config.rounds):
        named.append((f"rounds.{i}.share_class", terms.share_class, classes))
        named += [(f"rounds.{i}.investors.{j}.holder", one.holder, holders) for j, one in enumerate(terms.investors)]
    for key, name, known in named:
        if name not in known:
            what = "holder" if known is holders else "class"
            yield Problem(f"{KEY}.{key}", f"no such {what} in {KEY}{nearest(name, known)}", name)


def _days_without_order(config: CapTableConfig) -> Iterable[Problem]:
    days: dict[date, list[int]] = {}
    for i, one in enumerate(config.rounds):
        days.setdefault(one.date, []).append(i)
    for day, rounds in days.items():
        orders = [config.rounds[i].order for i in rounds]
        if len(rounds) > 1 and (None in orders or len(set(orders)) < len(orders)):
            names = " and ".join(config.rounds[i].name for i in rounds)
            expected = f"{names} close on one day: give each an `order`, no two the same"
            yield Problem(f"{KEY}.rounds.{rounds[-1]}.order", expected, config.rounds[rounds[-1]].order or str(day))


def _converts_nowhere(config: CapTableConfig) -> Iterable[Problem]:
    say = "add the round, or say `unconverted = true`"
    for i, safe in enumerate(config.safes):
        if not safe.unconverted and all(one.date < safe.date for one in config.rounds):
            yield Problem(f"{KEY}.safes.{i}", f"{safe.holder}'s SAFE of {safe.date} converts in no round: {say}")
    for i, note in enumerate(config.notes):
        into = [
            one
            for one in config.rounds
            if one.date >= note.date and sum(each.amount for each in one.investors) >= note.qualified_amount
        ]
        if not note.unconverted and note.at_maturity == "extend" and not into:
            small = f" of {float(note.qualified_amount):,.0f} or more" if note.qualified_amount else ""
            yield Problem(f"{KEY}.notes.{i}", f"{note.holder}'s note of {note.date} converts in no round{small}: {say}")


def _wrong_class(config: CapTableConfig) -> Iterable[Problem]:
    kinds = {one.name: one.kind for one in config.classes}
    for i, terms in enumerate(config.rounds):
        if kinds.get(terms.share_class, "preferred") == "common" and config.safes:
            yield Problem(
                f"{KEY}.rounds.{i}.share_class", "a preferred class, SAFEs convert into it", terms.share_class
            )
    for i, one in enumerate(config.classes):
        if one.kind == "common" and (one.anti_dilution != "none" or one.participating or one.conversion_price):
            yield Problem(f"{KEY}.classes.{i}", "terms of preferred shares belong to kind = 'preferred'", one.name)
        elif one.participation_cap is not None and not one.participating:
            yield Problem(f"{KEY}.classes.{i}.participation_cap", "only for participating = true", str(one.name))
        elif one.participation_cap is not None and one.participation_cap < one.preference:
            expected = f"{float(one.preference):g}, the preference in it, or more"
            yield Problem(f"{KEY}.classes.{i}.participation_cap", expected, float(one.participation_cap))
    for i, holding in enumerate(config.holdings):
        if kinds.get(holding.share_class) == "preferred" and _unpriced(config, holding.share_class):
            expected = f"preferred shares need cap_table.classes price: {holding.share_class} has none"
            yield Problem(f"{KEY}.holdings.{i}.share_class", expected)


def _unpriced(config: CapTableConfig, share_class: str) -> bool:
    return next(one.price is None for one in config.classes if one.name == share_class)
