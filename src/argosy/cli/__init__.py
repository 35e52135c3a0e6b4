"""The command line: parse, call the workflow, print. No logic."""

from argosy.cli import (  # they add their verbs
    backtest,
    capital,
    checkpoint,
    exchange,
    hardware,
    plan,
    scaling,
    schema,
    sweep,
)
from argosy.cli.app import main

__all__ = ["backtest", "capital", "checkpoint", "exchange", "hardware", "main", "plan", "scaling", "schema", "sweep"]
