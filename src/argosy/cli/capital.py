"""The verbs of the money side."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from argosy import capital
from argosy.cli.app import Json, app
from argosy.cli.output import show

capital_app = App(name="capital", help="The money side: cash by month, its chances, rounds, sales, what to do.")
app.command(capital_app)
PlanFile = Annotated[Path, Parameter(help="Capital plan (capital.toml) or its folder.")]


def whole(cents: float) -> str:
    """128044700 → 1,280,447."""
    return f"{cents / 100:,.0f}"


@capital_app.command
def xirr(
    flows: Path,
    *,
    day_count: Annotated[
        str, Parameter(help="actual/365, actual/360, actual/365.25, actual/actual, 30/360 or 30E/360.")
    ] = "actual/365",
    json: Json = False,
) -> None:
    """Rate of return of dated cash flows: every root, and the one nearest 10 %.

    Example: argosy capital xirr flows.csv --json

    Parameters
    ----------
    flows
        CSV file of date and amount, in any order; money paid in is negative. A header is not needed.
    """
    found = capital.read_flows(flows)
    rates = capital.xirr([flow.on for flow in found], [flow.amount for flow in found], capital.day_count(day_count))
    show(rates, _described(rates), as_json=json)


def _described(rates: "capital.RateOfReturn") -> str:
    if rates.rate is None:
        return "no rate of return: at no rate are these flows worth nothing"
    text = f"{rates.rate:.6%} a year"
    if not rates.ambiguous:
        return text
    others = ", ".join(f"{rate:.6%}" for rate in rates.roots)
    return f"{text}, ambiguous: " + (f"the roots up to 1000 % are {others}" if others else "others lie above it")
