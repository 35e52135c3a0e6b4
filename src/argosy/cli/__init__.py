"""The command line: parse, call the workflow, print. No logic."""

# They add their verbs.
from argosy.cli import (
    backtest,
    capital,
    capital_advise,
    capital_cost,
    capital_ocf,
    capital_plan,
    capital_table,
    checkpoint,
    exchange,
    hardware,
    looking,
    plan,
    scaling,
    schema,
    sweep,
    watch,
)
from argosy.cli.app import main

__all__ = [
    "backtest",
    "capital",
    "capital_advise",
    "capital_cost",
    "capital_ocf",
    "capital_plan",
    "capital_table",
    "checkpoint",
    "exchange",
    "hardware",
    "looking",
    "main",
    "plan",
    "scaling",
    "schema",
    "sweep",
    "watch",
]
