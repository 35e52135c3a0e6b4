"""The watch as its users meet it: what an entry saves equals two plans' difference, and what is wrong is named."""

import json
from datetime import date
from pathlib import Path

import pytest

from argosy.capital import technologies, watch
from argosy.config import VentureError, language_venture, load_venture
from argosy.hardware import accelerator
from argosy.planning import plan
from tests.conftest import CommandLine

pytestmark = pytest.mark.fast
VENTURE = Path(__file__).resolve().parents[2] / "examples" / "plans" / "seven-b.toml"
DATED = 'date = "2026-01"\nsource = "a paper"\nfigure = "as it says"\nconditions = "as it says"\n'
ON = ("--on", "2026-11-30", "--json")


def _written(folder: Path, *entries: str, head: str = "alone = true") -> str:
    path = folder / "catalogue.toml"
    path.write_text(f"{head}\n" + "\n".join(f"[[entries]]\n{entry}" for entry in entries))
    return str(path)


def _watched(argosy: CommandLine, *entries: str, also: tuple[str, ...] = ()) -> dict[str, object]:
    catalogue = _written(argosy.folder, *entries)
    found: dict[str, object] = json.loads(argosy("watch", str(VENTURE), "--catalogue", catalogue, *ON, *also).stdout)
    return found


def test_what_is_planned_again_equals_two_plans(argosy: CommandLine) -> None:
    """Each saving beside `argosy plan --what-if`, which knows nothing of catalogues."""
    found = _watched(
        argosy,
        f'name = "eight bits"\nkind = "precision"\narithmetic = "float8"\n{DATED}',
        f'name = "B200"\nkind = "accelerator"\naccelerator = "B200"\n{DATED}',
        f'name = "an offer"\nkind = "price"\naccelerator = "H100"\nusd_per_hour = 2.0\n{DATED}',
        f'name = "fewer steps"\nkind = "optimiser"\noptimizer = "muon"\ncompute_share = 0.5\n{DATED}',
    )
    tokens = plan(language_venture(load_venture(VENTURE))).question.tokens
    changes = {
        "eight bits": "arithmetic=float8",
        "B200": "accelerators=64xB200",
        "an offer": "usd_per_hour=2",
        "fewer steps": f"tokens={tokens / 2:.0f}",
    }
    asked = [word for change in changes.values() for word in ("--what-if", change)]
    plans = json.loads(argosy("plan", str(VENTURE), *asked, "--json").stdout)
    alternatives = {one["name"]: one for one in found["alternatives"]}  # type: ignore[attr-defined]
    assert set(alternatives) == set(changes) and not found["left_out"]
    for name, change in changes.items():
        other = plans["what_if"][change]
        usd = plans["cost"]["usd"]["middle"] - other["cost"]["usd"]["middle"]
        hours = plans["duration"]["wall_h"]["middle"] - other["duration"]["wall_h"]["middle"]
        assert alternatives[name]["usd_saved"] == pytest.approx(usd, rel=1e-6)
        assert alternatives[name]["hours_saved"] == pytest.approx(hours, rel=1e-6, abs=1e-9)
    assert alternatives["fewer steps"]["known"] == "published, not measured here"
    assert alternatives["B200"]["known"] == "planned" and alternatives["eight bits"]["quality"] == "as published"
    saved = [one["usd_saved"] for one in found["alternatives"]]  # type: ignore[attr-defined]
    assert saved == sorted(saved, reverse=True) and min(saved) > 0


def test_what_does_not_apply_is_left_out_with_the_reason(argosy: CommandLine) -> None:
    found = _watched(
        argosy,
        f'name = "a"\nkind = "precision"\narithmetic = "float8"\n{DATED}',
        f'name = "b"\nkind = "accelerator"\naccelerator = "A100"\n{DATED}',
        f'name = "c"\nkind = "price"\naccelerator = "B200"\nusd_per_hour = 2.0\n{DATED}',
        f'name = "d"\nkind = "optimiser"\noptimizer = "adamw"\ncompute_share = 0.5\n{DATED}',
        f'name = "e"\nkind = "optimiser"\noptimizer = "soap"\ninstead_of = ["sgd"]\ncompute_share = 0.5\n{DATED}',
        f'name = "f"\nkind = "optimiser"\noptimizer = "soap"\nmost_parameters = 1e9\ncompute_share = 0.5\n{DATED}',
        f'name = "g"\nkind = "architecture"\nqueries_per_key = 2\n{DATED}',
        f'name = "h"\nkind = "price"\naccelerator = "A100"\nusd_per_hour = 900.0\n{DATED}',
        f'name = "i"\nkind = "architecture"\nsame_loss = true\n{DATED}'.replace("2026-01", "2027-01"),
        f'name = "j"\nkind = "accelerator"\naccelerator = "T4"\n{DATED}',
        also=("--set", "plan.accelerators=64xA100", "--set", "plan.text_gb=40"),
    )
    reasons = {one["name"]: one["reason"] for one in found["left_out"]}  # type: ignore[attr-defined]
    assert not found["alternatives"]
    for name, said in {
        "a": "has no float8",
        "b": "is what is planned",
        "c": "a price of B200",
        "d": "is what is planned",
        "e": "compares with sgd",
        "f": "1 B parameters, not 6.92 B",
        "g": "query heads",
        "h": "saves nothing here",
        "i": "dated 2027-01",
        "j": "T4 has no bfloat16",
    }.items():
        assert said in reasons[name], (name, reasons[name])


def test_a_spot_price_says_that_restarts_are_not_in_it(argosy: CommandLine) -> None:
    entry = f'kind = "price"\ncontract = "spot"\n{DATED}'
    counted = f'name = "two"\nhours_between_failures = 200.0\n{entry}'
    found = {one["name"]: one for one in _watched(argosy, f'name = "one"\n{entry}', counted)["alternatives"]}  # type: ignore[attr-defined]
    assert "never taken back" in found["one"]["known"] and found["two"]["known"] == "planned"
    assert found["two"]["usd_saved"] < found["one"]["usd_saved"] and found["two"]["hours_saved"] < 0


def test_the_same_loss_is_the_same_and_needs_the_text() -> None:
    venture = language_venture(load_venture(VENTURE, ["training.tokens=1_000_000_000_000"]))
    entry = [one for one in technologies() if one.same_loss]
    found = watch(venture, entry, on=date(2026, 11, 30))
    (one,) = found.alternatives
    assert one.quality == "same loss by the scaling law" and one.usd_saved is not None and one.usd_saved > 0
    assert one.instead.endswith(" B") and float(one.instead.split()[0]) > 6.92
    little = language_venture(load_venture(VENTURE, ["training.tokens=1_000_000_000_000", "plan.text_gb=100"]))
    assert "there are 25 B" in watch(little, entry, on=date(2026, 11, 30)).left_out[0].reason


def test_old_entries_are_marked(argosy: CommandLine) -> None:
    entry = f'name = "B200"\nkind = "accelerator"\naccelerator = "B200"\n{DATED}'
    for months, stale in (("10", False), ("9", True)):
        found = _watched(argosy, entry, also=("--stale-after", months))
        assert found["alternatives"][0]["stale"] is stale  # type: ignore[index]


def test_entries_of_ones_own_come_on_top(tmp_path: Path) -> None:
    own = technologies()
    entry = f'name = "B200"\nkind = "accelerator"\naccelerator = "GB200"\n{DATED}'
    more = technologies(_written(tmp_path, entry, head=""))
    assert len(more) == len(own) and more[-1].accelerator == "GB200"
    assert len(technologies(_written(tmp_path, entry))) == 1
    for shipped in own:
        if shipped.kind == "accelerator":
            assert f"{accelerator(shipped.accelerator or '').bfloat16_tflops:,.0f} dense" in shipped.figure
        assert any(year in shipped.source for year in ("202", "skypilot"))


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ('name = "x"\nkind = "accelerator"\naccelerator = "B200"', "entries.0.date"),
        (f'name = "x"\nkind = "acelerator"\n{DATED}', "did you mean 'accelerator'"),
        (f'name = "x"\nkind = "accelerator"\n{DATED}', "needs `accelerator`"),
        (f'name = "x"\nkind = "optimiser"\noptimizer = "muon"\n{DATED}', "needs `compute_share`"),
        (f'name = "x"\nkind = "price"\nusd_per_hour = 2\n{DATED}', "needs `accelerator`"),
        (f'name = "x"\nkind = "price"\ncontract = "spot"\nprize = 2\n{DATED}', "entries.0.prize"),
        (f'name = "x"\nkind = "precision"\narithmetic = "float8"\n{DATED}'.replace("2026-01", "2026-13"), "2026-13"),
        (f'name = "x"\nkind = "precision"\narithmetic = "float8"\n{DATED}'.replace("a paper", ""), "entries.0.source"),
        (f'name = "x"\nkind = "precision"\narithmetic = "float9"\n{DATED}', "did you mean 'float"),
    ],
)
def test_a_wrong_entry_is_named(entry: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(VentureError) as caught:
        technologies(_written(tmp_path, entry))
    assert "entries.0" in str(caught.value) and named in str(caught.value)


def test_mistakes_at_the_command_line(argosy: CommandLine) -> None:
    entry = f'name = "x"\nkind = "accelerator"\naccelerator = "B2000"\n{DATED}'
    unknown = _written(argosy.folder, entry)
    assert "did you mean" in argosy("watch", str(VENTURE), "--catalogue", unknown, code=2).stderr
    assert (
        "is there twice"
        in argosy("watch", str(VENTURE), "--catalogue", _written(argosy.folder, entry, entry), code=2).stderr
    )
    assert "no catalogue at" in argosy("watch", str(VENTURE), "--catalogue", "none.toml", code=2).stderr
    assert "stale_after = -1" in argosy("watch", str(VENTURE), "--stale-after", "-1", code=2).stderr
    assert (
        "stale-after: expected a whole number" in argosy("watch", str(VENTURE), "--stale-after", "1.5", code=2).stderr
    )
    assert (
        "on = 0001-01-01: expected 2023-05 or later"
        in argosy("watch", str(VENTURE), "--on", "0001-01-01", code=2).stderr
    )
    argosy("init", "digits", "--task", "classification")
    assert "wrong-goal" in argosy("watch", "digits", code=2).stderr


def test_for_people(argosy: CommandLine) -> None:
    said = argosy("watch", str(VENTURE), "--on", "2026-11-30").stdout
    for words in ("Muon", "published, not measured here", "savings do not add up", "left out", "arXiv:2412.19437"):
        assert words in said
