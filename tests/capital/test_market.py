"""Channels and artefacts: cohorts against a loop of their own, closed forms of unit economics, the command line."""

import json
import math
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import CapitalPlan, MarketPart, outlook, simulate
from argosy.capital.cash.assembling import horizon_of, plan_lines
from argosy.capital.cash.futures import Z80
from argosy.capital.cash.market import carried, funnels, market_streams
from argosy.capital.cash.outlooks import future_of
from argosy.capital.cash.pricing import Planner
from argosy.cli.app import _run as command
from tests.capital.conftest import EXAMPLE, changed, refused, told

pytestmark = pytest.mark.fast
HERE = Path()


def estimate(value: float, *range_80: float) -> dict[str, Any]:
    return {"value": value, "source": "a test", **({"range_80": list(range_80)} if range_80 else {})}


def channel(**changes: Any) -> dict[str, Any]:
    """CAC 1000, margin 100, churn 4 %."""
    return {
        "name": "fairs",
        "spend": 10_000,
        "start": "2027-01",
        "cost_per_thousand": estimate(100),
        "leads": estimate(0.01),
        "customers": estimate(0.01),
        "delay_months": 2,
        "revenue_per_customer": estimate(150),
        "serving_per_customer": 50,
        "churn": estimate(0.04),
        **changes,
    }


def artefact(*effects: dict[str, Any], **changes: Any) -> dict[str, Any]:
    page = {"name": "page", "kind": "benchmark page", "month": "2027-03", "cost": 5_000}
    return {**page, "effects": list(effects), **changes}


def effect(lifts: str, value: float, **changes: Any) -> dict[str, Any]:
    return {"channel": "fairs", "lifts": lifts, "half_life_months": 6, **estimate(value), **changes}


def plan_of(*channels: dict[str, Any], **more: Any) -> CapitalPlan:
    tree = {"start": "2027-01-01", "months": 24, "cash": 1_000_000, **more, "channels": list(channels)}
    return CapitalPlan.model_validate(tree, strict=False)


def half_up(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def only(plan: CapitalPlan) -> MarketPart:
    found = outlook(plan, HERE).market
    assert found is not None
    return found.channels[0]


shares = st.decimals(0, 1, places=3).map(float)


@settings(max_examples=60, deadline=None)
@given(
    spend=st.integers(0, 500),
    growth=st.decimals("-0.5", "0.1", places=2).map(float),
    per_thousand=st.integers(10, 500),
    leads=shares,
    wins=shares,
    churn=shares,
    referrals=st.decimals(0, "0.2", places=2).map(float),
    delay=st.integers(0, 30),
    start=st.integers(0, 30),
    lift=st.none() | st.sampled_from(["leads_per_month", "reach", "leads", "customers"]),
)
def test_customers_are_those_of_a_loop_over_cohorts(
    spend: int,
    growth: float,
    per_thousand: int,
    leads: float,
    wins: float,
    churn: float,
    referrals: float,
    delay: int,
    start: int,
    lift: str | None,
) -> None:
    asked = channel(
        spend=spend,
        growth_per_month=growth,
        start=f"{2026 + start // 12}-{start % 12 + 1:02d}",  # before, in and after the plan
        cost_per_thousand=estimate(per_thousand),
        leads=estimate(leads),
        customers=estimate(wins),
        churn=estimate(churn),
        referrals=estimate(referrals),
        delay_months=delay,
    )
    plan = plan_of(asked, artefacts=[artefact(effect(lift, 0.5))] if lift else [])
    horizon = horizon_of(plan)
    (found,) = funnels(plan, horizon)

    # The same with every cohort kept apart.
    bought, cohorts = Fraction(0), [Fraction(0)] * 24
    for month in range(24):
        cents = found.spend.amounts[month]
        power = month - (start - 12)
        assert cents == (half_up(Fraction(spend) * 100 * (1 + Fraction(str(growth))) ** power) if power >= 0 else 0)
        boost = Fraction(0.5 * 0.5 ** ((month - 2) / 6)) if lift and month >= 2 else Fraction(0)
        up = {name: 1 + (boost if lift == name else 0) for name in ("reach", "leads", "customers")}
        interested = Fraction(cents, 100) / per_thousand * 1000 * up["reach"]
        interested *= min(Fraction(1), Fraction(str(leads)) * up["leads"])
        closing = min(Fraction(1), Fraction(str(wins)) * up["customers"])
        bought += interested * closing
        own = boost if lift == "leads_per_month" else 0
        if month + delay < 24:
            cohorts[month + delay] += (interested + own) * closing
    for month in range(1, 24):
        there = sum(cohorts[age] * (1 - Fraction(str(churn))) ** (month - 1 - age) for age in range(month))
        cohorts[month] += there * Fraction(str(referrals))
    for month in range(24):
        there = sum(cohorts[age] * (1 - Fraction(str(churn))) ** (month - age) for age in range(month + 1))
        assert math.isclose(found.exact.customers[month], there, rel_tol=1e-12)  # 0.5 · decay is rounded twice
        assert math.isclose(found.exact.new[month], cohorts[month], rel_tol=1e-12)
    assert math.isclose(found.exact.bought, bought, rel_tol=1e-12)

    # Conservation: who came and did not leave is there.
    left = sum(found.exact.customers[:-1], Fraction(0)) * Fraction(str(churn))
    assert sum(found.exact.new) - left == found.exact.customers[-1]
    # Cents: every partial sum is the exact one, rounded.
    for month in range(25):
        assert sum(found.revenue.amounts[:month]) == half_up(sum(found.exact.revenue[:month], Fraction(0)))


@given(st.lists(st.fractions(0, 1000), max_size=40))
def test_carried_cents_lose_nothing(amounts: list[Fraction]) -> None:
    whole = carried(amounts, "half-up")
    assert sum(whole) == half_up(sum(amounts, Fraction(0))) and all(one >= 0 for one in whole)


@settings(max_examples=30, deadline=None)
@given(spend=st.integers(1, 10**6), more=st.integers(1, 10**5), growth=st.sampled_from([-0.1, 0.0, 0.07]))
def test_more_spend_never_wins_fewer_and_cac_times_customers_is_the_spend(spend: int, more: int, growth: float) -> None:
    less, larger = (only(plan_of(channel(spend=one, growth_per_month=growth))) for one in (spend, spend + more))
    assert all(one <= two for one, two in zip(less.customers, larger.customers, strict=True))
    assert sum(less.revenue_cents) <= sum(larger.revenue_cents)
    assert less.cac_cents.value is not None and less.bought_customers.value is not None
    assert less.cac_cents.value * less.bought_customers.value == pytest.approx(sum(less.spend_cents), rel=1e-12)


def test_unit_economics_have_closed_forms() -> None:
    found = only(plan_of(channel(), discount_per_year=0.2))
    assert found.cac_cents.value == pytest.approx(1_000_00) and found.margin_cents.value == pytest.approx(100_00)
    assert found.ltv_cents.value == pytest.approx(100_00 / 0.04) and found.payback_months.value == pytest.approx(10)
    assert found.ltv_to_cac.value == pytest.approx(2.5) and not found.bounded_by_plan
    monthly = 1.2 ** (1 / 12)
    assert found.ltv_discounted_cents is not None
    assert found.ltv_discounted_cents.value == pytest.approx(
        sum(100_00 * (0.96 / monthly) ** month for month in range(3000))
    )
    # Σ 100 · 0.96^k reaches 1000 with n payments: n = ln(1 − 1000 · 0.04 / 100) / ln 0.96.
    after = math.ceil(math.log(1 - 0.4) / math.log(0.96))
    assert found.payback_after_churn_months.value == after == 13
    assert not found.uncertain and found.cac_cents.low == found.cac_cents.high == found.cac_cents.value


def test_a_customer_who_never_leaves_counts_to_the_end_and_one_who_costs_too_much_never_pays_back() -> None:
    loyal = only(plan_of(channel(churn=estimate(0.0)), discount_per_year=0.0))
    assert loyal.bounded_by_plan and loyal.ltv_cents.value == pytest.approx(22 * 100_00)
    assert loyal.ltv_discounted_cents == loyal.ltv_cents and loyal.payback_after_churn_months.value == 10
    brief = only(plan_of(channel(churn=estimate(1.0))))
    assert brief.ltv_cents.value == pytest.approx(100_00) and brief.payback_after_churn_months.value is None
    loss = only(plan_of(channel(serving_per_customer=200)))
    assert loss.margin_cents.value == pytest.approx(-50_00) and loss.payback_months.value is None
    nobody = only(plan_of(channel(leads=estimate(0.0))))
    assert nobody.cac_cents.value is None and nobody.customers_at_end.value == 0


def test_people_are_part_of_the_cost_only_if_asked_and_shared_by_spend() -> None:
    sales = {"role": "sales", "area": "marketing", "salary": 60_000, "on_costs": 0.0, "start": "2027-01"}
    two = (channel(), channel(name="ads", spend=30_000))
    bare = outlook(plan_of(*two, people=[sales]), HERE).market
    full = outlook(plan_of(*two, people=[sales], market={"include_people": True}), HERE).market
    assert bare is not None and full is not None and "people" in full.cac_of and bare.cac_of == "spend"
    assert bare.total.cac_cents.value == pytest.approx(1_000_00)
    # 24 months: 120,000 of salaries on 960,000 of spend.
    for one in (*full.channels, full.total):
        assert one.cac_cents.value == pytest.approx(1_125_00)
    free = artefact(effect("leads_per_month", 100))
    unbought = only(plan_of(channel(spend=0), people=[sales], market={"include_people": True}, artefacts=[free]))
    assert unbought.cac_cents.value is None and unbought.ltv_cents.value == pytest.approx(2_500_00)
    assert unbought.blended_cac_cents.value == pytest.approx(120_000_00 / sum(unbought.new_customers))


def test_all_channels_together_are_their_sums_and_weighted_means() -> None:
    cheap, dear = channel(), channel(name="ads", spend=5_000, customers=estimate(0.005), churn=estimate(0.1))
    found = outlook(plan_of(cheap, dear), HERE).market
    assert found is not None
    one, two = found.channels
    for name in ("spend_cents", "customers", "new_customers", "revenue_cents"):
        assert getattr(found.total, name) == tuple(map(sum, zip(getattr(one, name), getattr(two, name), strict=True)))
    # 240 customers for 1000 each, 60 for 2000 each; they are worth 2500 and 1000.
    assert found.total.bought_customers.value == pytest.approx(300)
    assert found.total.cac_cents.value == pytest.approx(1_200_00)
    assert found.total.ltv_cents.value == pytest.approx((240 * 2_500_00 + 60 * 1_000_00) / 300)
    paid = np.cumsum([80 * 0.96**month + 20 * 0.9**month for month in range(100)])
    assert found.total.payback_after_churn_months.value == int(np.argmax(paid >= 1200)) + 1


def test_log_normal_steps_multiply_to_a_log_normal() -> None:
    doubtful = channel(
        cost_per_thousand=estimate(100, 80, 125),
        leads=estimate(0.01, 0.005, 0.02),
        customers=estimate(0.01, 0.01 / 1.5, 0.015),
        revenue_per_customer=estimate(150, 120, 187.5),
        serving_per_customer=0,
        churn=estimate(0.04, 0.032, 0.05),
    )
    found = only(plan_of(doubtful))
    spread = math.sqrt(sum(math.log(factor) ** 2 for factor in (1.25, 2.0, 1.5)))  # at Z80, so is its product
    assert found.uncertain and found.cac_cents.value == pytest.approx(1_000_00)
    worth = math.sqrt(2 * math.log(1.25) ** 2)
    for estimated, wide in ((found.cac_cents, spread), (found.ltv_cents, worth)):
        assert estimated.value and estimated.low and estimated.high
        # Four standard errors of the logarithm's 10 % quantile: √(0.09 / n) / density.
        density = math.exp(-Z80 * Z80 / 2) / math.sqrt(2 * math.pi)
        error = 4 * math.sqrt(0.09 / 4000) / density * wide / Z80
        assert math.log(estimated.high / estimated.value) == pytest.approx(wide, abs=error)
        assert math.log(estimated.low / estimated.value) == pytest.approx(-wide, abs=error)


def test_a_lopsided_range_keeps_its_tenths_and_a_share_stays_below_one() -> None:
    plan = plan_of(channel(customers=estimate(0.6, 0.5, 1.0)))
    (found,) = funnels(plan, horizon_of(plan))
    drawn, _ = found.drawn(40_000, 0)
    assert np.quantile(drawn.customers, (0.1, 0.5)) == pytest.approx((0.5, 0.6), rel=0.01)
    assert drawn.customers.max() == 1.0 and (drawn.customers == 1.0).mean() == pytest.approx(0.1, abs=0.006)


def test_lines_are_in_the_ledger_and_money_comes_later() -> None:
    plan = plan_of(channel(received_after_months=3), artefacts=[artefact()])
    planned = plan_lines(plan, horizon_of(plan), Planner(HERE))
    lines = {line.name: line for line in (*planned.costs, *planned.income)}
    spend, sold = lines["fairs: spend"], lines["fairs"]
    assert (spend.kind, spend.area, spend.amounts) == ("marketing", "marketing", (1_000_000,) * 24)
    assert sold.kind == "revenue" and sold.paid == (0, 0, 0, *sold.amounts[:-3]) and sold.unpaid
    assert lines["page"].paid == (0, 0, 500_000, *[0] * 21)
    found = outlook(plan, HERE)
    assert found.market is not None
    assert tuple(row.revenue_cents for row in found.signed.months) == sold.amounts == found.market.total.revenue_cents
    cash = 1_000_000_00 + sum(sold.paid) - sum(sum(lines[name].paid) for name in lines if name != "fairs")
    assert found.signed.months[-1].cash_cents == cash
    assert future_of(plan, HERE).milestones == {"page": 2.5}


def test_futures_follow_the_channel_and_draws_hang_on_its_name() -> None:
    sure, doubtful = channel(received_after_months=1), channel(leads=estimate(0.01, 0.004, 0.02))
    ledger = outlook(plan_of(sure), HERE).signed
    fan = simulate(future_of(plan_of(sure), HERE), 100).fan
    assert [row[2] for row in fan] == pytest.approx([month.cash_cents / 100 for month in ledger.months], abs=0.1)
    plan = plan_of(doubtful)
    (drawn,) = [stream for stream in market_streams(plan, horizon_of(plan)) if stream.draw]
    assert drawn.draw is not None
    paths = drawn.draw(8_000, 0)
    # Revenue less serving goes as the share of leads does, whose median and tenths are the user's.
    assert np.median(paths, axis=0) == pytest.approx(drawn.monthly, rel=0.03, abs=0.01)
    assert np.quantile(paths[:, -1], (0.1, 0.9)) == pytest.approx(drawn.monthly[-1] * np.array([0.4, 2.0]), rel=0.08)
    both = plan_of(channel(name="ads"), doubtful)
    again = next(one for one in market_streams(both, horizon_of(both)) if one.draw)
    assert again.draw is not None and (again.draw(8_000, 0) == paths).all()


def test_an_artefact_without_effect_changes_no_customer_and_one_with_a_source_says_what_it_brings() -> None:
    bare = only(plan_of(channel()))
    assert only(plan_of(channel(), artefacts=[artefact()])) == bare
    found = outlook(plan_of(channel(), artefacts=[artefact(effect("leads_per_month", 100), cost=7.0)]), HERE).market
    assert found is not None
    (page,) = found.artefacts
    assert page.sources == ("a test",) and page.cost_cents == 700
    # A hundredth of 100 leads a month, halved every six, from March on; two months later; 20 of the 24 months.
    assert page.new_customers == pytest.approx(sum(0.5 ** (month / 6) for month in range(20)))
    assert found.total.bought_customers == bare.bought_customers
    alone = outlook(plan_of(artefacts=[artefact()]), HERE).market
    assert alone is not None and not alone.channels and alone.artefacts[0].cost_cents == 5_000_00


def test_tokens_cost_what_traffic_says_and_currencies_what_their_rates_do() -> None:
    traffic = {"start": "2030-01", "tokens_per_month": 1.0, "usd_per_million_tokens": 2.0, "date": "2027-01-01"}
    tokens = {**channel(tokens_per_customer=25e6), "serving_per_customer": None}
    assert only(plan_of(tokens, traffic=[traffic])) == only(plan_of(channel()))
    credit = {"name": "cloud", "amount": 1e9, "start": "2027-01", "expires": "2028-12", "kinds": ["inference"]}
    priced = {**traffic, "provider": "cloud"}
    paid = outlook(plan_of(tokens, traffic=[priced], credits=[{**credit, "provider": "cloud"}]), HERE).signed
    assert sum(row.credits_cents for row in paid.months) == sum(only(plan_of(channel())).serving_cents)
    yuan = {"currency": "USD", "worth": 7.0, "date": "2027-01-01", "source": "a test"}
    dollars = only(plan_of(tokens, traffic=[traffic]))
    assert sum(only(plan_of(tokens, traffic=[traffic], rates=[yuan], currency="CNY")).serving_cents) == pytest.approx(
        7 * sum(dollars.serving_cents), abs=len(dollars.serving_cents) * 7
    )
    rate = {"currency": "EUR", "worth": 1.1, "date": "2027-01-01", "source": "a test"}
    euros = only(plan_of(channel(currency="EUR"), rates=[rate]))
    assert euros.customers == only(plan_of(channel())).customers
    assert euros.cac_cents.value == pytest.approx(1_100_00) and euros.margin_cents.value == pytest.approx(110_00)


# The command line.


def test_the_plan_tells_of_channels_and_artefacts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "plan", str(folder))
    written = tomllib.loads((folder / "capital.toml").read_text())["channels"][0]
    (one,) = found["market"]["channels"]
    steps = (written[name]["value"] for name in ("cost_per_thousand", "leads", "customers"))
    per_thousand, leads, wins = steps
    assert one["cac_cents"]["value"] == pytest.approx(per_thousand / 10 / (leads * wins))
    assert one["cac_cents"]["low"] < one["cac_cents"]["value"] < one["cac_cents"]["high"]
    marketing = sum(month["expenses_cents"].get("marketing", 0) for month in found["signed"]["months"])
    assert marketing == sum(one["spend_cents"]) + 7_500_00
    assert found["market"]["artefacts"][0]["sources"] == []
    assert command(["capital", "plan", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "bar association newsletters" in text and "costs 7,500, no effect counted" in text
    chances = told(capsys, "simulate", str(folder), "--paths", "400")["simulated"]
    assert {one["name"] for one in chances["milestones"]} == {"first customers", "public benchmark page"}


def test_a_plan_without_channels_says_nothing_of_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "capital.toml"
    whole, _, _ = path.read_text().partition("# Every figure of a channel")
    path.write_text(whole)
    bare, chances = told(capsys, "plan", str(folder)), told(capsys, "simulate", str(folder), "--paths", "400")
    assert bare.pop("market") is None
    assert command(["capital", "plan", str(folder)]) == 0
    assert "CAC" not in capsys.readouterr().out
    # A channel that spends nothing changes not a cent, nor a future.
    idle = (EXAMPLE / "capital.toml").read_text().replace("spend = 6_000", "spend = 0").partition("# It costs and")[0]
    path.write_text(idle)
    assert {**told(capsys, "plan", str(folder)), "market": None} == {**bare, "market": None}
    assert told(capsys, "simulate", str(folder), "--paths", "400")["simulated"] == chances["simulated"]


def claim(**changes: Any) -> str:
    """An effect as it is written, without what is None."""
    whole = {
        "channel": "bar association newsletters",
        "lifts": "reach",
        "value": 0.1,
        "half_life_months": 6,
        "source": "x",
    }
    pairs = (f"{key} = {json.dumps(value)}" for key, value in {**whole, **changes}.items() if value is not None)
    return f"cost = 1\neffects = [{{ {', '.join(pairs)} }}]"


SOURCE = 'source = "an example: the founders\' belief"'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("leads = { value = 0.005", "leads = { value = 1.5", "channels.0.leads.value = 1.5: expected less than or"),
        ("range_80 = [0.02, 0.06]", "range_80 = [0.02, 1.2]", "a share is 1 at most"),
        ("range_80 = [0.02, 0.06]", "range_80 = [0.05, 0.06]", "expected 0 < low ≤ 0.04"),
        ("churn = { value = 0.03", "churn = { value = -0.03", "channels.0.churn.value = -0.03: expected greater"),
        ("churn = { value = 0.03", "churn = { value = nan", "channels.0.churn.value"),
        (f", {SOURCE} }}\ndelay", " }\ndelay", "channels.0.customers.source: required key is missing"),
        (f"{SOURCE} }}\ndelay", 'source = " " }\ndelay', "channels.0.customers.source"),
        ("growth_per_month = 0.02", 'end = "2027-07"', "end = '2027-07': expected 2027-08 (its start) or later"),
        ("tokens_per_customer = 60e6", "", "serving_per_customer or tokens_per_customer"),
        ("leads = {", "leads = 0.005 #", "channels.0.leads: 0.005: who says so? expected { value = 0.005, source ="),
        ("value = 200,", "value = 0,", "channels.0.cost_per_thousand.value = 0"),
        ("\ndelay_months = 2", "\ndelay_month = 2", "did you mean 'delay_months'"),
        ("growth_per_month = 0.02", "growth_per_month = 2.0", "expected fewer than ten billion customers"),
        ("growth_per_month = 0.02", 'currency = "GBP"', "GBP"),
        ('kind = "benchmark page"', 'kind = "benchmarks"', "did you mean 'benchmark page'"),
        ('name = "public benchmark page"', 'name = "first customers"', "artefacts.0.name = 'first customers': a name"),
        ("cost = 7_500", claim(channel="bar newsletters"), "did you mean 'bar association newsletters'"),
        ("cost = 7_500", claim(lifts="leeds"), "did you mean 'leads'"),
        ("cost = 7_500", claim(source=None), "artefacts.0.effects.0.source: required key is missing"),
        (
            "cost = 7_500",
            claim(half_life_months=None),
            "artefacts.0.effects.0.half_life_months: required key is missing",
        ),
        ("[[traffic]]", "[[nothing]]", "unknown key"),
    ],
)
def test_wrong_input_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: str
) -> None:
    changed(folder, before, after)
    for verb in ("plan", "simulate"):
        refused(capsys, said, verb, str(folder))


def test_tokens_without_traffic_have_no_price(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "capital.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[[traffic]]")] + text[text.index("[[revenue]]") :])
    refused(capsys, "channels.0.tokens_per_customer = 60000000.0: needs [[traffic]]", "plan", str(folder))
