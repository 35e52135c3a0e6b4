"""Open Cap Format: the shared samples go round unchanged, the schemas accept what we write, nothing is lost."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from argosy.capital import CapTable, from_ocf, load_capital, table_at, to_ocf
from argosy.capital.cap_table.table import cap_table
from argosy.config import UserError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "capital" / "capital.toml"


@pytest.fixture(scope="session")
def ocf(data_folder: Path) -> Path:
    return data_folder / "capital" / "ocf"


def contents(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.ocf.json")}


def by_holder(path: Path) -> dict[str, Any]:
    plan = load_capital(path)
    assert plan.cap_table is not None
    return {one.name: one.as_converted for one in cap_table(plan.cap_table).table.by_holder}


def test_samples_go_round_unchanged(ocf: Path, tmp_path: Path) -> None:
    read = from_ocf(ocf / "samples", ocf / "schema", tmp_path / "capital.toml")
    assert len(read.cap_table["holders"]) == 4 and len(read.cap_table["classes"]) == 2
    to_ocf(tmp_path / "capital.toml", tmp_path / "out", ocf / "schema")
    assert contents(tmp_path / "out") == contents(ocf / "samples")


def test_every_object_is_in_the_table_or_named_as_kept(ocf: Path) -> None:
    read = from_ocf(ocf / "samples", ocf / "schema")
    kept = {(one.object_type, one.id) for one in read.kept}
    listed = [
        item
        for name, content in contents(ocf / "samples").items()
        if name not in {one.id for one in read.kept}
        for item in content.get("items", ())
    ]
    silent = {item["object_type"] for item in listed if (item["object_type"], item["id"]) not in kept}
    assert silent == {"STAKEHOLDER", "STOCK_CLASS", "STOCK_PLAN"}  # entries of the table


def test_an_edit_adds_objects_and_leaves_the_others(ocf: Path, tmp_path: Path) -> None:
    path = tmp_path / "capital.toml"
    from_ocf(ocf / "samples", ocf / "schema", path)
    tree = tomllib.loads(path.read_text())
    table = tree["cap_table"]
    table["holders"].append({"name": "New", "kind": "founder"})
    issue = {"holder": "New", "share_class": "Common Stock", "shares": 500, "date": table["formed"], "price": 0.01}
    table["holdings"] = [{**issue, "vesting": {"months": 48}}]
    path.write_text(tomli_w.dumps(tree))
    to_ocf(path, tmp_path / "out", ocf / "schema")
    before, after = contents(ocf / "samples"), contents(tmp_path / "out")
    for name, content in before.items():
        items = content.get("items", [])
        assert after[name].get("items", [])[: len(items)] == items
    added = {
        item["object_type"]
        for name in after
        for item in after[name].get("items", [])[len(before[name].get("items", [])) :]
    }
    assert added == {"STAKEHOLDER", "TX_STOCK_ISSUANCE", "TX_VESTING_START", "VESTING_TERMS"}
    changed = after["Manifest.ocf.json"]["stakeholders_files"][0]["md5"]
    assert changed != before["Manifest.ocf.json"]["stakeholders_files"][0]["md5"]


def test_an_import_that_was_cut_off_is_done_again(ocf: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    to_ocf(EXAMPLE, made, ocf / "schema", at=date(2026, 12, 31))
    output, kept = tmp_path / "plan.toml", tmp_path / "plan.ocf.json"
    from_ocf(made, ocf / "schema", output)
    output.unlink()
    from_ocf(made, ocf / "schema", output)
    output.unlink()
    kept.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"plan\.ocf\.json is there already"):
        from_ocf(made, ocf / "schema", output)
    assert kept.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("at", ["2026-12-31", "2027-06-30"])
def test_our_own_table_survives_the_journey(at: str, ocf: Path, tmp_path: Path) -> None:
    day = date.fromisoformat(at)
    made = to_ocf(EXAMPLE, tmp_path / "out", ocf / "schema", at=day)
    safe, seed = "cap_table.safes.0.pro_rata", "cap_table.classes.1.anti_dilution"
    assert made.unsaid == ("cap_table.rounding", safe, seed)
    read = from_ocf(tmp_path / "out", ocf / "schema", tmp_path / "back.toml")
    plan = load_capital(EXAMPLE)
    assert plan.cap_table is not None
    expected = cap_table(plan.cap_table, at=day)
    assert by_holder(tmp_path / "back.toml") == {one.name: one.as_converted for one in expected.table.by_holder}
    waiting = len(read.cap_table.get("safes", ())) + len(read.cap_table.get("notes", ()))
    assert waiting == sum(one.state == "open" for one in expected.instruments)
    to_ocf(tmp_path / "back.toml", tmp_path / "again", ocf / "schema")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_a_folder_beside_the_output_is_left_alone(ocf: Path, tmp_path: Path) -> None:
    """Whatever its name, and nothing of it comes into the package."""
    (tmp_path / "out.tmp").mkdir()
    (tmp_path / "out.tmp" / "mine.txt").write_text("keep")
    to_ocf(EXAMPLE, tmp_path / "out", ocf / "schema")
    assert (tmp_path / "out.tmp" / "mine.txt").read_text() == "keep"
    assert not (tmp_path / "out" / "mine.txt").exists()
    for output in ("", "table.txt"):
        with pytest.raises(UserError, match=r"end in \.toml"):
            from_ocf(tmp_path / "out", ocf / "schema", Path(output))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.tmp"]


def test_endings_splits_and_pool_changes_are_applied(ocf: Path, tmp_path: Path) -> None:
    to_ocf(EXAMPLE, tmp_path / "out", ocf / "schema", at=date(2026, 12, 31))
    path = tmp_path / "out" / "Transactions.ocf.json"
    transactions = json.loads(path.read_text())
    issues = [one for one in transactions["items"] if one["object_type"] == "TX_STOCK_ISSUANCE"]
    plan = json.loads((tmp_path / "out" / "StockPlans.ocf.json").read_text())["items"][0]["id"]
    ratio = {"numerator": "2", "denominator": "1"}
    transactions["items"] += [
        {
            "object_type": "TX_STOCK_REPURCHASE",
            "id": "gone",
            "security_id": issues[1]["security_id"],
            "date": "2027-01-02",
            "price": {"amount": "0.0001", "currency": "USD"},
            "quantity": "4500000",
        },
        {
            "object_type": "TX_STOCK_CLASS_SPLIT",
            "id": "split",
            "date": "2027-02-01",
            "stock_class_id": issues[0]["stock_class_id"],
            "split_ratio": ratio,
        },
        {
            "object_type": "TX_STOCK_PLAN_POOL_ADJUSTMENT",
            "id": "more",
            "date": "2027-02-01",
            "stock_plan_id": plan,
            "shares_reserved": "3000000",
        },
    ]
    path.write_text(json.dumps(transactions))
    read = from_ocf(tmp_path / "out", ocf / "schema", tmp_path / "back.toml")
    assert by_holder(tmp_path / "back.toml") == {"Ada": 9_000_000, "Chen": 150_000, "unallocated pool": 2_850_000}
    assert "ended on 2027-01-02 by TX_STOCK_REPURCHASE gone" in {one.reason for one in read.kept}
    to_ocf(tmp_path / "back.toml", tmp_path / "again", ocf / "schema")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_files_pass_the_schemas_as_whole_files(ocf: Path, tmp_path: Path) -> None:
    """The library checks object by object; here a plain validator looks at the files it wrote, as anybody would."""
    from jsonschema import Draft7Validator
    from referencing import Registry
    from referencing.jsonschema import DRAFT7

    to_ocf(EXAMPLE, tmp_path / "out", ocf / "schema")
    schemas = [json.loads(path.read_text()) for path in (ocf / "schema").rglob("*.schema.json")]
    registry = Registry().with_resources([(one["$id"], DRAFT7.create_resource(one)) for one in schemas])
    files = {
        one["properties"]["file_type"]["const"]: one
        for one in schemas
        if "const" in one.get("properties", {}).get("file_type", {})
    }
    for name, content in contents(tmp_path / "out").items():
        assert not list(Draft7Validator(files[content["file_type"]], registry=registry).iter_errors(content)), name


def test_bad_packages_are_refused_and_nothing_is_written(ocf: Path, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    for path in (ocf / "samples").glob("*.ocf.json"):
        (tmp_path / "package" / path.name).write_text(path.read_text())
    classes = tmp_path / "package" / "StockClasses.ocf.json"
    classes.write_text(classes.read_text().replace('"seniority": "1"', '"seniority": "first"'))
    with pytest.raises(UserError, match=r"StockClasses.ocf.json: items.0: seniority: 'first'"):
        from_ocf(tmp_path / "package", ocf / "schema", tmp_path / "capital.toml")
    assert not (tmp_path / "capital.toml").exists()
    classes.unlink()
    for folder, schema, named in (
        (tmp_path / "package", tmp_path, "schema.json"),
        (tmp_path, ocf / "schema", "ocf.json"),
    ):
        with pytest.raises(UserError, match=named):
            from_ocf(folder, schema)


def test_what_the_format_cannot_say_is_refused(ocf: Path, tmp_path: Path) -> None:
    for old, new, named in (
        ("formed = 2026-01-05\n", "", "cap_table.formed"),
        ("interest = 0.06", 'interest = 0.06, day_count = "actual/360"', "day_count"),
        ("cliff_months = 12 } },\n]\nsafes", "left = 2026-12-01 } },\n]\nsafes", "vesting.left"),
    ):
        text = EXAMPLE.read_text()
        assert old in text
        (tmp_path / "capital.toml").write_text(text.replace(old, new))
        with pytest.raises(UserError, match=named):
            to_ocf(tmp_path / "capital.toml", tmp_path / "out", ocf / "schema")
        assert not (tmp_path / "out").exists()


def test_a_plan_whose_table_is_a_folder(ocf: Path, tmp_path: Path) -> None:
    """The folder stays as it is; rounds planned beside it convert what it has open."""
    to_ocf(EXAMPLE, tmp_path / "package", ocf / "schema", at=date(2026, 12, 31))
    before = contents(tmp_path / "package")
    table = {"ocf": "package", "ocf_schema": str(ocf / "schema"), "rounding": {"shares": "down", "price_places": 4}}
    path = tmp_path / "capital.toml"
    path.write_text(tomli_w.dumps({"cap_table": table}))
    facts = cap_table_of(path)
    assert {one.state for one in facts.instruments} == {"open"} and not facts.rounds
    own = tomllib.loads(EXAMPLE.read_text())["cap_table"]
    planned = {**table, "rounds": own["rounds"]} | {"holders": own["holders"][-1:], "classes": own["classes"][-1:]}
    path.write_text(tomli_w.dumps({"cap_table": planned}))
    (done,), (expected,) = cap_table_of(path).rounds, cap_table_of(EXAMPLE).rounds
    # The format does not say that the angel keeps its share by buying, which changes no price.
    assert done.price == expected.price and len(done.conversions) == 2
    again = to_ocf(path, tmp_path / "again", ocf / "schema", at=date(2026, 12, 31))
    assert again.objects == again.unchanged == 19
    assert contents(tmp_path / "package") == before
    for change, named in (
        ({"ocf_schema": 3}, "cap_table.ocf_schema"),
        ({"holders": [3]}, "cap_table.holders.0"),
        ({"ocf_schema": "nowhere"}, "schema.json"),
    ):
        path.write_text(tomli_w.dumps({"cap_table": table | change}))
        with pytest.raises(UserError, match=named):
            load_capital(path)
    path.write_text(tomli_w.dumps({"currency": "EUR", "cap_table": table}))
    with pytest.raises(UserError, match="currency = 'EUR'"):
        load_capital(path)


def cap_table_of(path: Path) -> CapTable:
    return table_at(load_capital(path), str(path))
