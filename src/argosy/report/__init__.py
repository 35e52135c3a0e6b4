"""The page a run is shown by, and runs side by side: views of results, torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.report.backtests import render_backtest
    from argosy.report.classifier import render_classifier
    from argosy.report.compare import Comparison, compare_runs
    from argosy.report.gantt import Bar, gantt_svg
    from argosy.report.investor_pdf import write_investor_pdf
    from argosy.report.page import render, render_capital
    from argosy.report.plans import render_plan
    from argosy.report.print_page import write_print_page
    from argosy.report.sweeps import render_sweep, sweep_table
    from argosy.report.timelines import timeline_svg

__all__ = [
    "Bar",
    "Comparison",
    "compare_runs",
    "gantt_svg",
    "render",
    "render_backtest",
    "render_capital",
    "render_classifier",
    "render_plan",
    "render_sweep",
    "sweep_table",
    "timeline_svg",
    "write_investor_pdf",
    "write_print_page",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Bar": "gantt",
        "gantt_svg": "gantt",
        "timeline_svg": "timelines",
        "Comparison": "compare",
        "compare_runs": "compare",
        "write_investor_pdf": "investor_pdf",
        "write_print_page": "print_page",
        "render": "page",
        "render_backtest": "backtests",
        "render_capital": "page",
        "render_classifier": "classifier",
        "render_plan": "plans",
        "render_sweep": "sweeps",
        "sweep_table": "sweeps",
    },
)
