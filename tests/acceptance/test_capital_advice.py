"""`argosy capital advise` on the example, as a founder meets it."""

import json
from pathlib import Path

import pytest

from tests.conftest import CommandLine

pytestmark = pytest.mark.fast
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "capital"


def test_advice_under_four_heads_with_its_figures(argosy: CommandLine) -> None:
    found = argosy("capital", "advise", str(EXAMPLE), "--paths", "1000", "--json")
    tree = json.loads(found.stdout)
    assert {one["head"] for one in tree["advice"]} == {"technology", "data", "resources", "capital"}
    assert all(one["figures"] and one["computed"] and one["strength"] for one in tree["advice"])
    said = " ".join(one["what"] for one in tree["advice"])
    for part in ("at least, there by", "for the founders' expected value", "use cloud credits", "watch in this order"):
        assert part in said
    levers = {one["lever"] for one in tree["actions"]}
    assert {"smaller model", "fewer tokens", "other accelerators", "later hiring", "a SAFE now"} <= levers
    chances = json.loads(argosy("capital", "simulate", str(EXAMPLE), "--paths", "1000", "--json").stdout)
    assert tree["planned"] == chances["simulated"]["solvent"]["value"]
    assert {one["missing"] for one in tree["not_answered"]} >= {"purchase_usd in the venture's [plan]"}
