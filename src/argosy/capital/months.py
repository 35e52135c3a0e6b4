"""Months and cents: the two things every ledger counts in."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator

from argosy.capital.exact import CENTS, exact
from argosy.config import Section

S = TypeVar("S", bound=Section)
MoneyRounding = Literal["half-up", "half-even"]
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_number(text: str) -> int:
    """`2027-03` as months since the year 0; raises `ValueError` for anything else."""
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a month such as 2027-03, not {text!r}")
    return int(match[1]) * 12 + int(match[2]) - 1


def month_name(number: int) -> str:
    """The inverse of `month_number`."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def month_of(day: date) -> int:
    """Months since the year 0 of a day."""
    return day.year * 12 + day.month - 1


def later(one: S, by: int, key: str = "start") -> S:
    """A section whose month comes so many months later."""
    return one.model_copy(update={key: month_name(month_number(getattr(one, key)) + by)})


def _is_month(text: str) -> str:
    month_number(text)
    return text


def _is_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a date such as 2027-03-31, not {text!r}") from None
    return text


MonthText = Annotated[str, AfterValidator(_is_month)]
DayText = Annotated[str, AfterValidator(_is_day)]


def cents(amount: float | Decimal | Fraction, rounding: MoneyRounding = "half-up") -> int:
    """An amount of money in hundredths, exactly, then rounded: a half away from zero, or to the even cent.

    A number written in a file counts as it is written.
    """
    scaled = exact(amount) * CENTS
    if rounding == "half-even":
        return round(scaled)
    whole = int(abs(scaled) + Fraction(1, 2))
    return whole if scaled >= 0 else -whole


def spread(total_cents: int, parts: int) -> list[int]:
    """A total as whole cents of that many equal parts, which add up to it whatever it is."""
    return [total_cents * (part + 1) // parts - total_cents * part // parts for part in range(parts)]
