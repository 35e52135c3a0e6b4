"""What protects a preferred class when a later round is cheaper: its conversion price falls, so it converts into more.

Sources: NVCA model certificate of incorporation, "Adjustment of Conversion Price": CP2 = CP1 · (A + B) / (A + C), where
A is the common outstanding before the issue (options, warrants and preferred as converted; what the reserve still holds
is not counted), B what the new money would have bought at CP1, and C what it did buy. Full ratchet: CP2 is
the new price.
"""

from fractions import Fraction
from typing import Literal

AntiDilution = Literal["none", "broad-based", "full-ratchet"]


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
