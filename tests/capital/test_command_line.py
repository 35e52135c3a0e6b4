"""The cap table's verbs, started as a user would."""

import json
from pathlib import Path

import pytest

from tests.capital.conftest import EXAMPLE
from tests.conftest import CommandLine


def test_captable(argosy: CommandLine) -> None:
    text = argosy("capital", "captable", str(EXAMPLE), "--at", "2027-06-30").stdout
    assert "Seed, 2027-06-30: 3,500,000 USD at 14,000,000 before, 17,500,000 after" in text
    found = argosy.json("capital", "captable", str(EXAMPLE), "--at", "2026-12-31")
    assert found["table"]["fully_diluted"] == 10_000_000 and not found["rounds"]
    assert sum(one["ownership"] for one in found["table"]["by_holder"]) == pytest.approx(1, abs=1e-12)


def test_before_the_first_share_nobody_has_all_of_nothing(argosy: CommandLine) -> None:
    asked = ("capital", "captable", str(EXAMPLE), "--at", "2025-12-31")
    text = argosy(*asked).stdout
    assert "Nobody holds a share yet" in text and "%" not in text
    assert argosy.json(*asked)["table"]["fully_diluted"] == 0


def test_raise(argosy: CommandLine) -> None:
    asked = ("capital", "raise", str(EXAMPLE), "--pre-money", "12_000_000", "--amount", "3_000_000", "--pool", "0.1")
    found = argosy.json(*asked, "--instead-of", "Seed")
    owned = {one["name"]: one["ownership"] for one in found["after"]["by_holder"]}
    assert owned["Next round investors"] + owned["Angel Fund"] > 0.2
    assert owned["unallocated pool"] == pytest.approx(0.1, abs=1e-6)
    assert {one["kind"] for one in found["conversions"]} == {"SAFE", "note"}
    assert sum(one["amount_cents"] for one in found["purchases"]) == 300_000_000
    assert "Founders give up" in argosy(*asked, "--date", "2027-03-01").stdout


def test_raise_converts_what_waits_for_a_round(argosy: CommandLine) -> None:
    alone = (EXAMPLE / "capital.toml").read_text().split("[[cap_table.rounds]]")[0]
    (argosy.folder / "capital.toml").write_text(alone)
    assert "converts in no round" in argosy("capital", "captable", "capital.toml", code=2).stderr
    found = argosy.json("capital", "raise", "capital.toml", "--pre-money", "12000000", "--amount", "3000000")
    assert len(found["conversions"]) == 2


def test_raise_says_who_pays_for_anti_dilution(argosy: CommandLine) -> None:
    asked = ("capital", "raise", str(EXAMPLE), "--pre-money", "6_000_000", "--amount", "3_000_000")
    owned = {
        payer: {one["name"]: one["ownership"] for one in found["after"]["by_holder"]}["Next round investors"]
        for payer in ("everyone", "existing")
        for found in [argosy.json(*asked, "--date", "2028-06-30", "--protection-paid-by", payer)]
    }
    assert owned["everyone"] < owned["existing"] == pytest.approx(1 / 3, abs=1e-4)
    assert "adds shares on top" in argosy(*asked, "--date", "2028-06-30").stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("captable", "nowhere.toml"), "missing-file"),
        (("captable", str(EXAMPLE), "--at", "tomorrow"), "--at tomorrow"),
        (("raise", str(EXAMPLE), "--pre-money", "-1", "--amount", "5"), "--pre-money -1"),
        (("raise", str(EXAMPLE), "--pre-money", "9e6", "--amount", "1234,56"), "--amount 1234,56"),
        (("raise", str(EXAMPLE), "--pre-money", "1e999999999", "--amount", "5"), "--pre-money 1e999999999"),
        (("simulate", str(EXAMPLE), "--paths", "1000.6"), "whole number"),
        (("raise", str(EXAMPLE), "--pre-money", "9e6", "--amount", "5", "--pool", "1"), "--pool 1"),
        (("raise", str(EXAMPLE), "--pre-money", "9e6", "--amount", "5", "--instead-of", "Sead"), "did you mean 'Seed'"),
        (("raise", str(EXAMPLE), "--pre-money", "100", "--amount", "5", "--instead-of", "Seed"), "cap_table.rounds"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], named: str, argosy: CommandLine) -> None:
    assert named in argosy("capital", *arguments, code=2).stderr


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("cash = 900_000", f"cash = {'9' * 5000}", "bad-toml"),
        ("start = 2026-12-01", "start = 0001-01-01", "start = "),
        ("interest = 0.06", "interest = 6", "cap_table.notes.0.interest: expected a share"),
        ("pre_money = 14_000_000", 'pre_money = "1e999999999"', "cap_table.rounds.0.pre_money: expected a number"),
        ('company = "Lexicon', 'ocf = "captabel"\ncompany = "Lexicon', "cap_table.ocf = 'captabel'"),
    ],
)
def test_wrong_values_are_named(old: str, new: str, named: str, argosy: CommandLine) -> None:
    """No traceback, and no minute of work on a power of ten."""
    text = (EXAMPLE / "capital.toml").read_text()
    (argosy.folder / "capital.toml").write_text(text.replace(old, new, 1))
    said = argosy("capital", "captable", "capital.toml", code=2).stderr
    assert named in said and "Traceback" not in said


def test_open_cap_format(argosy: CommandLine, data_folder: Path) -> None:
    schema = ("--schema", str(data_folder / "capital" / "ocf" / "schema"))
    made = argosy.json("capital", "to-ocf", str(EXAMPLE), "out", *schema)
    assert made["objects"] > 20 and (argosy.folder / "out" / "Manifest.ocf.json").exists()
    read = argosy.json("capital", "from-ocf", "out", *schema, "--output", "back.toml")
    assert read["written"] == ["back.toml", "back.ocf.json"]
    assert "exists" in argosy("capital", "from-ocf", "out", *schema, "--output", "back.toml", code=2).stderr
    assert "exists" in argosy("capital", "to-ocf", str(EXAMPLE), "out", *schema, code=2).stderr
    argosy("capital", "captable", "back.toml")
    (argosy.folder / "out" / "Manifest.ocf.json").write_text("{}")
    error = json.loads(argosy("capital", "from-ocf", "out", *schema, "--json", code=2).stdout)["error"]
    assert error["code"] == "bad-ocf"
