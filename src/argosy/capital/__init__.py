"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.capital.advice_results import Advised
    from argosy.capital.advising import advise
    from argosy.capital.asking import asked, checked_for_raise, day
    from argosy.capital.bank import Actuals, actuals
    from argosy.capital.cash_flow import CashFlow
    from argosy.capital.conversion import Impossible, Offer, Solution, solve, solve_rounded
    from argosy.capital.day_counts import day_count
    from argosy.capital.exact import Rounding
    from argosy.capital.exits import ExitReturns, Scenario, WeightedReturns, exit_returns, weighted_returns
    from argosy.capital.flow_files import read_flows
    from argosy.capital.futures import Future, Probability, Stream, TrainingTime, simulate
    from argosy.capital.liquidity import Convertible, SaleTerms
    from argosy.capital.market_results import Estimated, Market, MarketPart
    from argosy.capital.next_round import raise_round
    from argosy.capital.ocf_exchange import from_ocf, to_ocf
    from argosy.capital.outlooks import Chances, Outlook, chances, outlook
    from argosy.capital.parties import Ownership
    from argosy.capital.partner_register import Partners
    from argosy.capital.past_rents import PriceFall
    from argosy.capital.plan_file import CapitalPlan, load_capital, read_capital, table_at
    from argosy.capital.rates import RateOfReturn, irr, npv, xirr, xnpv
    from argosy.capital.resource_use import Resources
    from argosy.capital.sale import claims_on, debts_on, scenarios_of, securities_of
    from argosy.capital.securities import Common, Debt, Dividends, Options, Securities, ShareClass, Stake
    from argosy.capital.stories import CapitalStory, Trained, TrainingStory, capital_story
    from argosy.capital.table_results import CapTable, RoundResult, TableAt
    from argosy.capital.training_costs import RunCost, training_cost
    from argosy.capital.training_returns import training_return
    from argosy.capital.training_worth import TrainingWorth
    from argosy.capital.tranches import Waterfall
    from argosy.capital.watch_catalogue import technologies
    from argosy.capital.watching import STALE_AFTER_MONTHS, Alternative, Watched, watch

__all__ = [
    "STALE_AFTER_MONTHS",
    "Actuals",
    "Advised",
    "Alternative",
    "CapTable",
    "CapitalPlan",
    "CapitalStory",
    "CashFlow",
    "Chances",
    "Common",
    "Convertible",
    "Debt",
    "Dividends",
    "Estimated",
    "ExitReturns",
    "Future",
    "Impossible",
    "Market",
    "MarketPart",
    "Offer",
    "Options",
    "Outlook",
    "Ownership",
    "Partners",
    "PriceFall",
    "Probability",
    "RateOfReturn",
    "Resources",
    "RoundResult",
    "Rounding",
    "RunCost",
    "SaleTerms",
    "Scenario",
    "Securities",
    "ShareClass",
    "Solution",
    "Stake",
    "Stream",
    "TableAt",
    "Trained",
    "TrainingStory",
    "TrainingTime",
    "TrainingWorth",
    "Watched",
    "Waterfall",
    "WeightedReturns",
    "actuals",
    "advise",
    "asked",
    "capital_story",
    "chances",
    "checked_for_raise",
    "claims_on",
    "day",
    "day_count",
    "debts_on",
    "exit_returns",
    "from_ocf",
    "irr",
    "load_capital",
    "npv",
    "outlook",
    "raise_round",
    "read_capital",
    "read_flows",
    "scenarios_of",
    "securities_of",
    "simulate",
    "solve",
    "solve_rounded",
    "table_at",
    "technologies",
    "to_ocf",
    "training_cost",
    "training_return",
    "watch",
    "weighted_returns",
    "xirr",
    "xnpv",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Advised": "advice_results",
        "advise": "advising",
        "asked": "asking",
        "checked_for_raise": "asking",
        "day": "asking",
        "Actuals": "bank",
        "actuals": "bank",
        "CashFlow": "cash_flow",
        "Impossible": "conversion",
        "Offer": "conversion",
        "Solution": "conversion",
        "solve": "conversion",
        "solve_rounded": "conversion",
        "day_count": "day_counts",
        "Rounding": "exact",
        "ExitReturns": "exits",
        "Scenario": "exits",
        "exit_returns": "exits",
        "WeightedReturns": "exits",
        "weighted_returns": "exits",
        "read_flows": "flow_files",
        "Future": "futures",
        "Probability": "futures",
        "Stream": "futures",
        "TrainingTime": "futures",
        "simulate": "futures",
        "Convertible": "liquidity",
        "SaleTerms": "liquidity",
        "Estimated": "market_results",
        "Market": "market_results",
        "MarketPart": "market_results",
        "raise_round": "next_round",
        "from_ocf": "ocf_exchange",
        "to_ocf": "ocf_exchange",
        "Chances": "outlooks",
        "Outlook": "outlooks",
        "chances": "outlooks",
        "outlook": "outlooks",
        "Ownership": "parties",
        "Partners": "partner_register",
        "PriceFall": "past_rents",
        "CapitalPlan": "plan_file",
        "load_capital": "plan_file",
        "read_capital": "plan_file",
        "table_at": "plan_file",
        "RateOfReturn": "rates",
        "irr": "rates",
        "npv": "rates",
        "xirr": "rates",
        "xnpv": "rates",
        "Resources": "resource_use",
        "claims_on": "sale",
        "debts_on": "sale",
        "scenarios_of": "sale",
        "securities_of": "sale",
        "Common": "securities",
        "Debt": "securities",
        "Dividends": "securities",
        "Options": "securities",
        "Securities": "securities",
        "ShareClass": "securities",
        "Stake": "securities",
        "CapitalStory": "stories",
        "Trained": "stories",
        "TrainingStory": "stories",
        "capital_story": "stories",
        "CapTable": "table_results",
        "RoundResult": "table_results",
        "TableAt": "table_results",
        "RunCost": "training_costs",
        "training_cost": "training_costs",
        "training_return": "training_returns",
        "TrainingWorth": "training_worth",
        "Waterfall": "tranches",
        "technologies": "watch_catalogue",
        "Alternative": "watching",
        "STALE_AFTER_MONTHS": "watching",
        "Watched": "watching",
        "watch": "watching",
    },
)
