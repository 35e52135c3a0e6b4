"""The page a run is shown by, and runs side by side: views of results, torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.report.backtests import render_backtest
    from argosy.report.classifier import render_classifier
    from argosy.report.compare import Comparison, compare_runs
    from argosy.report.page import render
    from argosy.report.plans import render_plan
    from argosy.report.sweeps import render_sweep, sweep_table

__all__ = [
    "Comparison",
    "compare_runs",
    "render",
    "render_backtest",
    "render_classifier",
    "render_plan",
    "render_sweep",
    "sweep_table",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Comparison": "compare",
        "compare_runs": "compare",
        "render": "page",
        "render_backtest": "backtests",
        "render_classifier": "classifier",
        "render_plan": "plans",
        "render_sweep": "sweeps",
        "sweep_table": "sweeps",
    },
)
