"""What a sale of the company pays to whom: by security and by holder, at one price or weighted over several."""

import math
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from pydantic import Field

from argosy.capital.exact import Exact
from argosy.capital.rates import moic, xirr
from argosy.capital.sales.cents import CentRounding, divided, in_cents
from argosy.capital.sales.securities import Securities, Stake, total
from argosy.capital.sales.tranches import Waterfall
from argosy.config import Record, UserError


class Payout(Record):
    """What one debt, class, block of common shares or grant gets."""

    name: str
    paid_cents: int
    """Of options, what is left after their strike."""
    exact_cents: Fraction
    """Before rounding; in JSON as a fraction, "7/3"."""
    part: Exact
    """Of the price, before rounding; 0 at a price of 0."""
    converted: bool
    """Whether a class gave up its preference for common shares."""
    exercised: bool
    """Whether options were worth exercising."""
    invested_cents: int
    multiple: Exact | None
    """Paid out over paid in (MOIC); none where nothing was paid in."""
    break_even_cents: int | None
    """The lowest price of the sale at which the money comes back; none where it never does."""


class HolderReturn(Record):
    """What one holder gets from all that is held."""

    holder: str
    invested_cents: int
    paid_cents: int
    multiple: Exact | None
    """Paid out over paid in (MOIC); none where nothing was paid in."""
    xirr: float | None
    """A year; none without dates or money paid in, after a total loss (no rate above −100 % fits), or within a day."""
    break_even_cents: int | None
    """The lowest price of the sale at which the money comes back, but for a cent's rounding; none where it never
    does."""


class ExitReturns(Record):
    """One sale."""

    exit_cents: int
    on: date | None
    rounding: CentRounding
    share_price_cents: Exact
    """What one common share gets."""
    payouts: tuple[Payout, ...]
    """They sum to the price, to the cent."""
    holders: tuple[HolderReturn, ...]


class Scenario(Record):
    """A sale that may come."""

    name: str
    exit_cents: int = Field(ge=0)
    probability: Exact
    securities: Securities
    """All claims on its day."""
    on: date | None = None


class Expected(Record):
    """What a holder gets on average over scenarios."""

    holder: str
    """Who."""
    invested_cents: int
    """Paid in by the sale, on average: all of it where every scenario comes after the last payment."""
    expected_cents: int
    """Paid out, on average."""
    multiple: Exact | None
    """Expected money out over expected money in; null where nothing is paid in."""
    xirr: float | None
    """Rate of the expected flows (not the mean of the scenarios' rates); null without dates or money paid in."""
    loss_probability: Exact
    """Of a price below the one at which the money comes back."""


class WeightedReturns(Record):
    """Several sales, weighted by their probabilities."""

    exits: tuple[ExitReturns, ...]
    """In the order of the scenarios."""
    exit_cents: Exact
    """Expected price."""
    holders: tuple[Expected, ...]
    """Everybody who holds something in one of them."""


def exit_returns(
    securities: Securities, exit_cents: int, *, on: date | None = None, rounding: CentRounding = "monotone"
) -> ExitReturns:
    """Divide the price of a sale on a day. Raises `UserError`: `bad-exit`, `no-exit-date` where dividends accrue."""
    if exit_cents < 0:
        raise UserError("bad-exit", f"exit = {exit_cents / 100:.2f}: expected 0 or more")
    for stake in _stakes(securities):
        if on is not None and stake.on is not None and stake.on > on:
            raise UserError("bad-exit", f"the sale on {on} comes before {stake.holder!r} pays, on {stake.on}")
    waterfall = Waterfall.of(securities, on)
    paid = in_cents(waterfall, exit_cents, rounding)
    return ExitReturns(
        exit_cents=exit_cents,
        on=on,
        rounding=rounding,
        share_price_cents=waterfall.share_price(exit_cents),
        payouts=_payouts(securities, waterfall, paid, exit_cents),
        holders=_holders(securities, waterfall, paid, on, rounding),
    )


def _payouts(securities: Securities, waterfall: Waterfall, paid: dict[str, int], exit_cents: int) -> tuple[Payout, ...]:
    exact, last = waterfall.at(exit_cents), waterfall.last(exit_cents)
    invested = securities.invested_cents
    return tuple(
        Payout(
            name=name,
            paid_cents=paid[name],
            exact_cents=exact[name],
            part=exact[name] / exit_cents if exit_cents else Fraction(0),
            converted=name in last.converted,
            exercised=name in last.exercised,
            invested_cents=invested.get(name, 0),
            multiple=moic(invested.get(name, 0), paid[name]),
            break_even_cents=_whole(waterfall.price_for({name: Fraction(1)}, invested.get(name, 0))),
        )
        for name in waterfall.names
    )


def _holders(
    securities: Securities, waterfall: Waterfall, paid: dict[str, int], on: date | None, rounding: CentRounding
) -> tuple[HolderReturn, ...]:
    stakes = _stakes(securities)
    got = _by_stake(stakes, paid, rounding)
    shares, prices = securities.shares, securities.invested_cents
    found = []
    for holder in dict.fromkeys(stake.holder for stake in stakes):
        own = [i for i, stake in enumerate(stakes) if stake.holder == holder]
        invested = sum(stakes[i].invested_cents for i in own)
        weights: dict[str, Fraction] = {}
        back = Fraction(0)
        for stake in (stakes[i] for i in own):
            part = Fraction(stake.shares, shares[stake.security]) if shares[stake.security] else Fraction(0)
            weights[stake.security] = weights.get(stake.security, Fraction(0)) + part
            back += _money_back(stake.invested_cents, part * prices[stake.security])
        out = sum(got[i] for i in own)
        found.append(
            HolderReturn(
                holder=holder,
                invested_cents=invested,
                paid_cents=out,
                multiple=moic(invested, out),
                xirr=_rate(_paid_in(stakes, holder), [(on, Fraction(out))]),
                break_even_cents=_whole(waterfall.price_for(weights, back)),
            )
        )
    return tuple(found)


def _money_back(paid_cents: int, of_class: Fraction) -> Fraction:
    """What brings a stake's money back: its part of what the class cost, where only the rounding of either differs."""
    return of_class if 0 < paid_cents - of_class < 1 else Fraction(paid_cents)


def _stakes(securities: Securities) -> tuple[Stake, ...]:
    """The stakes, SAFEs and notes among them, and of securities without any one that holds all of it."""
    listed = {stake.security for stake in securities.stakes} | {one.name for one in securities.convertibles}
    invested = securities.invested_cents
    whole = [
        Stake(holder=name, security=name, shares=shares, invested_cents=invested[name])
        for name, shares in securities.shares.items()
        if name not in listed
    ]
    open_ = (
        Stake(holder=one.holder, security=one.name, shares=1, invested_cents=one.invested_cents, on=one.on)
        for one in securities.convertibles
    )
    return (*securities.stakes, *open_, *whole)


def _by_stake(stakes: Sequence[Stake], paid: dict[str, int], rounding: CentRounding) -> dict[int, int]:
    """Cents by the number of the stake."""
    got: dict[int, int] = {}
    for security in {stake.security for stake in stakes}:
        shares = {str(i): stake.shares for i, stake in enumerate(stakes) if stake.security == security}
        got |= {int(i): cents for i, cents in divided(paid[security], shares, rounding).items()}
    return got


def _rate(paid_in: Sequence[tuple[date | None, Fraction]], out: Sequence[tuple[date | None, Fraction]]) -> float | None:
    """XIRR of what was paid in and of what came out."""
    flows = [*((day, -cents) for day, cents in paid_in if cents), *out]
    known = [day for day, _ in flows if day is not None]
    if len(flows) == len(out) or len(known) < len(flows):
        return None
    try:
        return xirr(known, [cents for _, cents in flows]).rate
    except UserError:  # sold on the day it was paid for, or the day after
        return None


def _paid_in(stakes: Sequence[Stake], holder: str) -> list[tuple[date | None, Fraction]]:
    return [(one.on, Fraction(one.invested_cents)) for one in stakes if one.holder == holder]


def _whole(price: Fraction | None) -> int | None:
    return None if price is None else math.ceil(price)


def weighted_returns(scenarios: Sequence[Scenario], *, rounding: CentRounding = "monotone") -> WeightedReturns:
    """Each scenario's sale, and what everybody gets on average.

    Raises `bad-probabilities` unless their probabilities sum to 1, exactly, and as `exit_returns` does.
    """
    if (sum_ := total(one.probability for one in scenarios)) != 1:
        raise UserError("bad-probabilities", f"the scenarios' probabilities sum to {float(sum_):g}, expected exactly 1")
    exits = tuple(exit_returns(one.securities, one.exit_cents, on=one.on, rounding=rounding) for one in scenarios)
    names = dict.fromkeys(one.holder for sale in exits for one in sale.holders)
    return WeightedReturns(
        exits=exits,
        exit_cents=total(one.probability * one.exit_cents for one in scenarios),
        holders=tuple(_expected(name, scenarios, exits) for name in names),
    )


def _expected(holder: str, scenarios: Sequence[Scenario], exits: Sequence[ExitReturns]) -> Expected:
    paid_in: list[tuple[date | None, Fraction]] = []
    out: list[tuple[date | None, Fraction]] = []
    lost = Fraction(0)
    for scenario, sale in zip(scenarios, exits, strict=True):
        for one in (one for one in sale.holders if one.holder == holder):
            chance = scenario.probability
            paid_in += [(day, chance * cents) for day, cents in _paid_in(_stakes(scenario.securities), holder)]
            out.append((scenario.on, chance * one.paid_cents))
            lost += chance * (one.break_even_cents is None or sale.exit_cents < one.break_even_cents)
    invested, got = (total(cents for _, cents in some) for some in (paid_in, out))
    return Expected(
        holder=holder,
        invested_cents=round(invested),
        expected_cents=round(got),
        multiple=moic(invested, got),
        xirr=_rate(paid_in, out),
        loss_probability=lost,
    )
