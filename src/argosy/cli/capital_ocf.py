"""The verbs that read and write Open Cap Format."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json
from argosy.cli.capital import PlanFile, capital_app
from argosy.cli.output import show

SchemaFolder = Annotated[Path, Parameter(name="--schema", help="Folder with the format's JSON Schemas.")]


@capital_app.command(name="from-ocf")
def from_ocf(folder: Path, *, schema: SchemaFolder, output: Path | None = None, json: Json = False) -> None:
    """Read a cap table from an Open Cap Format folder, and keep what it has no key for.

    Example: argosy capital from-ocf captable/ --schema ocf/schema --output capital.toml

    Parameters
    ----------
    folder
        Folder with the package's *.ocf.json files.
    output
        capital.toml to write, the package as it is beside it; the table is only printed unless given.
    """
    found = capital.from_ocf(folder, schema, output)
    table = found.cap_table
    counts = ", ".join(
        f"{len(table[part])} {part}" for part in ("holders", "classes", "holdings", "grants") if part in table
    )
    convertible = len(table.get("safes", ())) + len(table.get("notes", ()))
    lines = [f"{table['company']}: {counts}, {convertible} SAFEs and notes ({found.currency})"]
    lines += [f"wrote {path}" for path in found.written]
    if found.kept:
        lines.append(f"{len(found.kept)} objects are kept as they are, without a key in the table:")
        lines += [f"  {one.object_type} {one.id}: {one.reason}" for one in found.kept]
    show(found, "\n".join(lines), as_json=json)


@capital_app.command(name="to-ocf")
def to_ocf(
    plan: PlanFile,
    output: Path,
    *,
    schema: SchemaFolder,
    at: Annotated[str | None, Parameter(help="Day of the table; the last event's unless given.")] = None,
    json: Json = False,
) -> None:
    """Write a cap table as an Open Cap Format folder that its schemas accept.

    Example: argosy capital to-ocf capital.toml captable/ --schema ocf/schema

    Parameters
    ----------
    output
        Folder to make.
    """
    made = capital.to_ocf(plan, output, schema, at=None if at is None else capital.day(at))
    lines = [f"wrote {made.objects} objects to {made.folder}, {made.unchanged} as they were read"]
    lines += [f"the format has no place for {key}" for key in made.unsaid]
    show(made, "\n".join(lines), as_json=json)
