"""What a training run costs by its hardware, number and hours, on a day and by a named definition.

The definitions are those of Cottier et al. 2024, The rising costs of training frontier AI models (arXiv:2405.21015),
which differ severalfold for the same run; a cost without one is refused. All are of the final run only: failed
and small runs, staff and data come on top. Dollars are those of the day, the study's of the end of 2023.

    cloud        hours · N · r(t)
    amortised    hours · N · (V(t)·δ / (1 − i) / 8766 + e),   V(t) = V₀·10^(−0.14·(t − t₀)),   δ = 0.14·ln 10 a year
    acquisition  N · V₀ / (1 − i)

with r the price of an hour at a commitment of three years, V₀ the price of an accelerator and its share of a server at
its first sale t₀, i = 0.19 the interconnect's share of a cluster and e an hour's electricity.
"""

import math
import re
from datetime import date, datetime
from typing import Literal, get_args

from argosy.capital.technology.past_rents import (
    BEFORE_RELEASE_YEARS,
    DAYS_A_YEAR,
    PROGRESS,
    PriceUsed,
    first_price,
    rent_on,
)
from argosy.config import Record, UserError, nearest
from argosy.hardware import AcceleratorSpec, accelerator

Definition = Literal["cloud", "amortised", "acquisition"]
MEANINGS: dict[Definition, str] = {
    "cloud": "rent of the final run's accelerator-hours at the list price of a commitment of three years",
    "amortised": "the final run's share of the hardware's value, which falls by 28 % a year, and its electricity",
    "acquisition": "purchase of all accelerators that the final run uses, with servers and interconnect",
}
# Within this factor of the middle are four of five of the study's costs, for the day that training began: fitted by
# benchmarks/training_costs.py, which measures the coverage with each organisation left out.
FACTORS: dict[Definition, float] = {"cloud": 1.05, "amortised": 1.15, "acquisition": 1.15}
Z80 = 1.2816  # of a normal distribution, between whose negative and itself lie 80 %
MOST_ACCELERATORS = 10**9
INTERCONNECT = 0.19  # of a cluster's price
USD_PER_KWH = 0.08  # industrial power in the US, 2023 (EIA: 0.0806)
# Server over chip, share of it that is drawn, and the building's power usage effectiveness between 1.1 and 1.25.
POWER, TPU_POWER = 1.8 * 0.75 * 1.18, 1.56 * 0.43 * 1.1


class RunCost(Record):
    """What a run costs by one definition."""

    accelerator: str
    """Name in the catalogue."""
    count: int
    """How many."""
    hours: float
    """Of each."""
    on: date
    """Day that it begins."""
    definition: Definition
    """What is counted."""
    meaning: str
    """The same in words."""
    usd_low: float
    """Nine of ten published costs by this definition are higher."""
    usd: float
    """Middle, in dollars of the day."""
    usd_high: float
    """Nine of ten are lower."""
    parts_usd: dict[str, float]
    """Of the middle."""
    price: PriceUsed
    """Behind it."""
    left_out: tuple[str, ...]
    """What is not in it."""


def training_cost(
    name: str,
    count: int,
    hours: float,
    on: str | date | None,
    definition: str | None,
    *,
    usd_per_kwh: float = USD_PER_KWH,
) -> RunCost:
    """Cost of `count` accelerators for `hours` each from a day (`2024-06` or `2024-06-15`), in USD with 80 % interval.

    Raises `UserError`: `unknown-accelerator` with the nearest name, `no-price` where none is within ten years,
    `bad-option` for a missing or impossible date, definition, number or time.
    """
    spec = accelerator(name)
    day = _day(on, spec)
    what = _definition(definition)
    if not 1 <= count <= MOST_ACCELERATORS:
        raise UserError(
            "bad-option", f"count = {count}: expected 1 or more accelerators, {MOST_ACCELERATORS:,} at most"
        )
    for key, value in (("hours", hours), ("usd_per_kwh", usd_per_kwh)):
        if not (0 < value < math.inf or (key == "usd_per_kwh" and value == 0)):
            raise UserError("bad-option", f"{key} = {value:g}: expected more than 0")
    price = rent_on(spec, day) if what == "cloud" else first_price(spec)
    parts = _parts(what, spec, price, day, count, hours, usd_per_kwh)
    usd = sum(parts.values())
    # A price that is not of that day or that accelerator widens it.
    spread = math.exp(math.hypot(math.log(FACTORS[what]), Z80 * price.deviation))
    left_out = ["failed and small runs, staff, data, evaluation: this is the final run"]
    if what == "amortised" and "electricity" not in parts:
        left_out.append(f"electricity: nobody published the power of {spec.name}")
    return RunCost(
        accelerator=spec.name,
        count=count,
        hours=hours,
        on=day,
        definition=what,
        meaning=MEANINGS[what],
        usd_low=usd / spread,
        usd=usd,
        usd_high=usd * spread,
        parts_usd=parts,
        price=price,
        left_out=tuple(left_out),
    )


def _parts(
    what: Definition, spec: AcceleratorSpec, price: PriceUsed, day: date, count: int, hours: float, usd_per_kwh: float
) -> dict[str, float]:
    used = count * hours
    if what == "cloud":
        return {"rent": used * price.usd}
    if what == "acquisition":
        return {"servers": count * price.usd, "interconnect": count * price.usd * INTERCONNECT / (1 - INTERCONNECT)}
    years = max(0.0, (day - price.on).days / DAYS_A_YEAR)
    servers = used * price.usd * math.exp(-PROGRESS * years) * PROGRESS / (24 * DAYS_A_YEAR)
    parts = {"servers": servers, "interconnect": servers * INTERCONNECT / (1 - INTERCONNECT)}
    if spec.power_w is not None:
        drawn = spec.power_w / 1000 * (TPU_POWER if spec.maker == "Google" else POWER)
        parts["electricity"] = used * drawn * usd_per_kwh
    return parts


def _definition(given: str | None) -> Definition:
    known = get_args(Definition)
    if given in known:
        return given  # type: ignore[return-value]
    found = "none is given" if given is None else f"{given!r} is none{nearest(given, known)}"
    raise UserError(
        "bad-option",
        f"definition: {found}; the same run costs several times as much by one as by another",
        hint="; ".join(f"{key}: {meaning}" for key, meaning in MEANINGS.items()),
    )


def _day(given: str | date | None, spec: AcceleratorSpec) -> date:
    if given is None:
        raise UserError("bad-option", "date: none is given, and prices change", hint="--date 2024-06")
    day = given if isinstance(given, date) and not isinstance(given, datetime) else _parsed(str(given))
    if day.year < spec.year - BEFORE_RELEASE_YEARS:
        raise UserError("bad-option", f"date = {given}: {spec.name} came out in {spec.year}")
    return day


def _parsed(text: str) -> date:
    middle = f"{text}-15" if re.fullmatch(r"\d{4}-\d\d", text) else text
    try:
        return date.fromisoformat(middle)
    except ValueError:
        raise UserError(
            "bad-option", f"date = {text!r}: expected a month or a day", hint="2024-06 or 2024-06-15"
        ) from None
