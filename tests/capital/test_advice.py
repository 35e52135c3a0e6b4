"""Advice: equal to closed forms where there are any, to the other verbs everywhere; paired differences unbiased."""

import math
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import CapitalPlan, advise, outlook, read_capital, simulate
from argosy.capital.advice.actions import least
from argosy.capital.advice.advice_results import Alternative
from argosy.capital.advice.allocation import allocation
from argosy.capital.advice.alternatives import alternatives, tenure_cases
from argosy.capital.advice.dilution import resized, with_rounds
from argosy.capital.advice.levers import Lever, levers, unsigned
from argosy.capital.advice.raising import raising
from argosy.capital.advice.study import Case, Study, effect, loss_change
from argosy.capital.cash.futures import LASTS, TRAINED, Future, Stream, TrainingTime, events
from argosy.capital.cash.pricing import Planner
from argosy.capital.plan.advice_config import AdviceConfig, OptionConfig, SafeNowConfig
from argosy.capital.plan.budget import (
    CostConfig,
    CreditConfig,
    FundingConfig,
    RevenueConfig,
    RoleConfig,
    TrafficConfig,
    TrainingRunConfig,
    UncertaintyConfig,
)
from argosy.capital.plan.market_config import ArtefactConfig, ChannelConfig
from argosy.capital.plan.resources_config import ResourceConfig
from argosy.planning import Plan
from tests.capital.conftest import EXAMPLE, changed, refused, told

pytestmark = pytest.mark.fast
Z90 = NormalDist().inv_cdf(0.9)
BILL_USD, MONTHS, FACTOR = 200_000.0, 6.0, 1.3


class Toy(Planner):
    """Trainings whose bill and time are in proportion to parameters and tokens, log-normal by a known factor."""

    answer: Plan

    def __call__(self, asked: TrainingRunConfig, *, size: float = 1.0, tokens: float = 1.0, **plan_keys: Any) -> Plan:
        much = size * tokens
        cost, wall = self.answer.cost, self.answer.duration.wall_h
        assert cost.usd is not None
        hours = much * MONTHS * 730
        spans = {"low": hours / FACTOR, "middle": hours, "high": hours * FACTOR}
        usd = cost.usd.model_copy(update=dict.fromkeys(spans, much * BILL_USD))
        return self.answer.model_copy(
            update={
                "cost": cost.model_copy(update={"usd": usd}),
                "duration": self.answer.duration.model_copy(update={"wall_h": wall.model_copy(update=spans)}),
            }
        )


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(EXAMPLE)


@pytest.fixture(scope="module")
def toy(planner: Planner) -> Toy:
    found = Toy(EXAMPLE)
    found.answer = planner(TrainingRunConfig(venture="venture.toml", start="2027-01", other_runs=0.0))
    return found


def simple(**sections: Any) -> CapitalPlan:
    """A training, cash, and nothing else unless it is said."""
    training = TrainingRunConfig(venture="venture.toml", start="2027-01", other_runs=0.0)
    keys: dict[str, Any] = {"start": date(2027, 1, 1), "months": 24, "cash": 100_000.0, "training": (training,)}
    return CapitalPlan(**(keys | sections))


def lever(study: Study, name: str) -> Lever:
    return next(one for one in levers(study) if isinstance(one, Lever) and one.name == name)


@pytest.mark.parametrize(("name", "target"), [("fewer tokens", 0.9), ("smaller model", 0.8)])
def test_the_least_change_is_the_analytic_one(toy: Toy, name: str, target: float) -> None:
    """With a share f of the tokens a training of T·f months, log-normal, costs f·bill·T/median: P(cost ≤ cash) is
    Φ(ln(cash/(f·bill))/σ), so that f = cash/bill·e^(−σ·z)."""
    plan = simple(advice=AdviceConfig(target_probability=target, event=TRAINED))
    study = Study(plan, EXAMPLE, planner=toy)
    found = least(study, lever(study, name))
    deviation = math.log(FACTOR) / Z90
    z = NormalDist().inv_cdf(target)
    expected = 100_000 / BILL_USD * math.exp(-deviation * z)
    assert found is not None and found.action.reaches
    # Of the quantile of so many paths, √(p(1 − p)/n)/φ(z)·σ; and a dial halved seven times.
    error = math.sqrt(target * (1 - target) / study.paths) / NormalDist().pdf(z) * deviation
    assert abs(found.action.level / expected - 1) < 4 * error + 0.2 / 2**7 / expected
    assert found.action.cost_cents == pytest.approx(-(1 - found.action.level) * BILL_USD * 100, rel=1e-6)
    assert found.action.delay_months == pytest.approx(-(1 - found.action.level) * MONTHS)


def test_money_that_saves_every_future_is_the_ledgers_shortfall(toy: Toy) -> None:
    costs = (CostConfig(name="all", kind="other", amount=10_000.0, start="2027-01"),)
    plan = simple(training=(), costs=costs, cash=55_000.0, raising_months=2)
    needs = raising(Study(plan, EXAMPLE, paths=100, planner=toy))[0].needs
    # Cash lasts five months; money in the sixth still comes in time, later does not.
    assert [one.month for one in needs] == [f"2027-{month:02d}" for month in range(1, 7)]
    assert {one.amount_cents for one in needs} == {(24 * 10_000 - 55_000) * 100}
    assert needs[-1].begin == "2027-04"


def test_the_money_that_is_needed_makes_the_plan_just_as_sure(toy: Toy) -> None:
    revenue = (RevenueConfig(name="sales", amount=9_000.0, start="2027-04"),)
    costs = (CostConfig(name="all", kind="other", amount=10_000.0, start="2027-01"),)
    unsure = FundingConfig(name="round", kind="round", amount=1e6, month="2027-05", probability=0.5)
    doubt = {"revenue_deviation": 0.6, "revenue_delay_months": 2.0}
    plan = simple(training=(), costs=costs, revenue=revenue, funding=(unsure,), cash=60_000.0, uncertainty=doubt)
    study = Study(plan, EXAMPLE, paths=4_000, planner=toy)
    needs = raising(study)[0].needs
    amounts = [one.amount_cents for one in needs]
    assert amounts == sorted(amounts)
    for one in (needs[0], needs[-1]):
        for less, enough in ((0, True), (100, False)):
            amount = (one.amount_cents - less) / 100
            money = FundingConfig(name="new", kind="grant", amount=amount, month=one.month, probability=1.0)
            never = unsure.model_copy(update={"probability": 0.0})
            happened = study.tried(study.base.with_plan(funding=(never, money)))
            assert study.reached(happened) is enough


def test_the_interval_of_what_is_needed_covers_it_as_often_as_it_says(toy: Toy) -> None:
    """100,000 to pay, 10,000 there, sales of 50,000·e^(σz): the money for 0.9 is 90,000 − 50,000·e^(−σ·z₉₀)."""
    cost = CostConfig(name="bill", kind="other", amount=100_000.0, every="once", start="2027-02")
    sales = RevenueConfig(name="sales", amount=50_000.0, start="2027-02", end="2027-02")
    doubt = {"revenue_deviation": 0.5}
    plan = simple(training=(), costs=(cost,), revenue=(sales,), cash=10_000.0, months=2, uncertainty=doubt)
    exact, covered, seeds = 90_000 - 50_000 * math.exp(-0.5 * Z90), 0, 200
    for seed in range(seeds):
        need = raising(Study(plan, EXAMPLE, paths=400, seed=seed, planner=toy))[0].needs[0]
        assert need.low_cents is not None and need.high_cents is not None
        covered += need.low_cents <= exact * 100 <= need.high_cents
    assert abs(covered / seeds - 0.8) < 4 * math.sqrt(0.8 * 0.2 / seeds)


def test_paired_differences_are_unbiased_and_their_error_is_what_it_says() -> None:
    """P(training ends before the money) has a closed form; means over seeds equal its differences."""
    training = TrainingTime(start_month=0.0, months=6.0, factor_80=1.5, per_month=10.0)
    before, after = Future(60.0, [], 40, training), Future(66.0, [], 40, training)
    deviation = math.log(1.5) / Z90
    exact = NormalDist().cdf(math.log(6.6 / 6.0) / deviation) - NormalDist().cdf(0.0)
    found = [
        effect(TRAINED, events(before, 400, seed)[TRAINED], events(after, 400, seed)[TRAINED]) for seed in range(300)
    ]
    changes = np.array([one.change for one in found])
    spread = float(changes.std(ddof=1))
    assert abs(float(changes.mean()) - exact) < 4 * spread / math.sqrt(len(changes))
    said = float(np.mean([one.standard_error for one in found]))
    assert abs(said / spread - 1) < 4 / math.sqrt(2 * len(changes))
    # Unpaired it would be twice as large.
    unpaired = math.sqrt(sum(p * (1 - p) for p in (0.5, 0.5 + exact)) / 400)
    assert said < 0.6 * unpaired


def test_what_changes_nothing_makes_exactly_no_difference(toy: Toy) -> None:
    safe = SafeNowConfig(cap=1e6, month="2027-03", probability=0.0)
    revenue = (RevenueConfig(name="sales", amount=9_000.0, start="2027-04"),)
    doubt = {"price_deviation": 0.3, "revenue_deviation": 0.4}
    costs = (CostConfig(name="all", kind="other", amount=3_000.0, start="2027-01"),)
    plan = simple(advice=AdviceConfig(safe=safe), revenue=revenue, costs=costs, uncertainty=doubt)
    study = Study(plan, EXAMPLE, paths=2_000, planner=toy)
    dial = lever(study, "a SAFE now")
    same = [dial.case(0.1), Case(plan, lambda asked: toy(asked, size=1.0)), lever(study, "fewer tokens").case(1.0)]
    for case in same:
        for one in study.effects(study.tried(case)):
            assert one.change == 0.0 and one.standard_error == 0.0
        assert study.cost_cents(study.outlook_of(case)) == 0


def test_a_cost_that_is_added_leaves_the_random_numbers_of_others_alone(toy: Toy) -> None:
    costs = tuple(
        CostConfig(name=name, kind="other", amount=4_000.0, start="2027-01") for name in ("rent", "rent", "power")
    )
    plan = simple(costs=costs, uncertainty={"price_deviation": 0.5, "hiring_delay_months": 1.0})
    study = Study(plan, EXAMPLE, paths=1_000, planner=toy)
    free = CostConfig(name="free", kind="other", amount=0.0, start="2027-01")
    for others in ((free, *costs), (costs[0], free, *costs[1:])):
        assert all(one.change == 0.0 for one in study.effects(study.tried(study.base.with_plan(costs=others))))
    names = [one.name for one in study.future.streams]
    assert len(set(names)) == len(names)


def test_artefacts_move_with_training_as_milestones_do(toy: Toy) -> None:
    page = ArtefactConfig(name="page", kind="benchmark page", month="2027-09", cost=10.0)
    study = Study(simple(cash=1e6, artefacts=(page,)), EXAMPLE, paths=500, planner=toy)
    moved = lever(study, "training later").case(3.0).plan
    assert moved.artefacts[0].month == "2027-12" and moved.training[0].start == "2027-04"


def test_who_is_there_already_is_not_hired_later(toy: Toy) -> None:
    """Delays spare nothing of a role filled before the plan; they do of one that begins in it."""
    role = RoleConfig(role="engineer", area="research", salary=12_000.0, on_costs=0.0, start="2026-05")
    late = UncertaintyConfig(hiring_delay_months=6.0)
    plan = simple(cash=20_000.0, training=(), people=(role,), uncertainty=late)
    assert Study(plan, EXAMPLE, paths=500, planner=toy).probability()[0] == 0
    new = plan.model_copy(update={"people": (role.model_copy(update={"start": "2027-02"}),)})
    assert Study(new, EXAMPLE, paths=500, planner=toy).probability()[0] > 0.3
    sales = RevenueConfig(name="sales", amount=1_000.0, start="2026-12")
    paid = plan.model_copy(
        update={"cash": 0.0, "revenue": (sales,), "uncertainty": UncertaintyConfig(revenue_delay_months=6.0)}
    )
    assert Study(paid, EXAMPLE, paths=500, planner=toy).probability()[0] == 1


def test_a_prepaid_training_is_paid_once_however_long_it_takes(toy: Toy) -> None:
    training = TrainingRunConfig(venture="venture.toml", start="2027-01", other_runs=0.0, contract="prepaid")
    study = Study(simple(training=(training,), cash=BILL_USD + 1), EXAMPLE, paths=500, planner=toy)
    assert study.happened[LASTS].all() and study.happened[TRAINED].all()
    study = Study(simple(training=(training,), cash=BILL_USD - 1), EXAMPLE, paths=500, planner=toy)
    assert not study.happened[LASTS].any()


@settings(max_examples=60, deadline=None)
@given(
    opening=st.floats(0, 200),
    more=st.floats(0, 100),
    monthly=st.lists(st.floats(-20, 15), min_size=12, max_size=12),
    deviation=st.floats(0, 1),
    probability=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_more_cash_never_lowers_a_probability(
    opening: float, more: float, monthly: list[float], deviation: float, probability: float, seed: int
) -> None:
    stream = Stream("flow", np.array(monthly), probability, deviation, 1.0, 0.2)
    training = TrainingTime(1.0, 4.0, 1.4, 3.0, 0.2)
    future = Future(opening, [stream], 12, training, {"launch": 8.0})
    before, after = (events(one, 200, seed) for one in (future, replace(future, opening=opening + more)))
    for name, happened in before.items():
        assert not (happened & ~after[name]).any()


def test_the_loss_of_fewer_tokens_moves_as_the_law_says(planner: Planner) -> None:
    training = TrainingRunConfig(venture="venture.toml", start="2027-01", other_runs=0.0)
    whole, half = planner(training), planner(training, tokens=0.5)
    change = loss_change(whole, half)
    assert change is not None and loss_change(whole, whole) is None
    tokens = whole.question.tokens

    def term(exponent: float) -> float:
        """The part of the change that tokens make, the fitted losses staying at 2e10 tokens."""
        factor = 2085.43 * 2e10 ** (exponent - 0.3658)
        return factor * ((tokens / 2) ** -exponent - tokens**-exponent)

    assert change.after - change.before == pytest.approx(term(0.3658), rel=1e-6)
    far = 1.645 * 0.02 * abs(term(0.3658 + 1e-5) - term(0.3658 - 1e-5)) / 2e-5
    assert (change.high - change.low) / 2 == pytest.approx(far, rel=1e-4)
    assert change.before == whole.loss.nats_per_token and change.after == half.loss.nats_per_token


@pytest.fixture(scope="module")
def advised(planner: Planner) -> Any:
    plan, _ = read_capital(EXAMPLE)
    return advise(plan, EXAMPLE, paths=1_000, seed=3, planner=planner)


def test_its_figures_are_those_of_the_other_verbs(advised: Any, planner: Planner) -> None:
    plan, _ = read_capital(EXAMPLE)
    study = Study(plan, EXAMPLE, paths=1_000, seed=3, planner=planner)
    told = simulate(study.future, 1_000, 3)
    assert (advised.planned, advised.standard_error) == (told.solvent.value, told.solvent.standard_error)
    for source in advised.allocation.sources:
        assert source.without[0].before >= advised.planned >= source.without[0].after
    # A round of 3.5 million that comes in six of ten futures, log-normal about its median.
    months, (seed,) = advised.allocation.funding, advised.allocation.sources
    expected = 0.6 * 3_500_000 * math.exp(0.2**2 / 2)
    assert abs(months[-1].expected - expected) < 4 * 1_800_000 / math.sqrt(1_000)
    assert [one.expected for one in months] == sorted(one.expected for one in months)
    (risk,) = (one for one in advised.risks if "does not come" in one.name)
    assert abs(risk.worst - seed.without[0].after) < 4 * math.hypot(risk.worst_error, 0.016)
    assert risk.lowered_by and risk.then > risk.worst
    ledger = outlook(plan, EXAMPLE).hoped
    assert {area: cents for area, cents in advised.allocation.areas_cents.items() if cents} == ledger.areas_cents
    (planned,) = (one for one in advised.alternatives if one.name == "as planned")
    assert planned.cost_cents == 0 and all(one.change == 0 for one in planned.effects)
    credits = next(one for one in advised.advice if one.what.startswith("use "))
    assert f"{ledger.credits[0].used_cents / 100:,.0f}" in credits.figures[0].value


def test_founders_get_what_the_waterfall_says(advised: Any, capsys: pytest.CaptureFixture[str]) -> None:
    whole = 0.0
    for price, day, probability in (("60_000_000", "2029-06-30", 0.2), ("8_000_000", "2028-12-31", 0.4)):
        found = told(capsys, "waterfall", str(EXAMPLE), "--exit", price, "--at", day)
        holders = {one["holder"]: one["paid_cents"] for one in found["holders"]}
        whole += probability * (holders["Ada"] + holders["Bo"])
    (planned,) = (one for one in advised.raising.founders if one.amount_cents == 3_500_000_00)
    assert planned.exit_cents == pytest.approx(whole, abs=1)
    assert planned.expected_cents == planned.lasts * planned.exit_cents
    shares = [one.founders for one in advised.raising.founders]
    assert shares == sorted(shares, reverse=True)


def test_money_that_is_signed_in_a_round_stays_as_it_is() -> None:
    table = read_capital(EXAMPLE)[0].cap_table
    assert table is not None
    (seed,) = table.rounds
    lead = seed.investors[0].model_copy(update={"holder": "Angel Fund", "amount": Fraction(1_000_000)})
    table = table.model_copy(update={"rounds": (seed.model_copy(update={"investors": (*seed.investors, lead)}),)})
    for name, amounts in (("Seed Fund", (7_000_000, 1_000_000)), ("Seed", (7_000_000, 2_000_000))):
        hoped = FundingConfig(name=name, kind="round", amount=3_500_000, month="2027-06", probability=0.5)
        assert tuple(one.amount for one in resized(table, (hoped,), 2.0).rounds[0].investors) == amounts


def test_a_round_before_a_note_that_it_converted_tells_no_dilution() -> None:
    table = read_capital(EXAMPLE)[0].cap_table
    assert table is not None
    hoped = FundingConfig(name="Seed", kind="round", amount=3_500_000, month="2027-06", probability=0.5)
    found = with_rounds(table, (hoped,), sooner=1)
    assert found is not None and found.after == pytest.approx(found.before, abs=0.001)
    assert with_rounds(table, (hoped,), sooner=12) is None


def test_actions_are_the_least_that_reach_the_target(advised: Any) -> None:
    assert [one.reaches for one in advised.actions] == sorted((one.reaches for one in advised.actions), reverse=True)
    for one in advised.actions:
        first = one.effects[0]
        assert one.reaches is (first.after >= 0.9) and first.change == pytest.approx(first.after - first.before)
        assert (one.rank is None) == (not one.reaches or bool(one.also_costs))
        if one.lever in ("smaller model", "fewer tokens"):
            assert one.loss.after > one.loss.before and one.loss.low > 0
        if one.lever in ("a SAFE now", "a larger raise"):
            assert one.dilution.after < one.dilution.before and one.funding_cents > 0
    spot = next(one for one in advised.actions if one.lever == "rent spot machines")
    assert spot.delay_months > 0 > spot.cost_cents


def test_text_of_users_is_served_times_consented_times_kept(advised: Any) -> None:
    expected = 2e9 * 0.3 * 0.1 * sum(1.1**month for month in range(3))
    assert next(one for one in advised.text if one.month == "2027-09").tokens == pytest.approx(expected)


def test_every_piece_of_advice_says_what_it_follows_from(advised: Any) -> None:
    assert [one.head for one in advised.advice] == sorted(
        (one.head for one in advised.advice), key=["technology", "data", "resources", "capital"].index
    )
    assert {one.head for one in advised.advice} == {"technology", "data", "resources", "capital"}
    for one in advised.advice:
        assert one.what and one.computed and one.strength and one.changes_if and one.figures
        assert all(each.value and each.source for each in one.figures)


def test_credits_burn_in_the_order_that_is_told(toy: Toy) -> None:
    def credit(name: str, expires: str, *kinds: Any) -> CreditConfig:
        return CreditConfig(name=name, amount=1_000.0, start="2027-01", expires=expires, kinds=kinds)

    credits = (credit("late", "2027-12", "compute"), credit("wide", "2027-06", "compute", "data"))
    plan = simple(credits=(*credits, credit("soon", "2027-06", "compute")))
    found = advise(plan, EXAMPLE, paths=100, planner=toy)
    (told,) = (one for one in found.advice if one.what.startswith("use "))
    assert told.what == "use soon, then wide, then late"
    missing = {one.missing for one in found.not_answered}
    assert {"[[exits]]", "[[options]]", "[[traffic]]", "[advice] safe = { cap, month, probability }"} <= missing
    assert not found.text and not found.raising.founders and not unsigned(plan)


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        (("target_probability = 0.9", "target_probability = 1.5"), (), "advice.target_probability"),
        (("target_probability = 0.9", 'event = "the money last"'), (), "did you mean 'the money lasts'"),
        (("moved = 50_000", "moved = -1"), (), "advice.moved"),
        (("spot_hours_between_failures", "spot_hours"), (), "did you mean 'spot_hours_between_failures'"),
        (("cap = 10_000_000, ", ""), (), "advice.safe.cap: required key is missing"),
        (("consented = 0.3", "consented = 3"), (), "advice.flywheel.consented"),
        (("price = 0\n", "price = -5\n"), (), "exits.2.price"),
        (("probability = 0.4\n\n[[options]]", "probability = 0.3\n\n[[options]]"), (), "they sum to 0.9"),
        (('date = "2026-11-01"\nsource', "source"), (), "options.0.date: required key is missing"),
        (('covers = "whole development"\n', ""), (), "`training_months` and `covers` come together"),
        (("training_usd = 0\n", "training_usd = 0\nusd_per_hour = 2\n"), (), "is a price for all of it"),
        (("training_usd = 0\n", "training_usd = 9\n"), (), "`training_months` is 0 where nothing is trained"),
        (
            ("spot_hours_between_failures = 1_000", "spot_hours_between_failures = 0.01"),
            (),
            "rent spot machines: hours",
        ),
        (
            ("training_usd = 0\ntraining_months = 0\ncovers", 'venture = "none.toml"\n#'),
            (),
            "call an API: no venture at",
        ),
        (("", ""), ("--paths", "7"), "expected 100 to"),
        (("", ""), ("--paths", "many"), "many"),
    ],
)
def test_wrong_input_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], words: tuple[str, ...], said: str
) -> None:
    refused(capsys, said, "advise", str(changed(folder, *change)), *words)


@pytest.mark.parametrize(("months", "idle"), [(1.0, True), (0.01, False)])
def test_what_is_reserved_is_paid_though_idle_and_what_is_bought_at_once(
    folder: Path, months: float, idle: bool
) -> None:
    venture = folder / "venture.toml"
    prices = f"reserved_usd_per_hour = 1.9\nreserved_months = {months}\npurchase_usd = 38_000\n"
    venture.write_text(venture.read_text() + prices)
    plan, _ = read_capital(folder)
    study = Study(plan, folder, paths=100)
    planned = study.planned()
    assert planned is not None
    hours = planned.cost.accelerator_hours.middle
    found = {name: study.outlook_of(case).hoped for name, case, _ in tenure_cases(study) if isinstance(case, Case)}
    compute = {
        name: sum(month.expenses_cents.get("compute", 0) for month in flow.months) for name, flow in found.items()
    }
    reserved = next(cents for name, cents in compute.items() if name.startswith("reserve"))
    # The final run, and as much again for others; the reservation where that is more.
    expected = max(2 * hours, 64 * 730 * months) * 1.9 if idle else 2 * hours * 1.9
    assert reserved == pytest.approx(100 * expected, rel=1e-6)
    assert compute["buy"] == 64 * 38_000_00


def test_an_offer_costs_what_it_says_and_other_runs_where_it_is_of_the_final_one(toy: Toy) -> None:
    moving = {"other_runs": 0.5, "price_change_per_year": -0.3}
    training = TrainingRunConfig(venture="venture.toml", start="2027-01", **moving)
    traffic = TrafficConfig(start="2027-03", tokens_per_month=1e9, usd_per_million_tokens=1.0, date="2026-11-01")
    keys: dict[str, Any] = {"date": "2026-11-01", "source": "a letter"}
    offers = tuple(
        OptionConfig(name=covers, training_usd=15_000.0, training_months=1.0, covers=covers, **keys)
        for covers in ("final run", "whole development")
    )
    served = {"training_usd": 0.0, "training_months": 0.0, "covers": "final run", "price_per_million_tokens": 3.0}
    plan = simple(
        cash=1e6,
        training=(training,),
        traffic=(traffic,),
        options=(*offers, OptionConfig(name="API", **served, **keys)),
        advice=AdviceConfig(event=TRAINED, moved=1_000.0),
    )
    found = advise(plan, EXAMPLE, paths=100, planner=toy)
    costs = {one.name: one.cost_cents / 100 for one in found.alternatives}
    assert costs["final run"] == pytest.approx(15_000 * 1.5 - BILL_USD * 1.5)
    assert costs["whole development"] == pytest.approx(15_000 - BILL_USD * 1.5)
    assert costs["API"] == pytest.approx(22 * 1_000 * (3 - 1) - BILL_USD * 1.5)
    # Nothing is trained behind an API, so that it has no such probability and comes last.
    assert found.alternatives[-1].name == "API" and TRAINED not in {one.event for one in found.alternatives[-1].effects}
    # The plan is sure as it is: no change is advised for it, and each lever is told at its first level.
    assert found.planned == 1.0 and not any("costs" in one.what.split(";")[0] for one in found.advice)
    assert next(one for one in found.actions if one.lever == "fewer tokens").level == 0.8


def test_a_round_is_asked_for_as_much_sooner_as_it_takes(toy: Toy) -> None:
    """Cash pays five months, so money of the sixth is in time; it comes in nine of ten futures."""
    costs = (CostConfig(name="all", kind="other", amount=20_000.0, start="2027-01"),)
    later = FundingConfig(name="round", kind="round", amount=1e6, month="2027-12", probability=0.9)
    asked = AdviceConfig(target_probability=0.85)
    plan = simple(training=(), costs=costs, funding=(later,), raising_months=2, advice=asked)
    study = Study(plan, EXAMPLE, paths=2_000, planner=toy)
    found = least(study, lever(study, "an earlier raise"))
    assert found is not None and found.action.level == 6 and found.action.reaches
    assert "6 months sooner" in found.action.what
    role = RoleConfig(role="sales", area="marketing", salary=600_000.0, on_costs=0.0, start="2027-03")
    hiring = simple(training=(), people=(role,), cash=150_000.0, months=12)
    study = Study(hiring, EXAMPLE, paths=100, planner=toy)
    # 50,000 a month: three months of it are paid for, so it begins in the tenth.
    found = least(study, lever(study, "later hiring"))
    assert found is not None and found.action.level == 7 and found.action.cost_cents == -7 * 50_000_00


def test_marketing_buys_what_the_channels_make_of_it(toy: Toy) -> None:
    def estimate(value: float) -> dict[str, Any]:
        return {"value": value, "source": "a trial"}

    steps = {"cost_per_thousand": 100.0, "leads": 0.1, "customers": 0.5, "revenue_per_customer": 3.0, "churn": 1.0}
    channel = ChannelConfig(
        name="letters",
        spend=1_000.0,
        start="2027-01",
        delay_months=0,
        serving_per_customer=0.0,
        **{name: estimate(value) for name, value in steps.items()},
    )
    plan = simple(training=(), months=4, channels=(channel,), advice=AdviceConfig(moved=400.0))
    found, _ = allocation(Study(plan, EXAMPLE, paths=10, planner=toy))
    spent = next(one for one in found.moved if (one.source, one.target) == ("cash", "marketing"))
    # 100 buy a thousand contacts, 50 of them pay 3 for a month: 400 bring 600.
    assert "+600 USD of revenue" in spent.bought
    assert found.areas_cents["marketing"] == 4_000_00


def test_an_api_leaves_no_training_for_a_resource_to_displace(toy: Toy) -> None:
    hours = ResourceConfig(
        name="cluster",
        kind="accelerators",
        displaces="venture.toml",
        hours=100.0,
        start="2027-01",
        expires="2027-12",
        probability=1.0,
    )
    keys: dict[str, Any] = {"date": "2026-11-01", "source": "a letter", "covers": "final run"}
    option = OptionConfig(name="API", training_usd=0.0, training_months=0.0, **keys)
    plan = simple(resources=(hours,), options=(option,), cash=1e6)
    found = [one for one in alternatives(Study(plan, EXAMPLE, paths=50, planner=toy)) if isinstance(one, Alternative)]
    assert next(one for one in found if one.name == "API").cost_cents == pytest.approx(-BILL_USD * 100)
