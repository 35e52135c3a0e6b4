"""Numbers of a cap table: exact fractions in, exact fractions out; where and how they are rounded is an input."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from argosy.config import Section

CENTS = 100
POWER = re.compile(r"[eE][+-]?0*(\d+)")
DIGITS = 3  # of a power of ten


def exact(value: Any) -> Fraction:
    """The exact number a person wrote: 0.2 is 1/5, "1/3" is a third. `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal | Fraction):
        raise ValueError(f"expected a number, found {value!r}")
    try:
        if isinstance(value, str) and (power := POWER.search(value)) and len(power[1]) > DIGITS:
            raise ValueError  # 1e999999999 is written in a moment, and fills the memory
        # A float is taken by the digits it is written with: 0.1 is a tenth, not 3602879701896397/2**55.
        return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f'expected a number such as 0.25 or "1/3", found {value!r}') from None


def _positive(value: Any) -> Fraction:
    number = exact(value)
    if number <= 0:
        raise ValueError(f"expected a number above 0, found {value!r}")
    return number


def _not_negative(value: Any) -> Fraction:
    number = exact(value)
    if number < 0:
        raise ValueError(f"expected 0 or more, found {value!r}")
    return number


def _money(value: Any) -> Fraction:
    number = _positive(value)
    if (number * CENTS).denominator != 1:
        raise ValueError(f"expected money in whole cents, found {value!r}")
    return number


def _part(value: Any) -> Fraction:
    number = _not_negative(value)
    if number >= 1:
        raise ValueError(f"expected a share from 0 to below 1 (0.2 is 20 %), found {value!r}")
    return number


def as_number(value: Fraction) -> int | float:
    """The number for JSON: whole ones exactly, others as the nearest float."""
    return int(value) if value.denominator == 1 else float(value)


_AsNumber = PlainSerializer(as_number, return_type=float | int, when_used="json")
_Number = WithJsonSchema({"type": "number"})
Exact = Annotated[Fraction, PlainValidator(exact), _AsNumber, _Number]
Positive = Annotated[Fraction, PlainValidator(_positive), _AsNumber, _Number]
NotNegative = Annotated[Fraction, PlainValidator(_not_negative), _AsNumber, _Number]
Money = Annotated[Fraction, PlainValidator(_money), _AsNumber, _Number]
Part = Annotated[Fraction, PlainValidator(_part), _AsNumber, _Number]


class Rounding(Section):
    """How share counts and prices are rounded; documents differ, and a founder's share with them."""

    shares: Literal["down", "nearest", "none"] = "down"
    """Whole shares for each purchase and conversion: `down` (as most documents say), `nearest`, or `none`."""
    price_places: int | None = Field(None, ge=0, le=12)
    """Decimal places of a price for a share (US documents use 4 or 5); exact unless given."""
    price: Literal["nearest", "down", "up"] = "nearest"
    """Where the price goes between two places; halves go up."""

    def count(self, shares: Fraction) -> Fraction:
        """`shares` as they are issued."""
        if self.shares == "none":
            return shares
        return Fraction(math.floor(shares + (Fraction(1, 2) if self.shares == "nearest" else 0)))

    def of_price(self, price: Fraction) -> Fraction:
        """`price` as it is written in the documents; never rounded to nothing."""
        if self.price_places is None:
            return price
        scale = 10**self.price_places
        scaled = price * scale
        whole = {
            "nearest": math.floor(scaled + Fraction(1, 2)),
            "down": math.floor(scaled),
            "up": math.ceil(scaled),
        }[self.price]
        return Fraction(whole, scale) if whole else price
