"""The verb that holds the planner against measured runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from argosy.cli.app import Json, app

if TYPE_CHECKING:
    from argosy.planning import Backtest

SHOWN = 8


@app.command
def backtest(
    rows: Path,
    *,
    target: str = "throughput",
    anchor: Annotated[
        bool, Parameter(negative="", help="Let the planner know the first row of each model on each accelerator.")
    ] = False,
    page: Annotated[Path | None, Parameter(help="Write it as a page with pictures, too: backtest.html.")] = None,
    json: Json = False,
) -> None:
    """Replay the planner on measured runs: how far it is off, and how often its intervals hold.

    Example: argosy backtest measured.csv --json

    Parameters
    ----------
    rows
        CSV with a row for each run; docs/reference/measured-rows.md has the columns.
    target
        What is predicted: throughput, memory or loss.
    """
    from argosy.cli.output import show
    from argosy.planning import backtest as replay

    found = replay(rows, target, anchor=anchor)
    text = _summary(found)
    if page is not None:
        from argosy.report import render_backtest

        text += f"\n\npage: {render_backtest(found, page)}"
    show(found, text, as_json=json)


def _summary(found: "Backtest") -> str:
    from argosy.cli.output import table

    lines = [("all", found), *found.by_regime.items()]
    header = ("", "rows", "median", "nine of ten", "bias", f"in the {100 * found.nominal_coverage:.0f} % interval")
    of_memory = found.target == "memory"
    cells = [
        (
            name,
            errors.rows,
            f"{100 * errors.median_absolute_percentage_error:.1f} %",
            f"{100 * errors.p90_absolute_percentage_error:.1f} %",
            f"{100 * errors.median_signed_percentage_error:+.1f} %",
            f"{100 * errors.interval_coverage:.0f} %",
        )
        for name, errors in lines
    ]
    titles = {"memory": "GB at the peak of one accelerator", "loss": "loss of larger runs, by a law fitted to smaller"}
    title = titles.get(found.target, "tokens a second on each accelerator")
    parts = [f"{title}, predicted against measured\n\n{table(cells, header)}"]
    measured = [(one, one.measured) for one in found.predictions if one.measured is not None]
    worst = sorted(measured, key=lambda pair: -abs(pair[0].predicted / pair[1] - 1))[:SHOWN]

    def figure(value: float) -> str:
        if found.target == "loss":
            return f"{value:.3f}"
        return f"{value / 1e9:,.2f}" if of_memory else f"{value:,.0f}"

    rows = [
        (one.name, figure(value), figure(one.predicted), f"{figure(one.low)} to {figure(one.high)}")
        for one, value in worst
    ]
    if found.false_fit_rate is not None:
        out = sum(one.overfull for one in found.predictions)
        parts.append(f"{out} ran out of memory; {100 * found.false_fit_rate:.0f} % of those said to fit")
    parts.append(f"furthest off\n{table(rows, ('', 'measured', 'predicted', 'between'))}")
    if found.anchors:
        parts.append(f"{found.anchors} rows were known beforehand")
    if found.skipped:
        reasons: dict[str, int] = {}
        for one in found.skipped:
            reasons[one.reason] = reasons.get(one.reason, 0) + 1
        told = ", ".join(f"{count} with {reason}" for reason, count in reasons.items())
        parts.append(f"{len(found.skipped)} rows skipped: {told}")
    return "\n\n".join(parts)
