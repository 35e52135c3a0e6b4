"""A venture with `capital.toml` beside it: the money in the run, its report, and what happens when either changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.capital.conftest import EXAMPLES
from tests.conftest import CommandLine

FOUNDERS = EXAMPLES / "founders"


@pytest.fixture
def venture(tiny_venture: Path) -> Path:
    """The tiny venture, priced, with the founders' plan beside it."""
    plan = '\n[plan]\naccelerators = "8xH100"\nusd_per_hour = 2.0\n'
    tiny_venture.write_text(tiny_venture.read_text() + plan)
    shutil.copy(FOUNDERS / "capital.toml", tiny_venture.parent)
    return tiny_venture


def read(run: Path) -> Any:
    return json.loads((run / "capital.json").read_text())


def test_the_money_is_joined_to_the_run(argosy: CommandLine, venture: Path) -> None:
    run, capital = venture.parent / "runs" / "tiny", venture.parent / "capital.toml"
    whole = capital.read_text(encoding="utf-8")
    capital.write_text(whole.replace("worth = 0.141", "worth = -1"))
    refused = argosy("run", str(venture), code=2)
    assert "rates.0.worth" in refused.stderr and not run.exists(), "before anything is spent"
    capital.write_text(whole.replace('currency = "CNY"\nworth', 'currency = "EUR"\nworth'))
    assert "no-rate" in argosy("run", str(venture), code=2).stderr and not run.exists()
    capital.write_text(whole)

    argosy("run", str(venture))
    (training,) = read(run)["trainings"]
    assert training["venture"] == "venture.toml" and training["actual"]["steps"] == 12
    hours = sum(json.loads(line)["step_s"] for line in (run / "metrics.jsonl").read_text().splitlines()) / 3600
    assert training["actual"]["process_hours"] == pytest.approx(hours)
    assert training["actual_usd"] == pytest.approx(2.0 * hours)
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "by the receipt of capital" in report
    assert (
        'id="investor"' in report
        and 'id="engineer"' in report
        and "Fadian Intelligence" in (run / "capital.toml").read_text()
    )

    again = argosy("run", str(venture))
    assert again.stderr.count("done already") == 5
    by_name = argosy("report", "tiny")
    assert by_name.stderr.count("done already") == 5, "the run's own copy of the plan means the same"

    capital.write_text(whole.replace("cash = 680_000", "cash = 681_000"))
    richer = argosy("run", str(venture))
    assert richer.stderr.count("done already") == 3 and "capital: done in" in richer.stderr
    assert read(run)["outlook"]["signed"]["opening_cents"] == 681_000_00
    states = {one["stage"]: one["state"] for one in argosy.json("status", "tiny")["stages"]}
    assert states["capital"] == "done"

    capital.unlink()
    poorer = argosy("run", str(venture))
    assert poorer.stderr.count("done already") == 3 and not (run / "capital.json").exists()
    assert 'id="investor"' not in (run / "report.html").read_text(encoding="utf-8")


def test_a_plan_without_a_run_has_its_pages(argosy: CommandLine, tmp_path: Path) -> None:
    made = argosy.json("capital", "report", str(FOUNDERS), "--output", "page.html")
    assert made["company"] == "Fadian Intelligence" and (tmp_path / "page.html").stat().st_size > 100_000
    assert argosy.json("capital", "pdf", str(FOUNDERS))["page"] == "investor.pdf"
    assert (tmp_path / "investor.pdf").read_bytes().startswith(b"%PDF")
    argosy("capital", "pdf", str(FOUNDERS), "--language", "zh")
    assert "现金" in (tmp_path / "investor.zh.html").read_text(encoding="utf-8")
    assert "has to end in .pdf" in argosy("capital", "pdf", str(FOUNDERS), "--output", "a.html", code=2).stderr
    argosy("capital", "report", "nothing", code=2)
