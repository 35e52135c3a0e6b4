"""`argosy capital plan|simulate|waterfall` on the example, as a user would call them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from argosy.capital import outlook, read_capital, simulate
from argosy.capital.cash.outlooks import future_of
from argosy.cli.app import _run as command
from tests.capital.conftest import changed, refused, told

pytestmark = pytest.mark.fast
NAMES = ("Bridge Lender", "Angel Fund", "Ada")


def test_the_ledger_of_the_example_adds_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "plan", str(folder))
    for flow in (found["signed"], found["hoped"]):
        cash = flow["opening_cents"]
        for month in flow["months"]:
            cash += month["operating_cash_cents"] + month["funding_cents"] - month["interest_cents"]
            assert month["cash_cents"] == cash
            spent = sum(month["expenses_cents"].values())
            assert month["profit_cents"] == month["revenue_cents"] - spent - month["interest_cents"]
    seed = found["hoped"]["months"][-1]["cash_cents"] - found["signed"]["months"][-1]["cash_cents"]
    assert seed == 3_500_000_00
    (training,) = found["trainings"]
    assert training["low_cents"] < training["final_cents"] < training["high_cents"]
    assert training["other_cents"] == training["final_cents"] and "read" in training["price"]
    march = next(month for month in found["signed"]["months"] if month["month"] == "2027-03")
    assert march["expenses_cents"]["compute"] == march["credits_cents"] == training["final_cents"]


def test_an_unpaid_bill_runs_out_of_money_and_says_when_to_raise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "capital.toml").read_text().replace("cash = 900_000", "cash = 300_000")
    (folder / "capital.toml").write_text(text)
    found = told(capsys, "plan", str(folder))
    signed = found["signed"]
    out = next(month["month"] for month in signed["months"] if month["cash_cents"] < 0)
    assert signed["out_of_cash"] == out and signed["default_alive_from"] is None
    year, month = map(int, out.split("-"))
    began = (year * 12 + month - 1) - 6
    assert found["raise_from"] == f"{began // 12}-{began % 12 + 1:02d}"
    assert command(["capital", "plan", str(folder)]) == 0
    assert "a round has to begin by" in capsys.readouterr().out
    short = text[: text.index("[cap_table]")].replace("months = 36", "months = 24").replace("300_000", "260_000")
    rent = 'name = "rent"\nkind = "office"\namount = 10_000\nstart = "2026-12"\n'
    (folder / "capital.toml").write_text(f"{short}[[costs]]\n{rent}")
    found = told(capsys, "plan", str(folder))  # it lasts two months longer than the plan, which is no excuse
    assert found["signed"]["out_of_cash"] is None and found["signed"]["runway_months"] == 26
    assert found["raise_from"] == "2028-08" and found["safety_months"] == 20


def test_what_lies_outside_the_plan_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "plan", str(folder))["outside"] == []
    changed(folder, 'month = "2027-06"', 'month = "2072-06"')
    assert told(capsys, "plan", str(folder))["outside"] == ["Seed Fund, 2072-06"]
    assert command(["capital", "plan", str(folder)]) == 0
    assert "not counted: Seed Fund, 2072-06" in capsys.readouterr().out


def test_a_plan_of_one_month_is_advised(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "capital.toml"
    path.write_text(path.read_text().replace("months = 36", "months = 1"))
    found = told(capsys, "advise", str(folder), "--paths", "100")
    assert any("the channels spend 0" in one["bought"] for one in found["allocation"]["moved"])


def test_tax_is_paid_by_the_ledger_and_in_every_future(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = told(capsys, "plan", str(folder))["hoped"]
    path = folder / "capital.toml"
    path.write_text(path.read_text() + "\n[tax]\nprofit_rate = 0.21\nlosses_offset = 0.8\n")
    found = told(capsys, "plan", str(folder))["hoped"]
    paid = sum(month["tax_paid_cents"] for month in found["months"])
    assert paid == sum(month["tax_cents"] for month in found["months"]) > 0
    assert found["months"][-1]["cash_cents"] == before["months"][-1]["cash_cents"] - paid
    plan, _ = read_capital(path)
    taxes = next(one for one in future_of(plan, folder).streams if one.name == "taxes")
    assert -taxes.monthly.sum() == pytest.approx(paid / 100)


def test_the_same_seed_tells_the_same_chances(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("simulate", str(folder), "--paths", "2000", "--seed", "7")
    first, again = told(capsys, *words), told(capsys, *words)
    assert first == again and 0 < first["simulated"]["solvent"]["value"] < 1
    names = [one["name"] for one in first["swings"]]
    assert {"subscriptions (revenue 0)", "Seed Fund (funding 0)"} == set(names[:2])


def test_a_sale_is_divided_to_the_cent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "waterfall", str(folder), "--exit", "60_000_000", "--at", "2029-06-30")
    assert sum(one["paid_cents"] for one in found["payouts"]) == 60_000_000_00
    assert sum(one["paid_cents"] for one in found["holders"]) == 60_000_000_00
    early = told(capsys, "waterfall", str(folder), "--exit", "60_000_000", "--at", "2027-01-30")
    angel = next(one for one in early["payouts"] if one["name"].startswith("Angel Fund's SAFE"))
    assert angel["converted"] and angel["paid_cents"] > 600_000_00


def test_a_return_counts_from_the_day_the_money_came_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not from the round that converted it, and a note's interest is no money that was paid in."""
    found = told(capsys, "waterfall", str(folder), "--exit", "60_000_000", "--at", "2029-06-30")
    lender, angel, founder = ({one["holder"]: one for one in found["holders"]}[name] for name in NAMES)
    assert lender["invested_cents"] == pytest.approx(150_000_00, abs=100)
    years = (date(2029, 6, 30) - date(2026, 9, 1)).days / 365
    assert 1 + lender["xirr"] == pytest.approx((lender["paid_cents"] / lender["invested_cents"]) ** (1 / years))
    sale, seed = date(2029, 6, 30), 262_499_49
    flows = {date(2026, 4, 15): seed - angel["invested_cents"], date(2027, 6, 30): -seed, sale: angel["paid_cents"]}
    worth = sum(cents / (1 + angel["xirr"]) ** ((day - sale).days / 365) for day, cents in flows.items())
    assert angel["invested_cents"] - seed == pytest.approx(600_000_00, abs=100) and abs(worth) < 1
    assert founder["invested_cents"] == 450_00


def test_a_sale_pays_what_is_owed_to_a_bank_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "capital.toml"
    bank = 'kind = "venture debt"\namount = 120_000\nmonth = "2028-12"\nprobability = 1\n'
    terms = 'name = "bank"\ninterest_per_year = 0.12\nrepaid_over_months = 12\n'
    path.write_text(path.read_text() + f"\n[[funding]]\n{terms}{bank}")
    found = told(capsys, "waterfall", str(folder), "--exit", "60_000_000", "--at", "2029-06-30")
    (debt,) = [one for one in found["payouts"] if one["name"].startswith("bank")]
    assert debt["paid_cents"] == 70_000_00 + 700_00  # five of twelve parts were paid by May; June's interest
    assert sum(one["paid_cents"] for one in found["payouts"]) == 60_000_000_00
    poor = told(capsys, "waterfall", str(folder), "--exit", "50_000", "--at", "2029-06-30")
    assert [one["name"] for one in poor["payouts"] if one["paid_cents"]] == [debt["name"]]


def test_without_doubt_the_median_future_is_the_ledger(folder: Path) -> None:
    path = folder / "capital.toml"
    text = path.read_text().partition("[uncertainty]")[0].replace("probability = 0.6", "probability = 1")
    training = text[text.index("[[training]]") : text.index("[[traffic]]")]
    second = training.replace("2027-03", "2027-09").replace('contract = "as used"', "")
    path.write_text(text.replace(training, training + second))
    plan, _ = read_capital(path)
    future = future_of(plan, folder)
    assert future.training is not None
    certain = replace(future, training=replace(future.training, factor_80=1.0))
    ledger = outlook(plan, folder).hoped
    fan = simulate(certain, paths=100).fan
    for row, month in zip(fan, ledger.months, strict=True):
        assert row[2] == pytest.approx(month.cash_cents / 100, abs=2.0), month.month


BANK = """Text,Amount,Date,Balance
PAYROLL DECEMBER,-31800.00,2026-12-28,1
Landlord GmbH,"-3,500.00",2026-12-03,1
Cloud invoice 17,-250.5,2027-01-05,1
who knows,-9.99,2027-01-06,1
"""


def test_the_bank_is_set_beside_the_plan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank, path = folder / "bank.csv", folder / "capital.toml"
    bank.write_text(BANK)
    rules = [("payroll", "people"), ("landlord", "office"), ("^cloud", "compute")]
    entries = (f"[[statement]]\nmatch = '{match}'\nkind = '{kind}'\n" for match, kind in rules)
    path.write_text(path.read_text() + "\n" + "\n".join(entries))
    found = told(capsys, "actuals", str(bank), "--plan", str(folder))
    rows = {(row["month"], row["kind"]): (row["planned_cents"], row["actual_cents"]) for row in found["rows"]}
    salaries = 2 * 160_000_00 * 122 // 100 // 12
    assert rows["2026-12", "people"] == (pytest.approx(-salaries - 2 * 8_000_00, abs=1), -31_800_00)
    assert rows["2026-12", "office"] == (-3_500_00, -3_500_00)
    assert rows["2027-01", "compute"][1] == -250_50 and rows["2027-01", "unmatched"] == (0, -999)
    assert [one["text"] for one in found["unmatched"]] == ["who knows"]
    assert found["actual_cents"] == -31_800_00 - 3_500_00 - 250_50 - 999
    assert command(["capital", "actuals", str(bank), "--plan", str(folder)]) == 0
    assert "No [[statement]] rule has these" in capsys.readouterr().out
    bank.write_text("date,amount,text\n2026-12-01,-3500,landlord\n2027-02-01,-3500,landlord\n")
    rows = told(capsys, "actuals", str(bank), "--plan", str(folder))["rows"]
    assert {"month": "2027-01", "kind": "office", "planned_cents": -3_500_00, "actual_cents": 0}.items() <= next(
        row.items() for row in rows if (row["month"], row["kind"]) == ("2027-01", "office")
    )  # a month without a booking is one in which nothing was paid


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("Date,Amount\n2027-01-01,3\n", "no column 'text'"),
        ("date,amount,text\n01/02/2027,3,x\n", "line 2"),
        ("date,amount,text\n2027-01-01,three,x\n", "expected a number"),
        ("date,amount,text\n2020-01-01,3,x\n", "is not in the plan"),
        ("date,amount,text\n", "no booking in it"),
        ("date,amount,text\n2027-01-01,3\n", "line 2 has no text"),
        ("date,amount,text\n2027-01-01,5.001,x\n", "expected whole cents"),
    ],
)
def test_a_file_that_is_no_bank_list_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    (folder / "bank.csv").write_text(lines)
    refused(capsys, said, "actuals", str(folder / "bank.csv"), "--plan", str(folder))


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        (("cash = 900_000\n", ""), ("plan",), "cash is missing"),
        (('currency = "EUR"\non_costs', 'currency = "GBP"\non_costs'), ("plan",), "people.1.currency = 'GBP'"),
        (('currency = "EUR"\nworth', 'currency = "USD"\nworth'), ("plan",), "rates.0.currency = 'USD'"),
        (('kind = "office"', 'kind = "office"\nend = "2026-01"'), ("plan",), "costs.0.end = '2026-01'"),
        (("date = 2027-06-30", "date = 2026-01-30"), ("plan",), "cap_table.safes.0: Angel Fund's SAFE"),
        (("date = 2027-06-30", "date = 2026-01-30"), ("simulate",), "converts in no round"),
        (("cap = 8_000_000", "cap = 500_000"), ("plan",), "own 120.0% of the company"),
        (("shares = 4_500_000", "shares = -4_500_000"), ("plan",), "cap_table.holdings.0.shares = -4500000"),
        (("months = 36", 'months = 36\nrounding = "down"'), ("plan",), "rounding = 'down'"),
        (('currency = "USD"', 'currency = "CNY"'), ("plan",), "training.0 = 'USD': a currency with [[rates]] in CNY"),
        (("other_runs = 1.0\n", ""), ("plan",), "training.0.other_runs: required key is missing"),
        (('date = "2026-11-01"\n', ""), ("plan",), "traffic.0.date: required key is missing"),
        (('date = "2026-11-01"', 'date = "November"'), ("plan",), "expected a date such as 2027-03-31"),
        (('start = "2027-07"\n', 'start = "2027-13"\n'), ("plan",), "expected a month such as 2027-03"),
        (('kinds = ["compute"', 'kinds = ["computing"'), ("plan",), "did you mean 'compute'"),
        (("venture.toml", "nowhere.toml"), ("plan",), "no venture at"),
        (("", ""), ("simulate", "--paths", "3"), "expected 100 to"),
        (("", ""), ("simulate", "--seed", "-1"), "seed = -1: expected 0 or more"),
        (("", ""), ("advise", "--seed", "-1"), "seed = -1: expected 0 or more"),
        (('"first customers"', '"the money lasts"'), ("simulate",), "milestones.0.name = 'the money lasts'"),
        (
            ('"first customers"', '"public benchmark page"'),
            ("simulate",),
            "milestones.0.name = 'public benchmark page'",
        ),
        (('"public benchmark page"', '"the money lasts"'), ("plan",), "artefacts.0.name = 'the money lasts'"),
        (("tokens_per_month = 2e9", "tokens_per_month = 1e300"), ("plan",), "traffic.0: less than a quadrillion"),
        (("start = 2026-12-01", "start = 0001-01-01"), ("plan",), "start = 0001-01-01: expected"),
        (('expires = "2027-11"', 'expires = "2026-11"'), ("plan",), "credits.0.expires = '2026-11'"),
        (("worth = 1.16", "worth = 1e300"), ("plan",), "rates.0.worth = 1e+300"),
        (("", ""), ("waterfall", "--exit", "1e300"), "--exit 1e300: expected less than a quadrillion"),
        (("", ""), ("waterfall", "--exit", "much"), "much"),
        (("", ""), ("waterfall", "--exit", "5", "--at", "2025-01-01"), "nobody holds a share"),
        (('shares = "down"', 'shares = "none"'), ("waterfall", "--exit", "5"), "a sale divides whole shares"),
        (
            ("seniority = 1,", "seniority = 1, preference = 2, participating = true, participation_cap = 1.5,"),
            ("waterfall", "--exit", "5"),
            "cap_table.classes.1.participation_cap = 1.5: 2, the preference",
        ),
        (("[[milestones]]", "[tax]\nprofit_rate = 21\n[[milestones]]"), ("plan",), "tax.profit_rate = 21"),
    ],
)
def test_wrong_input_is_named(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    words: tuple[str, ...],
    said: str,
) -> None:
    refused(capsys, said, words[0], str(changed(folder, *change)), *words[1:])
