"""The plan: its figures belong together, and its verdict turns where limits are."""

from typing import Any

import pytest

from argosy.config import UserError
from argosy.planning import Plan, ask, plan

pytestmark = pytest.mark.fast


def planned(**changes: Any) -> Plan:
    return plan(ask(**{"size": "7B", "accelerators": "64xH100", "tokens": "140B", **changes}))


USUAL = planned()


def assessed(found: Plan, subject: str) -> Any:
    return next(one for one in found.assessments if one.subject == subject)


def test_figures_follow_from_one_another() -> None:
    duration, cost, best = USUAL.duration, USUAL.cost, USUAL.layout
    assert duration.useful_h * 3600 * best.tokens_per_s == pytest.approx(140e9)
    assert duration.wall_h.low < duration.wall_h.middle < duration.wall_h.high
    assert duration.wall_h.middle > duration.useful_h and 0.9 < duration.goodput < 1
    assert cost.usd and cost.usd_per_hour
    assert cost.usd.middle == pytest.approx(64 * duration.wall_h.middle * cost.usd_per_hour)
    assert "2026" in cost.price and "public lists" in cost.price
    assert cost.ten_percent_usd == pytest.approx(cost.usd.middle / 9)
    assert duration.steps * best.job.tokens_per_step == pytest.approx(140e9, rel=1e-3)
    assert USUAL.flops == pytest.approx(6 * 7.08e9 * 140e9, rel=0.15)
    assert USUAL.verdict == "feasible" and USUAL.summary.startswith("Feasible: 7B on 140 B tokens takes")
    assert {one.subject for one in USUAL.assessments} == {
        "model architecture",
        "data",
        "compute and storage",
        "algorithm",
    }
    assert Plan.model_validate_json(USUAL.model_dump_json()) == USUAL


def test_more_accelerators_are_sooner() -> None:
    hours = [point.wall_h for point in USUAL.frontier]
    bills = [point.usd for point in USUAL.frontier]
    assert [point.accelerators for point in USUAL.frontier] == [16, 32, 64, 128, 256]
    assert hours == sorted(hours, reverse=True)
    assert all(usd and 0.9 < usd / (bills[2] or 1.0) < 1.2 for usd in bills), "room for larger micro-batches may pay"


def test_more_computing_is_better_and_dearer() -> None:
    assert USUAL.cost.usd
    losses = [one.loss for one in USUAL.budgets]
    assert losses == sorted(losses, reverse=True) and losses[3] == USUAL.loss.nats_per_token
    assert USUAL.budgets[3].usd == USUAL.cost.usd.middle and USUAL.budgets[3].optimal == USUAL.compute_optimal
    assert all(one.optimal.loss <= one.loss for one in USUAL.budgets)
    repeated = planned(text_gb=5.0).budgets
    assert repeated[-1].loss > USUAL.budgets[-1].loss, "what is seen too often adds nothing"


def test_a_budget_too_small_says_what_it_pays_for() -> None:
    assert USUAL.cost.usd
    bill = USUAL.cost.usd
    assert planned(budget_usd=bill.high * 1.01).verdict == "feasible"
    close = planned(budget_usd=(bill.middle + bill.high) / 2)
    assert close.verdict == "feasible if" and "one bill in ten" in (assessed(close, "compute and storage").change or "")
    half = planned(budget_usd=bill.middle / 2)
    change = assessed(half, "compute and storage").change
    assert half.verdict == "feasible if" and "5 B parameters on 99 B tokens" in change and "70 B tokens" in change
    assert planned(budget_usd=bill.middle / 20).verdict == "not feasible"
    assert "What binds is compute and storage" in half.summary


def test_a_deadline_too_near_says_how_many_more_it_takes() -> None:
    wall = USUAL.duration.wall_h
    assert planned(deadline=f"{wall.high / 24 * 1.01:.3f}d").verdict == "feasible"
    late = planned(deadline=f"{wall.middle / 24 * 0.6:.3f}d")
    assert (
        late.verdict == "feasible if" and "64 more H100 SXM would do it" in assessed(late, "compute and storage").change
    )
    assert planned(deadline=f"{wall.middle / 24 / 20:.4f}d").verdict == "not feasible"


def test_all_that_binds_is_said_at_once() -> None:
    assert USUAL.cost.usd
    found = planned(
        deadline=f"{USUAL.duration.wall_h.middle / 24 * 0.6:.3f}d", budget_usd=USUAL.cost.usd.middle / 2, text_gb=60.0
    )
    change = assessed(found, "compute and storage").change
    assert "In that time: train on" in change, "more accelerators would be over the budget"
    assert "H100 SXM would do it" not in change and "pay for" in change
    assert "What binds is data, and compute and storage" in found.summary and "GB more text" in found.summary


def test_spot_machines_are_taken_back() -> None:
    change = assessed(planned(contract="spot"), "compute and storage").change
    assert "--hours-between-failures" in change
    assert planned(contract="spot", hours_between_failures=2000.0).verdict == "feasible"
    with pytest.raises(UserError, match="would fail every"):
        planned(hours_between_failures=0.01)


def test_a_bill_is_of_one_price() -> None:
    cost = USUAL.cost
    assert cost.usd and cost.usd_per_hour and " to " in cost.price
    assert cost.usd.high / cost.usd.low == pytest.approx(cost.accelerator_hours.high / cost.accelerator_hours.low)
    dark = USUAL.question.accelerator.model_copy(update={"power_w": None})
    owned = plan(USUAL.question.model_copy(update={"accelerator": dark, "usd_per_kwh": 0.2})).cost
    power = plan(USUAL.question.model_copy(update={"usd_per_kwh": 0.2})).cost
    assert power.usd and power.usd.high / power.usd.low == pytest.approx(cost.usd.high / cost.usd.low)
    assert owned.usd is None and "nobody knows its power" in owned.price


def test_text_is_repeated_and_then_is_not_enough() -> None:
    enough, some, few = (assessed(planned(text_gb=gb), "data") for gb in (200.0, 60.0, 5.0))
    assert (enough.verdict, some.verdict, few.verdict) == ("feasible", "feasible if", "not feasible")
    assert "Find 80 GB more text" in some.change and "60 B tokens" in some.change
    assert assessed(planned(text_gb=5.0), "model architecture").verdict == "feasible", "repetition is the data's matter"
    assert planned(text_gb=20.0).loss.nats_per_token > USUAL.loss.nats_per_token


def test_a_model_too_large_for_its_flops_is_told_the_best() -> None:
    found = assessed(planned(tokens="10B"), "model architecture")
    assert found.verdict == "feasible if" and found.change.startswith("Train ")
    assert assessed(planned(tokens="2T"), "model architecture").verdict == "feasible", "cheaper to serve"


def test_choices_change_what_they_say() -> None:
    by_name = {one.name: one for one in USUAL.choices}
    assert by_name["8-bit products"].time < 0 < by_name["recomputation: full"].time
    assert by_name["recomputation: full"].memory_gib < 0 and by_name["8-bit moments"].memory_gib < 0
    assert USUAL.cost.usd
    for one in USUAL.choices:
        assert one.usd == pytest.approx(USUAL.cost.usd.middle * one.time)
    algorithm = assessed(USUAL, "algorithm")
    assert "8-bit products" in algorithm.evidence[0]


def test_accelerators_are_rented_reserved_or_bought() -> None:
    found = planned(reserved_usd_per_hour=1.5, reserved_months=6.0, purchase_usd=35_000.0)
    rent, spot, reserved, bought = found.tenures
    assert found.cost.usd and found.cost.usd_per_hour
    assert rent.usd == pytest.approx(found.cost.usd.middle) and spot.usd < rent.usd and rent.committed_usd == 0
    assert reserved.usd == reserved.committed_usd == pytest.approx(64 * 6 * 730 * 1.5)
    assert reserved.worth_from == pytest.approx(1.5 / found.cost.usd_per_hour)
    assert bought.committed_usd == 64 * 35_000 and bought.worth_from is not None
    hours = bought.worth_from * 4 * 12 * 730  # of one, in use
    assert hours * found.cost.usd_per_hour == pytest.approx(35_000)
    assert [one.name for one in USUAL.tenures] == ["rent on demand", "rent spot machines"]


def test_ways_go_from_the_least_training_to_the_most() -> None:
    tokens = [way.tokens for way in planned(text_gb=100.0).ways if way.tokens is not None]
    assert tokens == sorted(tokens)
    without = {way.name: way for way in USUAL.ways}["continue pre-training of an open model"]
    assert without.tokens == pytest.approx(14e9) and any("a tenth of it" in one for one in USUAL.assumed)


def test_without_a_price_there_is_no_bill() -> None:
    found = planned(accelerators="64xMI300X", contract="spot")
    assert (
        found.cost.usd is None
        and found.cost.price == "no public price spot is known"
        and " costs " not in found.summary
    )
    assert planned(accelerators="64xMI300X", usd_per_hour=2.0, budget_usd=1e6).cost.price == "given"
    assert planned(accelerators="64xMI300X", contract="spot", budget_usd=1e6).verdict == "feasible if"


def test_failures_cost_time() -> None:
    often, seldom = (planned(hours_between_failures=hours).duration for hours in (200.0, 1e6))
    assert often.wall_h.middle > seldom.wall_h.middle * 1.02 and often.failures > 10 > seldom.failures
    assert often.checkpoint.exact_s < seldom.checkpoint.exact_s


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accelerators": "64xH1000"}, "accelerator 'H1000' is not known; did you mean"),
        ({"accelerators": "0xH100"}, "expected a number and a name"),
        ({"size": None}, "give a size"),
        ({"model": "gpt2-smal"}, "one of them"),
        ({"size": None, "model": "gpt2-smal"}, "did you mean 'gpt2-small'?"),
        ({"size": "7X"}, "not a number of parameters"),
        ({"tokens": "lots"}, "tokens = 'lots' is not a number"),
        ({"deadline": "2020-01-01"}, "that day is past"),
        ({"deadline": "soon"}, "expected a date or a number of days"),
        ({"text_gb": -1.0}, "expected more than 0"),
        ({"batch_tokens": 1000.0}, "less than one sequence of 4,096 tokens"),
        ({"vocabulary_size": 0}, "vocabulary_size = 0, expected more than 0"),
        ({"accelerators": "1xT4"}, "no layout fits"),
    ],
)
def test_questions_that_cannot_be_answered(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        planned(**changes)
    assert said in f"{caught.value}"
