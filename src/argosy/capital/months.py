"""Months and cents: the two things every ledger counts in."""

import re
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator

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


def cents(amount: float | Decimal | Fraction) -> int:
    """An amount of money in hundredths, half to even; a number written in a file counts as it is written."""
    if isinstance(amount, Fraction):
        return round(amount * 100)
    written = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    return int((written * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def spread(total_cents: int, parts: int) -> list[int]:
    """A total as whole cents of that many equal parts, which add up to it whatever it is."""
    return [total_cents * (part + 1) // parts - total_cents * part // parts for part in range(parts)]
