"""`argosy backtest --page`: predicted against measured, drawn."""

from pathlib import Path
from typing import Any

from argosy.planning import Backtest
from argosy.report.page import write_page
from argosy.report.plots import Plot, plot_layout

UNITS = {
    "throughput": ("tokens a second on each accelerator", 1.0),
    "memory": ("GB at the peak of one accelerator", 1e9),
    "loss": ("nats a token", 1.0),
}


def render_backtest(found: Backtest, path: Path) -> Path:
    """Write the page; returns its path."""
    header = ("", "rows", "median", "nine of ten", "bias", f"in the {100 * found.nominal_coverage:.0f} % interval")
    rows = [
        (
            name,
            f"{each.rows:,}",
            f"{100 * each.median_absolute_percentage_error:.1f} %",
            f"{100 * each.p90_absolute_percentage_error:.1f} %",
            f"{100 * each.median_signed_percentage_error:+.1f} %",
            f"{100 * each.interval_coverage:.0f} %",
        )
        for name, each in (("all", found), *found.by_regime.items())
    ]
    plots = [_against(found), _errors(found)]
    return write_page(
        path,
        "backtest.html",
        {plot.name: plot for plot in plots},
        title=f"The planner against {found.rows:,} measured runs",
        summary=f"Half of its predictions of {found.target} are within "
        f"{100 * found.median_absolute_percentage_error:.1f} %, nine of ten within "
        f"{100 * found.p90_absolute_percentage_error:.1f} %.",
        header=header,
        rows=rows,
        skipped=len(found.skipped),
    )


def _against(found: Backtest) -> Plot:
    """Each run, its interval a bar; on the diagonal is what was predicted exactly."""
    unit, scale = UNITS[found.target]
    some = [(one, one.measured) for one in found.predictions if one.measured is not None]
    x, y = [value / scale for _, value in some], [one.predicted / scale for one, _ in some]
    runs: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": "runs, and where eight of ten should be",
        "x": [float(f"{value:.5g}") for value in x],
        "y": [float(f"{value:.5g}") for value in y],
        "text": [one.name for one, _ in some],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [float(f"{(one.high - one.predicted) / scale:.5g}") for one, _ in some],
            "arrayminus": [float(f"{(one.predicted - one.low) / scale:.5g}") for one, _ in some],
            "thickness": 0.6,
            "width": 0,
        },
        "marker": {"size": 5},
        "line": {"width": 1},
        "meta": {"role": "main"},
    }
    ends = [min(*x, *y), max(*x, *y)]
    exact = {
        "type": "scatter",
        "mode": "lines",
        "name": "exactly",
        "x": ends,
        "y": ends,
        "line": {"width": 1, "dash": "dot"},
        "meta": {"role": "second"},
    }
    layout = plot_layout(f"measured, {unit}") | {"hovermode": "closest"}
    for axis in ("xaxis", "yaxis"):
        layout[axis] |= {"type": "log", "tickformat": "~s"}
    furthest = sorted(some, key=lambda pair: -abs(pair[0].predicted / pair[1] - 1))[:12]
    rows = tuple((one.name, f"{value / scale:,.4g}", f"{one.predicted / scale:,.4g}") for one, value in furthest)
    words = (
        f"{100 * found.interval_coverage:.0f} % of the intervals hold; the dotted line is where predictions are exact."
    )
    header = ("furthest off", "measured", "predicted")
    return Plot(
        "against",
        "Predicted against measured",
        unit,
        words,
        "",
        header,
        rows,
        {"data": [runs, exact], "layout": layout},
    )


def _errors(found: Backtest) -> Plot:
    """How many runs were off by how much."""
    off = [100 * (one.predicted / one.measured - 1) for one in found.predictions if one.measured is not None]
    edges = list(range(-50, 55, 5))
    counts = [sum(edge <= value < edge + 5 for value in off) for edge in edges]
    counts[0] += sum(value < edges[0] for value in off)
    counts[-1] += sum(value >= edges[-1] + 5 for value in off)
    trace = {
        "type": "bar",
        "name": "runs",
        "x": [edge + 2.5 for edge in edges],
        "y": counts,
        "meta": {"role": "main"},
    }
    layout = plot_layout("off by, %; the last bars hold all beyond") | {"bargap": 0.05}
    layout["xaxis"] |= {"tickformat": "+d"}
    words = (
        f"The median is {100 * found.median_signed_percentage_error:+.1f} %: above nought, predictions are too high."
    )
    rows = tuple(
        (f"{edge:+d} to {edge + 5:+d} %", str(count)) for edge, count in zip(edges, counts, strict=True) if count
    )
    return Plot("errors", "Errors", "runs", words, "", ("off by", "runs"), rows, {"data": [trace], "layout": layout})
