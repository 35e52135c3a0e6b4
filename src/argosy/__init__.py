"""Argosy takes a small team from a budget to a trained, audited language model."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.config import Layout, Venture, load_venture
    from argosy.storage import Run
    from argosy.workflow import evaluate, prepare, run, train

__version__ = "0.1.0"
__all__ = ["Layout", "Run", "Venture", "evaluate", "load_venture", "prepare", "run", "train"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Layout": "config",
        "Venture": "config",
        "load_venture": "config",
        "Run": "storage",
        "run": "workflow",
        "prepare": "workflow",
        "train": "workflow",
        "evaluate": "workflow",
    },
)
