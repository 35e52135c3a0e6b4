"""A cap table comes from Open Cap Format and goes back: what has no key here travels beside it, unchanged."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import tomli_w

from argosy.capital.ocf.making import Maker
from argosy.capital.ocf.package import MANIFEST, Item, Package, Schema, md5_of, read_package, write_package
from argosy.capital.ocf.reading import Kept, Reading, interpret
from argosy.capital.plan.plan_file import NAME, CapitalPlan, load_capital, table_of
from argosy.config import Record, UserError
from argosy.storage import atomic_write

CARRIED = "ocf.json"
FILES = {
    "STAKEHOLDER": ("stakeholders_files", "OCF_STAKEHOLDERS_FILE", "Stakeholders.ocf.json"),
    "STOCK_CLASS": ("stock_classes_files", "OCF_STOCK_CLASSES_FILE", "StockClasses.ocf.json"),
    "STOCK_PLAN": ("stock_plans_files", "OCF_STOCK_PLANS_FILE", "StockPlans.ocf.json"),
    "VESTING_TERMS": ("vesting_terms_files", "OCF_VESTING_TERMS_FILE", "VestingTerms.ocf.json"),
    "FINANCING": ("financings_files", "OCF_FINANCINGS_FILE", "Financings.ocf.json"),
    "STOCK_LEGEND_TEMPLATE": ("stock_legend_templates_files", "OCF_STOCK_LEGEND_TEMPLATES_FILE", "Legends.ocf.json"),
    "VALUATION": ("valuations_files", "OCF_VALUATIONS_FILE", "Valuations.ocf.json"),
    "TX": ("transactions_files", "OCF_TRANSACTIONS_FILE", "Transactions.ocf.json"),
}
# What the format has no place for, by part of the table; said when it is written.
UNSAID: dict[str, dict[str, object]] = {
    "safes": {"pro_rata": False},
    "notes": {"cap_of": "pre-money", "qualified_amount": 0, "at_maturity": "extend"},
    "holders": {"pro_rata": False},
    "classes": {"anti_dilution": "none"},
}


class Imported(Record):
    """A cap table from a package."""

    currency: str
    """Of its amounts."""
    cap_table: dict[str, Any]
    """The `[cap_table]` section."""
    kept: tuple[Kept, ...]
    """Objects that are carried through and change nothing in it."""
    written: tuple[str, ...] = ()
    """Files written."""


class Exported(Record):
    """A package made of a cap table."""

    folder: str
    """Where it is."""
    objects: int
    """How many objects it has."""
    unchanged: int
    """How many of them are as they were read."""
    unsaid: tuple[str, ...]
    """Keys of the table that the format has no place for."""


def from_ocf(folder: Path, schema: Path, output: Path | None = None) -> Imported:
    """The cap table of the package in a folder; with `output`, a capital.toml and, beside it, the package as it was.

    Raises `UserError` for a package that is not as the schemas say, an output that exists or is no `.toml`.
    """
    if output is not None and output.suffix != ".toml":
        raise UserError("bad-option", f"--output {output}: it has to end in .toml")
    package = read_package(folder, Schema(schema))
    reading = interpret(package)
    reading.config(str(folder))
    if output is None:
        return _imported(reading)
    carried = output.with_name(f"{output.stem}.{CARRIED}")
    tree = {"currency": reading.currency, "cap_table": {**reading.cap_table, "ocf": carried.name}}
    whole = json.dumps({"files": package.files}, ensure_ascii=False, indent=1) + "\n"
    for path in (output, carried):
        # The same package beside no plan is what was written of it before the power went.
        if path.exists() and not (path == carried and path.read_bytes() == whole.encode()):
            raise UserError("exists", f"{path} is there already", hint="choose another with --output")
    _write(carried, whole)
    _write(output, tomli_w.dumps(tree))
    return _imported(reading, (str(output), str(carried)))


def _imported(reading: Reading, written: tuple[str, ...] = ()) -> Imported:
    return Imported(currency=reading.currency, cap_table=reading.cap_table, kept=reading.kept, written=written)


def to_ocf(plan: Path, output: Path, schema: Path, *, at: date | None = None) -> Exported:
    """Write the plan's cap table as a package to a new folder, checked against the schemas before anything is written.

    Objects that came from a package and did not change are written as they came. Raises `UserError` for what the format
    cannot say, for a holder or security of the package that is gone from the table, or for an output that exists.
    """
    checks = Schema(schema)
    found, path = load_capital(plan), plan / NAME if plan.is_dir() else plan
    config = table_of(found, str(path))
    before = _carried(path, config.ocf)
    if before is None:
        package, unchanged = _fresh(found, at, checks), 0
    else:
        package, unchanged = _merged(found, at, before)
    checks.check(package)
    write_package(package, output)
    return Exported(
        folder=str(output),
        objects=sum(1 for _ in package.items(listed=False)) + 1,
        unchanged=unchanged,
        unsaid=tuple(_unsaid(found)),
    )


def _carried(plan: Path, name: str | None) -> Package | None:
    if name is None:
        return None
    path = plan.parent / name
    if path.is_dir():
        return Package(files={one.name: json.loads(one.read_text(encoding="utf-8")) for one in path.glob("*.ocf.json")})
    try:
        return Package.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise UserError("bad-ocf", f"cap_table.ocf = {name!r}: {path} is no file that from-ocf wrote") from None


def _maker(plan: CapitalPlan, at: date | None, ids: dict[str, str]) -> Maker:
    return Maker(table_of(plan, "the plan"), plan.currency, at, ids)


def _fresh(plan: CapitalPlan, at: date | None, schema: Schema) -> Package:
    maker = _maker(plan, at, {})
    manifest: Item = {
        "ocf_version": schema.version,
        "file_type": MANIFEST,
        "issuer": maker.issuer().item(),
        "as_of": maker.at.isoformat(),
        "generated_at": f"{maker.at.isoformat()}T00:00:00Z",
    }
    files: dict[str, Item] = {"Manifest.ocf.json": manifest}
    for _, file_type, name in FILES.values():
        files[name] = {"file_type": file_type, "items": []}
    for one in maker.objects():
        files[_file_of(one.object_type)]["items"].append(one.item())
    for group, _, name in FILES.values():
        manifest[group] = [{"filepath": f"./{name}", "md5": md5_of(files[name])}] if files[name]["items"] else []
    return Package(files={name: content for name, content in files.items() if content.get("items") != []})


def _file_of(object_type: str) -> str:
    return FILES.get(object_type, FILES["TX"])[2]


def _merged(plan: CapitalPlan, at: date | None, before: Package) -> tuple[Package, int]:
    """The package as it was, with what changed in the table since; and how many objects did not."""
    reading = interpret(before)
    original = CapitalPlan(currency=reading.currency, cap_table=reading.config("the package"))
    old = {(one.object_type, one.id): one.item() for one in _maker(original, None, reading.ids).objects()}
    new = {(one.object_type, one.id): one.item() for one in _maker(plan, at, reading.ids).objects()}
    gone = [f"{kind} {identifier}" for kind, identifier in old if (kind, identifier) not in new]
    if gone:
        raise UserError(
            "not-in-ocf",
            f"gone from the table since from-ocf: {', '.join(gone)}",
            hint="a holding ends by a transaction in the package (cancellation, transfer); then import it again",
        )
    files = json.loads(json.dumps(before.files))
    places = {(item["object_type"], item["id"]): (name, item) for name, item in Package(files=files).items()}
    changed = 0
    for key, item in new.items():
        if key in old and old[key] == item:
            continue
        changed += 1
        if key in places:
            places[key][1].update(item)
        else:
            _append(files, before.manifest_name, item)
    manifest = files[before.manifest_name]
    if changed:
        for group in (value for name, value in manifest.items() if name.endswith("_files")):
            for one in group:
                name = Path(one["filepath"]).name
                if files.get(name) != before.files.get(name):
                    one["md5"] = md5_of(files[name])
    total = sum(1 for _ in before.items(listed=False)) + 1
    return Package(files=files), total - sum(1 for key in new if key in places and old.get(key) != new[key])


def _append(files: dict[str, Item], manifest_name: str, item: Item) -> None:
    """Put a new object into the package's first file for its type, or a new file."""
    group, file_type, name = FILES.get(item["object_type"], FILES["TX"])
    listed = files[manifest_name].setdefault(group, [])
    if listed:
        name = Path(listed[0]["filepath"]).name
    else:
        listed.append({"filepath": f"./{name}", "md5": "0" * 32})
    files.setdefault(name, {"file_type": file_type, "items": []})["items"].append(item)


def _unsaid(plan: CapitalPlan) -> list[str]:
    config = table_of(plan, "the plan")
    own = [key for key in ("rounding", "mfn_takes") if getattr(config, key) != type(config).model_fields[key].default]
    return [f"cap_table.{key}" for key in own] + [
        f"cap_table.{part}.{i}.{key}"
        for part, keys in UNSAID.items()
        for i, one in enumerate(getattr(config, part))
        for key, default in keys.items()
        if getattr(one, key) != default
    ]


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as half:
        half.write_text(text, encoding="utf-8")
