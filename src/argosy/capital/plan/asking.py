"""What a person asks on the command line, as exact values."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

from argosy.capital.cap_table.table_checks import table_problems
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.exact import CENTS, exact
from argosy.capital.plan.plan_file import CapitalPlan, table_of
from argosy.config import UserError, VentureError

MOST = 10**15
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")  # 12,5 is refused: it may be 12.5


def asked(option: str, text: str, *, cents: bool = False, below_one: bool = False) -> Fraction:
    """The number of an option: above 0, in whole cents (`cents`), or from 0 to below 1 (`below_one`).

    Raises `UserError` naming the option.
    """
    try:
        number = exact(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)
    except ValueError:
        raise UserError("bad-round", f"{option} {text}: expected a number, such as 3_000_000") from None
    if below_one and not 0 <= number < 1:
        raise UserError("bad-round", f"{option} {text}: expected a share from 0 to below 1, such as 0.1")
    if not below_one and number <= 0:
        raise UserError("bad-round", f"{option} {text}: expected a number above 0")
    if number >= MOST:
        raise UserError("bad-round", f"{option} {text}: expected less than a quadrillion")
    if cents and (number * CENTS).denominator != 1:
        raise UserError("bad-round", f"{option} {text}: expected money in whole cents")
    return number


def day(text: str, *, option: str = "--at") -> date:
    """The day a person wrote; `UserError` where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError("bad-round", f"{option} {text}: expected a day, as 2027-01-31") from None


def checked_for_raise(plan: CapitalPlan, source: Path) -> CapTableConfig:
    """The plan's cap table, checked but for SAFEs and notes without a round: the one asked about converts them."""
    config = table_of(plan, str(source))
    waiting = config.model_copy(
        update={
            "safes": tuple(one.model_copy(update={"unconverted": True}) for one in config.safes),
            "notes": tuple(one.model_copy(update={"unconverted": True}) for one in config.notes),
        }
    )
    problems = tuple(table_problems(waiting))
    if problems:
        raise VentureError(str(source), problems)
    return config
