"""What a change of the money raised does to the founders' part of the company: the same cap table, changed."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from argosy.capital.advice.advice_results import Dilution
from argosy.capital.cap_table.calendar import months_later
from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_config import CapTableConfig, HolderConfig, PricedRoundConfig, SafeConfig
from argosy.capital.exact import exact
from argosy.capital.months import month_number
from argosy.capital.plan.advice_config import SafeNowConfig
from argosy.capital.plan.budget import FundingConfig
from argosy.config import VentureError


def rounds_of(table: CapTableConfig | None, funding: Sequence[FundingConfig]) -> tuple[PricedRoundConfig, ...]:
    """Rounds of the cap table that bring some of this funding."""
    return () if table is None else tuple(one for one in table.rounds if any(brought(one, funding)))


def brought(this: PricedRoundConfig, funding: Sequence[FundingConfig]) -> tuple[bool, ...]:
    """Whose money in a round is this funding: all investors' where it has the round's name, else theirs of its name."""
    names = {one.name for one in funding}
    return tuple(this.name in names or each.holder in names for each in this.investors)


def with_rounds(
    table: CapTableConfig | None, funding: Sequence[FundingConfig], *, times: float = 1.0, sooner: int = 0
) -> Dilution | None:
    """Its rounds with so many times the money, or so many months sooner; null where the table has none of them."""
    if table is None or not rounds_of(table, funding):
        return None
    return _between(table, resized(table, funding, times, sooner))


def resized(table: CapTableConfig, funding: Sequence[FundingConfig], times: float, sooner: int = 0) -> CapTableConfig:
    """The table with other amounts of this funding in its rounds, in whole cents, at the same pre-money valuation."""

    def one(this: PricedRoundConfig) -> PricedRoundConfig:
        if not any(mine := brought(this, funding)):
            return this
        investors = tuple(
            each.model_copy(update={"amount": Fraction(round(each.amount * exact(times) * 100), 100)}) if own else each
            for each, own in zip(this.investors, mine, strict=True)
        )
        return this.model_copy(update={"investors": investors, "date": months_later(this.date, -sooner)})

    return table.model_copy(update={"rounds": tuple(one(this) for this in table.rounds)})


def with_safe(table: CapTableConfig | None, holder: str, offered: SafeNowConfig, part: float) -> Dilution | None:
    """One more SAFE for a part of its cap; null where no round of the table converts it."""
    number = month_number(offered.month)
    day = date(number // 12, number % 12 + 1, 1)
    if table is None or all(one.date < day for one in table.rounds):
        return None
    signed = SafeConfig(
        holder=holder,
        amount=Fraction(round(part * offered.cap * 100), 100),
        date=day,
        cap=exact(offered.cap),
        discount=exact(offered.discount),
    )
    own = HolderConfig(name=holder, kind="investor")
    more = {"holders": (*table.holders, own), "safes": (*table.safes, signed)}
    return _between(table, table.model_copy(update=more))


def _between(before: CapTableConfig, after: CapTableConfig) -> Dilution | None:
    """Founders' part of the fully diluted company after all rounds; null where one has no price, or misses a SAFE or a
    note that it converted, whose shares would be missing in it."""
    try:
        found = [cap_table(one) for one in (before, after)]
    except VentureError:
        return None
    waiting = [{one.key for one in table.instruments if one.state == "open"} for table in found]
    if waiting[1] > waiting[0]:
        return None
    return Dilution(before=float(found[0].table.founders), after=float(found[1].table.founders))
