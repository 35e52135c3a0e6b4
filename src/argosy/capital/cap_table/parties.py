"""Who owns and gets what, summed to the few parties a page can show: founders, each large investor, the team."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

from argosy.capital.cap_table.table_results import CapTable, RoundResult, TableAt
from argosy.capital.exact import Exact
from argosy.config import Record

FOUNDERS, TEAM, INVESTORS, OTHERS = "founders", "team and option pool", "other investors", "others"
LENDERS = "debts"
NAMED = 3  # investors that are shown by name, those who hold most
Number = TypeVar("Number", int, Fraction)


class Owners(Record):
    """The company's parties on a day."""

    when: str
    """Before or after which round."""
    date: str
    """The day."""
    parts: dict[str, Exact]
    """Share of the fully diluted count by party."""


class RoundStory(Record):
    """A round to come, in brief."""

    name: str
    """Which."""
    date: str
    """Day of closing."""
    amount_cents: int
    """New money."""
    pre_money_cents: int
    """Valuation before it."""
    post_money_cents: int
    """Valuation with it."""
    new_investors: Exact
    """Share of the company that the new money buys."""
    founders_before: Exact
    """Founders' share before."""
    founders_after: Exact
    """And after."""


class Ownership(Record):
    """Who owns the company, from round to round."""

    tables: tuple[Owners, ...]
    """Before the first round to come and after each; where none is planned, after all that is in the table."""
    rounds: tuple[RoundStory, ...]
    """Those rounds."""


def ownership(table: CapTable, kinds: Mapping[str, str], start: str) -> Ownership:
    """The parties before and after each round from the day `start` on."""
    coming = [one for one in table.rounds if one.date.isoformat() >= start]
    if not coming:
        return Ownership(tables=(_owners(f"after {table.table.after}", table.table, kinds, table.table),), rounds=())
    last = coming[-1].after
    tables = [_owners(f"before {coming[0].name}", coming[0].before, kinds, last)]
    tables += [_owners(f"after {one.name}", one.after, kinds, last) for one in coming]
    return Ownership(tables=tuple(tables), rounds=tuple(_round(one) for one in coming))


def _round(one: RoundResult) -> RoundStory:
    return RoundStory(
        name=one.name,
        date=one.date.isoformat(),
        amount_cents=one.amount_cents,
        pre_money_cents=round(one.pre_money * 100),
        post_money_cents=round(one.post_money * 100),
        new_investors=sum((each.ownership for each in one.purchases), start=one.before.founders * 0),
        founders_before=one.before.founders,
        founders_after=one.after.founders,
    )


def _owners(when: str, table: TableAt, kinds: Mapping[str, str], ranked: TableAt) -> Owners:
    owned = {one.name: one.ownership for one in table.by_holder}
    parts = by_party(owned, kinds, [one.name for one in ranked.by_holder])
    return Owners(when=when, date=table.date.isoformat(), parts=parts)


def party_of(holder: str, kinds: Mapping[str, str], largest: Sequence[str]) -> str:
    """The party a holder counts to; `largest` are all holders, those with most first."""
    kind = kinds.get(holder, "employee")  # what no holder has is the pool
    if kind == "founder":
        return FOUNDERS
    if kind in ("employee", "advisor"):
        return TEAM
    if kind == "other":
        return OTHERS
    investors = [name for name in largest if kinds.get(name) == "investor"]
    return holder if holder in investors[:NAMED] or len(investors) == NAMED + 1 else INVESTORS


def by_party(values: Mapping[str, Number], kinds: Mapping[str, str], largest: Sequence[str]) -> dict[str, Number]:
    """Sums over the holders of each party."""
    found: dict[str, Number] = {}
    for holder, value in values.items():
        party = party_of(holder, kinds, largest)
        found[party] = found[party] + value if party in found else value
    return found
