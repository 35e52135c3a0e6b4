"""`capital.json`: its figures agree with the ledger, the table and each sale that they are summed from."""

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from argosy.capital import CapitalStory, Trained, capital_story
from argosy.config import UserError, VentureError
from tests.capital.conftest import EXAMPLES, changed

pytestmark = pytest.mark.fast
FOUNDERS = EXAMPLES / "founders"


@pytest.fixture(scope="module")
def story() -> CapitalStory:
    return capital_story(FOUNDERS, paths=500, trained=Trained(steps=7, wall_h=2.0, process_hours=16.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOUNDERS, tmp_path / "plan")
    return tmp_path / "plan"


def test_it_survives_its_file(story: CapitalStory) -> None:
    text = story.model_dump_json()
    assert CapitalStory.model_validate_json(text).model_dump_json() == text


def test_uses_are_all_expenses(story: CapitalStory) -> None:
    spent = sum(sum(month.expenses_cents.values()) for month in story.outlook.signed.months)
    assert sum(one.cents for one in story.uses) == story.expenses_cents == spent
    assert sum(one.share for one in story.uses) == pytest.approx(1)
    assert [one.cents for one in story.uses] == sorted((one.cents for one in story.uses), reverse=True)


def test_funding_is_what_parts_the_two_ledgers(story: CapitalStory) -> None:
    hoped, signed = (flow.months[-1].cash_cents for flow in (story.outlook.hoped, story.outlook.signed))
    fees = sum(round(one.cents * 0.02) for one in story.funding if one.name == "Seed")
    assert hoped - signed == story.sought_cents - fees
    assert story.sought_cents == sum(one.cents for one in story.funding if one.probability < 1)


def test_parties_own_and_get_all_of_it(story: CapitalStory) -> None:
    assert story.ownership is not None and story.table is not None and story.curve is not None
    for table in story.ownership.tables:
        assert sum(table.parts.values(), Fraction(0)) == 1
    assert story.ownership.tables[-1].parts["founders"] == story.table.table.founders
    (seed,) = story.ownership.rounds
    assert seed.founders_after < seed.founders_before and seed.amount_cents == 1_500_000_00
    for place, price in enumerate(story.curve.exits_cents):
        assert sum(paid[place] for paid in story.curve.paid_cents.values()) == price
    for paid in story.curve.paid_cents.values():
        assert list(paid) == sorted(paid), "nobody gets less at a higher price"
    for sale in story.sales:
        assert sum(sale.paid_cents.values()) == sale.returns.exit_cents


def test_averages_are_of_the_sales(story: CapitalStory) -> None:
    for one in story.expected:
        paid = [
            (
                sale.probability,
                next((each.paid_cents for each in sale.returns.holders if each.holder == one.holder), 0),
            )
            for sale in story.sales
        ]
        assert one.expected_cents == round(sum(chance * cents for chance, cents in paid))
        lost = sum(chance for chance, cents in paid if cents < one.invested_cents)
        assert one.loss_probability == lost


def test_what_training_took_is_priced_as_planned(story: CapitalStory) -> None:
    (training,) = story.trainings
    assert training.actual_usd == pytest.approx(16.0 * 2.95) and training.usd_per_hour == 2.95
    assert training.usd.middle == pytest.approx(training.accelerator_hours.middle * 2.95, rel=1e-6)
    elsewhere = capital_story(
        FOUNDERS, paths=100, trained=Trained(steps=7, wall_h=2.0, process_hours=16.0), of="b.toml"
    )
    assert elsewhere.trainings[0].actual is None, "what another venture's training took is not this one's"


def test_the_hash_is_the_plan_s_and_not_its_place(story: CapitalStory, folder: Path) -> None:
    assert capital_story(folder, paths=100).plan_sha256 == story.plan_sha256
    changed(folder, "cash = 680_000", "cash = 680_001")
    assert capital_story(folder, paths=100).plan_sha256 != story.plan_sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("probability = 0.35", "", "exits.1.probability"),
        ("probability = 0.35", "probability = 0.3", "sum to 0.95, expected exactly 1"),
        ("price = 800_000", "price = -1", "exits.0.price"),
        ('"2029-12-31"', '"2026-01-31"', "on 2026-01-31 nobody holds a share"),
        ("price = 150_000_000", "price = 1e300", "exits.2.price"),
        ('"2029-12-31"', '"soon"', "exits.0.date"),
        ("[[exits]]", "[[sales]]", "unknown key"),
        ('currency = "CNY"\nworth', 'currency = "EUR"\nworth', "CNY"),
        ('venture = "venture.toml"', 'venture = "other.toml"', "other.toml"),
    ],
)
def test_bad_plans_are_refused_by_key(folder: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        capital_story(changed(folder, old, new), paths=100)
    assert said in str(caught.value)


def test_sales_need_a_table(folder: Path) -> None:
    path = folder / "capital.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[cap_table]")] + text[text.index("[[rates]]") :], encoding="utf-8")
    with pytest.raises(UserError, match="no \\[cap_table\\]"):
        capital_story(folder, paths=100)


def test_a_broken_table_is_one_list_of_problems(folder: Path) -> None:
    with pytest.raises(VentureError):
        capital_story(changed(folder, 'share_class = "Series Seed"', 'share_class = "Series Sed"'), paths=100)
