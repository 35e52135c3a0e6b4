"""The command line: parse, call the workflow, print. No logic."""

from argosy.cli import backtest, checkpoint, exchange, hardware, plan, scaling, schema, sweep  # they add their verbs
from argosy.cli.app import main

__all__ = ["backtest", "checkpoint", "exchange", "hardware", "main", "plan", "scaling", "schema", "sweep"]
