"""`[[resources]]` as a user writes them: worth the cash they displace, and never more than the bill."""

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import read_capital, simulate
from argosy.capital.cash.cash_flow import cash_flow
from argosy.capital.cash.displacing import displacing
from argosy.capital.cash.lines import Horizon, cost_line
from argosy.capital.cash.outlooks import future_of
from argosy.capital.months import month_name, month_number
from argosy.capital.plan.budget import CostConfig, CreditConfig
from argosy.capital.plan.resources_config import ResourceConfig
from argosy.config import load_venture
from argosy.planning import plan as plan_of
from tests.capital.conftest import EXAMPLE, entry, refused, told

pytestmark = pytest.mark.fast
VENTURE = EXAMPLE / "venture.toml"
BEGIN = "start = 2027-01-01\nmonths = 12\ncash = 1_000_000\n[uncertainty]\n"
TRAINING = (
    '[[training]]\nventure = "venture.toml"\nstart = "2027-03"\nother_runs = 1\nother_runs_months = 2\n'
    'provider = "cloud"\n'
)
ROLE = (
    '[[people]]\nrole = "engineer"\narea = "research"\ncount = 4\nsalary = 120_000\non_costs = 0.2\nstart = "2027-04"\n'
)
TEXT = '[[costs]]\nname = "text"\nkind = "data"\narea = "research"\namount = 1_000\nstart = "2027-01"\n'


def resource(**keys: Any) -> str:
    """A `[[resources]]` entry."""
    return entry("resources", **{"name": "gift", "start": "2027-01", "expires": "2027-12", "probability": 1} | keys)


@pytest.fixture
def outlook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `argosy capital plan --json` says of the text of a plan."""

    def called(*parts: str) -> Any:
        shutil.copy(VENTURE, tmp_path)
        (tmp_path / "capital.toml").write_text(BEGIN + "".join(parts))
        return told(capsys, "plan", str(tmp_path))

    return called


def only(found: Any) -> Any:
    (use,) = found["resources"]["uses"]
    return use


def test_hours_of_another_accelerator_are_worth_what_they_displace_at_the_plans_own_price(outlook: Any) -> None:
    gift = resource(kind="accelerators", displaces="venture.toml", hours=6_000, accelerator="A100")
    found = outlook(TRAINING, gift)
    planned = plan_of(load_venture(VENTURE))
    assert planned.cost.usd_per_hour is not None
    cents = 6_000 * Fraction("312") / Fraction("989.4") * Fraction(str(planned.cost.usd_per_hour)) * 100
    use = only(found)
    assert abs(use["displaced_cents"] - cents) <= 1 and use["worth_cents"] == use["displaced_cents"]
    assert use["unused"] == 0 and use["warning"] is None and "312 / 989.4" in use["stated"]
    assert use["first_month"] == use["last_month"] == "2027-01"
    saved = found["signed"]["months"][-1]["cash_cents"] - outlook(TRAINING)["signed"]["months"][-1]["cash_cents"]
    assert saved == use["displaced_cents"]


def test_no_more_hours_than_the_training_uses_and_none_in_months_without_it(outlook: Any) -> None:
    (training,) = outlook(TRAINING)["trainings"]
    bill = training["final_cents"] + training["other_cents"]
    many = only(outlook(TRAINING, resource(kind="accelerators", displaces="venture.toml", hours=10**6)))
    assert many["displaced_cents"] == bill
    hours = plan_of(load_venture(VENTURE)).cost.accelerator_hours.middle
    assert many["unused"] == pytest.approx(10**6 - 2 * hours) and "will expire unused" in many["warning"]
    eight = only(outlook(TRAINING, resource(kind="accelerators", displaces="venture.toml", accelerators=8)))
    by_month = [min(8 * 730 / hours * training["final_cents"], training["other_cents"] / 2)] * 2
    expected = sum(by_month) + training["final_cents"] * 8 / 64
    assert eight["displaced_cents"] == pytest.approx(expected, abs=3) and eight["last_month"] == "2027-03"
    assert eight["offered"] == 12 * 8 * 730
    late = only(outlook(TRAINING, resource(kind="accelerators", displaces="venture.toml", hours=100, start="2027-06")))
    assert late["displaced_cents"] == late["worth_cents"] == 0
    assert "needed from 2027-01 to 2027-03, this is there from 2027-06" in late["warning"]
    (move,) = [one for one in late["changes"] if "put off" in one["what"]]
    assert "by 3 months, to 2027-06" in move["what"] and move["cash_cents"] == move["used_cents"] > 0
    assert late["warn_from"] == "2027-09" and late["unused"] == late["offered"] == 100


def test_a_venture_trained_twice_at_two_prices_has_no_price_of_an_hour(
    tmp_path: Path, outlook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = TRAINING + TRAINING.replace("2027-03", "2027-06")
    gift = resource(kind="accelerators", displaces="venture.toml", hours=10**6, expires="2027-04")
    moving = [text + "price_change_per_year = -0.3\n" for text in (TRAINING, TRAINING)]
    assert only(outlook(*moving, gift))["changes"] == []
    assert len(only(outlook(twice, gift))["changes"]) == 2
    path = tmp_path / "capital.toml"
    path.write_text(BEGIN + twice.replace("other_runs = 1\n", "other_runs = 1\nprice_change_per_year = -0.3\n") + gift)
    refused(capsys, "trained more than once at prices that differ", "plan", str(tmp_path))


def test_people_stand_in_for_a_part_of_a_role(outlook: Any) -> None:
    gift = resource(kind="people", displaces="engineer", people=1.5, expires="2027-06")
    use = only(outlook(ROLE, gift))
    assert use["displaced_cents"] == 3 * (4 * 12_000_00 * 3 // 8)
    assert (use["offered"], use["unused"]) == (9.0, 4.5) and use["unit"] == "months of a person"


def test_a_bill_is_displaced_in_the_month_it_is_for_and_spares_cash_when_it_is_paid(outlook: Any) -> None:
    later = TEXT + "paid_after_months = 2\n"
    found = outlook(
        later, resource(kind="data licence", displaces="text", share=0.5, start="2027-02", expires="2027-03")
    )
    months = found["signed"]["months"]
    assert [one["resources_cents"] for one in months] == [0, 0, 0, 500_00, 500_00, *[0] * 7]
    prepaid = TEXT + "prepaid = true\n"
    found = outlook(
        prepaid, resource(kind="data licence", displaces="text", share=0.5, start="2027-02", expires="2027-03")
    )
    assert [one["resources_cents"] for one in found["signed"]["months"]] == [1_000_00, *[0] * 11]


def test_only_what_is_signed_counts_as_signed_and_its_own_cost_with_it(outlook: Any) -> None:
    hoped = resource(kind="data licence", displaces="text", share=1.0, probability=0.5, cost_per_month=300)
    found, without = outlook(TEXT, hoped), outlook(TEXT)
    ends = [flow["months"][-1]["cash_cents"] for flow in (found["signed"], found["hoped"], without["signed"])]
    assert ends[0] == ends[2] and ends[1] - ends[0] == 12 * (1_000_00 - 300_00)
    use = only(found)
    assert use["worth_cents"] == 12 * 700_00 and use["cost_cents"] == 12 * 300_00
    dear = only(outlook(TEXT, resource(kind="data licence", displaces="text", share=0.1, cost_per_month=300)))
    assert dear["worth_cents"] == -12 * 200_00 and "costs 3,600 and spares 1,200" in dear["warning"]


def test_what_credits_would_pay_anyway_is_worth_nothing(outlook: Any) -> None:
    credits = '[[credits]]\nname = "c"\namount = 90_000\nstart = "2027-01"\nexpires = "2027-12"\nkinds = ["data"]\n'
    found = outlook(TEXT, credits, resource(kind="data licence", displaces="text", amount=2_000))
    _, gift = found["resources"]["uses"]
    assert gift["displaced_cents"] == 2_000_00 and gift["worth_cents"] == 0 and "spares no cash" in gift["warning"]
    assert found["resources"]["cash_cents"] == 0


def test_restricted_to_research_it_does_not_serve_operations(outlook: Any) -> None:
    office = '[[costs]]\nname = "tools"\nkind = "other"\namount = 10\nstart = "2027-01"\n'
    use = only(outlook(office, resource(kind="distribution", displaces="tools", share=1, areas=["research"])))
    assert use["displaced_cents"] == 0 and "serves operations, this only research" in use["warning"]


def test_credits_say_which_provider_or_later_expiry_would_use_them(outlook: Any) -> None:
    credits = '[[credits]]\nname = "c"\namount = 12_000\nstart = "2027-01"\nexpires = "2027-06"\n'
    found = outlook(TEXT, credits + 'kinds = ["data"]\nprovider = "library"\n')
    use = only(found)
    assert use["displaced_cents"] == 0 and use["warn_from"] == "2027-03"
    assert use["warning"] == "12,000 of 12,000 USD will expire unused at the end of 2027-06"
    assert use["changes"] == [
        {"what": "buy text from library, at the same price", "used_cents": 6_000_00, "cash_cents": 6_000_00}
    ]
    use = only(outlook(TEXT, credits + 'kinds = ["data"]\n'))
    assert use["changes"] == [{"what": "have it extended to 2027-12", "used_cents": 6_000_00, "cash_cents": 6_000_00}]


def test_futures_have_what_the_ledger_has(tmp_path: Path, outlook: Any) -> None:
    gifts = [
        resource(kind="data licence", displaces="text", share=0.5, cost_per_month=100),
        resource(name="hope", kind="data licence", displaces="text", amount=3_000, probability=0.3),
    ]
    found = outlook(TEXT, ROLE, *gifts)
    plan, _ = read_capital(tmp_path)
    future = future_of(plan, tmp_path)
    assert sum(float(one.monthly.sum()) for one in future.streams) == pytest.approx(
        (found["hoped"]["months"][-1]["cash_cents"] - 100_000_000) / 100
    )
    cash = simulate(future, 20_000, 1).fan[-1]
    signed, hoped = (found[name]["months"][-1]["cash_cents"] / 100 for name in ("signed", "hoped"))
    assert cash[0] == pytest.approx(signed) and cash[-1] == pytest.approx(hoped)


HORIZON = Horizon(month_number("2027-01"), 8, "USD")
MONTHS = st.integers(-2, 9).map(lambda n: month_name(HORIZON.start + n))
COSTS = st.builds(
    CostConfig,
    name=st.sampled_from(["a", "b"]),
    kind=st.sampled_from(["compute", "data"]),
    amount=st.integers(0, 10**4).map(lambda n: n / 100),
    every=st.sampled_from(["once", "month"]),
    start=MONTHS,
    paid_after_months=st.integers(0, 3),
    prepaid=st.booleans(),
)
CREDITS = st.builds(
    CreditConfig,
    name=st.just("credit"),
    amount=st.integers(0, 10**4).map(lambda n: n / 100),
    start=MONTHS,
    expires=MONTHS,
    kinds=st.sampled_from([("compute",), ("compute", "data")]),
    share=st.floats(0.1, 1.0),
)


@st.composite
def gifts(draw: st.DrawFn) -> ResourceConfig:
    """A share or an amount of a cost."""
    first, months = draw(st.integers(-2, 9)), draw(st.integers(0, 9))
    measure = draw(st.sampled_from([{"share": 0.37}, {"share": 1.0}, {"amount": 33.33}, {"amount": 500.0}]))
    return ResourceConfig(
        name="gift",
        kind="data licence",
        displaces=draw(st.sampled_from(["a", "b"])),
        start=month_name(HORIZON.start + first),
        expires=month_name(HORIZON.start + first + months),
        probability=1.0,
        cost_per_month=draw(st.sampled_from([0.0, 1.11])),
        **measure,
    )


@settings(deadline=None, max_examples=300)
@given(st.lists(COSTS, max_size=4), st.lists(CREDITS, max_size=2), st.lists(gifts(), max_size=3))
def test_bills_are_cash_and_credits_and_resources_to_the_cent(
    costs: list[CostConfig], credits: list[CreditConfig], given: list[ResourceConfig]
) -> None:
    both = [CostConfig(name=name, kind="data", amount=0.0, start="2027-01") for name in ("a", "b")]
    lines = [cost_line(cost, HORIZON) for cost in [*costs, *both]]
    found = displacing(given, lines, [], [], HORIZON)
    months = cash_flow(0, lines, [], [], credits, HORIZON, found).months
    own = [one.own for one in found if one.own is not None]
    plain = cash_flow(0, [*lines, *own], [], [], credits, HORIZON).months
    before = with_them = 0
    for number, month in enumerate(months):
        bills = sum(line.paid[number] for line in [*lines, *own])
        assert 0 <= month.resources_cents + month.credits_cents <= bills
        assert bills == -month.operating_cash_cents + month.credits_cents + month.resources_cents
        before += plain[number].credits_cents
        with_them += month.credits_cents + month.resources_cents
        # No month ends with less cash for what comes on top, but for a cent of each part of a bill paid by share.
        assert with_them >= before - HORIZON.months * len(lines) * len(credits)


ACCELERATORS = {"kind": "accelerators", "displaces": "venture.toml"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (ACCELERATORS | {"displaces": "ventur.toml", "hours": 1}, "did you mean 'venture.toml'"),
        (ACCELERATORS | {"hours": 1, "accelerator": "H10"}, "accelerator 'H10' is not known; did you mean 'h100'"),
        (ACCELERATORS | {"hours": 1, "expires": "2026-12"}, "expires = 2026-12 is before start = 2027-01"),
        (ACCELERATORS | {"share": 0.5}, "kind 'accelerators' does not go with 'share'"),
        (ACCELERATORS | {"hours": 1, "accelerators": 2}, "not hours and accelerators"),
        (ACCELERATORS | {"hours": -1}, "resources.0.hours"),
        (ACCELERATORS, "expected one of share, amount"),
        ({"kind": "people", "displaces": "enginer", "people": 1}, "did you mean 'engineer'"),
        ({"kind": "people", "displaces": "engineer", "share": 1}, "does not go with 'share'"),
        ({"kind": "data licence", "displaces": "texts", "share": 1}, "did you mean 'text'"),
        ({"kind": "data licence", "displaces": "text", "share": 1.5}, "resources.0.share"),
        ({"kind": "data licence", "displaces": "text", "amount": 1, "currency": "EUR"}, "resources.0.currency = 'EUR'"),
        (
            {"kind": "data licence", "displaces": "text", "share": 1, "accelerator": "H100"},
            "is for kind 'accelerators'",
        ),
        ({"kind": "data license", "displaces": "text", "share": 1}, "did you mean 'data licence'"),
        ({"kind": "data licence", "displaces": "text", "share": 1, "probability": 2}, "resources.0.probability"),
        ({"kind": "data licence", "displaces": "text", "share": 1, "list_price": 9}, "list_price"),
    ],
)
def test_wrong_input_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: dict[str, Any], said: str
) -> None:
    shutil.copy(VENTURE, tmp_path)
    (tmp_path / "capital.toml").write_text(BEGIN + TRAINING + ROLE + TEXT + resource(**keys))
    refused(capsys, said, "plan", str(tmp_path))
