"""Tax on profit by tax year, with losses carried forward."""

from collections.abc import Sequence
from decimal import Decimal

from argosy.capital.cash.lines import Horizon
from argosy.capital.plan.budget import TaxConfig

MONTHS_A_YEAR = 12


def taxed(profits: Sequence[int], tax: TaxConfig | None, horizon: Horizon) -> tuple[list[int], list[int]]:
    """Tax of each month, in the last one of its tax year, and what of it is paid in each, from profits before it.

    A year counts with its months in the plan; one that does not end in it is taxed in the plan's last month.
    """
    due, paid = [0] * len(profits), [0] * len(profits)
    if tax is None:
        return due, paid
    losses, year = horizon.cents(tax.losses_before), 0
    for month, profit in enumerate(profits):
        year += profit
        if (horizon.start + month) % MONTHS_A_YEAR + 1 != tax.year_ends and month < len(profits) - 1:
            continue
        used = min(losses, int(Decimal(str(tax.losses_offset)) * year)) if year > 0 else 0
        due[month] = horizon.cents(Decimal(str(tax.profit_rate)) * (year - used) / 100) if year > 0 else 0
        losses += -used - min(0, year)
        if month + tax.paid_after_months < len(profits):
            paid[month + tax.paid_after_months] += due[month]
        year = 0
    return due, paid
