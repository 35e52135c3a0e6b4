"""The next priced round, asked about before it is in the plan."""

from datetime import date
from fractions import Fraction

from argosy.capital.cap_table.conversion import PaidBy
from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_config import (
    CapTableConfig,
    ClassConfig,
    HolderConfig,
    InvestmentConfig,
    PricedRoundConfig,
)
from argosy.capital.cap_table.table_results import RoundResult
from argosy.capital.months import MoneyRounding
from argosy.config import UserError, nearest

NAME = "Next round"


def raise_round(
    config: CapTableConfig,
    *,
    pre_money: Fraction,
    amount: Fraction,
    on: date | None = None,
    pool: Fraction = Fraction(0),
    protection_paid_by: PaidBy = "everyone",
    instead_of: str | None = None,
    currency: str = "USD",
    rounding: MoneyRounding = "half-up",
    source: str = "capital.toml",
) -> RoundResult:
    """What one more round would do: new investors bring `amount`; open SAFEs and notes that qualify convert.

    Shares that anti-dilution adds come on top, so that the new money has less than it was sold, unless
    `protection_paid_by` is `existing`. It comes on the day `on` (after all that is in the table unless given), or
    `instead_of` a planned round, on its day.
    Raises `UserError` for a round that is not there, `VentureError` as `cap_table` does.
    """
    if instead_of is not None:
        gone = next((one for one in config.rounds if one.name == instead_of), None)
        if gone is None:
            known = [one.name for one in config.rounds]
            raise UserError("unknown-round", f"no round {instead_of!r} in {source}{nearest(instead_of, known)}")
        on = on or gone.date
        config = config.model_copy(update={"rounds": tuple(one for one in config.rounds if one is not gone)})
    on = on or last_day(config)
    larger = with_round(
        config, pre_money=pre_money, amount=amount, on=on, pool=pool, protection_paid_by=protection_paid_by
    )
    return cap_table(larger, currency=currency, rounding=rounding, at=on, source=source).rounds[-1]


def last_day(config: CapTableConfig) -> date:
    """The day of the last thing in the table; raises `UserError` where there is nothing."""
    days = [one.date for group in (config.holdings, config.grants, config.safes, config.notes) for one in group]
    days += [one.date for one in config.rounds] + ([config.pool.date] if config.pool else [])
    if not days:
        raise UserError("bad-venture", "cap_table is empty: nothing is issued in it")
    return max(days)


def with_round(
    config: CapTableConfig,
    *,
    pre_money: Fraction,
    amount: Fraction,
    on: date,
    pool: Fraction,
    protection_paid_by: PaidBy = "everyone",
) -> CapTableConfig:
    """The table with one more round on a day, the last of that day; its investors buy a preferred class of its own."""
    investor, share_class = f"{NAME} investors", f"{NAME} preferred"
    new = PricedRoundConfig(
        name=NAME,
        date=on,
        order=1 + max((one.order or 0 for one in config.rounds if one.date == on), default=0),
        share_class=share_class,
        pre_money=pre_money,
        investors=(InvestmentConfig(holder=investor, amount=amount),),
        pool=pool,
        protection_paid_by=protection_paid_by,
        converts_all=True,
    )
    seniority = max(one.seniority for one in config.classes)
    return config.model_copy(
        update={
            "holders": (*config.holders, HolderConfig(name=investor, kind="investor", legal="institution")),
            "classes": (*config.classes, ClassConfig(name=share_class, kind="preferred", seniority=seniority)),
            "rounds": (*config.rounds, new),
        }
    )
