"""The price of a round: published cases to the share, cases of a second solver exactly, properties on drawn ones."""

import json
import random
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import Impossible, Offer, Rounding, solve, solve_rounded
from argosy.capital.cap_table.conversion import Converting, Terms
from argosy.capital.exact import exact
from tests.capital.independent import disagreement, drawn_down_round, drawn_offer, solutions

F = Fraction
ROUNDINGS = (Rounding(), Rounding(price_places=4), Rounding(shares="nearest", price_places=5))


def published(data_folder: Path) -> list[tuple[dict, Offer]]:
    cases = []
    for case in json.loads((data_folder / "capital" / "safe_vectors_dev.json").read_text()):
        converting = tuple(
            Converting(
                exact(one["investment"]),
                (Terms(exact(one["cap"]) if one["cap"] else None, exact(one["discount"]), f"{one['type']}-money"),),
            )
            for one in case["safes"]
        )
        new_money = tuple(exact(each) for each in case["new_money"])
        shares, pool = F(case["common"]), F(case["unused_options"])
        target = exact(case["target_pool"])
        cases.append((case, Offer(shares, pool, exact(case["pre_money"]), new_money, converting, target)))
    return cases


def test_published_cases_to_the_share(data_folder: Path) -> None:
    for case, offer in published(data_folder):
        found, other = solve(offer), case["independent_unrounded"]
        assert abs(found.total - exact(other["total_shares"])) < 0.01  # that solver stops at a tolerance
        assert abs(found.company_capitalization - exact(other["company_capitalization"])) < 0.01
        assert float(found.price) == pytest.approx(other["price"], rel=1e-8)
        assert [float(each) for each in found.converted] == pytest.approx(other["safe_shares"], abs=0.01)
        assert offer.pool + found.pool_increase == other["pool"] == case["expected"]["pool"]
    case, offer = published(data_folder)[0]
    found = solve_rounded(offer, Rounding(shares="nearest", price_places=8))
    assert (found.total, float(found.price)) == (case["expected"]["total_shares"], case["expected"]["price"])


@pytest.mark.parametrize("seed", range(60))
def test_equals_a_second_solver_exactly(seed: int) -> None:
    offer = drawn_offer(random.Random(seed))
    others = solutions(offer)
    try:
        found = solve(offer)
    except Impossible:
        assert not others
        return
    assert others[0][:3] == (1 / found.price, found.company_capitalization, found.pool_increase)
    assert others[0][3:] == found.converted


def test_most_seeds_have_a_price() -> None:
    assert sum(bool(solutions(drawn_offer(random.Random(seed)))) for seed in range(60)) >= 40


def test_second_solver_finds_a_planted_error() -> None:
    offer = drawn_offer(random.Random(1))
    wrong = solve(offer._replace(pre_money=offer.pre_money + 1))
    assert solutions(offer)[0][0] != 1 / wrong.price


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**9), st.sampled_from(ROUNDINGS))
def test_whole_shares_and_money_are_conserved(seed: int, rounding: Rounding) -> None:
    offer = drawn_offer(random.Random(seed))
    try:
        true, found = solve(offer), solve_rounded(offer, rounding)
    except Impossible:
        return
    issued = (*found.new_shares, *found.converted, found.pool_increase)
    assert all(each >= 0 and each.denominator == 1 for each in issued)
    assert found.total == offer.shares + offer.pool + sum(issued)
    for amount, shares in zip(offer.new_money, found.new_shares, strict=True):
        if rounding.shares == "down":
            assert 0 <= amount - shares * found.price < found.price
    lowest = min((true.price, *true.conversion_prices))
    coarse = 10.0**-rounding.price_places / float(lowest) if rounding.price_places is not None else 0.0
    assert found.total == pytest.approx(float(true.total), rel=1e-3 + coarse)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**9))
def test_exact_solutions_mean_what_the_documents_say(seed: int) -> None:
    offer = drawn_offer(random.Random(seed))._replace(pool_of="post-money")
    try:
        found = solve(offer)
    except Impossible:
        return
    late = offer.pool_paid_by == "everyone"
    priced = found.total - (found.pool_increase if late else 0)
    assert priced * found.price == offer.pre_money + offer.money  # post-money valuation
    pool = offer.pool + found.pool_increase
    assert pool == max(offer.pool, offer.pool_target * found.total)  # target met, or the larger pool kept
    for one, shares in zip(offer.converting, found.converted, strict=True):
        for terms in one.terms:
            assert shares * found.price * (1 - terms.discount) >= one.amount  # never less than the discount gives
            if terms.cap is not None and terms.basis == "post-money":
                assert shares / found.company_capitalization >= one.amount / terms.cap  # ownership = money / cap


def test_post_money_ownership_is_money_over_cap() -> None:
    offer = Offer(F(8_000_000), F(0), F(50_000_000), (F(5_000_000),), (Converting(F(500_000), (Terms(F(5_000_000)),)),))
    found = solve(offer)
    assert found.converted[0] / found.company_capitalization == F(1, 10)


def test_pre_money_cap_counts_the_pool_increase_and_no_safe() -> None:
    one = Converting(F(1_000_000), (Terms(F(8_000_000), F(0), "pre-money"),))
    offer = Offer(F(9_000_000), F(1_000_000), F(40_000_000), (F(10_000_000),), (one, one), F(1, 5))
    found = solve(offer)
    assert found.conversion_prices[0] == F(8_000_000) / (10_000_000 + found.pool_increase)


@pytest.mark.parametrize(
    "offer",
    [
        Offer(F(10), F(0), F(100), (F(10),), tuple(Converting(F(50), (Terms(F(100)),)) for _ in range(2))),
        Offer(F(10), F(0), F(100), (F(10),), (Converting(F(100), (Terms(),)),)),
        Offer(F(10), F(0), F(100), (F(900),), (), F(1, 5)),
        Offer(F(0), F(0), F(100), (F(10),)),
    ],
    ids=["caps own it all", "conversion is worth the pre-money", "pool and money take it all", "no shares"],
)
def test_more_than_the_company_has_no_price(offer: Offer) -> None:
    with pytest.raises(Impossible):
        solve(offer)


@pytest.mark.parametrize("start", range(0, 80, 10))
def test_down_rounds_equal_the_solver_that_tries_every_choice(start: int) -> None:
    adjusted = 0
    for seed in range(start, start + 10):
        offer = drawn_down_round(random.Random(seed))
        assert not disagreement(offer), seed
        try:
            found = solve_rounded(offer, Rounding(price_places=4))
        except Impossible:
            continue
        adjusted += found.protection > 0
        issued = sum(found.new_shares) + sum(found.converted) + found.pool_increase
        assert found.total == offer.shares + offer.pool + issued + found.protection
        assert found.protection >= 0 and found.protection.denominator == 1
    assert adjusted > 3
