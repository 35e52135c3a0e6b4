"""Prices of accelerators by provider, region and contract, kept in `prices.csv`: what was read then, not an offer."""

import csv
from functools import cache
from importlib import resources
from typing import Literal

from argosy.config import Record

Contract = Literal["on demand", "spot"]


class Price(Record):
    """One entry of a public price list."""

    provider: str
    """Who rents it out."""
    accelerator: str
    """Name in the catalogue."""
    count: int
    """Accelerators of the machine that has this price."""
    region: str
    """Where it stands."""
    contract: Contract
    """`spot` machines may be taken back at any time."""
    usd_per_hour: float
    """For one accelerator."""
    read: str
    """Year and month in which it was read."""
    source: str
    """Where."""


@cache
def prices() -> tuple[Price, ...]:
    """Every price known, the cheapest of an accelerator first."""
    with resources.files("argosy.hardware").joinpath("prices.csv").open(encoding="utf-8") as file:
        rows = [
            Price.model_validate(
                {**row, "count": int(row["count"]), "usd_per_hour": float(row["usd_per_hour"])},
            )
            for row in csv.DictReader(file)
        ]
    return tuple(sorted(rows, key=lambda price: (price.accelerator, price.usd_per_hour)))


def prices_of(accelerator: str, contract: Contract = "on demand") -> tuple[Price, ...]:
    """Those of one accelerator and contract, the cheapest first."""
    return tuple(p for p in prices() if (p.accelerator, p.contract) == (accelerator, contract))
