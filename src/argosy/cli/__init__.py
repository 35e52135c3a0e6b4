"""The command line: parse, call the workflow, print. No logic."""

import argosy.cli.sweep  # noqa: F401 (its verb registers itself)
from argosy.cli.app import main

__all__ = ["main"]
