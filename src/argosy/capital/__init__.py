"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.capital.day_counts import DAY_COUNTS, DayCount, day_count, years_between
    from argosy.capital.flow_files import Flow, read_flows
    from argosy.capital.rates import RateOfReturn, irr, moic, npv, xirr, xnpv

__all__ = [
    "DAY_COUNTS",
    "DayCount",
    "Flow",
    "RateOfReturn",
    "day_count",
    "irr",
    "moic",
    "npv",
    "read_flows",
    "xirr",
    "xnpv",
    "years_between",
]

_FILES = {
    **dict.fromkeys(("DAY_COUNTS", "DayCount", "day_count", "years_between"), "day_counts"),
    **dict.fromkeys(("Flow", "read_flows"), "flow_files"),
    **dict.fromkeys(("RateOfReturn", "irr", "moic", "npv", "xirr", "xnpv"), "rates"),
}

__getattr__ = lazy_exports(__name__, _FILES)
