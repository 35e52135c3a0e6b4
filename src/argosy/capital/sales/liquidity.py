"""SAFEs and notes that are open when the company is sold: money back, or shares at the liquidity price.

Sources: Y Combinator, Post-Money Safe (v1.2), section 1(b) and (d) and the definitions of Liquidity Price, Liquidity
Capitalization and Cash-Out Amount; its forms with a discount only, whose Liquidity Price is the price of a common share
in the sale times (1 − discount), and with most favoured nation only; the pre-money Safe of 2013-2018.

    post-money cap    shares = I·K / cap, K = all shares, options and converting SAFEs and notes, without the unissued
                      pool and without what takes its money back (a SAFE, or preferred that keeps its preference)
    pre-money cap     shares = I·(all shares as converted, and options, without SAFEs and notes) / cap
    discount only     I / (1 − discount) in money, since its shares are worth that at whatever price they have

K counts only what converts, and what converts depends on K: `tranches.py` settles both as the price of a sale rises.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from pydantic import Field

from argosy.capital.exact import Exact
from argosy.config import Record, UserError

ZERO = Fraction(0)


class SaleTerms(Record):
    """What an open SAFE or note is owed in a sale."""

    amount_cents: int = Field(ge=0)
    """That converts: the purchase amount, or principal and interest."""
    cash_out_cents: int = Field(ge=0)
    """That comes back where it does not convert."""
    post_money_cap: Exact | None = None
    """Lowest cap of that kind, in the currency; none without, or where it may not convert."""
    pre_money_cap: Exact | None = None
    """Lowest cap of that kind."""
    discount: Exact = Field(default=ZERO, validate_default=True)
    """Of terms without a cap."""
    debt: bool = False
    """Whether its money back is paid with the debts (a note) and not beside preferred shares (a SAFE)."""
    seniority: int | None = None
    """Rank of the money back; that of the first preferred class unless given ("on par with Preferred Stock")."""


class Convertible(Record):
    """An open SAFE or note in a sale."""

    name: str
    terms: SaleTerms
    holder: str
    seniority: int = 0
    """Of its money back among preferences, or among debts for a note."""
    invested_cents: int = Field(ge=0)
    on: date | None = None
    """When it was paid."""

    @property
    def floor_cents(self) -> Fraction:
        """What it gets at any price that leaves something to common shares, if it does not convert at a cap."""
        terms = self.terms
        return (
            max(Fraction(terms.cash_out_cents), terms.amount_cents / (1 - terms.discount))
            if terms.discount
            else Fraction(terms.cash_out_cents)
        )


class Capitalization:
    """The count that caps are for, as more and more convert."""

    def __init__(self, fixed: int, as_converted: int) -> None:
        """`fixed`: common, options outstanding and participating preferred; `as_converted`: with all preferred."""
        self.fixed, self.as_converted = Fraction(fixed), Fraction(as_converted)

    def shares(self, preferred: int, converting: Iterable[Convertible]) -> dict[str, Fraction]:
        """Shares of each of the convertibles when exactly they convert, and so many shares of preferred.

        Raises `UserError` `bad-exit` where post-money caps own all of it.
        """
        all_of = tuple(converting)
        by_cap: set[str] = set()
        while True:  # each pass moves instruments to their post-money cap and none back, because the count only grows
            owned = sum((self._part(one) for one in all_of if one.name in by_cap), ZERO)
            if owned >= 1:
                raise UserError(
                    "bad-exit", f"post-money SAFEs and notes own {float(owned):.1%} of the company by their caps"
                )
            others = sum((self._before_money(one) for one in all_of if one.name not in by_cap), ZERO)
            count = (self.fixed + preferred + others) / (1 - owned)
            more = {
                one.name
                for one in all_of
                if one.name not in by_cap and self._part(one) * count > self._before_money(one)
            }
            if not more:
                return {one.name: max(self._part(one) * count, self._before_money(one)) for one in all_of}
            by_cap |= more

    def _part(self, one: Convertible) -> Fraction:
        cap = one.terms.post_money_cap
        return ZERO if cap is None else Fraction(one.terms.amount_cents) / (cap * 100)

    def _before_money(self, one: Convertible) -> Fraction:
        cap = one.terms.pre_money_cap
        return ZERO if cap is None else one.terms.amount_cents * self.as_converted / (cap * 100)


def next_to_convert(
    count: Capitalization, preferred: int, converted: Sequence[Convertible], waiting: Sequence[Convertible]
) -> tuple[Fraction, Convertible] | None:
    """The lowest price of a common share, in cents, at which one more converts, and which; none where none does."""
    found = []
    for one in waiting:
        shares = count.shares(preferred, [*converted, one])[one.name]
        if shares:
            found.append((one.floor_cents / shares, one))
    return min(found, key=lambda each: each[0], default=None)
