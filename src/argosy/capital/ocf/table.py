"""A `[cap_table]` whose facts are an Open Cap Format folder, unchanged; what the section says beside it is added."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argosy.capital.ocf.package import Item, Schema, read_package
from argosy.capital.ocf.reading import interpret
from argosy.config import Problem, VentureError

LISTS = ("holders", "classes", "holdings", "grants", "safes", "notes", "rounds")


def with_package(tree: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The plan's keys with those of the package in the folder that `cap_table.ocf` names, relative to the file `path`.

    Lists go on after the package's, a holder or class of a name it has adds keys to that one, other keys replace its.
    Its SAFEs and notes convert in the rounds planned here. Raises `VentureError` for an `ocf` that is not
    there, without `cap_table.ocf_schema` or for another currency, `UserError` for a package that is none.
    """
    own = tree.get("cap_table")
    if not isinstance(own, Mapping) or not isinstance(own.get("ocf"), str):
        return tree
    if not (path.parent / own["ocf"]).exists():
        expected = "an Open Cap Format folder, or the file that from-ocf wrote; there is nothing of that name"
        raise VentureError(str(path), [Problem("cap_table.ocf", expected, own["ocf"])])
    if not (path.parent / own["ocf"]).is_dir():
        return tree
    if not isinstance(own.get("ocf_schema"), str):
        expected = "folder with the format's JSON Schemas, beside an `ocf` that is a folder"
        raise VentureError(
            str(path), [Problem("cap_table.ocf_schema", expected, own.get("ocf_schema"), code="missing-key")]
        )
    reading = interpret(read_package(path.parent / own["ocf"], Schema(path.parent / own["ocf_schema"])))
    if (currency := tree.get("currency", reading.currency)) != reading.currency:
        raise VentureError(str(path), [Problem("currency", f"{reading.currency}, as in {own['ocf']}", currency)])
    table = {**reading.cap_table, **own}
    for key in LISTS:
        read = reading.cap_table.get(key, [])
        if key in ("safes", "notes"):
            read = [{**one, "unconverted": not own.get("rounds")} for one in read]
        mine = own.get(key, [])
        if isinstance(mine, list) and all(isinstance(one, Mapping) for one in mine):  # else the check of keys says so
            table[key] = _merged(read, mine)
    return {**tree, "currency": currency, "cap_table": table}


def _merged(read: list[Item], own: list[Item]) -> list[Item]:
    """Both, those of one name as one."""
    named = {one["name"]: one for one in own if "name" in one}
    known = {one.get("name") for one in read}
    more = [one for one in own if "name" not in one or one["name"] not in known]
    return [*({**one, **named.get(one.get("name"), {})} for one in read), *more]
