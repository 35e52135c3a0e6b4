"""Reading cash flows, (date, amount) in each line, without guessing."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from argosy.config import UserError

YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
NAMED = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4})")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
AMOUNT = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d*)?(?:[eE][+-]?\d{1,2})?")
DATES = "expected a date with the year first, 2026-01-31 or 2026/1/31 or 20260131 or 2026年1月31日, or 31 Jan 2026"
AMOUNTS = "expected a number such as -1234.56: a point before the decimals, no currency"


class Flow(NamedTuple):
    """Money on one day; negative is paid in."""

    on: date
    amount: Decimal


def read_flows(path: Path) -> tuple[Flow, ...]:
    """The flows of a file of two columns, date and amount, parted by commas, semicolons or tabs; a header may be first.

    Dates that may be day or month first are refused. Raises `UserError`: `no-flows`, `bad-flow` with the line.
    """
    rows = list(_rows(path))
    if rows and _is_header(rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise UserError("no-flows", f"{path}: no cash flow in it", hint="one flow in each line: 2026-01-31,-1000")
    return tuple(_flow(cells, f"{path}, line {line}") for line, cells in rows)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of the lines that hold something."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError("bad-flow", f"{path}: not a text file in UTF-8") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((mark for mark in "\t;" if mark in first), ",")
    reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        while stripped and not stripped[-1]:
            stripped.pop()
        if stripped:
            yield reader.line_num, stripped


def _is_header(cells: list[str]) -> bool:
    return len(cells) >= 2 and not any(re.search(r"\d", cell) for cell in cells)


def _flow(cells: list[str], where: str) -> Flow:
    if len(cells) != 2:
        raise UserError(
            "bad-flow",
            f"{where}: {len(cells)} columns, expected 2, date and amount",
            hint='an amount with commas needs quotes: 2026-01-31,"-1,000.00"' if len(cells) > 2 else "",
        )
    return Flow(read_date(cells[0], where), read_amount(cells[1], where))


def read_date(text: str, where: str) -> date:
    """A day that can be read in one way only; `UserError` `bad-flow`, `where` saying of which line, for others."""
    try:
        if found := YEAR_FIRST.fullmatch(text):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if found := COMPACT.fullmatch(text) or CHINESE.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := NAMED.fullmatch(text):
            return date(int(found[3]), MONTHS.index(found[2][:3].lower()) + 1, int(found[1]))
    except ValueError:
        raise UserError("bad-flow", f"{where}: date = {text!r}: there is no such day") from None
    day_or_month = re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", text)
    hint = "day and month cannot be told apart in it" if day_or_month else ""
    raise UserError("bad-flow", f"{where}: date = {text!r}: {DATES}", hint=hint)


def read_amount(text: str, where: str) -> Decimal:
    """An exact amount, in brackets below 0; `UserError` `bad-flow`, `where` saying of which line, for no number."""
    plain = text.replace("−", "-")
    if plain.startswith("(") and plain.endswith(")"):  # accountants' minus
        plain = "-" + plain[1:-1].strip()
    if not AMOUNT.fullmatch(plain):
        raise UserError("bad-flow", f"{where}: amount = {text!r}: {AMOUNTS}")
    return Decimal(plain.replace(",", ""))
