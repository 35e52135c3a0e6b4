"""The verb that tells what a training run cost, or would have."""

from typing import Annotated

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json, WholeNumber
from argosy.cli.capital import capital_app
from argosy.cli.output import show, table

LONGEST_DAYS = 36_500


@capital_app.command(name="cost")
def cost_verb(
    *,
    accelerator: Annotated[str, Parameter(help="Its name, as `argosy hardware` lists them.")],
    count: Annotated[WholeNumber, Parameter(help="How many.")],
    days: Annotated[float, Parameter(help="How long.")],
    date: Annotated[str | None, Parameter(help="Month or day on which the run begins: 2024-06.")] = None,
    definition: Annotated[
        str | None,
        Parameter(help="cloud (3-year commitment), amortised (hardware and electricity) or acquisition (purchase)."),
    ] = None,
    usd_per_kwh: Annotated[float | None, Parameter(help="Of electricity; 0.08 unless given.")] = None,
    json: Json = False,
) -> None:
    """Tell what a training run costs by its accelerators and days, with its interval, by a definition that is named.

    Example: argosy capital cost --accelerator "H100 SXM" --count 1024 --days 30 --date 2024-06 --definition cloud
    """
    from argosy.config import UserError

    if not 0 < days <= LONGEST_DAYS:
        raise UserError("bad-option", f"days = {days:g}: expected more than 0, and {LONGEST_DAYS:,} at most")
    if usd_per_kwh is not None and definition in ("cloud", "acquisition"):
        raise UserError(
            "bad-option", f"usd_per_kwh = {usd_per_kwh:g}: electricity is no part of definition {definition}"
        )
    electricity = {} if usd_per_kwh is None else {"usd_per_kwh": usd_per_kwh}
    found = capital.training_cost(accelerator, count, 24 * days, date, definition, **electricity)
    show(found, _text(found), as_json=json)


def _text(cost: "capital.RunCost") -> str:
    from argosy.planning import money

    price = cost.price
    parts = ", ".join(f"{name} {money(usd)}" for name, usd in cost.parts_usd.items())
    each = "an hour" if price.terms == "3 years" else "each, in a server, at its first sale"
    beyond = f", {price.extrapolated_years:.1f} years from it" if price.extrapolated_years else ""
    rows = [
        ("costs", f"{money(cost.usd)} ({money(cost.usd_low)} to {money(cost.usd_high)}, in eight of ten)"),
        (cost.definition, cost.meaning),
        ("for", f"{cost.count:,} × {cost.accelerator}, {cost.hours / 24:,.4g} days from {cost.on}"),
        ("of that", parts),
        ("price", f"{money(price.usd)} {each}; nearest of {price.on}{beyond}"),
        ("known by", price.rule),
        ("source", price.source),
        *(("not in it", one) for one in cost.left_out),
    ]
    return table(rows, ("", ""))
