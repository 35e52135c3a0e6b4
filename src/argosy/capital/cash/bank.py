"""What was spent, by the bank's own list, beside what was planned."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from argosy.capital.cash.assembling import horizon_of, plan_lines
from argosy.capital.cash.displacing import own_line
from argosy.capital.cash.pricing import Planner
from argosy.capital.flow_files import read_amount, read_date
from argosy.capital.months import cents, month_of
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.config import Record, UserError

COLUMNS = ("date", "amount", "text")
UNMATCHED = "unmatched"


class Booking(Record):
    """One line of a bank's list."""

    date: date
    """When."""
    cents: int
    """What came (positive) or went."""
    text: str
    """What the bank says of it."""
    kind: str
    """Head it is counted under; `unmatched` where no rule has it."""


class Compared(Record):
    """One head in one month."""

    month: str
    """Which."""
    kind: str
    """Head."""
    planned_cents: int
    """Paid by plan: received (positive) or spent."""
    actual_cents: int
    """By the bank."""

    @property
    def difference_cents(self) -> int:
        """More money than planned, or less."""
        return self.actual_cents - self.planned_cents


class Actuals(Record):
    """Plan and bank side by side, as far as the bank's list goes."""

    currency: str
    """Of all of it."""
    rows: tuple[Compared, ...]
    """By month and head; months that the list has, whole ones or not."""
    unmatched: tuple[Booking, ...]
    """Bookings that no rule has."""
    planned_cents: int
    """Of all those months."""
    actual_cents: int
    """Of all those months."""


def actuals(plan: CapitalPlan, folder: Path, bank: Path) -> Actuals:
    """Compare a bank's list with the plan of the same months, in cash on both sides.

    A booking belongs to the first `[[statement]]` rule whose `match` its text has; funding and credits are not compared
    unless a rule names them. Raises `UserError` `bad-statement` for a file that is no such list, `bad-flow`
    with the line for a date or an amount.
    """
    horizon = horizon_of(plan)
    bookings = list(read_bookings(bank, plan))
    if not bookings:
        raise UserError("bad-statement", f"{bank}: no booking in it", hint="one in each line: 2027-01-31,-1200.50,Rent")
    booked = [month_of(one.date) - horizon.start for one in bookings]
    months = range(min(booked), max(booked) + 1)
    outside = [one for one in bookings if not 0 <= month_of(one.date) - horizon.start < horizon.months]
    if outside:
        when = f"{plan.months} months from {plan.start}"
        raise UserError("bad-statement", f"{bank}: {outside[0].date} is not in the plan of {when}")
    planned: dict[tuple[int, str], int] = defaultdict(int)
    lines = plan_lines(plan, horizon, Planner(folder))
    own = [line for one in plan.resources if one.probability == 1 and (line := own_line(one, horizon))]
    for sign, some in ((1, lines.income), (-1, [*lines.costs, *own])):
        for line in some:
            for month in months:
                planned[month, line.kind] += sign * line.paid[month]
    spent: dict[tuple[int, str], int] = defaultdict(int)
    for one in bookings:
        spent[month_of(one.date) - horizon.start, one.kind] += one.cents
    rows = [
        Compared(
            month=horizon.name(month), kind=kind, planned_cents=planned[month, kind], actual_cents=spent[month, kind]
        )
        for month, kind in sorted({*planned, *spent})
        if planned[month, kind] or spent[month, kind]
    ]
    return Actuals(
        currency=plan.currency,
        rows=tuple(rows),
        unmatched=tuple(one for one in bookings if one.kind == UNMATCHED),
        planned_cents=sum(row.planned_cents for row in rows),
        actual_cents=sum(row.actual_cents for row in rows),
    )


def read_bookings(path: Path, plan: CapitalPlan) -> Iterator[Booking]:
    """The bookings of a CSV with the columns date (2027-01-31), amount and text, in any order, others left alone.

    The plan's rules say of what kind each is.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
            missing = [name for name in COLUMNS if name not in names]
            if missing:
                raise UserError(
                    "bad-statement",
                    f"{path} has no column {missing[0]!r}: expected {', '.join(COLUMNS)}, found {', '.join(names)}",
                )
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if short := [name for name in COLUMNS if row[names[name]] is None]:
                    raise UserError("bad-statement", f"{where} has no {short[0]}: it ends before that column")
                day, amount, text = (row[names[name]].strip() for name in COLUMNS)
                kind = next(
                    (one.kind for one in plan.statement if re.search(one.match, text, re.IGNORECASE)), UNMATCHED
                )
                booked = cents(read_amount(amount, where), plan.rounding)
                if booked != read_amount(amount, where) * 100:
                    raise UserError("bad-statement", f"{where}: amount = {amount}: expected whole cents, as a bank has")
                yield Booking(date=read_date(day, where), cents=booked, text=text, kind=kind)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError("bad-statement", f"cannot read {path}: {error}") from None
