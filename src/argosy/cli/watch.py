"""The verb that sets a venture's choices beside what was published since."""

import textwrap
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json, WholeNumber, app
from argosy.cli.output import show, table

COLUMNS = ("", "now", "instead", "saves USD", "", "hours", "", "how it is known", "dated")
WIDTH = 118


@app.command
def watch(
    venture: str,
    *,
    catalogue: Annotated[Path | None, Parameter(help="TOML file with entries of your own.")] = None,
    stale_after: Annotated[
        WholeNumber | None, Parameter(help="Months after which an entry is stale; 18 unless given.")
    ] = None,
    on: Annotated[date | None, Parameter(help="Day to count from; today unless given.")] = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", help="Override a key of the venture.")] = (),
    json: Json = False,
) -> None:
    """Tell what a better accelerator, price, precision, architecture or optimiser would save in this plan.

    Example: argosy watch venture.toml --catalogue offers.toml

    Parameters
    ----------
    venture
        Venture file or its folder.
    """
    from argosy.config import UserError, language_venture, load_venture
    from argosy.progress import progress

    asked = language_venture(load_venture(venture, set_))
    months = capital.STALE_AFTER_MONTHS if stale_after is None else stale_after
    if months < 0:
        raise UserError("bad-option", f"stale_after = {months}: expected 0 or more months")
    entries = capital.technologies(catalogue)
    first = min((entry.date for entry in entries), default="")
    if on is not None and on.isoformat() < first:
        raise UserError("bad-option", f"on = {on}: expected {first} or later: the catalogue begins there")
    with progress("planning again", len(entries), "entries") as advance:
        found = capital.watch(
            asked, entries, on=on or datetime.now(UTC).date(), stale_after_months=months, advance=advance
        )
    show(found, _text(found), as_json=json)


def _text(found: "capital.Watched") -> str:
    from argosy.planning import days, money

    bill = "" if found.usd is None else f", {money(found.usd)}"
    parts = [f"{found.venture}: {found.now}: {days(found.hours)}{bill}, loss {found.loss:.2f} nats a token"]
    if found.alternatives:
        parts.append(table([_row(one) for one in found.alternatives], COLUMNS))
        parts.append("\n".join(_told(one) for one in found.alternatives))
        parts.append("Each row changes one thing; savings do not add up.")
    else:
        parts.append("Nothing in the catalogue saves money or time here.")
    if found.left_out:
        parts.append(table([(one.name, one.kind, one.reason) for one in found.left_out], ("left out", "", "because")))
    return "\n\n".join(parts)


def _told(one: "capital.Alternative") -> str:
    """What was published, and why the loss stays."""
    words = f"{one.name}: {one.figure} ({one.conditions}). Loss: {one.quality}. {one.source}."
    return textwrap.fill(words, WIDTH, subsequent_indent="  ")


def _row(one: "capital.Alternative") -> tuple[str, ...]:
    return (
        one.name,
        one.now,
        one.instead,
        "" if one.usd_saved is None else f"{one.usd_saved:,.0f}",
        "" if one.usd_saved_share is None else f"{100 * one.usd_saved_share:.0f} %",
        f"{one.hours_saved:,.1f}",
        f"{100 * one.hours_saved_share:.0f} %",
        one.known,
        f"{one.date}, stale" if one.stale else one.date,
    )
