"""Summarise Epoch AI's dated prices (`$ARGOSY_DATA/capital/hardware_prices_epoch.csv`, CC BY 4.0) as
`hardware/price_history.csv`.

One row for each accelerator of the catalogue, terms and half-year: median, lowest, highest, how many, whose.
Commitments are what the three largest clouds ask where one of them asks anything in that half-year, because smaller
ones resell what is left. A purchase whose note says that it is a single unit, or of a TPU, is a card; one of four or
more accelerators is its share of a server; others are left out.
"""

import csv
import os
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from argosy.config import UserError
from argosy.hardware import accelerator

COLUMNS = {
    "Price per chip-hour (on-demand)": "on demand",
    "Price per chip-hour (1-year CUD)": "1 year",
    "Price per chip-hour (3-year CUD)": "3 years",
}
LARGEST = {"Amazon Web Services": "AWS", "Microsoft Azure": "Azure", "Google Cloud": "Google"}
# What Epoch writes without a variant is the one those prices were of: AWS p4d and Azure ND v4, Azure NC v3.
BARE = {"NVIDIA A100": "A100 40GB SXM", "NVIDIA V100": "V100 16GB SXM2"}
TARGET = Path(__file__).resolve().parents[1] / "src/argosy/hardware/price_history.csv"
HEADER = ("accelerator", "terms", "on", "usd", "usd_low", "usd_high", "prices", "source")


def main() -> None:
    """Read, group, write."""
    path = Path(os.environ["ARGOSY_DATA"]) / "capital" / "hardware_prices_epoch.csv"
    groups: dict[tuple[str, str, str], list[tuple[date, float, str]]] = defaultdict(list)
    left_out = set()
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if not row["Price date"]:
                continue
            try:
                name = accelerator(BARE.get(row["Hardware model"], row["Hardware model"])).name
            except UserError:
                left_out.add(row["Hardware model"])
                continue
            day = date.fromisoformat(row["Price date"])
            for terms, usd in _prices(row):
                half = f"{day.year}-{1 if day.month < 7 else 2}"
                groups[name, terms, half].append((day, usd, row["Vendor"] or _host(row["Price source"])))
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for (name, terms, _), rows in sorted(groups.items()):
            writer.writerow((name, terms, *_summary(terms, rows)))
    print(f"{TARGET.name}: {len(groups)} rows; not in the catalogue: {', '.join(sorted(left_out))}")


def _host(url: str) -> str:
    """Whose page it is, also where an archive keeps it."""
    return re.findall(r"://(?:www\.)?([^/#]+)", url)[-1]


def _prices(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    for column, terms in COLUMNS.items():
        if row[column].strip():
            yield terms, float(row[column])
    if not row["Price (hardware purchase)"].strip() or "://" not in row["Price source"]:
        return  # nothing, or an estimate that nobody asked
    usd, notes = float(row["Price (hardware purchase)"]), row["Notes"]
    if re.search(r"DGX|HGX|\b[48]x? GPU|/ 8 =", notes) or row["Number of GPUs"] in ("4", "8", "16"):
        yield "server", usd
    elif re.search(r"single-unit|launch price", notes, re.IGNORECASE) or "TPU" in row["Hardware model"]:
        yield "card", usd


def _summary(terms: str, rows: list[tuple[date, float, str]]) -> tuple[object, ...]:
    if terms in ("1 year", "3 years"):
        rows = [row for row in rows if row[2] in LARGEST] or rows
    days, prices = sorted(day for day, _, _ in rows), [usd for _, usd, _ in rows]
    whose = sorted({LARGEST.get(vendor, vendor) for _, _, vendor in rows})
    shown = ", ".join(whose[:3]) + (f" and {len(whose) - 3} others" if len(whose) > 3 else "")
    source = f"{shown}; collected by Epoch AI, 2026"
    figures = [f"{usd:g}" for usd in (round(statistics.median(prices), 4), min(prices), max(prices))]
    return (days[len(days) // 2].isoformat(), *figures, len(prices), source)


if __name__ == "__main__":
    main()
