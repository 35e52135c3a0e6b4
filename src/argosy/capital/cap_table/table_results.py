"""What a cap table says. Share counts are whole unless rounding is `none`; money is whole cents; shares of the company
and prices are exact fractions in Python and numbers in JSON (`price_exact` keeps the price as it is)."""

from datetime import date
from typing import Literal

from argosy.capital.cap_table.anti_dilution import AntiDilution
from argosy.capital.exact import Exact
from argosy.capital.months import MoneyRounding
from argosy.capital.sales.liquidity import SaleTerms
from argosy.config import Record


class TableLine(Record):
    """What one holder has of one class."""

    holder: str
    """Who; the pool itself for what is not granted."""
    share_class: str
    """Class of shares, `options`, `warrants`, or `unallocated pool`."""
    shares: Exact
    """Shares, as issued."""
    vested: Exact
    """Of these, the holder's own by now."""
    as_converted: Exact
    """Common shares they are or convert into."""
    ownership: Exact
    """Part of the fully diluted count."""
    strike: Exact | None = None
    """Options and warrants: price of a share on exercise."""


class Total(Record):
    """A sum over a holder's or a class's lines."""

    name: str
    """Holder or class."""
    as_converted: Exact
    """Common shares they are or convert into."""
    ownership: Exact
    """Part of the fully diluted count."""


class TableAt(Record):
    """The whole table on one day."""

    date: date
    """The day."""
    after: str
    """What happened last."""
    lines: tuple[TableLine, ...]
    """Every holder and class."""
    by_holder: tuple[Total, ...]
    """Summed by holder, largest first."""
    by_class: tuple[Total, ...]
    """Summed by class."""
    outstanding: Exact
    """Shares issued, as converted: without options, warrants and pool."""
    fully_diluted: Exact
    """All of it."""
    founders: Exact
    """The founders' part of it."""


class ClassLine(Record):
    """A class as it stands; what a waterfall needs."""

    name: str
    """Its name."""
    kind: Literal["common", "preferred"]
    """Common or preferred."""
    shares: Exact
    """Shares issued."""
    as_converted: Exact
    """Common they convert into."""
    seniority: int
    """Order of payment, the highest first."""
    preference: Exact
    """Multiple of `price` that comes back first."""
    participating: bool
    """Whether it shares in the rest as well."""
    participation_cap: Exact | None
    """Most it gets in all, as a multiple of `price`."""
    price: Exact | None
    """Price a share was first issued at."""
    conversion_price: Exact | None
    """Common per share is price / conversion price."""
    anti_dilution: AntiDilution
    """What a cheaper round does to the conversion price."""


class Issue(Record):
    """Shares that were issued at once, and the money for them."""

    holder: str
    """Whose."""
    share_class: str
    """Class of the shares."""
    shares: Exact
    """Those still held."""
    paid_cents: int
    """Money that came in for them: of a SAFE or a note what was invested or lent, without interest
    and without what bought no whole share."""
    paid_on: date
    """Day it came in: of a SAFE or a note the day it was signed."""


class InstrumentLine(Record):
    """A SAFE or a note, and what became of it."""

    key: str
    """Where in the file it is: `cap_table.safes.0`."""
    holder: str
    """Whose."""
    kind: Literal["SAFE", "note"]
    """What it is."""
    amount_cents: int
    """Money invested or lent."""
    interest_cents: int
    """Interest until it converted, was repaid, or until the table's day."""
    state: Literal["open", "converted", "repaid"]
    """What became of it."""
    by: str = ""
    """The round, or the maturity, that ended it."""
    on: date | None = None
    """The day."""
    signed: date
    """Day it was signed."""
    sale: SaleTerms | None = None
    """What it is owed in a sale; none once it has ended."""


class Conversion(Record):
    """An instrument that became shares in a round."""

    key: str
    """Where in the file it is: `cap_table.safes.0`."""
    holder: str
    """Whose."""
    kind: Literal["SAFE", "note"]
    """What it was."""
    amount_cents: int
    """Money that converted, interest included."""
    interest_cents: int
    """Interest in it."""
    price: Exact
    """Price of a share for it."""
    by: Literal["cap", "discount", "round price"]
    """Which of its terms gave the price."""
    shares: Exact
    """Shares it became."""
    share_class: str
    """Class they are of."""
    ownership: Exact
    """Part of the company after the round."""


class Purchase(Record):
    """New money of one investor."""

    holder: str
    """Who."""
    amount_cents: int
    """Money offered."""
    pro_rata: bool
    """Whether it keeps an earlier share."""
    shares: Exact
    """Shares bought."""
    unspent: Exact
    """Money that buys no whole share."""
    ownership: Exact
    """Part of the company these shares are after the round."""


class Adjustment(Record):
    """A conversion price that a cheaper round lowered."""

    share_class: str
    """Class protected."""
    before: Exact
    """Conversion price before."""
    after: Exact
    """Conversion price after."""


class RoundResult(Record):
    """What one round does."""

    name: str
    """Its name."""
    date: date
    """Day of closing."""
    share_class: str
    """Class sold."""
    price: Exact
    """Price of a share."""
    price_exact: str
    """The same as a fraction, not rounded to a float."""
    pre_money: Exact
    """Valuation before the new money."""
    post_money: Exact
    """Valuation with it."""
    amount_cents: int
    """New money."""
    company_capitalization: Exact
    """Count a post-money cap is for: all before the round with what converts, without the pool's increase."""
    purchases: tuple[Purchase, ...]
    """New money by investor."""
    conversions: tuple[Conversion, ...]
    """What converted."""
    pool_increase: Exact
    """Shares added to the pool."""
    adjustments: tuple[Adjustment, ...]
    """Conversion prices that fell."""
    before: TableAt
    """The table before."""
    after: TableAt
    """The table after."""
    founders_dilution: Exact | None
    """Part of the founders' share that goes: 0.2 is a fifth of it; none where no founder holds any."""


class CapTable(Record):
    """A company's table on a day, and every round until then."""

    company: str
    """Legal name."""
    currency: str
    """Of all money in it."""
    rounding: MoneyRounding
    """Of money to cents."""
    table: TableAt
    """The table on the day."""
    classes: tuple[ClassLine, ...]
    """Classes with their terms."""
    issues: tuple[Issue, ...]
    """Shares by issue, and what was paid for them and when; what a return is counted from."""
    instruments: tuple[InstrumentLine, ...]
    """SAFEs and notes, and what became of them."""
    rounds: tuple[RoundResult, ...]
    """What each round did."""
