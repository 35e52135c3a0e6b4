"""Who has a claim on the price of a sale: debts, classes of shares, common stock, options, and who holds them."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Literal, Self

from pydantic import Field, model_validator

from argosy.capital.months import MoneyRounding, cents
from argosy.capital.sales.liquidity import Capitalization, Convertible
from argosy.config import Record, UserError

Participation = Literal["none", "full", "capped"]


class Debt(Record):
    """Money owed that is paid before any share: loans, venture debt, costs of the sale, notes that do not convert."""

    name: str
    owed_cents: int = Field(ge=0)
    """With interest to the day of the sale."""
    seniority: int = 0
    """Higher is paid first; equal ones share by what is owed."""


class Dividends(Record):
    """Dividends that accrue on a class, owed with its preference and lost when it converts."""

    rate: Fraction = Field(ge=0)
    """A year, of the money invested."""
    since: date
    compounding: bool = False
    """Each whole year's dividends bear dividends too; within a year they grow evenly."""

    def accrued(self, invested_cents: int, on: date) -> Fraction:
        """Cents owed by then, by days over 365 after the last whole year."""
        if on <= self.since:
            return Fraction(0)
        years, left = _whole_years(self.since, on)
        part = 1 + self.rate * Fraction(left, 365)
        if self.compounding:
            return invested_cents * ((1 + self.rate) ** years * part - 1)
        return invested_cents * (self.rate * years + part - 1)


class ShareClass(Record):
    """A class of preferred shares."""

    name: str
    shares: int = Field(ge=0)
    invested_cents: int = Field(ge=0)
    seniority: int = 0
    """Higher is paid first, as in the Open Cap Format; equal ones share by what they are owed (pari passu)."""
    multiple: Fraction = Field(default=Fraction(1), ge=0)
    """Of the money invested: the liquidation preference."""
    participation: Participation = "none"
    """`none`: the preference or conversion. `full`: the preference and a share of the rest; `capped`: up to a cap."""
    cap_multiple: Fraction | None = None
    """Of the money invested: most that a capped class gets in all, its preference and dividends included."""
    conversion_shares: int | None = Field(default=None, ge=0)
    """Common shares it turns into: `shares` unless given; 0 for a class that cannot convert."""
    dividends: Dividends | None = None

    @model_validator(mode="after")
    def _cap_belongs_to_capped(self) -> Self:
        if (self.participation == "capped") != (self.cap_multiple is not None):
            raise ValueError("cap_multiple belongs to participation = 'capped', and to it only")
        if self.cap_multiple is not None and self.cap_multiple < self.multiple:
            raise ValueError(f"cap_multiple = {self.cap_multiple} is below multiple = {self.multiple}")
        return self

    @property
    def common(self) -> int:
        """Common shares it counts as."""
        return self.shares if self.conversion_shares is None else self.conversion_shares

    def preference_cents(self, on: date | None, rounding: MoneyRounding = "half-up") -> int:
        """Multiple of the money, and dividends accrued until `on`, in whole cents."""
        owed = self.multiple * self.invested_cents
        if self.dividends is not None:
            if on is None:
                raise UserError(
                    "no-exit-date", f"{self.name}: dividends accrue, so that the date of the exit is needed"
                )
            owed += self.dividends.accrued(self.invested_cents, on)
        return cents(owed / 100, rounding)

    def cap_cents(self, on: date | None, rounding: MoneyRounding = "half-up") -> int | None:
        """Most it gets without converting; never less than its preference."""
        if self.cap_multiple is None:
            return None
        return max(cents(self.cap_multiple * self.invested_cents / 100, rounding), self.preference_cents(on, rounding))


class Common(Record):
    """Common shares: founders, employees, options exercised before the sale."""

    name: str
    shares: int = Field(ge=0)
    invested_cents: int = Field(default=0, ge=0)


class Options(Record):
    """Granted options or warrants of one strike price that may be exercised at the sale; those not granted lapse."""

    name: str
    shares: int = Field(ge=0)
    strike_cents: Fraction = Field(default=Fraction(0), ge=0)
    """Of a share; may be a fraction of a cent."""


class Stake(Record):
    """What one holder has of one security, and when it was paid for."""

    holder: str
    security: str
    """Name of a share class, common shares or options."""
    shares: int = Field(ge=0)
    invested_cents: int = Field(default=0, ge=0)
    on: date | None = None
    """When the money was paid; without it there is no XIRR."""


class Securities(Record):
    """Everything that shares in the price of a sale."""

    common: tuple[Common, ...] = ()
    classes: tuple[ShareClass, ...] = ()
    options: tuple[Options, ...] = ()
    debts: tuple[Debt, ...] = ()
    convertibles: tuple[Convertible, ...] = ()
    """SAFEs and notes that have not converted."""
    idle_options: int = Field(default=0, ge=0)
    """Granted and not vested: they get nothing, and count in what a SAFE's cap is for."""
    stakes: tuple[Stake, ...] = ()
    """Who holds what; a security without stakes is its own holder."""
    rounding: MoneyRounding = "half-up"
    """Of preferences and caps to cents."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [*(debt.name for debt in self.debts), *(one.name for one in self.classes)]
        names += [
            *(one.name for one in self.convertibles),
            *(one.name for one in self.common),
            *(one.name for one in self.options),
        ]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given twice; every debt, class and grant needs its own")
        held = self.shares
        held |= {one.name: 0 for one in self.convertibles}
        if not any((held | {one.name: one.common for one in self.classes}).values()):
            raise ValueError("nobody holds a share, so that nobody gets what the debts leave")
        for security, shares in held.items():
            stakes = [stake.shares for stake in self.stakes if stake.security == security]
            if stakes and sum(stakes) != shares:
                raise ValueError(f"stakes in {security!r} are {sum(stakes)} shares of {shares}")
        for stake in self.stakes:
            if stake.security not in held:
                raise ValueError(f"{stake.holder!r} has a stake in {stake.security!r}, which is not listed")
        return self

    @property
    def shares(self) -> dict[str, int]:
        """Of each class, block of common shares and grant; a SAFE or a note counts as one."""
        found = {one.name: one.shares for one in self.classes} | {one.name: 1 for one in self.convertibles}
        found |= {one.name: one.shares for one in self.common}
        return found | {one.name: one.shares for one in self.options}

    @property
    def invested_cents(self) -> dict[str, int]:
        """Paid for each class, SAFE, block of common shares and grant; 0 for grants."""
        paid = {one.name: one.invested_cents for one in self.classes}
        paid |= {one.name: one.invested_cents for one in self.convertibles}
        return paid | {one.name: one.invested_cents for one in self.common} | {one.name: 0 for one in self.options}

    @property
    def capitalization(self) -> Capitalization:
        """What caps of SAFEs are for."""
        fixed = sum(one.shares for one in self.common) + sum(one.shares for one in self.options) + self.idle_options
        participating = sum(one.common for one in self.classes if one.participation != "none")
        return Capitalization(fixed + participating, fixed + sum(one.common for one in self.classes))


def total(amounts: Iterable[Fraction]) -> Fraction:
    """Exact sum."""
    return sum(amounts, Fraction(0))


def _whole_years(since: date, on: date) -> tuple[int, int]:
    """Whole years, and days after the last anniversary (of a 29 February: 1 March in other years)."""
    years = on.year - since.year
    if _anniversary(since, years) > on:
        years -= 1
    return years, (on - _anniversary(since, years)).days


def _anniversary(since: date, years: int) -> date:
    try:
        return since.replace(year=since.year + years)
    except ValueError:
        return date(since.year + years, 3, 1)
