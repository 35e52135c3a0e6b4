"""Argosy takes a small team from a budget to a trained, audited language model."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy import data, models
    from argosy.config import Execution, Layout, Venture, load_venture
    from argosy.planning import ask, plan
    from argosy.storage import Run
    from argosy.training import EarlyStopping, Trainer
    from argosy.workflow import evaluate, prepare, run, train

__version__ = "0.1.0"
__all__ = [
    "EarlyStopping",
    "Execution",
    "Layout",
    "Run",
    "Trainer",
    "Venture",
    "ask",
    "data",
    "evaluate",
    "load_venture",
    "models",
    "plan",
    "prepare",
    "run",
    "train",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "data": "",
        "models": "",
        "EarlyStopping": "training",
        "Execution": "config",
        "Layout": "config",
        "Trainer": "training",
        "Venture": "config",
        "load_venture": "config",
        "ask": "planning",
        "plan": "planning",
        "Run": "storage",
        "run": "workflow",
        "prepare": "workflow",
        "train": "workflow",
        "evaluate": "workflow",
    },
)
