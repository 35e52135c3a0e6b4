"""The table: vesting, interest, rounds one after another, protection, pro rata; what a bad file is told."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.capital import CapTable, Common, Securities, ShareClass, exit_returns, load_capital, raise_round
from argosy.capital.cap_table.anti_dilution import adjusted_price
from argosy.capital.cap_table.calendar import interest_cents, months_later, vested, whole_months
from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_checks import table_problems
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.cash.lines import Horizon
from argosy.capital.day_counts import years_between
from argosy.capital.months import cents, month_number
from argosy.config import VentureError

F = Fraction


def tree(**more: Any) -> dict[str, Any]:
    """Two founders, a pool, a SAFE, a seed round; `more` replaces parts."""
    return {
        "holders": [
            {"name": "Ada", "kind": "founder"},
            {"name": "Bo", "kind": "founder"},
            {"name": "Angel", "kind": "investor"},
            {"name": "Fund", "kind": "investor"},
        ],
        "classes": [
            {"name": "Common"},
            {"name": "Seed", "kind": "preferred", "seniority": 1},
            {"name": "A", "kind": "preferred", "seniority": 2},
        ],
        "holdings": [
            {"holder": "Ada", "share_class": "Common", "shares": 4_500_000, "date": date(2026, 1, 1), "vesting": {}},
            {"holder": "Bo", "share_class": "Common", "shares": 4_500_000, "date": date(2026, 1, 1)},
        ],
        "pool": {"shares": 1_000_000, "date": date(2026, 1, 1)},
        "safes": [{"holder": "Angel", "amount": 500_000, "date": date(2026, 2, 1), "cap": 5_000_000}],
        "rounds": [seed()],
        **more,
    }


def seed(**more: Any) -> dict[str, Any]:
    investors = [{"holder": "Fund", "amount": 3_000_000}]
    start = {"name": "Seed", "date": date(2027, 1, 1), "share_class": "Seed", "pre_money": 12_000_000}
    return {**start, "investors": investors, "pool": 0.1, **more}


def made(**more: Any) -> CapTable:
    return cap_table(CapTableConfig.model_validate(tree(**more)))


def holder(table: CapTable, name: str) -> Fraction:
    return next(one.ownership for one in table.table.by_holder if one.name == name)


def test_a_seed_round_by_hand() -> None:
    # Post-money 15 m: the fund has a fifth, the pool a tenth, the SAFE a tenth of what is neither new nor increase.
    table = made(rounding={"shares": "none"})
    done = table.rounds[0]
    assert holder(table, "Fund") == F(1, 5)
    assert holder(table, "unallocated pool") == F(1, 10)
    assert done.conversions[0].shares / done.company_capitalization == F(1, 10)
    assert done.price * done.after.fully_diluted == 15_000_000
    assert sum(one.ownership for one in table.table.by_holder) == 1


def test_sub_class_keeps_the_preference_at_the_money_paid() -> None:
    table = made()
    sub = next(one for one in table.classes if one.name == "Seed-1")
    conversion = table.rounds[0].conversions[0]
    assert 500_000 - sub.price < conversion.shares * sub.price <= 500_000
    assert sub.price < next(one.price for one in table.classes if one.name == "Seed")


def test_the_day_decides_what_is_in_the_table() -> None:
    config = CapTableConfig.model_validate(tree())
    early = cap_table(config, at=date(2026, 12, 31))
    assert not early.rounds and early.instruments[0].state == "open"
    assert early.table.fully_diluted == 10_000_000
    assert next(one.vested for one in early.table.lines if one.holder == "Ada") == 0  # a day before the cliff
    later = cap_table(config, at=date(2027, 1, 1))
    assert next(one.vested for one in later.table.lines if one.holder == "Ada") == 4_500_000 // 4


def test_who_leaves_keeps_what_vested() -> None:
    gone = {"left": date(2027, 7, 1)}
    share = {"holder": "Ada", "share_class": "Common", "shares": 4_800, "date": date(2026, 1, 1), "vesting": gone}
    option = {"holder": "Bo", "shares": 4_800, "date": date(2026, 1, 1), "vesting": gone}
    table = made(
        holdings=[share], grants=[option], pool={"shares": 10_000, "date": date(2026, 1, 1)}, rounds=[], safes=[]
    )
    after = cap_table(
        CapTableConfig.model_validate(
            tree(
                holdings=[share],
                grants=[option],
                pool={"shares": 10_000, "date": date(2026, 1, 1)},
                rounds=[],
                safes=[],
            )
        ),
        at=date(2027, 7, 1),
    )
    assert table.table.fully_diluted == 14_800
    assert {one.share_class: one.shares for one in after.table.lines} == {
        "Common": 1_800,
        "options": 1_800,
        "unallocated pool": 8_200,
    }


@settings(deadline=None, max_examples=300)
@given(
    st.integers(1, 10**7),
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.integers(1, 72),
    st.integers(0, 24),
    st.sampled_from((1, 3, 12)),
    st.integers(0, 4000),
)
def test_vesting_only_grows_and_ends_whole(
    shares: int, start: date, months: int, cliff: int, every: int, days: int
) -> None:
    terms = {"months": months, "cliff_months": min(cliff, months), "every_months": every}
    day = start + timedelta(days=days)
    now, then = vested(shares, start, day, **terms), vested(shares, start, day + timedelta(days=40), **terms)
    assert 0 <= now <= then <= shares
    assert vested(shares, start, months_later(start, months), **terms) == shares
    assert (now == 0) or whole_months(start, day) >= terms["cliff_months"]


def test_months_end_with_the_month() -> None:
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert whole_months(date(2026, 1, 31), date(2026, 2, 28)) == 1
    assert whole_months(date(2026, 1, 31), date(2026, 2, 27)) == 0


def test_interest_by_hand() -> None:
    start, end = date(2026, 1, 1), date(2027, 7, 1)
    assert interest_cents(F(100_000), F(6, 100), start, end, "simple", "30/360") == 900_000
    assert interest_cents(F(100_000), F(6, 100), start, end, "annual", "30/360") == 918_000  # 106,000 · 1.03
    assert interest_cents(F(100_000), F(6, 100), start, end, "simple", "actual/365") == 897_534
    assert years_between(date(2026, 1, 31), date(2026, 7, 31), "30/360") == F(1, 2)
    assert interest_cents(F(1_000), F(365, 1000), start, date(2026, 1, 3), "daily", "actual/365") == 200


def test_halves_of_a_cent_go_by_one_rule_everywhere() -> None:
    note = (F(1), F(5, 1000), date(2026, 1, 1), date(2027, 1, 1), "simple", "30/360")
    preferred = ShareClass(name="A", shares=1, invested_cents=1, multiple=F(5, 2))
    horizon = Horizon(month_number("2027-01"), 12, "USD")
    tiny = seed(pre_money=150_000, pool=0, investors=[{"holder": "Fund", "amount": 0.05}])  # 3 shares at 0.015
    config = CapTableConfig.model_validate(tree(safes=[], rounds=[tiny], rounding={"price_places": 3}))
    for rounding, half, five_halves in (("half-up", 1, 3), ("half-even", 0, 2)):
        assert interest_cents(*note, rounding) == half
        assert (cents(0.005, rounding), cents(-0.005, rounding)) == (half, -half)
        assert replace(horizon, rounding=rounding).cents(0.005) == half
        assert preferred.preference_cents(None, rounding) == five_halves
        securities = Securities(common=(Common(name="c", shares=1),), classes=(preferred,), rounding=rounding)
        assert exit_returns(securities, 3).payouts[0].paid_cents == five_halves
        table = cap_table(config, rounding=rounding)
        assert table.rounding == rounding and table.issues[-1].paid_cents == 4 + half


def test_a_note_converts_with_its_interest_and_best_term() -> None:
    note = {
        "holder": "Angel",
        "amount": 100_000,
        "date": date(2026, 1, 1),
        "maturity": date(2028, 1, 1),
        "interest": 0.05,
        "discount": 0.2,
        "cap": 100_000_000,
    }
    done = made(safes=[], notes=[note], rounding={"shares": "none"}).rounds[0]
    conversion = done.conversions[0]
    assert (conversion.amount_cents, conversion.by) == (10_500_000, "discount")
    assert conversion.price == done.price * F(4, 5)


@pytest.mark.parametrize(
    ("at_maturity", "state"), [("repay", "repaid"), ("convert", "converted"), ("extend", "converted")]
)
def test_a_note_matures(at_maturity: str, state: str) -> None:
    note = {"holder": "Angel", "amount": 100_000, "date": date(2026, 1, 1), "maturity": date(2026, 7, 1), "interest": 0}
    table = made(safes=[], notes=[{**note, "cap": 10_000_000, "at_maturity": at_maturity}])
    line = table.instruments[0]
    assert (line.state, line.by) == (state, "Seed" if at_maturity == "extend" else "maturity")
    common = sum(one.shares for one in table.table.lines if one.holder == "Angel" and one.share_class == "Common")
    assert common == (100_000 if at_maturity == "convert" else 0)  # a hundredth of the 10 m there are


@pytest.mark.parametrize(("cap_of", "each"), [("pre-money", 1_000_000), ("post-money", 1_250_000)])
def test_notes_that_mature_on_a_day_convert_together(cap_of: str, each: int) -> None:
    note = {"amount": 100_000, "date": date(2026, 1, 1), "maturity": date(2026, 7, 1), "interest": 0, "cap_of": cap_of}
    note |= {"cap": 1_000_000, "at_maturity": "convert"}
    table = made(safes=[], notes=[{**note, "holder": "Angel"}, {**note, "holder": "Fund"}]).rounds[0].before
    bought = {one.holder: one.shares for one in table.lines if one.holder in ("Angel", "Fund")}
    assert bought == {"Angel": each, "Fund": each}  # of 10 m before: a tenth each, or a tenth each of 12.5 m after


@pytest.mark.parametrize(
    ("takes", "cap"), [("best-later-terms", 4_000_000), ("lowest-later-cap", 6_000_000), ("round-price", None)]
)
def test_most_favoured_nation_as_said(takes: str, cap: int | None) -> None:
    mfn = {"holder": "Angel", "amount": 100_000, "date": date(2026, 2, 1), "mfn": True}
    later = {"holder": "Fund", "amount": 100_000, "date": date(2026, 3, 1), "cap": 6_000_000}
    sweet = {**later, "kind": "pre-money", "cap": 4_000_000}
    done = made(safes=[mfn, later, sweet], mfn_takes=takes, rounding={"shares": "none"}).rounds[0]
    price = done.conversions[0].price
    if cap is None:
        assert price == done.price
    elif cap == 6_000_000:
        assert price == cap / done.company_capitalization
    else:
        assert price == cap / (10_000_000 + done.pool_increase)


@pytest.mark.parametrize("takes", ["best-later-terms", "lowest-later-cap"])
def test_later_terms_may_be_those_of_another_most_favoured_nation(takes: str) -> None:
    first = {"holder": "Angel", "amount": 100_000, "date": date(2026, 2, 1), "mfn": True}
    later = {"holder": "Fund", "amount": 100_000, "date": date(2026, 3, 1), "cap": 6_000_000, "mfn": True}
    done = made(safes=[first, later], mfn_takes=takes, rounding={"shares": "none"}).rounds[0]
    assert [one.price for one in done.conversions] == [6_000_000 / done.company_capitalization] * 2


def test_pro_rata_buys_its_part_and_no_cent_is_lost() -> None:
    safe = {"holder": "Angel", "amount": 500_000, "date": date(2026, 2, 1), "cap": 5_000_000, "pro_rata": True}
    done = made(safes=[safe]).rounds[0]
    assert [(one.holder, one.amount_cents, one.pro_rata) for one in done.purchases] == [
        ("Angel", 30_000_000, True),
        ("Fund", 270_000_000, False),
    ]
    assert sum(one.amount_cents for one in done.purchases) == done.amount_cents


def down(kind: str, **more: Any) -> CapTable:
    classes = [
        {"name": "Common"},
        {"name": "Seed", "kind": "preferred", "anti_dilution": kind},
        {"name": "A", "kind": "preferred"},
    ]
    cheap = seed(name="A", share_class="A", date=date(2028, 1, 1), pre_money=6_000_000, **more)
    return made(classes=classes, rounds=[seed(), cheap], safes=[], rounding={"shares": "none"})


def test_a_down_round_by_the_charter_formula() -> None:
    plain, broad, ratchet = down("none"), down("broad-based"), down("full-ratchet")
    first, second = broad.rounds
    outstanding = second.before.fully_diluted - next(
        one.shares for one in second.before.lines if one.holder == "unallocated pool"
    )
    issued = second.purchases[0].shares
    expected = first.price * (outstanding + 3_000_000 / first.price) / (outstanding + issued)
    assert second.adjustments[0].after == expected
    assert ratchet.rounds[1].adjustments[0].after == second.price
    assert holder(ratchet, "Ada") < holder(broad, "Ada") < holder(plain, "Ada")
    assert not plain.rounds[1].adjustments


@pytest.mark.parametrize("kind", ["broad-based", "full-ratchet"])
def test_who_pays_for_protection_is_an_input(kind: str) -> None:
    table, late = down(kind, protection_paid_by="existing"), down(kind)
    round_ = table.rounds[1]
    assert holder(table, "Fund") > holder(late, "Fund")  # its third is a third; the older shares came on top of it
    assert round_.purchases[0].ownership == F(1, 3) > late.rounds[1].purchases[0].ownership
    assert round_.price * round_.after.fully_diluted == 9_000_000
    assert round_.price < late.rounds[1].price and holder(table, "unallocated pool") == F(1, 10)
    assert sum(one.ownership for one in table.table.by_holder) == 1


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**9), st.integers(1, 10**9))
def test_protection_is_between_nothing_and_the_ratchet(old: int, new: int, outstanding: int, money: int) -> None:
    terms = {"outstanding": F(outstanding), "money": F(money), "issued": F(money, new)}
    prices = [adjusted_price(kind, F(old), F(new), **terms) for kind in ("full-ratchet", "broad-based", "none")]
    assert min(F(old), F(new)) <= prices[0] <= prices[1] <= prices[2] == old
    cheaper = adjusted_price("broad-based", F(old), F(new, 2), **{**terms, "issued": F(money * 2, new)})
    assert cheaper <= prices[1]


@settings(deadline=None, max_examples=60)
@given(st.integers(10, 400), st.integers(10, 400), st.integers(1, 100), st.sampled_from((0, 0.05, 0.15)), st.booleans())
def test_tables_sum_and_nobody_is_below_zero(v1: int, v2: int, money: int, pool: float, rounded: bool) -> None:
    rounds = [
        seed(pre_money=v1 * 100_000, investors=[{"holder": "Fund", "amount": money * 10_000}], pool=pool),
        seed(name="A", share_class="A", date=date(2028, 1, 1), pre_money=v2 * 100_000, pool=pool),
    ]
    try:
        table = made(rounds=rounds, rounding={"shares": "down", "price_places": 4} if rounded else {"shares": "none"})
    except VentureError as error:
        assert "cap_table.rounds" in str(error)
        return
    for state in (one.after for one in table.rounds):
        assert sum(one.ownership for one in state.lines) == 1
        assert sum(one.as_converted for one in state.lines) == state.fully_diluted
        assert sum(one.as_converted for one in state.by_class) == sum(one.as_converted for one in state.by_holder)
        assert all(one.shares > 0 and 0 <= one.vested <= one.shares for one in state.lines)


BAD = {
    "cap_table.holdings.0.shares": tree(
        holdings=[{"holder": "Ada", "share_class": "Common", "shares": -5, "date": date(2026, 1, 1)}]
    ),
    "cap_table.safes.0: Angel's SAFE of 2026-02-01 converts in no round": tree(rounds=[]),
    "cap_table.rounds.1.order": tree(rounds=[seed(), seed(name="A", share_class="A")]),
    "cap_table.rounds.0: what converts, the pool and the new money take the whole": tree(rounds=[seed(pool=0.9)]),
    "post-money SAFEs and notes own 100.0%": tree(
        safes=[{"holder": "Angel", "amount": 5_000_000, "date": date(2026, 2, 1), "cap": 5_000_000}]
    ),
    "did you mean 'Angel'": tree(safes=[{"holder": "Angle", "amount": 5, "date": date(2026, 2, 1)}]),
    "did you mean 'shares'": tree(pool={"share": 5, "date": date(2026, 1, 1)}),
    "cap_table.pool.date: required key is missing": tree(pool={"shares": 5}),
    "cap_table.grants.0.shares": tree(grants=[{"holder": "Bo", "shares": 2_000_000, "date": date(2026, 1, 1)}]),
    "cap_table.classes.0.authorized": tree(classes=[{"name": "Common", "authorized": 10}, *tree()["classes"][1:]]),
    "cap_table.safes.0.amount: expected money in whole cents": tree(
        safes=[{"holder": "Angel", "amount": 0.001, "date": date(2026, 2, 1)}]
    ),
    "cap_table.rounds.1.share_class: Seed has a price already": tree(
        rounds=[seed(), seed(name="B", date=date(2028, 1, 1))]
    ),
}


@pytest.mark.parametrize("named", BAD, ids=range(len(BAD)))
def test_bad_input_is_named_by_key(named: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import tomli_w

    path = tmp_path / "capital.toml"
    path.write_text(tomli_w.dumps({"cap_table": BAD[named]}))
    with pytest.raises(VentureError) as error:
        load_capital(path)
    assert named in str(error.value)


def test_what_is_said_to_stay_open_waits_for_the_round_asked_about() -> None:
    safe = {"holder": "Angel", "amount": 500_000, "date": date(2026, 2, 1), "cap": 5_000_000, "unconverted": True}
    config = CapTableConfig.model_validate(tree(safes=[safe]))
    assert not cap_table(config).rounds[0].conversions
    asked = raise_round(config, pre_money=F(30_000_000), amount=F(5_000_000), on=date(2028, 1, 1))
    assert [one.holder for one in asked.conversions] == ["Angel"]
    sooner = raise_round(config, pre_money=F(30_000_000), amount=F(5_000_000), instead_of="Seed")
    assert sooner.date == date(2027, 1, 1) and sooner.before.fully_diluted == 10_000_000


def test_the_good_file_has_no_problem() -> None:
    assert not list(table_problems(CapTableConfig.model_validate(tree())))
