"""Terms of Open Cap Format that have keys here: vesting by months, SAFEs, notes. Anything else is `Unmodelled`."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

from argosy.capital.ocf.package import Item

ACCRUAL = {
    "DAILY": "daily",
    "MONTHLY": "monthly",
    "QUARTERLY": "quarterly",
    "SEMI_ANNUAL": "semi-annual",
    "ANNUAL": "annual",
}
DAY_COUNT = {"ACTUAL_365": "actual/365", "30_360": "30/360"}


class Unmodelled(Exception):
    """An object that the table has no place for; the message is the reason."""


def safe_terms(item: Item, money: Callable[[Item], Fraction]) -> Item:
    """Keys of `[[cap_table.safes]]`."""
    found = _mechanism(item, "SAFE_CONVERSION")
    timing = found.get("conversion_timing")
    if timing is None:
        raise Unmodelled("conversion_timing does not say whether its cap is pre- or post-money")
    return _cap_and_discount(found, money) | {"kind": "pre-money" if timing == "PRE_MONEY" else "post-money"}


def note_terms(item: Item, money: Callable[[Item], Fraction]) -> Item:
    """Keys of `[[cap_table.notes]]`."""
    found = _mechanism(item, "CONVERTIBLE_NOTE_CONVERSION")
    rates = found["interest_rates"]
    if len(rates) != 1 or "accrual_end_date" in rates[0]:
        raise Unmodelled("its interest changes over time")
    if rates[0]["accrual_start_date"] != item["date"]:
        raise Unmodelled("its interest does not start on the day of issue")
    due = [one["trigger_date"] for one in item["conversion_triggers"] if one["type"] == "AUTOMATIC_ON_DATE"]
    if len(due) != 1:
        raise Unmodelled("it has no maturity")
    simple = found["compounding_type"] == "SIMPLE"
    return _cap_and_discount(found, money) | {
        "maturity": date.fromisoformat(due[0]),
        "interest": _plain(Fraction(rates[0]["rate"])),
        "compounding": "simple" if simple else ACCRUAL[found["interest_accrual_period"]],
        "day_count": DAY_COUNT[found["day_count_convention"]],
    }


def _mechanism(item: Item, kind: str) -> Item:
    found = [one["conversion_right"]["conversion_mechanism"] for one in item["conversion_triggers"]]
    found = [one for one in found if one["type"] == kind]
    if not found or any(one != found[0] for one in found):
        raise Unmodelled(f"its triggers have no single {kind}")
    chosen: Item = found[0]
    if "exit_multiple" in chosen:
        raise Unmodelled("it has an exit multiple")
    return chosen


def _cap_and_discount(found: Item, money: Callable[[Item], Fraction]) -> Item:
    entry: Item = {"mfn": True} if found.get("conversion_mfn") else {}
    if "conversion_valuation_cap" in found:
        entry["cap"] = _plain(money(found["conversion_valuation_cap"]))
    discount = Fraction("0" + (found.get("conversion_discount") or "0").lstrip("0") or "0")
    if discount:
        entry["discount"] = _plain(discount)
    return entry


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def vesting_of(item: Item, items: list[Item]) -> Item | None:
    """The `vesting` table of an issuance; none where it has no terms."""
    if "vesting_terms_id" not in item:
        if "vestings" in item:
            raise Unmodelled("its vesting is a list of days")
        return None
    terms = [one for one in items if one["object_type"] == "VESTING_TERMS" and one["id"] == item["vesting_terms_id"]]
    if not terms:
        raise Unmodelled(f"vesting_terms_id {item['vesting_terms_id']!r} is not in the package")
    entry = _schedule(terms[0])
    own = [one for one in items if one.get("security_id") == item["security_id"]]
    starts = [one["date"] for one in own if one["object_type"] == "TX_VESTING_START"]
    if len(starts) != 1:
        raise Unmodelled("its vesting has not started")
    if any(one["object_type"] == "TX_VESTING_EVENT" for one in own):
        raise Unmodelled("its vesting depends on events")
    start = date.fromisoformat(starts[0])
    if starts[0] != item["date"]:
        entry["start"] = start
    sped_up = [one for one in own if one["object_type"] == "TX_VESTING_ACCELERATION"]
    if sped_up:
        raise Unmodelled("its vesting was accelerated")
    return entry


def _schedule(terms: Item) -> Item:
    """Months, cliff and period of terms that start, may have a cliff, and go on evenly."""
    unknown = Unmodelled(f"vesting terms {terms['id']!r} are no even months with a cliff")
    start, *steps = terms["vesting_conditions"]
    if start["trigger"]["type"] != "VESTING_START_DATE" or not 1 <= len(steps) <= 2:
        raise unknown
    if terms["allocation_type"] != "CUMULATIVE_ROUND_DOWN" or any(_step(one) is None for one in steps):
        raise unknown
    *cliffs, last = [_step(one) for one in steps]
    assert last is not None
    length, times, portion = last
    months = Fraction(length) / portion
    cliff = 0
    for each in cliffs:
        assert each is not None
        cliff = each[0] if each[1] == 1 and each[2] == each[0] / months else -1
    if months.denominator != 1 or cliff < 0 or cliff + length * times != months:
        raise unknown
    return {"months": int(months), "cliff_months": cliff, "every_months": length}


def _step(condition: Item) -> tuple[int, int, Fraction] | None:
    """Length in months, times, and the portion each time; none for any other condition."""
    trigger: Any = condition["trigger"]
    portion = condition.get("portion")
    if trigger["type"] != "VESTING_SCHEDULE_RELATIVE" or trigger["period"]["type"] != "MONTHS" or portion is None:
        return None
    if portion.get("remainder") or trigger["period"].get("cliff_installment"):
        return None
    whole = Fraction(portion["numerator"]) / Fraction(portion["denominator"])
    return trigger["period"]["length"], trigger["period"]["occurrences"], whole
