"""The verb that tries values."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argosy.cli.app import Json, app


@app.command
def sweep(
    venture: Path,
    *,
    set: Annotated[
        tuple[str, ...],
        Parameter(name="--set", negative="", help="Values to try: --set training.learning_rate=1e-4,3e-4."),
    ] = (),
    budget_minutes: float | None = None,
    run: Annotated[Path | None, Parameter(name="--run", help="Sweep's folder, instead of runs/NAME-sweep.")] = None,
    json: Json = False,
) -> None:
    """Train every combination of the values, or as much of it as a budget allows, and compare them.

    Example: argosy sweep venture.toml --set training.learning_rate=1e-4,3e-4 --budget-minutes 30

    Parameters
    ----------
    venture
        Venture file or its folder.
    budget_minutes
        Wall time for all of them: the best third goes on (successive halving). Unlimited unless given.
    """
    from argosy.cli.output import show
    from argosy.cli.summary import sweep_summary
    from argosy.sweep import sweep as carry_out

    found, folder = carry_out(venture, set, run, budget_minutes=budget_minutes)
    show(found, sweep_summary(found, folder), as_json=json)
