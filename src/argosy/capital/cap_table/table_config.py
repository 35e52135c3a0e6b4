"""The `[cap_table]` part of capital.toml: who holds what, what converts, which rounds come. One sentence a key."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from argosy.capital.cap_table.anti_dilution import AntiDilution
from argosy.capital.cap_table.calendar import Compounding
from argosy.capital.cap_table.conversion import Basis, PaidBy
from argosy.capital.day_counts import DayCount
from argosy.capital.exact import Money, NotNegative, Part, Positive, Rounding
from argosy.config import Section

Day = date  # for tables that have a key called date
Shares = Annotated[int, Field(ge=1, le=10**15)]
Months = Annotated[int, Field(ge=0, le=600)]
Name = Annotated[str, Field(min_length=1)]
MostFavoured = Literal["best-later-terms", "lowest-later-cap", "round-price"]


class HolderConfig(Section):
    """Somebody who holds, or will hold, a part of the company."""

    name: Name
    """Name, as the other tables use it."""
    kind: Literal["founder", "employee", "advisor", "investor", "other"] = "other"
    """What they are to the company; `founder` makes the founders' line."""
    pro_rata: bool = False
    """Whether they may, and do, keep their share in each later round by buying part of its new money."""
    legal: Literal["individual", "institution"] = "individual"
    """Whether it is a person; Open Cap Format asks."""


class ClassConfig(Section):
    """A class of shares."""

    name: Name
    """Name, as the other tables use it."""
    kind: Literal["common", "preferred"] = "common"
    """Preferred shares are paid first at an exit and convert into common."""
    seniority: int = Field(0, ge=0)
    """Order of payment at an exit: the highest first, equals together."""
    preference: NotNegative = Field(1, validate_default=True)
    """Preferred: multiple of the price paid that comes back first."""
    participating: bool = False
    """Preferred: whether it shares in the rest after its preference without converting."""
    participation_cap: Positive | None = None
    """Participating: most it gets in all, as a multiple of the price paid; unlimited unless given."""
    price: Positive | None = None
    """Preferred: price of a share when first issued; a round in this file sets its own class's."""
    conversion_price: Positive | None = None
    """Preferred: common per share is price / conversion price; the price unless given."""
    anti_dilution: AntiDilution = "none"
    """Preferred: what a cheaper round does to the conversion price."""
    votes: NotNegative = Field(1, validate_default=True)
    """Votes of a share."""
    authorized: Shares | None = None
    """Shares the charter allows; more in the table is refused."""


class VestingConfig(Section):
    """When shares become the holder's own."""

    months: int = Field(48, ge=1, le=600)
    """Months until all are vested."""
    cliff_months: Months = 12
    """Months before which none is."""
    every_months: int = Field(1, ge=1, le=60)
    """Months between two vesting days."""
    start: date | None = None
    """Day vesting starts; the day of issue unless given."""
    accelerated: date | None = None
    """Day everything left vests at once, where that was agreed and happened (or is planned)."""
    left: date | None = None
    """Day the holder left: what was not vested goes back (shares cease, options return to the pool)."""

    @model_validator(mode="after")
    def _cliff_within(self) -> "VestingConfig":
        if self.cliff_months > self.months:
            raise ValueError(f"cliff_months = {self.cliff_months} is after the last of {self.months} months")
        return self


class HoldingConfig(Section):
    """Shares that were, or will be, issued outside the rounds of this file."""

    holder: str
    """Who holds them."""
    share_class: str
    """Their class."""
    shares: Shares
    """How many."""
    date: date
    """Day of issue."""
    price: NotNegative | None = None
    """Price paid for a share."""
    vesting: VestingConfig | None = None
    """When they vest; at once unless given."""
    id: str | None = None
    """Identifier of the issuance in Open Cap Format."""


class GrantConfig(Section):
    """Options from the pool, or a warrant."""

    holder: str
    """Who may exercise them."""
    shares: Shares
    """How many common shares."""
    date: date
    """Day of the grant."""
    kind: Literal["option", "warrant"] = "option"
    """Options come out of the pool, warrants do not."""
    strike: NotNegative = Field(0, validate_default=True)
    """Price of a share on exercise."""
    vesting: VestingConfig | None = None
    """When they vest; at once unless given."""
    id: str | None = None
    """Identifier of the issuance in Open Cap Format."""


class PoolConfig(Section):
    """Shares kept for employees."""

    shares: Shares
    """Shares reserved in all: granted and not yet granted."""
    date: date
    """Day of the plan."""


class SafeConfig(Section):
    """A simple agreement for future equity."""

    holder: str
    """Who invested."""
    amount: Money
    """Money invested, in whole cents."""
    date: date
    """Day it was signed; it converts in the first round from then on."""
    kind: Basis = "post-money"
    """What the cap is for: the company with everything that converts (Y Combinator's form since 2018), or before it."""
    cap: Positive | None = None
    """Valuation cap."""
    discount: Part = Field(0, validate_default=True)
    """Discount on the round's price: 0.2 converts at 80 % of it."""
    mfn: bool = False
    """Most favoured nation: takes better terms given later; `mfn_takes` says which."""
    pro_rata: bool = False
    """Whether the holder may, and does, buy its share of the new money in the round that converts this."""
    seniority: int | None = Field(None, ge=0)
    """At a sale: rank of its money back among preferred classes; that of the first of them unless given."""
    unconverted: bool = False
    """Say so when no round in this file is meant to convert it."""
    id: str | None = None
    """Identifier of the issuance in Open Cap Format."""


class NoteConfig(Section):
    """A convertible note: a loan that becomes shares."""

    holder: str
    """Who lent."""
    amount: Money
    """Principal, in whole cents."""
    date: date
    """Day interest starts."""
    maturity: Day
    """Day it falls due."""
    interest: Part
    """Interest a year: 0.05 is 5 %."""
    compounding: Compounding = "simple"
    """How often interest itself earns interest."""
    day_count: DayCount = "actual/365"
    """How days become years."""
    cap: Positive | None = None
    """Valuation cap."""
    cap_of: Basis = "pre-money"
    """What the cap is for: the company before anything converts, or with everything that does."""
    discount: Part = Field(0, validate_default=True)
    """Discount on the round's price."""
    mfn: bool = False
    """Most favoured nation: takes better terms given later."""
    qualified_amount: NotNegative = Field(0, validate_default=True)
    """New money a round needs for the note to convert in it."""
    at_maturity: Literal["extend", "repay", "convert"] = "extend"
    """At maturity without a round: it goes on, is paid back, or converts into common at its cap."""
    at_sale: Literal["repay", "greater"] = "repay"
    """At a sale before it converts: it is paid back, or that or its shares at the cap, whichever is more."""
    sale_multiple: Positive = Field(1, validate_default=True)
    """Of the principal, paid back at a sale with the interest."""
    unconverted: bool = False
    """Say so when no round in this file is meant to convert it."""
    id: str | None = None
    """Identifier of the issuance in Open Cap Format."""

    @model_validator(mode="after")
    def _in_order(self) -> "NoteConfig":
        if self.maturity <= self.date:
            raise ValueError(f"maturity {self.maturity} is not after {self.date}")
        if self.at_maturity == "convert" and self.cap is None:
            raise ValueError("at_maturity 'convert' needs a cap, which sets the price")
        if self.at_sale == "greater" and self.cap is None:
            raise ValueError("at_sale 'greater' needs a cap, which sets the price")
        return self


class InvestmentConfig(Section):
    """New money of one investor in a round."""

    holder: str
    """Who invests."""
    amount: Money
    """How much, in whole cents; who keeps a pro rata share buys part of it."""


class PricedRoundConfig(Section):
    """A round with a price: past or planned."""

    name: Name
    """Name of the round."""
    date: date
    """Day of closing."""
    order: int | None = None
    """Which comes first of several rounds on one day."""
    share_class: str
    """Class that is sold; conversions below the round's price get sub-classes of it."""
    pre_money: Positive
    """Valuation before the new money, on the fully diluted count with conversions."""
    investors: tuple[InvestmentConfig, ...] = Field(min_length=1, strict=False)
    """Who brings the new money."""
    pool: Part = Field(0, validate_default=True)
    """Share the unallocated pool has after the round; a pool that is larger already is kept."""
    pool_of: Basis = "post-money"
    """What `pool` is a share of: the count after the new money, or before it."""
    converts_all: bool = False
    """Whether SAFEs and notes that are `unconverted` elsewhere convert in it all the same."""
    pool_paid_by: PaidBy = "existing"
    """Whether the increase is in the pre-money count, or dilutes the new investors too."""
    protection_paid_by: PaidBy = "everyone"
    """Whether the shares that anti-dilution adds are in the pre-money count, or dilute the new investors too."""


class CapTableConfig(Section):
    """Who holds what, what converts, which rounds come."""

    company: str = "The company"
    """Legal name."""
    formed: date | None = None
    """Day the company was formed; Open Cap Format asks."""
    country: str = Field("US", pattern=r"^[A-Z]{2}$")
    """Country of formation, as two capitals; Open Cap Format asks."""
    rounding: Rounding = Rounding()
    """How share counts and prices are rounded."""
    mfn_takes: MostFavoured = "best-later-terms"
    """What most favoured nation means: the best cap and discount given later, only the lowest later post-money cap, or
    (for an agreement without a cap) nothing but the round's price. Published calculators disagree."""
    holders: tuple[HolderConfig, ...] = Field(min_length=1, strict=False)
    """Everybody in the table."""
    classes: tuple[ClassConfig, ...] = Field(min_length=1, strict=False)
    """Classes of shares."""
    holdings: tuple[HoldingConfig, ...] = Field((), strict=False)
    """Shares issued outside the rounds below: founders', first of all."""
    pool: PoolConfig | None = None
    """Shares kept for employees."""
    grants: tuple[GrantConfig, ...] = Field((), strict=False)
    """Options and warrants."""
    safes: tuple[SafeConfig, ...] = Field((), strict=False)
    """Agreements that convert in the first round after them."""
    notes: tuple[NoteConfig, ...] = Field((), strict=False)
    """Convertible notes."""
    rounds: tuple[PricedRoundConfig, ...] = Field((), strict=False)
    """Rounds, past and planned."""
    ocf: str | None = None
    """Open Cap Format folder whose facts are this table's, other keys being added; or the file beside this one in which
    `argosy capital from-ocf` keeps what it read and this table has no key for."""
    ocf_schema: str | None = None
    """Folder with the format's JSON Schemas, for an `ocf` that is a folder."""
