"""Months, vesting and interest: what time does to shares and money. Exact."""

import calendar
from datetime import date
from fractions import Fraction
from typing import Literal

from argosy.capital.day_counts import DayCount, years_between
from argosy.capital.exact import CENTS
from argosy.capital.months import MoneyRounding, cents

Compounding = Literal["simple", "annual", "semi-annual", "quarterly", "monthly", "daily"]
PERIOD_MONTHS = {"annual": 12, "semi-annual": 6, "quarterly": 3, "monthly": 1}


def months_later(start: date, months: int) -> date:
    """The same day of the month, `months` later; the month's last day where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def whole_months(start: date, end: date) -> int:
    """Whole months from `start` to `end`; 0 where `end` is not later."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return max(0, months - (months_later(start, months) > end))


def interest_cents(
    principal: Fraction,
    rate: Fraction,
    start: date,
    end: date,
    compounding: Compounding,
    count: DayCount,
    rounding: MoneyRounding = "half-up",
) -> int:
    """Interest on `principal` from `start` to `end` in cents, rounded once, at the end.

    `simple`: principal · rate · years. Otherwise the whole periods compound at rate / periods a year, and the days left
    over earn simple interest on that by the day count; `daily` has 365 periods a year.
    """
    if end <= start or not rate:
        return 0
    if compounding == "simple":
        return cents(principal * rate * years_between(start, end, count), rounding)
    if compounding == "daily":
        grown = principal * (1 + rate / 365) ** (end - start).days
    else:
        length = PERIOD_MONTHS[compounding]
        periods = whole_months(start, end) // length
        grown = principal * (1 + rate * Fraction(length, 12)) ** periods
        grown *= 1 + rate * years_between(months_later(start, periods * length), end, count)
    return cents(grown, rounding) - int(principal * CENTS)


def vested(shares: int, start: date, at: date, *, months: int, cliff_months: int, every_months: int) -> int:
    """Shares vested at a date: none before the cliff, then the whole periods' part, rounded down, all at the end."""
    passed = whole_months(start, at)
    if passed >= months:
        return shares
    if passed < cliff_months:
        return 0
    return shares * (passed - passed % every_months) // months
