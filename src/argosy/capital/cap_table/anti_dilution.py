"""What protects a preferred class when a round is cheaper: its conversion price falls, so it converts into more.

Sources: NVCA model certificate of incorporation, "Adjustment of Conversion Price": CP2 = CP1 · (A + B) / (A + C), where
A is the common outstanding before the issue (options, warrants and preferred as converted, what converts in the round
too; what the reserve still holds is not counted), B what the new money would have bought at CP1, and C what it did buy.
Shares that convertibles become are exempted securities there, so they are no part of C. Full ratchet: CP2 is the new
price.
"""

from fractions import Fraction
from typing import Literal, NamedTuple

from argosy.capital.exact import Rounding

AntiDilution = Literal["none", "broad-based", "full-ratchet"]


class Protected(NamedTuple):
    """A class before the round: its price when issued, its conversion price, and the shares of each position in it."""

    kind: AntiDilution
    price: Fraction
    conversion_price: Fraction
    holdings: tuple[Fraction, ...]

    def more(self, conversion_price: Fraction, rounding: Rounding) -> Fraction:
        """Common shares it converts into beyond those of today."""
        return sum(
            (
                rounding.count(held * self.price / conversion_price)
                - rounding.count(held * self.price / self.conversion_price)
                for held in self.holdings
            ),
            Fraction(0),
        )


def adjusted_price(
    kind: AntiDilution,
    conversion_price: Fraction,
    round_price: Fraction,
    *,
    outstanding: Fraction,
    money: Fraction,
    issued: Fraction,
) -> Fraction:
    """The conversion price after a round; the one before where the round is no cheaper, or nothing protects.

    `outstanding` is A and `issued` C, in shares; `money` is what was paid for C.
    """
    if kind == "none" or round_price >= conversion_price or not issued:
        return conversion_price
    if kind == "full-ratchet":
        return round_price
    bought_before = money / conversion_price
    return conversion_price * (outstanding + bought_before) / (outstanding + issued)
