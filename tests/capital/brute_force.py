"""The exit waterfall once more, independently: payouts for given decisions, and every set of decisions tried.

Shares nothing with `argosy.capital` but the records. No breakpoints: money is handed down rank by rank, and the rest is
divided among all that share in it, again and again as caps are reached.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import chain, combinations

from argosy.capital import Common, Debt, Dividends, Options, Securities, ShareClass

SOLD = date(2027, 7, 1)


def payouts(securities: Securities, exit_cents: int, deciders: frozenset[str]) -> dict[str, Fraction]:
    """What everybody gets where exactly `deciders` convert or exercise."""
    left = Fraction(exit_cents)
    paid = {one.name: Fraction(0) for one in securities.debts}
    paid |= {name: Fraction(0) for name in securities.shares}
    kept = [one for one in securities.classes if one.name not in deciders]
    preferences = {one.name: (one.seniority, one.preference_cents(SOLD)) for one in kept}
    for claims in ({one.name: (one.seniority, one.owed_cents) for one in securities.debts}, preferences):
        for rank in sorted({rank for rank, _ in claims.values()}, reverse=True):
            owed = {name: cents for name, (r, cents) in claims.items() if r == rank}
            available = min(left, Fraction(sum(owed.values())))
            for name, cents in owed.items():
                paid[name] += available * cents / sum(owed.values()) if cents else 0
            left -= available
    sharing: dict[str, tuple[int, Fraction | None]] = {one.name: (one.shares, None) for one in securities.common}
    for one in securities.classes:
        if one.name in deciders:
            sharing[one.name] = (one.common, None)
        elif one.participation != "none":
            cap = one.cap_cents(SOLD)
            sharing[one.name] = (one.common, None if cap is None else cap - paid[one.name])
    for grant in securities.options:
        if grant.name in deciders:
            sharing[grant.name] = (grant.shares, None)
            paid[grant.name] -= grant.strike_cents * grant.shares
            left += grant.strike_cents * grant.shares
    for name, cents in _shared(left, sharing).items():
        paid[name] += cents
    return paid


def _shared(left: Fraction, sharing: Mapping[str, tuple[int, Fraction | None]]) -> dict[str, Fraction]:
    """Divide by shares; whoever would exceed a cap gets the cap, and the rest is divided again."""
    got: dict[str, Fraction] = {}
    open_ = {name: (shares, cap) for name, (shares, cap) in sharing.items() if shares}
    while open_:
        price = left / sum(shares for shares, _ in open_.values())
        capped = {name: cap for name, (shares, cap) in open_.items() if cap is not None and price * shares > cap}
        if not capped:
            return got | {name: price * shares for name, (shares, _) in open_.items()}
        got |= capped
        left -= sum(capped.values())
        open_ = {name: one for name, one in open_.items() if name not in capped}
    return got


def free(securities: Securities) -> tuple[str, ...]:
    """Those that have a decision to make."""
    return tuple(one.name for one in securities.classes if one.common) + tuple(
        one.name for one in securities.options if one.shares
    )


def gain_of_deviating(securities: Securities, exit_cents: int, deciders: frozenset[str]) -> Fraction:
    """The most that anybody gains by deciding otherwise while all others stay; 0 or less at a Nash equilibrium."""
    here = payouts(securities, exit_cents, deciders)
    gains = [payouts(securities, exit_cents, deciders ^ {name})[name] - here[name] for name in free(securities)]
    return max(gains, default=Fraction(0))


def equilibria(securities: Securities, exit_cents: int) -> Iterator[frozenset[str]]:
    """Every set of decisions from which nobody gains by deviating, of all 2ⁿ."""
    names = free(securities)
    for some in chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)):
        if gain_of_deviating(securities, exit_cents, frozenset(some)) <= 0:
            yield frozenset(some)


def drawn(chance: random.Random) -> Securities:
    """Up to four classes, two grants and two debts, of sizes that matter to each other."""
    classes = []
    for number in range(chance.randint(0, 4)):
        multiple = Fraction(chance.choice([0, 2, 2, 2, 3, 4]), 2)
        participation = chance.choice(["none", "none", "full", "capped"])
        shares = chance.randint(1, 3000)
        classes.append(
            ShareClass(
                name=f"Series {'ABCD'[number]}",
                shares=shares,
                invested_cents=chance.choice([chance.randint(0, 10**6), chance.randint(0, 10**4)]),
                seniority=chance.randint(0, 2),
                multiple=multiple,
                participation=participation,
                cap_multiple=multiple + Fraction(chance.randint(0, 4), 2) if participation == "capped" else None,
                conversion_shares=chance.choice([None, None, None, 0, chance.randint(1, 4000)]),
                dividends=_dividends(chance),
            )
        )
    options = tuple(
        Options(
            name=f"grant {number}",
            shares=chance.randint(0, 800),
            strike_cents=Fraction(chance.randint(0, 5000), chance.choice([1, 3, 10])),
        )
        for number in range(chance.randint(0, 2))
    )
    debts = tuple(
        Debt(name=f"debt {number}", owed_cents=chance.randint(0, 10**5), seniority=chance.randint(0, 1))
        for number in range(chance.randint(0, 2))
    )
    common = (Common(name="common", shares=chance.randint(1, 10**4)),)
    return Securities(common=common, classes=tuple(classes), options=options, debts=debts)


def _dividends(chance: random.Random) -> Dividends | None:
    if chance.random() < 0.75:
        return None
    since = date(chance.randint(2020, 2027), chance.randint(1, 12), chance.randint(1, 28))
    return Dividends(rate=Fraction(chance.randint(0, 12), 100), since=since, compounding=chance.random() < 0.5)


def drawn_exit(chance: random.Random) -> int:
    """Cents: nothing, a few, or up to some times what is at stake."""
    return chance.choice([0, chance.randint(0, 1000), chance.randint(0, 10**6), chance.randint(0, 10**7)])
