"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.capital.advice.advice_results import Advised
    from argosy.capital.advice.advising import advise
    from argosy.capital.advice.stories import CapitalStory, Trained, TrainingStory, capital_story
    from argosy.capital.cap_table.conversion import Impossible, Offer, Solution, solve, solve_rounded
    from argosy.capital.cap_table.next_round import raise_round
    from argosy.capital.cap_table.parties import Ownership
    from argosy.capital.cap_table.table_results import CapTable, RoundResult, TableAt
    from argosy.capital.cash.bank import Actuals, actuals
    from argosy.capital.cash.cash_flow import CashFlow
    from argosy.capital.cash.futures import Future, Probability, Stream, TrainingTime, plain_name, simulate
    from argosy.capital.cash.market_results import Estimated, Market, MarketPart
    from argosy.capital.cash.outlooks import Chances, Outlook, chances, outlook
    from argosy.capital.cash.partner_register import Partners
    from argosy.capital.cash.resource_use import Resources
    from argosy.capital.cash.sale import claims_on, debts_on, scenarios_of, securities_of
    from argosy.capital.cash.training_worth import TrainingWorth
    from argosy.capital.day_counts import day_count
    from argosy.capital.exact import Rounding
    from argosy.capital.flow_files import read_flows
    from argosy.capital.plan.asking import asked, checked_for_raise, day
    from argosy.capital.plan.ocf_exchange import from_ocf, to_ocf
    from argosy.capital.plan.plan_file import CapitalPlan, load_capital, read_capital, table_at
    from argosy.capital.rates import RateOfReturn, irr, npv, xirr, xnpv
    from argosy.capital.sales.exits import ExitReturns, Scenario, WeightedReturns, exit_returns, weighted_returns
    from argosy.capital.sales.liquidity import Convertible, SaleTerms
    from argosy.capital.sales.securities import Common, Debt, Dividends, Options, Securities, ShareClass, Stake
    from argosy.capital.sales.tranches import Waterfall
    from argosy.capital.technology.past_rents import PriceFall
    from argosy.capital.technology.training_costs import RunCost, training_cost
    from argosy.capital.technology.watch_catalogue import technologies
    from argosy.capital.technology.watching import STALE_AFTER_MONTHS, Alternative, Watched, watch
    from argosy.capital.training_returns import training_return

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
    "plain_name",
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
        "Advised": "advice.advice_results",
        "advise": "advice.advising",
        "asked": "plan.asking",
        "checked_for_raise": "plan.asking",
        "day": "plan.asking",
        "Actuals": "cash.bank",
        "actuals": "cash.bank",
        "CashFlow": "cash.cash_flow",
        "Impossible": "cap_table.conversion",
        "Offer": "cap_table.conversion",
        "Solution": "cap_table.conversion",
        "solve": "cap_table.conversion",
        "solve_rounded": "cap_table.conversion",
        "day_count": "day_counts",
        "Rounding": "exact",
        "ExitReturns": "sales.exits",
        "Scenario": "sales.exits",
        "exit_returns": "sales.exits",
        "WeightedReturns": "sales.exits",
        "weighted_returns": "sales.exits",
        "read_flows": "flow_files",
        "Future": "cash.futures",
        "Probability": "cash.futures",
        "Stream": "cash.futures",
        "TrainingTime": "cash.futures",
        "plain_name": "cash.futures",
        "simulate": "cash.futures",
        "Convertible": "sales.liquidity",
        "SaleTerms": "sales.liquidity",
        "Estimated": "cash.market_results",
        "Market": "cash.market_results",
        "MarketPart": "cash.market_results",
        "raise_round": "cap_table.next_round",
        "from_ocf": "plan.ocf_exchange",
        "to_ocf": "plan.ocf_exchange",
        "Chances": "cash.outlooks",
        "Outlook": "cash.outlooks",
        "chances": "cash.outlooks",
        "outlook": "cash.outlooks",
        "Ownership": "cap_table.parties",
        "Partners": "cash.partner_register",
        "PriceFall": "technology.past_rents",
        "CapitalPlan": "plan.plan_file",
        "load_capital": "plan.plan_file",
        "read_capital": "plan.plan_file",
        "table_at": "plan.plan_file",
        "RateOfReturn": "rates",
        "irr": "rates",
        "npv": "rates",
        "xirr": "rates",
        "xnpv": "rates",
        "Resources": "cash.resource_use",
        "claims_on": "cash.sale",
        "debts_on": "cash.sale",
        "scenarios_of": "cash.sale",
        "securities_of": "cash.sale",
        "Common": "sales.securities",
        "Debt": "sales.securities",
        "Dividends": "sales.securities",
        "Options": "sales.securities",
        "Securities": "sales.securities",
        "ShareClass": "sales.securities",
        "Stake": "sales.securities",
        "CapitalStory": "advice.stories",
        "Trained": "advice.stories",
        "TrainingStory": "advice.stories",
        "capital_story": "advice.stories",
        "CapTable": "cap_table.table_results",
        "RoundResult": "cap_table.table_results",
        "TableAt": "cap_table.table_results",
        "RunCost": "technology.training_costs",
        "training_cost": "technology.training_costs",
        "training_return": "training_returns",
        "TrainingWorth": "cash.training_worth",
        "Waterfall": "sales.tranches",
        "technologies": "technology.watch_catalogue",
        "Alternative": "technology.watching",
        "STALE_AFTER_MONTHS": "technology.watching",
        "Watched": "technology.watching",
        "watch": "technology.watching",
    },
)
