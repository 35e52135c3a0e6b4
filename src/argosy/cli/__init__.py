"""The command line: parse, call the workflow, print. No logic."""

from argosy.cli import exchange, hardware, plan, schema, sweep  # they add their verbs
from argosy.cli.app import main

__all__ = ["exchange", "hardware", "main", "plan", "schema", "sweep"]
