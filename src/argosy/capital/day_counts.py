"""Years between two dates, as exact fractions, by the conventions of the 2006 ISDA Definitions, section 4.16."""

from calendar import isleap
from datetime import date
from fractions import Fraction
from typing import Literal, get_args

from argosy.config import UserError, nearest

DayCount = Literal["actual/365", "actual/360", "actual/365.25", "actual/actual", "30/360", "30E/360"]
"""`actual/365`: days over 365, in leap years too (ISDA's Actual/365 (Fixed), and XIRR in spreadsheets).
`actual/360`: days over 360. `actual/365.25`: days over 365.25, the mean year. `actual/actual`: days in leap years over
366, the others over 365 (ISDA). `30E/360`: months of 30 days, a 31st counts as the 30th (Eurobond basis). `30/360`: a
31st at the end counts as the 30th only after a start on the 30th or 31st (bond basis)."""
DAY_COUNTS: tuple[DayCount, ...] = get_args(DayCount)


def day_count(name: str) -> DayCount:
    """The convention of this name. Raises `bad-day-count`."""
    for known in DAY_COUNTS:
        if known.lower() == name.lower():
            return known
    raise UserError(
        "bad-day-count", f"day count {name!r}: expected one of {', '.join(DAY_COUNTS)}{nearest(name, DAY_COUNTS)}"
    )


def years_between(start: date, end: date, day_count: DayCount = "actual/365") -> Fraction:
    """Years from `start` to `end`; negative where `end` is earlier."""
    days = (end - start).days
    if day_count == "actual/actual":
        return _since_year_one(end) - _since_year_one(start)
    if day_count == "30E/360":
        return Fraction(_days_30e(end) - _days_30e(start), 360)
    if day_count == "30/360":
        moved = end.replace(day=30) if end.day == 31 and start.day >= 30 else end
        return Fraction(_days_30(moved) - _days_30e(start), 360)
    return (
        days / {"actual/365": Fraction(365), "actual/360": Fraction(360), "actual/365.25": Fraction(1461, 4)}[day_count]
    )


def _since_year_one(day: date) -> Fraction:
    return day.year + Fraction(day.timetuple().tm_yday - 1, 366 if isleap(day.year) else 365)


def _days_30(day: date) -> int:
    return day.year * 360 + day.month * 30 + day.day


def _days_30e(day: date) -> int:
    return _days_30(day) - (day.day == 31)
