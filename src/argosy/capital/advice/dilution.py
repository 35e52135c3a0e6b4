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
    """Rounds of the cap table that bring this funding: of its name, or with an investor of its name."""
    names = {one.name for one in funding}
    rounds = () if table is None else table.rounds
    return tuple(one for one in rounds if names & {one.name, *(investor.holder for investor in one.investors)})


def with_rounds(
    table: CapTableConfig | None, funding: Sequence[FundingConfig], *, times: float = 1.0, sooner: int = 0
) -> Dilution | None:
    """Its rounds with so many times the money, or so many months sooner; null where the table has none of them."""
    changed = rounds_of(table, funding)
    return None if table is None or not changed else _between(table, resized(table, changed, times, sooner))


def resized(
    table: CapTableConfig, changed: Sequence[PricedRoundConfig], times: float, sooner: int = 0
) -> CapTableConfig:
    """The table with other amounts in some rounds, in whole cents, at the same pre-money valuation."""

    def one(this: PricedRoundConfig) -> PricedRoundConfig:
        investors = tuple(
            each.model_copy(update={"amount": Fraction(round(each.amount * exact(times) * 100), 100)})
            for each in this.investors
        )
        return this.model_copy(update={"investors": investors, "date": months_later(this.date, -sooner)})

    return table.model_copy(update={"rounds": tuple(one(this) if this in changed else this for this in table.rounds)})


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
    """Founders' part of the fully diluted company after all rounds; null where such a round has no price."""
    try:
        found = [float(cap_table(one).table.founders) for one in (before, after)]
    except VentureError:
        return None
    return Dilution(before=found[0], after=found[1])
