"""SAFEs and notes on their way to becoming shares."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from argosy.capital.cap_table.calendar import interest_cents
from argosy.capital.cap_table.conversion import BASES, Terms
from argosy.capital.cap_table.ledger import Position
from argosy.capital.cap_table.table_config import CapTableConfig, NoteConfig, SafeConfig
from argosy.capital.cap_table.table_results import InstrumentLine
from argosy.capital.exact import CENTS
from argosy.capital.months import MoneyRounding, cents
from argosy.capital.sales.liquidity import SaleTerms


@dataclass
class Instrument:
    """One SAFE or note: its key in the file, its terms, and what became of it."""

    key: str
    terms: SafeConfig | NoteConfig
    rounding: MoneyRounding = "half-up"
    state: Literal["open", "converted", "repaid"] = "open"
    by: str = ""
    on: date | None = None

    @property
    def kind(self) -> Literal["SAFE", "note"]:
        """What it is."""
        return "SAFE" if isinstance(self.terms, SafeConfig) else "note"

    @property
    def maturity(self) -> date | None:
        """Day it falls due; a SAFE does not."""
        return self.terms.maturity if isinstance(self.terms, NoteConfig) else None

    @property
    def at_maturity(self) -> str:
        """What happens then."""
        return self.terms.at_maturity if isinstance(self.terms, NoteConfig) else "extend"

    @property
    def pro_rata(self) -> bool:
        """Whether its holder buys its share of the round that converts it."""
        return isinstance(self.terms, SafeConfig) and self.terms.pro_rata

    def interest_cents(self, at: date) -> int:
        """Interest by a day, or by the day it ended."""
        terms = self.terms
        if isinstance(terms, SafeConfig):
            return 0
        until = at if self.on is None else min(at, self.on)
        return interest_cents(
            terms.amount, terms.interest, terms.date, until, terms.compounding, terms.day_count, self.rounding
        )

    def owed_cents(self, at: date) -> int:
        """Money invested or lent, with its interest."""
        return cents(self.terms.amount) + self.interest_cents(at)

    def converts_in(self, on: date, money: Fraction, *, unconverted: bool) -> bool:
        """Whether a round of `money` on a day makes it shares; `unconverted`: even if it is said to convert in none."""
        terms = self.terms
        if self.state != "open" or terms.date > on or (terms.unconverted and not unconverted):
            return False
        return isinstance(terms, SafeConfig) or money >= terms.qualified_amount

    def end(self, state: Literal["converted", "repaid"], by: str, on: date) -> None:
        """It is no more."""
        self.state, self.by, self.on = state, by, on

    def became(self, share_class: str, shares: Fraction, price: Fraction, on: date) -> Position:
        """The shares it turned into, paid for when it was signed: its money without what bought no whole share."""
        spent = cents(self.terms.amount * shares * price * CENTS / self.owed_cents(on), self.rounding)
        return Position(self.terms.holder, share_class, shares, on, paid_cents=spent, paid_on=self.terms.date)

    def sale_terms(self, at: date, terms: tuple[Terms, ...]) -> SaleTerms:
        """What it is owed in a sale on a day, where it is open, by its own terms and those it may choose."""
        own, owed = self.terms, self.owed_cents(at)
        if isinstance(own, NoteConfig):
            back = cents(own.amount * own.sale_multiple, self.rounding) + self.interest_cents(at)
            given = SaleTerms(amount_cents=owed, cash_out_cents=back, debt=True)
            if own.at_sale == "repay":
                return given
        else:
            discount = max((each.discount for each in terms if each.cap is None), default=Fraction(0))
            given = SaleTerms(amount_cents=owed, cash_out_cents=owed, discount=discount, seniority=own.seniority)
        caps = {
            f"{basis.replace('-', '_')}_cap": min(
                (each.cap for each in terms if each.cap is not None and each.basis == basis), default=None
            )
            for basis in BASES
        }
        return given.model_copy(update=caps)

    def line(self, at: date, terms: tuple[Terms, ...]) -> InstrumentLine:
        """What a table says of it on a day; `terms` are those it may choose from."""
        return InstrumentLine(
            key=self.key,
            holder=self.terms.holder,
            kind=self.kind,
            amount_cents=cents(self.terms.amount),
            interest_cents=self.interest_cents(at),
            state=self.state,
            by=self.by,
            on=self.on,
            signed=self.terms.date,
            sale=self.sale_terms(at, terms) if self.state == "open" else None,
        )

    def own_terms(self) -> Terms:
        """Cap and discount as signed."""
        basis = self.terms.kind if isinstance(self.terms, SafeConfig) else self.terms.cap_of
        return Terms(self.terms.cap, self.terms.discount, basis)


def instruments_of(config: CapTableConfig, rounding: MoneyRounding) -> list[Instrument]:
    """All of a table, in the order of signing (of one day: SAFEs, then notes, as they are in the file)."""
    found = [Instrument(f"cap_table.safes.{i}", one, rounding) for i, one in enumerate(config.safes)]
    found += [Instrument(f"cap_table.notes.{i}", one, rounding) for i, one in enumerate(config.notes)]
    return sorted(found, key=lambda one: one.terms.date)


def best_terms(one: Instrument, instruments: list[Instrument], config: CapTableConfig, on: date) -> tuple[Terms, ...]:
    """The terms an instrument may choose from in a round: its own, and with most favoured nation those given later.

    The agreement lets its holder take over a later instrument's terms as a whole. Published calculators take only the
    lowest later post-money cap, or nothing; `mfn_takes` says which is meant.
    """
    own = one.own_terms()
    if not one.terms.mfn or config.mfn_takes == "round-price":
        return (own,)
    place = instruments.index(one)
    later = [each for each in instruments[place + 1 :] if each.terms.date <= on]
    if config.mfn_takes == "best-later-terms":
        return (own, *(each.own_terms() for each in later))
    caps = [each.terms.cap for each in later if each.terms.cap and each.own_terms().basis == "post-money"]
    return (own, Terms(min(caps), own.discount)) if caps else (own,)
