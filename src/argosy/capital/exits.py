"""What a sale of the company pays to whom: by security and by holder, at one price or weighted over several."""

import math
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from pydantic import Field

from argosy.capital.cents import CentRounding, divided, in_cents
from argosy.capital.rates import moic, xirr
from argosy.capital.securities import Securities, Stake, total
from argosy.capital.tranches import Waterfall
from argosy.config import Record, UserError


class Payout(Record):
    """What one debt, class, block of common shares or grant gets."""

    name: str
    paid_cents: int
    """Of options, what is left after their strike."""
    exact_cents: Fraction
    """Before rounding."""
    part: Fraction
    """Of the price, before rounding; 0 at a price of 0."""
    converted: bool
    """Whether a class gave up its preference for common shares."""
    exercised: bool
    """Whether options were worth exercising."""
    invested_cents: int
    multiple: Fraction | None
    """Paid out over paid in (MOIC); none where nothing was paid in."""
    break_even_cents: int | None
    """The lowest price of the sale at which the money comes back; none where it never does."""


class HolderReturn(Record):
    """What one holder gets from all that is held."""

    holder: str
    invested_cents: int
    paid_cents: int
    multiple: Fraction | None
    """Paid out over paid in (MOIC); none where nothing was paid in."""
    xirr: float | None
    """A year; none without dates or money paid in, after a total loss (no rate above −100 % fits), or within a day."""
    break_even_cents: int | None
    """The lowest price of the sale at which the money comes back; none where it never does."""


class ExitReturns(Record):
    """One sale."""

    exit_cents: int
    on: date | None
    rounding: CentRounding
    share_price_cents: Fraction
    """What one common share gets."""
    payouts: tuple[Payout, ...]
    """They sum to the price, to the cent."""
    holders: tuple[HolderReturn, ...]


class Scenario(Record):
    """A price of the sale with its probability."""

    name: str
    exit_cents: int = Field(ge=0)
    probability: Fraction = Field(ge=0, le=1)
    on: date | None = None


class Expected(Record):
    """What a security or a holder gets on average over scenarios."""

    name: str
    invested_cents: int
    expected_cents: Fraction
    multiple: Fraction | None
    """Expected money out over money in."""
    xirr: float | None
    """Rate of the expected flows (not the mean of the scenarios' rates); none without dates or money paid in."""
    loss_probability: Fraction
    """Of getting back less than was paid in."""


class WeightedReturns(Record):
    """Several sales, weighted by their probabilities."""

    exits: tuple[ExitReturns, ...]
    """In the order of the scenarios."""
    exit_cents: Fraction
    """Expected price."""
    securities: tuple[Expected, ...]
    holders: tuple[Expected, ...]


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
    shares = securities.shares
    found = []
    for holder in dict.fromkeys(stake.holder for stake in stakes):
        own = [i for i, stake in enumerate(stakes) if stake.holder == holder]
        invested = sum(stakes[i].invested_cents for i in own)
        weights: dict[str, Fraction] = {}
        for stake in (stakes[i] for i in own):
            part = Fraction(stake.shares, shares[stake.security]) if shares[stake.security] else Fraction(0)
            weights[stake.security] = weights.get(stake.security, Fraction(0)) + part
        out = sum(got[i] for i in own)
        found.append(
            HolderReturn(
                holder=holder,
                invested_cents=invested,
                paid_cents=out,
                multiple=moic(invested, out),
                xirr=_rate([stakes[i] for i in own], [(on, Fraction(out))]),
                break_even_cents=_whole(waterfall.price_for(weights, invested)),
            )
        )
    return tuple(found)


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


def _rate(stakes: Sequence[Stake], out: Sequence[tuple[date | None, Fraction]]) -> float | None:
    """XIRR of what was paid for the stakes and of what came out."""
    paid_in = [stake for stake in stakes if stake.invested_cents]
    if not paid_in:
        return None
    dates = [*(stake.on for stake in paid_in), *(day for day, _ in out)]
    known = [day for day in dates if day is not None]
    if len(known) < len(dates):
        return None
    try:
        return xirr(known, [*(-stake.invested_cents for stake in paid_in), *(cents for _, cents in out)]).rate
    except UserError:  # sold on the day it was paid for, or the day after
        return None


def _whole(price: Fraction | None) -> int | None:
    return None if price is None else math.ceil(price)


def weighted_returns(
    securities: Securities, scenarios: Sequence[Scenario], *, rounding: CentRounding = "monotone"
) -> WeightedReturns:
    """Expected proceeds over scenarios. Raises `bad-probabilities` unless they sum to 1, exactly."""
    if (sum_ := total(one.probability for one in scenarios)) != 1:
        raise UserError("bad-probabilities", f"the scenarios' probabilities sum to {float(sum_):g}, expected exactly 1")
    exits = tuple(exit_returns(securities, one.exit_cents, on=one.on, rounding=rounding) for one in scenarios)
    chances = [one.probability for one in scenarios]
    payouts = [[(one.name, one.invested_cents, one.paid_cents) for one in sale.payouts] for sale in exits]
    holders = [[(one.holder, one.invested_cents, one.paid_cents) for one in sale.holders] for sale in exits]
    stakes = _stakes(securities)
    return WeightedReturns(
        exits=exits,
        exit_cents=total(p * sale.exit_cents for p, sale in zip(chances, exits, strict=True)),
        securities=_expected(payouts, scenarios, {name: [] for name, _, _ in payouts[0]}, stakes, "security"),
        holders=_expected(holders, scenarios, {name: [] for name, _, _ in holders[0]}, stakes, "holder"),
    )


def _expected(
    rows: Sequence[Sequence[tuple[str, int, int]]],
    scenarios: Sequence[Scenario],
    names: dict[str, list[Stake]],
    stakes: Sequence[Stake],
    of: str,
) -> tuple[Expected, ...]:
    for stake in stakes:
        names[getattr(stake, of)].append(stake)
    found = []
    for place, (name, own) in enumerate(names.items()):
        paid = [row[place][2] for row in rows]
        invested = rows[0][place][1]
        out = [one.probability * cents for one, cents in zip(scenarios, paid, strict=True)]
        found.append(
            Expected(
                name=name,
                invested_cents=invested,
                expected_cents=total(out),
                multiple=moic(invested, total(out)),
                xirr=_rate(own, [(one.on, cents) for one, cents in zip(scenarios, out, strict=True)]),
                loss_probability=total(
                    one.probability for one, cents in zip(scenarios, paid, strict=True) if cents < invested
                ),
            )
        )
    return tuple(found)
