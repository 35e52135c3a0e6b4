"""When to start a training run while compute gets cheaper, the runway gets shorter, and gains are lost by waiting.

A run started in month m costs `K·(1 − f)^(m/12) + L`: compute K at today's price, which falls by the share f a year,
and L that does not get cheaper. It ends T months later; from then on it brings a gain each month until the last month
H, a date on the calendar: a product that comes later is sold for a shorter time. With v = (1 + r)^(−1/12),

    V(m) = −(K·(1 − f)^(m/12) + L)·v^m + Σ gain·e^(−c·m)·v^t  over months t = m + T … H − 1

where c, absent unless given, is what being later costs in market. Burn is paid whether one waits or not, so it is no
part of V; it decides what is possible: the cash left at the end of the run must not be below the reserve. Without a
horizon and with instant training, the best moment is where the saving of a month equals its lost gain, the classic
result for an investment that gets cheaper (Dixit and Pindyck 1994, Investment under Uncertainty, chapter 5.1). For work
of a fixed size and hardware that gets faster the same trade-off is in Gottbrath et al. 1999, arXiv:astro-ph/9912202.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
from pydantic import Field

from argosy.capital.training_returns import MONTHS_A_YEAR, monthly_rate
from argosy.config import Record, UserError

DAYS_A_YEAR = 365.25


class PriceFall(Record):
    """How fast compute gets cheaper."""

    per_year: float = Field(lt=1)
    """Share of the price that is gone after a year; negative where it rises."""
    source: str = Field(min_length=1)
    """Where the figure comes from; "assumed" is a source, nothing is not."""
    standard_error: float | None = None
    """Of `per_year`, where it was fitted."""


class Start(Record):
    """The run started in one month."""

    month: int
    cost_cents: float
    net_present_value_cents: float
    cash_at_end_cents: float
    """What burn and the run leave when it ends."""
    possible: bool
    """Whether that is no less than the reserve."""


class Waiting(Record):
    """Every month the run may start in."""

    fall: PriceFall
    starts: tuple[Start, ...]
    best: Start | None
    """Of those possible and worth their cost the one worth most, the earliest of equals; none where there is none."""
    best_with_endless_cash: Start | None
    """The same if money were no matter: what the runway costs is the difference."""
    value_of_waiting_cents: float
    """What the best start is worth more than starting now, which is worth 0 where it is impossible or a loss."""


class TrainingStart(Record):
    """What decides on when to start a run; every effect is an input."""

    compute_cents: int = Field(ge=0)
    """At today's price."""
    other_cost_cents: int = Field(default=0, ge=0)
    """Of the run, that does not get cheaper."""
    duration_months: int = Field(ge=0)
    gain_cents_per_month: int = Field(ge=0)
    """Revenue or saving once the run has ended."""
    horizon_months: int = Field(ge=1)
    """Months from today in which gains may come."""
    gain_lost_per_month: float = Field(default=0.0, ge=0)
    """Continuous rate at which gains shrink with each month of waiting (c); 0, none, unless given."""
    discount_rate: float
    """A year."""
    cash_cents: int = Field(ge=0)
    """Today's."""
    burn_cents_per_month: int
    """Net, without the run; negative where the company earns more than it spends."""
    reserve_cents: int = Field(default=0, ge=0)
    """That must be left when the run ends."""


def waiting(run: TrainingStart, fall: PriceFall, latest_month: int) -> Waiting:
    """Judge every start from month 0 to `latest_month`. Raises `UserError`: `bad-month`, `bad-rate`."""
    if latest_month < 0:
        raise UserError("bad-month", f"latest_month = {latest_month}: expected 0 or more")
    starts = tuple(_start(run, fall, month) for month in range(latest_month + 1))
    best, now = _best([one for one in starts if one.possible]), _best([one for one in starts[:1] if one.possible])
    return Waiting(
        fall=fall,
        starts=starts,
        best=best,
        best_with_endless_cash=_best(starts),
        value_of_waiting_cents=_worth(best) - _worth(now),
    )


def _best(starts: Sequence[Start]) -> Start | None:
    worthwhile = [one for one in starts if one.net_present_value_cents > 0]
    return max(worthwhile, key=_worth, default=None)


def _worth(start: Start | None) -> float:
    return 0.0 if start is None else start.net_present_value_cents


def _start(run: TrainingStart, fall: PriceFall, month: int) -> Start:
    cost = run.compute_cents * (1 - fall.per_year) ** (month / MONTHS_A_YEAR) + run.other_cost_cents
    monthly = monthly_rate(run.discount_rate)
    end = month + run.duration_months
    gain = run.gain_cents_per_month * math.exp(-run.gain_lost_per_month * month)
    gains = gain * _annuity(monthly, end, run.horizon_months)
    left = run.cash_cents - run.burn_cents_per_month * end - cost
    return Start(
        month=month,
        cost_cents=cost,
        net_present_value_cents=gains - cost * (1 + monthly) ** -month,
        cash_at_end_cents=left,
        possible=left >= run.reserve_cents,
    )


def _annuity(monthly: float, first: int, end: int) -> float:
    """Present value of 1 in each month from `first` to before `end`."""
    months = max(0, end - first)
    if not monthly:
        return float(months)
    return float((1 + monthly) ** -first * (1 - (1 + monthly) ** -months) / (1 - 1 / (1 + monthly)))


def fitted_fall(prices: Iterable[tuple[str, date, float]], source: str) -> PriceFall:
    """Fall a year of (vendor, day, price), with its standard error, by least squares on the price's logarithm.

    Each vendor has a level of its own, so that a cheap one that joins late is no fall; a vendor seen on one day says
    nothing. Raises `UserError` `too-few-prices` where vendors seen on several days leave no residual, or a price is not
    above 0.
    """
    rows = sorted(prices)
    vendors = [np.array([vendor == one for vendor, _, _ in rows]) for one in {vendor for vendor, _, _ in rows}]
    years = np.array([day.toordinal() / DAYS_A_YEAR for _, day, _ in rows])
    used = sum((some for some in vendors if np.ptp(years[some]) > 0), np.zeros(len(rows), bool))
    free = int(used.sum()) - sum(bool(np.ptp(years[some]) > 0) for some in vendors) - 1
    if free < 1 or any(price <= 0 for _, _, price in rows):
        raise UserError(
            "too-few-prices", f"{source}: expected three prices above 0 or more, on several days of the same vendor"
        )
    logs = np.log([price for _, _, price in rows])
    for some in vendors:
        years[some] -= years[some].mean()
        logs[some] -= logs[some].mean()
    slope = float(years @ logs / (years @ years))
    residual = (logs - slope * years)[used]
    error = math.sqrt(float(residual @ residual) / free / float(years @ years))
    return PriceFall(per_year=1 - math.exp(slope), source=source, standard_error=math.exp(slope) * error)
