"""`[[partners]]`: shares and concentration from the ledger, against a count of their own here."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital.cash.lines import Horizon, cost_line
from argosy.capital.cash.partner_register import partners_of
from argosy.capital.months import month_number
from argosy.capital.plan.budget import CostConfig
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.capital.plan.resources_config import PartnerConfig
from argosy.cli.app import _run as command
from tests.capital.conftest import EXAMPLE, entry, refused, told

pytestmark = pytest.mark.fast
BEGIN = "start = 2027-01-01\nmonths = 12\ncash = 1_000_000\n"


def cost(name: str, kind: str, amount: float, provider: str | None, **keys: Any) -> str:
    """A `[[costs]]` entry."""
    return entry("costs", name=name, kind=kind, amount=amount, start="2027-01", provider=provider, **keys)


def partner(name: str, **keys: Any) -> str:
    """A `[[partners]]` entry."""
    return entry("partners", **{"name": name, "side": "upstream", "provides": ["compute"]} | keys)


@pytest.fixture
def register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `argosy capital plan --json` says of the partners of a plan."""

    def called(*parts: str) -> Any:
        (tmp_path / "capital.toml").write_text(BEGIN + "".join(parts))
        return told(capsys, "plan", str(tmp_path))["partners"]

    return called


GPUS = cost("gpus", "compute", 600, "cloud")
TEXT = cost("text", "data", 300, "library")
RENT = cost("rent", "office", 100, None)
SALES = '[[revenue]]\nname = "reseller"\namount = 500\nstart = "2027-07"\n'


def test_shares_of_spend_and_the_index_are_those_of_the_ledger(register: Any) -> None:
    found = register(GPUS, TEXT, RENT, partner("cloud"))
    (cloud,) = found["partners"]
    assert (cloud["cents"], cloud["share"]) == (12 * 600_00, 0.6)
    rows = {row["of"]: row for row in found["concentration"]}
    assert rows["spend"]["hhi_low"] == pytest.approx(60**2 + 30**2)
    assert rows["spend"]["hhi_high"] == pytest.approx(60**2 + 30**2 + 10**2)
    assert (rows["data"]["largest"], rows["data"]["hhi_low"]) == ("library", 10_000)
    assert "1,800" in found["bands"] and "2023" in found["bands"]
    said = [gap["what"] for gap in found["gaps"]]
    assert said == [
        "compute: 100% is cloud's, without an alternative: 7,200",
        "library has bills of 3,600 and is not in the register",
        "data: 100% is library's, without an alternative: 3,600",
        "office: bills of 1,200 name no provider",
    ]


def test_who_leaves_takes_the_worst_months_and_the_credits(register: Any) -> None:
    grown = cost("gpus", "compute", 600, "cloud", change_per_year=1.0)
    credits = '[[credits]]\nname = "c"\namount = 9e3\nstart = "2027-01"\nexpires = "2027-12"\nkinds = ["compute"]\n'
    named = credits + 'provider = "cloud"\nshare = 0.5\n'
    found = register(grown, named, partner("cloud", switching_months=3, alternatives=["other"]))
    (cloud,) = found["partners"]
    rows = [round(60_000 * 2 ** (month / 12)) for month in range(12)]
    assert cloud["lost_from"] == "2027-10" and cloud["lost_cents"] == sum(rows[-3:])
    assert cloud["forfeited_cents"] == sum(row // 2 for row in rows[-3:])
    assert found["gaps"] == []


def test_a_contract_that_ends_inside_the_plan_says_when_to_give_notice(register: Any) -> None:
    ends = {"contract_end": "2027-08", "notice_months": 3, "alternatives": ["other"]}
    found = register(GPUS, partner("cloud", **ends))
    (cloud,) = found["partners"]
    assert (cloud["contract_end"], cloud["notice_by"]) == ("2027-08", "2027-05")
    assert cloud["after_end_cents"] == 4 * 600_00
    (gap,) = found["gaps"]
    assert gap["what"] == "cloud's contract ends in 2027-08, notice by 2027-05; after that the plan has 2,400 from it"
    (open_end,) = register(GPUS, partner("cloud", **ends | {"contract_end": "2027-12"}))["partners"]
    assert open_end["contract_end"] is None


def test_downstream_it_is_revenue_by_name_or_by_share(register: Any) -> None:
    down = {"side": "downstream", "provides": ["distribution"]}
    found = register(SALES, partner("reseller", **down))
    assert found["partners"][0]["cents"] == 6 * 500_00
    assert found["gaps"][0]["what"] == "100% of revenue comes through reseller, without an alternative: 3,000"
    found = register(SALES, partner("shop", **down, revenue_share=0.4, switching_months=2))
    (shop,) = found["partners"]
    assert (shop["cents"], shop["share"], shop["lost_cents"]) == (6 * 200_00, 0.4, 2 * 200_00)
    revenue = found["concentration"][-1]
    assert (revenue["hhi_low"], revenue["hhi_high"]) == (pytest.approx(1600), pytest.approx(1600 + 3600))


def test_a_milestone_without_distribution_is_a_gap(register: Any) -> None:
    milestone = '[[milestones]]\nname = "customers"\nmonth = "2027-06"\n'
    said = [gap["what"] for gap in register(GPUS, milestone, partner("cloud", alternatives=["other"]))["gaps"]]
    assert said == ["milestone customers (2027-06): no partner for distribution, nothing spent on marketing by then"]
    fair = cost("fair", "marketing", 5, "fair", area="marketing", every="once")
    both = partner("cloud", alternatives=["b"]), partner("fair", provides=["marketing"], alternatives=["b"])
    assert register(GPUS, fair, milestone, *both)["gaps"] == []


def test_what_a_resource_displaces_is_had_from_its_provider(register: Any) -> None:
    gift = (
        '[[resources]]\nname = "g"\nkind = "data licence"\ndisplaces = "text"\nshare = 0.5\nstart = "2027-01"\n'
        'expires = "2027-12"\nprobability = 1\nprovider = "press"\n'
    )
    names = ("library", "press")
    found = register(TEXT, gift, *(partner(name, provides=["data"], alternatives=["b"]) for name in names))
    assert [one["cents"] for one in found["partners"]] == [1800_00, 1800_00]
    assert found["partners"][1]["forfeited_cents"] == 12 * 150_00


def test_people_of_a_partner_are_had_from_it_and_salaries_are_nobodys(register: Any) -> None:
    role = '[[people]]\nrole = "tutor"\narea = "research"\nsalary = 12_000\non_costs = 0\nstart = "2027-01"\n'
    gift = (
        '[[resources]]\nname = "g"\nkind = "people"\ndisplaces = "tutor"\npeople = 1\nstart = "2027-01"\n'
        'expires = "2027-03"\nprobability = 1\n'
    )
    named = gift + 'provider = "school"\n'
    found = register(role, GPUS, named, partner("school", provides=["people"]))
    assert found["partners"][0]["cents"] == 3 * 1_000_00
    assert [row["of"] for row in found["concentration"]] == ["spend", "compute", "people"]
    found = register(role, GPUS, gift, partner("cloud"))
    assert [row["of"] for row in found["concentration"]] == ["spend", "compute"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(1, 10**6)), min_size=1, max_size=8))
def test_shares_add_up_and_the_index_is_between_an_even_split_and_one(bills: list[tuple[str | None, int]]) -> None:
    horizon = Horizon(month_number("2027-01"), 3, "USD")
    configs = [
        CostConfig(name=str(n), kind="data", amount=cents / 100, every="once", start="2027-01", provider=provider)
        for n, (provider, cents) in enumerate(bills)
    ]
    names = sorted({name for name, _ in bills if name})
    register = tuple(PartnerConfig(name=name, side="upstream", provides=("data",)) for name in names)
    found = partners_of(
        CapitalPlan(costs=tuple(configs), partners=register), [cost_line(c, horizon) for c in configs], [], horizon
    )
    if found is None:
        assert not names
        return
    by_name = {name: sum(cents for each, cents in bills if each == name) for name in names}
    total = sum(cents for _, cents in bills)
    assert {one.name: one.cents for one in found.partners} == by_name
    low = sum((cents * 100 / total) ** 2 for cents in by_name.values())
    rest = 100 - sum(cents * 100 / total for cents in by_name.values())
    spend = found.concentration[0]
    assert spend.hhi_low == pytest.approx(low) and spend.hhi_high == pytest.approx(low + rest**2)
    assert sum(one.share for one in found.partners) == pytest.approx(spend.named)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ((partner("clod"),), "is no provider of this plan; did you mean 'cloud'"),
        (
            (partner("resellr", side="downstream", provides=["customers"]),),
            "no revenue of this plan; did you mean 'reseller'",
        ),
        ((partner("cloud"), partner("cloud")), "partners.1.name = 'cloud': it is there already"),
        ((partner("cloud", provides=["customers"]),), "a partner upstream does not provide 'customers'"),
        ((partner("cloud", provides=["computing"]),), "did you mean 'compute'"),
        ((partner("cloud", revenue_share=0.5),), "is for partners downstream"),
        ((partner("cloud", alternatives=["cloud"]),), "no alternative to itself"),
        ((partner("cloud", contract_end="soon"),), "expected a month such as 2027-03"),
        ((partner("cloud", switching_months=0),), "partners.0.switching_months"),
        (
            (partner("reseller", side="downstream", provides=["customers"], revenue_share=0.5),),
            "'reseller' says already what it pays",
        ),
        (
            [partner(n, side="downstream", provides=["customers"], revenue_share=0.6) for n in ("p", "q")],
            "revenue_share adds up to 1.2",
        ),
    ],
)
def test_wrong_input_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entries: tuple[str, ...], said: str
) -> None:
    (tmp_path / "capital.toml").write_text(BEGIN + GPUS + SALES + "".join(entries))
    refused(capsys, said, "plan", str(tmp_path))


def test_the_example_prints_both_tables_and_the_gaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    assert command(["capital", "plan", str(tmp_path / "plan")]) == 0
    told = capsys.readouterr().out
    for said in ("What is not cash", "university accelerators", "Partners:", "HHI", "Gaps of this plan:"):
        assert said in told
