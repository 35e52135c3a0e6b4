"""The verbs of the money side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from argosy.cli.app import Json, app

if TYPE_CHECKING:
    from argosy.capital import RateOfReturn

capital_app = App(name="capital", help="The money side: what investors get back.")
app.command(capital_app)


@capital_app.command
def xirr(
    flows: Path,
    *,
    day_count: Annotated[
        str, Parameter(help="actual/365, actual/360, actual/365.25, actual/actual or 30E/360.")
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
    from argosy import capital
    from argosy.cli.output import show

    found = capital.read_flows(flows)
    rates = capital.xirr([flow.on for flow in found], [flow.amount for flow in found], capital.day_count(day_count))
    show(rates, _described(rates), as_json=json)


def _described(rates: "RateOfReturn") -> str:
    if rates.rate is None:
        return "no rate of return: at no rate are these flows worth nothing"
    text = f"{rates.rate:.6%} a year"
    if not rates.ambiguous:
        return text
    others = ", ".join(f"{rate:.6%}" for rate in rates.roots)
    return f"{text}, ambiguous: " + (f"the roots up to 1000 % are {others}" if others else "others lie above it")
