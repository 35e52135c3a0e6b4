"""The verbs of planning."""

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
    json: Json = False,
) -> None:
    """Replay the planner on measured runs: how far it is off, and how often its intervals hold.

    Example: argosy backtest measured.csv --json

    Parameters
    ----------
    rows
        CSV with a row for each run; docs/reference/measured-rows.md has the columns.
    target
        What is predicted: throughput.
    """
    from argosy.cli.output import show
    from argosy.planning import backtest as replay

    found = replay(rows, target, anchor=anchor)
    show(found, _summary(found), as_json=json)


def _summary(found: "Backtest") -> str:
    from argosy.cli.output import table

    lines = [("all", found), *found.by_regime.items()]
    header = ("", "rows", "median", "nine of ten", "bias", f"in the {100 * found.nominal_coverage:.0f} % interval")
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
    parts = [f"tokens a second on each accelerator, predicted against measured\n\n{table(cells, header)}"]
    worst = sorted(found.predictions, key=lambda one: -abs(one.predicted / one.measured - 1))[:SHOWN]
    rows = [
        (one.name, f"{one.measured:,.0f}", f"{one.predicted:,.0f}", f"{one.low:,.0f} to {one.high:,.0f}")
        for one in worst
    ]
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
