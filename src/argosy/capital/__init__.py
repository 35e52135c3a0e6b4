"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.capital.cents import ROUNDINGS, Rounding
    from argosy.capital.day_counts import DAY_COUNTS, DayCount, day_count, years_between
    from argosy.capital.exits import (
        ExitReturns,
        Expected,
        HolderReturn,
        Payout,
        Scenario,
        WeightedReturns,
        exit_returns,
        weighted_returns,
    )
    from argosy.capital.flow_files import Flow, read_flows
    from argosy.capital.rates import RateOfReturn, irr, moic, npv, xirr, xnpv
    from argosy.capital.securities import Common, Debt, Dividends, Options, Participation, Securities, ShareClass, Stake
    from argosy.capital.training_returns import TrainingReturn, training_return
    from argosy.capital.tranches import Tranche, Waterfall
    from argosy.capital.waits import PriceFall, Start, TrainingStart, Waiting, fitted_fall, waiting

__all__ = [
    "DAY_COUNTS",
    "ROUNDINGS",
    "Common",
    "DayCount",
    "Debt",
    "Dividends",
    "ExitReturns",
    "Expected",
    "Flow",
    "HolderReturn",
    "Options",
    "Participation",
    "Payout",
    "PriceFall",
    "RateOfReturn",
    "Rounding",
    "Scenario",
    "Securities",
    "ShareClass",
    "Stake",
    "Start",
    "TrainingReturn",
    "TrainingStart",
    "Tranche",
    "Waiting",
    "Waterfall",
    "WeightedReturns",
    "day_count",
    "exit_returns",
    "fitted_fall",
    "irr",
    "moic",
    "npv",
    "read_flows",
    "training_return",
    "waiting",
    "weighted_returns",
    "xirr",
    "xnpv",
    "years_between",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ROUNDINGS": "cents",
        "Rounding": "cents",
        "DAY_COUNTS": "day_counts",
        "DayCount": "day_counts",
        "day_count": "day_counts",
        "years_between": "day_counts",
        "ExitReturns": "exits",
        "Expected": "exits",
        "HolderReturn": "exits",
        "Payout": "exits",
        "Scenario": "exits",
        "WeightedReturns": "exits",
        "exit_returns": "exits",
        "weighted_returns": "exits",
        "Flow": "flow_files",
        "read_flows": "flow_files",
        "RateOfReturn": "rates",
        "irr": "rates",
        "moic": "rates",
        "npv": "rates",
        "xirr": "rates",
        "xnpv": "rates",
        "Common": "securities",
        "Debt": "securities",
        "Dividends": "securities",
        "Options": "securities",
        "Participation": "securities",
        "Securities": "securities",
        "ShareClass": "securities",
        "Stake": "securities",
        "Tranche": "tranches",
        "Waterfall": "tranches",
        "TrainingReturn": "training_returns",
        "training_return": "training_returns",
        "PriceFall": "waits",
        "Start": "waits",
        "TrainingStart": "waits",
        "Waiting": "waits",
        "fitted_fall": "waits",
        "waiting": "waits",
    },
)
