"""The return of a training run and the value of waiting equal closed forms and cases worked out by hand."""

import csv
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from argosy.capital import PriceFall, training_return
from argosy.capital.months import month_number
from argosy.capital.technology.past_rents import fitted_fall, public_fall
from argosy.cli.app import _run as command
from argosy.config import UserError
from tests.capital.conftest import changed, refused, told

pytestmark = pytest.mark.fast
RATE = 1.01**12 - 1  # 1 % a month


def test_return_by_hand() -> None:
    found = training_return([1000, 200], [0, 300, 600, 600], RATE)
    flows = [-1000, 100, 600, 600]
    assert found.net_present_value_cents == pytest.approx(sum(f / 1.01**t for t, f in enumerate(flows)))
    assert (found.cost_cents, found.gain_cents, found.payback_months) == (1200, 1500, 3)
    assert found.discounted_payback_months == 3
    assert found.rate.rate is not None
    monthly = (1 + found.rate.rate) ** (1 / 12)
    assert sum(f / monthly**t for t, f in enumerate(flows)) == pytest.approx(0, abs=1e-6)
    factor = found.gain_factor_to_break_even
    assert factor is not None
    gains = [0, 300 / 1.01, 600 / 1.01**2, 600 / 1.01**3]
    assert factor * sum(gains) == pytest.approx(1000 + 200 / 1.01)


def test_payback_must_last() -> None:
    """A second run in month 3 puts the account below zero again."""
    assert training_return([100, 0, 0, 200], [0, 100, 50, 0, 150], 0.0).payback_months == 4
    assert training_return([100], [0, 99], 0.0).payback_months is None
    assert training_return([100], [0, 100, 1], 0.5).payback_months == 1
    assert training_return([100], [0, 100, 1], 0.5).discounted_payback_months is None
    assert training_return([100], [], 0.1).gain_factor_to_break_even is None


def test_return_refuses() -> None:
    with pytest.raises(UserError, match=r"gain_cents\[1\] = -5"):
        training_return([100], [0, -5], 0.1)
    with pytest.raises(UserError, match="above −1"):
        training_return([100], [0, 5], -1.0)


PLAN = """start = 2027-01-01
months = {months}
cash = {cash}
discount_per_year = {rate}
{more}
[[training]]
venture = "venture.toml"
start = "{start}"
other_runs = 0.0
price_change_per_year = {change}
brings = ["subscriptions"]
[[revenue]]
name = "subscriptions"
amount = {gain}
start = "{gains}"
"""


def _worth(folder: Path, capsys: pytest.CaptureFixture[str], **changes: Any) -> Any:
    usual: dict[str, Any] = {"months": 60, "cash": 10**9, "rate": 0.25, "more": "", "start": "2029-01", "change": -0.4}
    text = PLAN.format(**usual | {"gain": 5_000, "gains": "2029-02"} | changes)
    (folder / "capital.toml").write_text(text, encoding="utf-8")
    return told(capsys, "plan", str(folder))["worths"][0]


def test_a_training_is_worth_what_its_own_months_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the months of the ledger, in which nothing else is; beyond it the revenue of its last month goes on."""
    found = _worth(folder, capsys, more='worth_until = "2033-12"', start="2027-03", gains="2027-04")
    months = told(capsys, "plan", str(folder))["hoped"]["months"]
    flows = [one["revenue_cents"] - one["expenses_cents"].get("compute", 0) for one in months] + [500_000] * 24
    worth = sum(cents / 1.25 ** (month / 12) for month, cents in enumerate(flows))
    assert found["as_planned"]["net_present_value_cents"] == pytest.approx(worth, rel=1e-12)
    assert found["as_planned"]["gain_cents"] == (57 + 24) * 500_000
    planned = next(one for one in found["starts"] if one["start"] == "2027-03")
    assert planned["net_present_value_cents"] == pytest.approx(worth, rel=1e-12)
    assert command(["capital", "plan", str(folder)]) == 0
    assert "worth most if begun in" in capsys.readouterr().out


@pytest.mark.parametrize(("change", "rate", "gain"), [(-0.4, 0.25, 6_000), (-0.6, 0.15, 9_000), (0.0, 0.2, 3_000)])
def test_the_best_start_is_the_closed_form(
    folder: Path, capsys: pytest.CaptureFixture[str], change: float, rate: float, gain: int
) -> None:
    """V(m) = −K·e^(−λm)·v^m + gain·v^(m + 1) / (1 − v), gains without an end, of whole months m."""
    found = _worth(folder, capsys, change=change, rate=rate, gain=gain, more='worth_until = "2600-12"')
    first = 24  # the planned start
    cost = next(one for one in found["starts"] if one["start"] == "2029-01")["cost_cents"]
    discount = (1 + rate) ** (-1 / 12)

    def value(month: int) -> float:
        endless = 100 * gain * discount ** (month + 1) / (1 - discount)
        return float(endless - cost * (1 + change) ** ((month - first) / 12) * discount**month)

    best = max(range(first - 24, first + 25), key=value)
    assert month_number(found["best"]["start"]) - month_number("2027-01") == best
    waited = max(value(month) for month in range(first, first + 25)) - value(first)
    assert found["value_of_waiting_cents"] == pytest.approx(max(0.0, waited), rel=1e-3, abs=2)
    assert change < 0 or best == 0


def test_the_runway_ends_the_wait(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Waiting would pay, and the rent leaves nothing to train with."""
    rent = '[[costs]]\nname = "rent"\nkind = "office"\namount = 2_000\nstart = "2027-01"\n'
    more = {"change": -0.6, "gain": 600, "start": "2027-06", "gains": "2027-07"}
    rich = _worth(folder, capsys, **more)
    path = folder / "capital.toml"
    path.write_text(path.read_text().replace("cash = 1000000000", "cash = 32_000") + rent)
    poor = told(capsys, "plan", str(folder))["worths"][0]
    assert poor["best_with_endless_cash"]["start"] == rich["best"]["start"] > poor["best"]["start"]
    for one in poor["starts"]:
        assert one["possible"] == (one["lowest_cash_cents"] >= 0)
    assert not poor["best_with_endless_cash"]["possible"] and poor["best"]["possible"]
    assert 0 < poor["value_of_waiting_cents"] < rich["value_of_waiting_cents"]


def test_a_later_start_is_the_same_course_that_much_later(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What grows has as long to grow; of its course the last months are cut, those after the plan too."""
    _worth(folder, capsys, more='worth_until = "2033-12"', start="2030-06", gains="2030-08")
    changed(folder, 'start = "2030-08"', 'start = "2030-08"\ngrowth_per_month = 0.05')
    found = told(capsys, "plan", str(folder))
    months = [one["revenue_cents"] for one in found["hoped"]["months"]]
    course = months[months.index(500_000) :]  # from 2030-08, the plan's 44th month
    course += course[-1:] * (7 * 12 - len(months))
    starts = found["worths"][0]["starts"]
    planned = [one["start"] for one in starts].index("2030-06")
    assert len(starts) == 49
    for place, one in enumerate(starts):
        later = place - planned
        whole = course + course[-1:] * max(0, -later)
        assert one["gain_cents"] == sum(whole[: len(course) - later])


def test_the_page_says_that_no_start_is_possible(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    impossible = "but cash does not reach until it ends; no start is possible"
    for cash, said in ((100, impossible), (900_000, "waiting is worth")):
        _worth(folder, capsys, cash=cash, start="2027-02", gains="2027-03")
        assert command(["capital", "report", str(folder), "--output", str(folder / "page.html")]) == 0
        assert said in (folder / "page.html").read_text(encoding="utf-8")
        capsys.readouterr()


@pytest.mark.parametrize(("until", "fine"), [("9999-01", False), ("2026-12", False), ("2900-01", True)])
def test_the_last_month_that_counts_is_in_reach(
    folder: Path, capsys: pytest.CaptureFixture[str], until: str, fine: bool
) -> None:
    _worth(folder, capsys, more='worth_until = "2033-12"')
    changed(folder, "2033-12", until)
    changed(folder, "discount_per_year = 0.25", "discount_per_year = 10")
    if fine:
        told(capsys, "plan", str(folder))
    else:
        refused(capsys, "worth_until", "plan", str(folder))


def test_a_saving_is_a_gain_and_a_loss_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _worth(folder, capsys, gain=0, start="2027-02", gains="2027-03")
    assert found["best"] is None and found["value_of_waiting_cents"] == 0
    assert found["as_planned"]["gain_factor_to_break_even"] is None
    changed(folder, 'brings = ["subscriptions"]', "saving_per_month = 4_000")
    found = told(capsys, "plan", str(folder))["worths"][0]
    assert found["as_planned"]["gain_cents"] == 58 * 400_000  # trained within the second month


def test_what_is_billed_at_the_end_and_what_ends_after_it_count_beyond_the_plan(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Customers of the last two months pay after it, a pilot's end is its end, and the rest of the run is paid."""
    more = {"months": 14, "start": "2028-02", "more": 'worth_until = "2028-12"', "change": 0.0}
    _worth(folder, capsys, **more, gains="2028-01")
    changed(folder, 'start = "2028-01"', 'start = "2028-01"\nreceived_after_months = 2')
    found = told(capsys, "plan", str(folder))["worths"][0]
    assert found["as_planned"]["gain_cents"] == 10 * 500_000  # March to December
    changed(folder, 'start = "2028-01"', 'start = "2028-01"\nend = "2028-01"')
    assert told(capsys, "plan", str(folder))["worths"][0]["as_planned"]["gain_cents"] == 500_000
    text = (folder / "venture.toml").read_text(encoding="utf-8").replace("64xH100", "4xH100")
    (folder / "venture.toml").write_text(text, encoding="utf-8")
    changed(folder, "other_runs = 0.0", "other_runs = 0.0\nsaving_per_month = 1_000")
    found = told(capsys, "plan", str(folder))
    run, worth = found["trainings"][0], found["worths"][0]["as_planned"]
    assert 1 < run["months"] < 11 and worth["cost_cents"] == run["final_cents"]
    assert worth["gain_cents"] == 500_000 + 100_000 * (24 - math.ceil(13 + run["months"]))


def test_what_a_training_brings_has_a_name_and_a_rate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _worth(folder, capsys)
    changed(folder, 'brings = ["subscriptions"]', 'brings = ["subscription"]')
    refused(capsys, "training.0.brings.0", "plan", str(folder))
    changed(folder, 'brings = ["subscription"]', 'brings = ["subscriptions"]')
    path = folder / "capital.toml"
    text = path.read_text()
    path.write_text(text + text[text.index("[[revenue]]") :])
    refused(capsys, "a name of one thing, 2 have it", "plan", str(folder))
    path.write_text(text)
    changed(folder, "discount_per_year = 0.25\n", "")
    refused(capsys, "discount_per_year", "plan", str(folder))
    soon = _worth(folder, capsys, more='worth_until = "2029-03"')
    assert soon["until"] == "2029-03" and soon["as_planned"]["gain_cents"] == 2 * 500_000
    changed(folder, "2029-03", "2028-12")
    refused(capsys, "training.0.start = '2029-01': expected 2028-12", "plan", str(folder))
    changed(folder, "2028-12", "2032-12")
    changed(folder, 'start = "2029-01"', 'start = "2032-01"')
    refused(capsys, "training.0.start = '2032-01': expected 2031-12", "plan", str(folder))


def test_a_public_price_tells_how_it_fell() -> None:
    """Of Epoch AI's half-years and today's offers; nothing where an accelerator has too few."""
    found = public_fall("H100 SXM")
    assert found is not None and found.standard_error is not None and -0.5 < found.per_year < 0.5
    assert public_fall("no such accelerator") is None
    with pytest.raises(UserError, match="three prices"):
        fitted_fall([("lab", date(2024, 1, 1), 2.0)] * 5, "one day")
    with pytest.raises(ValidationError, match="source"):
        PriceFall(per_year=0.2, source="")


def test_a_fall_built_in_is_fitted() -> None:
    """A dear vendor, and from the second year on a cheap one: the change of vendors is no fall of prices."""
    days = [date(2024, 1, 1) + timedelta(days=30 * i) for i in range(24)]
    level = [("dear", 3.0, days), ("cheap", 1.0, days[12:]), ("seen once", 0.1, days[-1:])]
    prices = [
        (vendor, day, usd * 0.7 ** ((day - days[0]).days / 365.25)) for vendor, usd, seen in level for day in seen
    ]
    assert fitted_fall(prices, "built in").per_year == pytest.approx(0.3, abs=1e-9)
    noise = np.random.default_rng(0).normal(0, 0.1, len(prices))
    noisy = [(vendor, day, usd * math.exp(e)) for (vendor, day, usd), e in zip(prices, noise, strict=True)]
    rough = fitted_fall(noisy, "built in")
    assert rough.standard_error is not None
    assert abs(rough.per_year - 0.3) < 3 * rough.standard_error < 0.3


def test_fall_of_a_shared_price_series(data_folder: Path) -> None:
    """H100 on demand, each vendor against itself; yearly medians fell from 4.76 (2023) to 3.62 (2025)."""
    with (data_folder / "capital" / "hardware_prices_epoch.csv").open(encoding="utf-8-sig") as file:
        prices = [
            (row["Vendor"], date.fromisoformat(row["Price date"]), float(price))
            for row in csv.DictReader(file)
            if row["Hardware model"] == "NVIDIA H100 SXM5 80GB" and (price := row["Price per chip-hour (on-demand)"])
        ]
    assert len(prices) > 10
    found = fitted_fall(prices, "Epoch AI, hardware prices, on demand, to 2025-03-17")
    assert found.standard_error is not None
    assert -2 * found.standard_error < found.per_year < 0.5
