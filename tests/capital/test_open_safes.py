"""SAFEs and notes open at a sale: cases by hand from the forms, and drawn ones against an independent solver."""

import random
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from argosy.capital import (
    Common,
    Convertible,
    SaleTerms,
    Securities,
    ShareClass,
    Waterfall,
    exit_returns,
    securities_of,
)
from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.config import UserError

from .brute_force import SOLD, drawn_exit, drawn_with_safes, free, payouts
from .test_table import tree

F = Fraction
FOUNDERS = Common(name="founders", shares=9_000_000)


def safe(name: str = "SAFE", amount: int = 500_000_00, **terms: Any) -> Convertible:
    made = SaleTerms(amount_cents=amount, cash_out_cents=amount, **terms)
    return Convertible(name=name, holder=name, terms=made, invested_cents=amount)


def paid(exit_cents: int, *convertibles: Convertible, **more: Any) -> dict[str, int]:
    securities = Securities(common=(FOUNDERS,), convertibles=convertibles, **more)
    return {one.name: one.paid_cents for one in exit_returns(securities, exit_cents, on=SOLD).payouts}


@pytest.mark.parametrize(("exit_", "gets"), [(300_000, 300_000), (5_000_000, 500_000), (100_000_000, 10_000_000)])
def test_a_post_money_safe_owns_its_part_or_has_its_money_back(exit_: int, gets: int) -> None:
    assert paid(exit_ * 100, safe(post_money_cap=F(5_000_000)))["SAFE"] == gets * 100


def test_a_pre_money_cap_is_for_the_company_without_safes() -> None:
    own = safe(pre_money_cap=F(4_500_000))  # a million shares: 9 million at 0.50
    assert paid(100_000_000_00, own, safe("other", pre_money_cap=F(4_500_000)))["SAFE"] == 100_000_000_00 // 11


def test_a_discount_is_worth_the_same_at_any_price() -> None:
    own = safe(discount=F(1, 5))
    assert paid(400_000_00, own) == {"SAFE": 400_000_00, "founders": 0}
    assert paid(625_000_00, own) == {"SAFE": 625_000_00, "founders": 0}
    assert paid(100_000_000_00, own)["SAFE"] == 625_000_00


def test_money_back_is_on_par_with_preferred_and_after_notes() -> None:
    note = Convertible(
        name="note",
        holder="lender",
        invested_cents=100_000_00,
        terms=SaleTerms(amount_cents=110_000_00, cash_out_cents=210_000_00, debt=True, pre_money_cap=F(9_000_000)),
    )
    preferred = ShareClass(name="A", shares=1_000_000, invested_cents=1_500_000_00)
    little = paid(1_010_000_00, safe(post_money_cap=F(5_000_000)), note, classes=(preferred,))
    assert little == {"A": 600_000_00, "SAFE": 200_000_00, "note": 210_000_00, "founders": 0}
    # All convert: 110,000 at 9 m / 10 m shares is 122,222 shares, and with the SAFE's tenth there are 10 / 9 of all.
    much = paid(1_000_000_000_00, safe(post_money_cap=F(5_000_000)), note, classes=(preferred,))
    shares = F(1_100_000, 9)
    assert much["SAFE"] == 100_000_000_00
    assert abs(much["note"] - 900_000_000_00 * shares / (10_000_000 + shares)) < 1


def test_a_second_conversion_raises_the_first_safe_without_a_jump() -> None:
    """Caps of 5 and 10 million: the second converts at 10 million; only then is the first's tenth a tenth of all."""
    first, second = safe("first", post_money_cap=F(5_000_000)), safe("second", post_money_cap=F(10_000_000))
    gap = F(500_000_00, 10) / (1 - F(1, 10))
    below = 10_000_000_00 - gap
    assert paid(int(below), first, second)["first"] == pytest.approx((below - 50_000_000) / 10, abs=2)
    assert paid(10_000_000_00, first, second) == {"first": 100_000_000, "second": 50_000_000, "founders": 850_000_000}
    securities = Securities(common=(FOUNDERS,), convertibles=(first, second))
    widths = [
        one.end_cents - one.start_cents
        for one in Waterfall.of(securities).tranches
        if one.end_cents and one.share_price_cents and not one.shares
    ]
    assert widths == [gap]


@pytest.mark.parametrize("start", range(0, 200, 25))
def test_drawn_companies(start: int) -> None:
    for seed in range(start, start + 25):
        chance = random.Random(seed)
        securities = drawn_with_safes(chance)
        waterfall = Waterfall.of(securities, SOLD)
        widths = [one for one in waterfall.tranches if one.share_price_cents and not one.shares]
        inside = [int((one.start_cents + (one.end_cents or 0)) / 2) for one in widths]
        before = dict.fromkeys(waterfall.names, Fraction(0))
        for price in sorted({drawn_exit(chance), drawn_exit(chance), 10**8, *inside}):
            now = waterfall.at(price)
            assert sum(now.values()) == price and all(0 <= before[name] <= now[name] for name in now), (seed, price)
            last = waterfall.last(price)
            decided = last.converted | last.exercised
            if last not in widths:
                assert payouts(securities, price, decided) == now, (seed, price)
            for name in free(securities):
                assert payouts(securities, price, decided ^ {name})[name] <= now[name], (seed, price, name)
            before = now
        found = exit_returns(securities, price, on=SOLD)
        debts = sum(one.paid_cents for one in found.payouts if one.name.startswith("debt"))
        assert (
            sum(one.paid_cents for one in found.holders) + debts
            == price
            == sum(one.paid_cents for one in found.payouts)
        )


NOTE = {
    "holder": "Fund",
    "amount": 100_000,
    "date": date(2026, 1, 1),
    "maturity": date(2029, 1, 1),
    "interest": 0.1,
    "unconverted": True,
}


def sold(exit_: int, **more: Any) -> dict[str, int]:
    table = cap_table(CapTableConfig.model_validate(tree(rounds=[], **more)), at=date(2027, 1, 1))
    found = exit_returns(securities_of(table), exit_ * 100, on=date(2027, 1, 1)).holders
    return {one.holder: one.paid_cents for one in found}


def test_a_table_sold_before_its_round() -> None:
    angel = {"holder": "Angel", "amount": 500_000, "date": date(2026, 2, 1), "unconverted": True}
    grant = {"holder": "Bo", "shares": 1_000_000, "date": date(2026, 12, 1), "vesting": {"months": 48}}
    capped = {**angel, "cap": 5_000_000}
    # A tenth by the cap. The grant has not vested: it gets nothing, and is in the count that the tenth is of.
    assert sold(100_000_000, safes=[capped])["Angel"] == 10_000_000_00
    shares = F(10_000_000, 9)
    expected = 100_000_000_00 * shares / (9_000_000 + shares)
    assert abs(sold(100_000_000, safes=[capped], grants=[grant])["Angel"] - expected) < 1
    mfn = {**angel, "date": date(2026, 1, 5), "mfn": True}
    assert sold(100_000_000, safes=[mfn, capped])["Angel"] == 20_000_000_00
    assert sold(100_000_000, safes=[mfn])["Angel"] == 500_000_00
    assert sold(100_000_000, safes=[], notes=[NOTE])["Fund"] == 110_000_00
    assert sold(100_000_000, safes=[], notes=[{**NOTE, "sale_multiple": 2}])["Fund"] == 210_000_00
    greater = {**NOTE, "cap": 1_000_000, "cap_of": "post-money", "at_sale": "greater"}
    assert sold(100_000_000, safes=[], notes=[greater])["Fund"] == 11_000_000_00


def test_safes_that_own_everything_are_refused() -> None:
    with pytest.raises(UserError, match=r"own 100\.0%"):
        paid(1, safe(post_money_cap=F(500_000)))
