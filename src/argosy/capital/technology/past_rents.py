"""What an accelerator cost on a day, and by which rule that is known: own prices first, then kindred ones.

Prices between two half-years are interpolated, the logarithm linear in time; before the first and after the last they
are held, because list prices of commitments have no trend (`WALK`). Every rule that is not an accelerator's own price
on that day adds a standard deviation of the logarithm, which is measured on the price table itself
(`benchmarks/training_costs.py`).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Literal

import numpy as np
from pydantic import Field

from argosy.config import Record, UserError
from argosy.hardware import AcceleratorSpec, PastPrice, Terms, accelerators, past_prices, prices_of

DAYS_A_YEAR = 365.25
A_YEAR = timedelta(days=DAYS_A_YEAR)
COMMITTED: Mapping[Terms, tuple[float, float]] = {
    "3 years": (1.0, 0.0),
    "1 year": (0.70, 0.10),
    "on demand": (0.45, 0.28),
}
"""What a commitment of three years costs of each price, and the deviation of that: 48 and 50 pairs of the table."""
WALK = 0.30
"""Deviation of a committed price over a year, growing with the square root of time: 34 pairs of the table."""
KINDRED = 0.53
"""Deviation of a price that is taken from the nearest accelerator by its FLOP/s: each accelerator left out."""
PROGRESS = 0.14 * math.log(10)
"""Fall of the price of a FLOP/s in a year, as a logarithm: 0.14 orders of magnitude (Hobbhahn, Heim and Aydos 2023,
Trends in machine learning hardware), with which arXiv:2405.21015 depreciates."""
SERVER_OF_CARD = 1.64
"""A server's price for each accelerator over the accelerator's own: mean of arXiv:2405.21015, appendix."""
FARTHEST_YEARS = 10.0
BEFORE_RELEASE_YEARS = 1  # makers use their own chips before they sell them


class PriceUsed(Record):
    """The price behind a cost."""

    usd: float
    """An hour of one, or one in a server when it was first sold."""
    terms: Literal["3 years", "server"]
    """Rented with a commitment of three years, or bought."""
    on: date
    """Day that the price is of; for a purchase, of its first sale."""
    rule: str
    """How it is known."""
    source: str
    """Who asked it, and who collected it."""
    extrapolated_years: float
    """From the nearest day with a price to the day that was asked for, where there is none on both sides."""
    deviation: float
    """Standard deviation of its logarithm that comes from the rule and from extrapolation."""


class PriceFall(Record):
    """How fast compute gets cheaper."""

    per_year: float = Field(lt=1)
    """Share of the price that is gone after a year; negative where it rises."""
    source: str = Field(min_length=1)
    """Where the figure comes from; "assumed" is a source, nothing is not."""
    standard_error: float | None = None
    """Of `per_year`, where it was fitted."""

    @property
    def moved(self) -> str:
        """The change of prices in a year, with its standard error: -7 ± 14 %."""
        error = f" ± {100 * self.standard_error:.0f}" if self.standard_error else ""
        return f"{-100 * self.per_year:+.0f}{error} %"


def rent_on(spec: AcceleratorSpec, day: date) -> PriceUsed:
    """Price of an accelerator-hour with a commitment of three years, by the rule with the least deviation.

    Raises `UserError` `no-price` where the nearest is more than ten years away.
    """
    found = min((*_own_rents(spec, day), kindred_rent(spec, day)), key=lambda price: price.deviation)
    if found.extrapolated_years > FARTHEST_YEARS:
        raise UserError(
            "no-price",
            f"date = {day}: the nearest price of {spec.name} is {found.extrapolated_years:.0f} years away",
            hint=f"a date within {FARTHEST_YEARS:g} years of {found.on}",
        )
    return found


def first_price(spec: AcceleratorSpec) -> PriceUsed:
    """Price of an accelerator with its share of a server when it was first sold."""
    return own_first_price(spec) or kindred_first_price(spec)


def kindred_first_price(spec: AcceleratorSpec) -> PriceUsed:
    """The same, from the nearest other accelerator."""
    others = [(other, price) for other in accelerators() if (price := own_first_price(other)) is not None]
    other, price = _nearest(spec, others)
    share = _flops(spec) / _flops(other)
    return price.model_copy(
        update={
            "usd": price.usd * share * math.exp(-PROGRESS * (spec.year - other.year)),
            "on": date(spec.year, 7, 1),
            "rule": f"{other.name}'s by FLOP/s, {share:.2f} of it, and by the years between them",
            "deviation": math.hypot(price.deviation, KINDRED),
        }
    )


def _own_rents(spec: AcceleratorSpec, day: date) -> Iterator[PriceUsed]:
    for terms, (share, deviation) in COMMITTED.items():
        if rows := _rows(spec.name, terms):
            usd, nearest, beyond, walked = _interpolated(rows, day)
            rule = "own price" if terms == "3 years" else f"{share:g} of its price {terms}"
            yield PriceUsed(
                usd=usd * share,
                terms="3 years",
                on=nearest.on,
                rule=f"{rule}, {'held from the nearest day' if beyond else 'interpolated'}",
                source=nearest.source,
                extrapolated_years=beyond,
                deviation=math.hypot(deviation, WALK * math.sqrt(walked)),
            )


def kindred_rent(spec: AcceleratorSpec, day: date) -> PriceUsed:
    """As `rent_on`, from the nearest other accelerator."""
    others = [
        (other, min(own, key=lambda p: p.deviation)) for other in accelerators() if (own := [*_own_rents(other, day)])
    ]
    other, price = _nearest(spec, others)
    share = _flops(spec) / _flops(other)
    return price.model_copy(
        update={
            "usd": price.usd * share,
            "rule": f"{other.name}'s by FLOP/s, {share:.2f} of it ({price.rule})",
            "deviation": math.hypot(price.deviation, KINDRED),
        }
    )


@cache
def _rows(name: str, terms: Terms) -> Sequence[PastPrice]:
    rows = [row for row in past_prices() if (row.accelerator, row.terms) == (name, terms)]
    if terms == "on demand" and (offers := prices_of(name)):
        middle = offers[len(offers) // 2]
        rows.append(
            PastPrice(
                accelerator=name,
                terms=terms,
                on=date.fromisoformat(f"{middle.read}-15"),
                usd=middle.usd_per_hour,
                usd_low=offers[0].usd_per_hour,
                usd_high=offers[-1].usd_per_hour,
                prices=len(offers),
                source=middle.source,
            )
        )
    return rows


def _interpolated(rows: Sequence[PastPrice], day: date) -> tuple[float, PastPrice, float, float]:
    """The price of a day, the row nearest it, years beyond all rows, and years that its variance is worth.

    Between two known days that is a Brownian bridge's: the product of the years to both over their sum.
    """
    nearest = min(rows, key=lambda row: abs(row.on - day))
    before, after = [r for r in rows if r.on <= day], [r for r in rows if r.on > day]
    if not before or not after:
        beyond = abs(nearest.on - day) / A_YEAR
        return nearest.usd, nearest, beyond, beyond
    left, right = max(before, key=lambda r: r.on), min(after, key=lambda r: r.on)
    share = (day - left.on) / (right.on - left.on)
    usd = math.exp((1 - share) * math.log(left.usd) + share * math.log(right.usd))
    return usd, nearest, 0.0, share * (1 - share) * ((right.on - left.on) / A_YEAR)


def own_first_price(spec: AcceleratorSpec) -> PriceUsed | None:
    """As `first_price`, where it is known of this very accelerator."""
    rows = [*_rows(spec.name, "server"), *_rows(spec.name, "card")]
    if not rows:
        return None
    first = min(rows, key=lambda row: row.on)
    card = first.terms == "card"
    return PriceUsed(
        usd=first.usd * (SERVER_OF_CARD if card else 1.0),
        terms="server",
        on=first.on,
        rule=f"own first price, {f'of a card, times {SERVER_OF_CARD}' if card else 'its share of a server'}",
        source=first.source,
        extrapolated_years=0.0,
        deviation=0.0,
    )


def _nearest(
    spec: AcceleratorSpec, others: Iterable[tuple[AcceleratorSpec, PriceUsed]]
) -> tuple[AcceleratorSpec, PriceUsed]:
    """The one whose FLOP/s, memory, year and maker differ least, and whose price is best known."""

    def distance(pair: tuple[AcceleratorSpec, PriceUsed]) -> float:
        other, price = pair
        apart = abs(math.log(_flops(spec) / _flops(other))) + abs(math.log(spec.memory_gib / other.memory_gib))
        return apart + PROGRESS * abs(spec.year - other.year) + (spec.maker != other.maker) + 2 * price.deviation

    return min((pair for pair in others if pair[0].name != spec.name), key=distance)


def _flops(spec: AcceleratorSpec) -> float:
    peaks = (spec.bfloat16_tflops, spec.float16_tflops, spec.float32_tflops)
    return max(peak for peak in peaks if peak is not None)


def public_fall(name: str) -> PriceFall | None:
    """How fast public rents of an accelerator fell, by vendors that joined too; None where few are known."""
    rows = [row for terms in COMMITTED for row in _rows(name, terms)]
    if not rows:
        return None
    first, last = min(row.on for row in rows), max(row.on for row in rows)
    said = f"{len(rows)} half-years' medians, {first} to {last}: {_whose(rows)}"
    try:
        return fitted_fall(((row.terms, row.on, row.usd) for row in rows), said)
    except UserError:
        return None


def _whose(rows: Iterable[PastPrice]) -> str:
    """Every vendor once, with who collected its prices."""
    collected: dict[str, dict[str, None]] = {}
    for row in rows:
        vendors, _, by = row.source.partition("; ")
        collected.setdefault(by, {}).update(dict.fromkeys(vendors.split(", ")))
    return "; ".join(part for by, vendors in collected.items() for part in (", ".join(vendors), by) if part)


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
