"""The command line: parse, call the workflow, print. No logic."""

from argosy.cli import (  # they add their verbs
    backtest,
    checkpoint,
    exchange,
    hardware,
    looking,
    plan,
    scaling,
    schema,
    sweep,
)
from argosy.cli.app import main

__all__ = ["backtest", "checkpoint", "exchange", "hardware", "looking", "main", "plan", "scaling", "schema", "sweep"]
