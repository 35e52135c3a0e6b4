"""Rates of return: NPV, IRR, XIRR, and money multiples. Every root is found; `exponential_sums.py` says how."""

import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from argosy.capital.day_counts import DayCount, years_between
from argosy.capital.exponential_sums import roots
from argosy.config import Record, UserError

Amount = int | float | Decimal | Fraction
HIGHEST_LISTED = 10.0  # 1000 % a year
USUAL = 0.1
LARGEST_LOG = math.log(sys.float_info.max)


class RateOfReturn(Record):
    """The rates at which a series of flows is worth nothing."""

    rate: float | None
    """A year (or a period): of several listed the one nearest 0.1; where all lie beyond 10 the lowest; none without."""
    roots: tuple[float, ...]
    """Every root in (−1, 10], ascending."""
    ambiguous: bool
    """Whether several are listed or, where none is, several lie beyond 10: one rate does not describe the flows."""


def npv(rate: float, amounts: Sequence[Amount]) -> float:
    """Present value of one flow a period, the first one now: `Σ aᵢ·(1 + rate)^−i`."""
    return present_value(rate, amounts, [Fraction(i) for i in range(len(amounts))])


def irr(amounts: Sequence[Amount]) -> RateOfReturn:
    """Rates a period at which one flow a period, the first one now, is worth nothing."""
    return rate_of_return(amounts, [Fraction(i) for i in range(len(amounts))])


def xnpv(rate: float, dates: Sequence[date], amounts: Sequence[Amount], day_count: DayCount = "actual/365") -> float:
    """Value of dated flows on the earliest date, at `rate` a year: `Σ aᵢ·(1 + rate)^−tᵢ`."""
    return present_value(rate, amounts, _years(dates, day_count))


def xirr(dates: Sequence[date], amounts: Sequence[Amount], day_count: DayCount = "actual/365") -> RateOfReturn:
    """Rates a year at which dated flows, in any order, are worth nothing; money paid in is negative.

    Raises `UserError`: `no-cash-flow` where nothing flows, `rate-out-of-range` where the only root exceeds 10³⁰⁸.
    """
    return rate_of_return(amounts, _years(dates, day_count))


def moic(paid_in: Amount, paid_out: Amount) -> Fraction | None:
    """Multiple on invested capital, paid out over paid in, exactly; none where nothing was paid in."""
    return Fraction(paid_out) / Fraction(paid_in) if paid_in else None


def present_value(rate: float, amounts: Sequence[Amount], years: Sequence[Fraction]) -> float:
    """`Σ aᵢ·(1 + rate)^−tᵢ`, rounded once after the sum. Raises `bad-rate` at −1 and below."""
    if not rate > -1:
        raise UserError("bad-rate", f"rate = {rate!r}: a rate of return lies above −1")
    growth = math.log1p(rate)
    return math.fsum(float(a) * math.exp(-growth * float(t)) for a, t in zip(amounts, years, strict=True))


def rate_of_return(amounts: Sequence[Amount], years: Sequence[Fraction]) -> RateOfReturn:
    """Rates at which flows at these times, in any order, are worth nothing."""
    at: defaultdict[Fraction, Fraction] = defaultdict(Fraction)
    for amount, time in zip(amounts, years, strict=True):
        at[time] += _exact(amount)
    flows = sorted((time, amount) for time, amount in at.items() if amount)
    if not flows:
        raise UserError("no-cash-flow", "every flow is 0 or cancels within its day, so that every rate fits")
    start = flows[0][0]
    logs = roots([amount for _, amount in flows], [time - start for time, _ in flows])
    return _described(logs)


def _exact(amount: Amount) -> Fraction:
    try:
        return Fraction(amount)
    except (ValueError, OverflowError):
        raise UserError("bad-flow", f"amount = {amount!r}: expected a finite number") from None


def _described(logs: Sequence[float]) -> RateOfReturn:
    if logs and logs[0] > LARGEST_LOG:
        raise UserError(
            "rate-out-of-range",
            "the rate exceeds 10³⁰⁸ a year: the flows lie so close together that a rate a year says nothing",
            hint="look at the multiple, paid out over paid in",
        )
    found = [_rate(x) for x in logs if x <= LARGEST_LOG]
    listed = tuple(rate for rate in found if rate <= HIGHEST_LISTED)
    nearest = min(found, key=lambda rate: abs(rate - USUAL), default=None)
    return RateOfReturn(rate=nearest, roots=listed, ambiguous=len(listed or logs) > 1)


def _rate(x: float) -> float:
    rate = max(math.expm1(x), math.nextafter(-1.0, 0.0))  # of (−1, ∞), although the nearest 64-bit number may be −1
    return HIGHEST_LISTED if abs(rate - HIGHEST_LISTED) < 1e-12 * HIGHEST_LISTED else rate  # 10 belongs to the list


def _years(dates: Sequence[date], day_count: DayCount) -> list[Fraction]:
    start = min(dates, default=date.min)
    return [years_between(start, day, day_count) for day in dates]
