"""What accelerators cost in the past, kept in `price_history.csv`: medians by half-year, made by
`benchmarks/price_history.py` from Epoch AI's dated prices (CC BY 4.0)."""

import csv
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

from argosy.config import Record

Terms = Literal["on demand", "1 year", "3 years", "card", "server"]


class PastPrice(Record):
    """What one accelerator cost in one half-year."""

    accelerator: str
    """Name in the catalogue."""
    terms: Terms
    """Rented on demand or committed for so long, in USD an hour; or bought, as a card or as its share of a server."""
    on: date
    """Median day of the prices."""
    usd: float
    """Median price."""
    usd_low: float
    """Lowest."""
    usd_high: float
    """Highest."""
    prices: int
    """How many they are."""
    source: str
    """Whose, and who collected them."""


@cache
def past_prices() -> tuple[PastPrice, ...]:
    """Every past price, by accelerator, terms and day."""
    with resources.files("argosy.hardware").joinpath("price_history.csv").open(encoding="utf-8") as file:
        return tuple(
            PastPrice.model_validate(
                {
                    **row,
                    "on": date.fromisoformat(row["on"]),
                    "prices": int(row["prices"]),
                    **{name: float(row[name]) for name in ("usd", "usd_low", "usd_high")},
                }
            )
            for row in csv.DictReader(file)
        )
