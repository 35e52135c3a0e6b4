"""Exact payouts turned into whole cents that sum to the price."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, get_args

from argosy.capital.months import cents as rounded
from argosy.capital.sales.tranches import Tranche, Waterfall

CentRounding = Literal["monotone", "largest-remainder"]
"""`monotone`: as the price rises, each further cent goes to whoever is first half-way to the next one (Webster's
method); no payout ever falls, but with four or more parties one may be more than a cent off its exact value.
`largest-remainder`: all are rounded down and the cents left go to the largest remainders (Hamilton's method); every
payout is within a cent of its exact value, but one may be a cent lower at a higher price. Methods with both need the
whole history of cents (Balinski and Young 1975). Ties go by the order given."""
ROUNDINGS: tuple[CentRounding, ...] = get_args(CentRounding)


def in_cents(waterfall: Waterfall, exit_cents: int, rounding: CentRounding) -> dict[str, int]:
    """Whole cents by name, which sum to the price."""
    exact = waterfall.at(exit_cents)
    if rounding == "largest-remainder":
        return largest_remainder(exact, exit_cents)
    return _monotone(waterfall, {name: rounded(cents / 100) for name, cents in exact.items()}, exit_cents)


def divided(cents: int, shares: Mapping[str, int], rounding: CentRounding) -> dict[str, int]:
    """Cents of one security among its holders, in proportion to their shares."""
    all_shares = sum(shares.values())
    if not all_shares:
        return dict.fromkeys(shares, 0)
    parts = {holder: Fraction(count, all_shares) for holder, count in shares.items()}
    only = Tranche(Fraction(0), None, parts, (), frozenset(), frozenset())
    return in_cents(Waterfall(tuple(shares), (only,)), cents, rounding)


def largest_remainder(exact: Mapping[str, Fraction], sum_cents: int) -> dict[str, int]:
    """All rounded down, and the cents left to the largest remainders."""
    down = {name: int(cents) for name, cents in exact.items()}
    by_remainder = sorted(exact, key=lambda name: down[name] - exact[name])
    return {name: cents + (name in by_remainder[: sum_cents - sum(down.values())]) for name, cents in down.items()}


def _monotone(waterfall: Waterfall, paid: dict[str, int], sum_cents: int) -> dict[str, int]:
    """Give the next cents, or take back the last ones, in the order of the prices at which each is half earned."""
    while (short := sum_cents - sum(paid.values())) > 0:
        paid[_first_at(waterfall, {name: cents + 1 for name, cents in paid.items()}, waterfall.names)] += 1
    for _ in range(-short):
        last = {name: cents for name, cents in paid.items() if cents}
        paid[_last_at(waterfall, last)] -= 1
    return paid


def _first_at(waterfall: Waterfall, cents: Mapping[str, int], order: Sequence[str]) -> str:
    prices = {name: _price_of(waterfall, name, cents[name]) for name in order}
    return min((name for name in order if prices[name] is not None), key=lambda name: prices[name] or Fraction(0))


def _last_at(waterfall: Waterfall, cents: Mapping[str, int]) -> str:
    prices = {name: _price_of(waterfall, name, count) or Fraction(0) for name, count in cents.items()}
    return max(reversed(list(prices)), key=lambda name: prices[name])


def _price_of(waterfall: Waterfall, name: str, cent: int) -> Fraction | None:
    """The price at which this cent of a payout is half earned."""
    return waterfall.price_for({name: Fraction(1)}, Fraction(2 * cent - 1, 2))
