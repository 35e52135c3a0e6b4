"""The exit waterfall once more, independently: payouts for given decisions, and every set of decisions tried.

Shares nothing with `argosy.capital` but the records. No breakpoints: money is handed down rank by rank, and the rest is
divided among all that share in it, again and again as caps are reached.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import chain, combinations

from argosy.capital import Common, Convertible, Debt, Dividends, Options, SaleTerms, Securities, ShareClass

SOLD = date(2027, 7, 1)


def payouts(securities: Securities, exit_cents: int, deciders: frozenset[str]) -> dict[str, Fraction]:
    """What everybody gets where exactly `deciders` convert or exercise."""
    left = Fraction(exit_cents)
    paid = {one.name: Fraction(0) for one in securities.debts}
    paid |= {name: Fraction(0) for name in securities.shares}
    kept = [one for one in securities.classes if one.name not in deciders]
    preferences = {one.name: (one.seniority, one.preference_cents(SOLD)) for one in kept}
    debts = {one.name: (one.seniority, one.owed_cents) for one in securities.debts}
    for open_ in securities.convertibles:
        if open_.name not in deciders:
            claims = debts if open_.terms.debt else preferences
            claims[open_.name] = (open_.seniority, open_.terms.cash_out_cents)
    for claims in (debts, preferences):
        for rank in sorted({rank for rank, _ in claims.values()}, reverse=True):
            owed = {name: cents for name, (r, cents) in claims.items() if r == rank}
            available = min(left, Fraction(sum(owed.values())))
            for name, cents in owed.items():
                paid[name] += available * cents / sum(owed.values()) if cents else 0
            left -= available
    extra = {one.name: _for_discount(one) for one in securities.convertibles if one.name not in deciders}
    available = min(left, sum(extra.values(), Fraction(0)))
    for name, cents in extra.items():
        paid[name] += available * cents / sum(extra.values()) if cents else 0
    left -= available
    sharing: dict[str, tuple[Fraction | int, Fraction | None]] = {
        one.name: (one.shares, None) for one in securities.common
    }
    sharing |= {name: (count, None) for name, count in _safe_shares(securities, deciders).items()}
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


def _for_discount(one: Convertible) -> Fraction:
    """Purchase amount over (1 - discount), less the money back."""
    terms = one.terms
    return terms.amount_cents / (1 - terms.discount) - terms.cash_out_cents if terms.discount else Fraction(0)


def _safe_shares(securities: Securities, deciders: frozenset[str]) -> dict[str, Fraction]:
    """Shares of those that convert, by their forms: the count with itself converged to and checked."""
    everything = sum(one.shares for one in (*securities.common, *securities.options)) + securities.idle_options
    as_converted = everything + sum(one.common for one in securities.classes)
    base = everything + sum(
        one.common for one in securities.classes if one.participation != "none" or one.name in deciders
    )
    turning = [one for one in securities.convertibles if one.name in deciders]
    owned = Fraction(0)
    for one in turning:
        if one.terms.post_money_cap is not None:
            owned += one.terms.amount_cents / (one.terms.post_money_cap * 100)
        else:
            assert one.terms.pre_money_cap is not None
            base += one.terms.amount_cents * as_converted / (one.terms.pre_money_cap * 100)
    count, found = base / (1 - owned), {}
    for one in turning:
        if one.terms.post_money_cap is not None:
            found[one.name] = one.terms.amount_cents * count / (one.terms.post_money_cap * 100)
        else:
            assert one.terms.pre_money_cap is not None
            found[one.name] = one.terms.amount_cents * as_converted / (one.terms.pre_money_cap * 100)
    return found


def _shared(left: Fraction, sharing: Mapping[str, tuple[Fraction | int, Fraction | None]]) -> dict[str, Fraction]:
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
    capped = (one for one in securities.convertibles if one.terms.post_money_cap or one.terms.pre_money_cap)
    names = [one.name for one in securities.classes if one.common] + [one.name for one in capped]
    return (*names, *(one.name for one in securities.options if one.shares))


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


def drawn_with_safes(chance: random.Random) -> Securities:
    """The same with one to three SAFEs or notes, of one form each, that own less than the company."""
    made = []
    for number in range(chance.randint(1, 3)):
        debt, amount = chance.random() < 0.25, chance.randint(1, 10**5)
        form = chance.choice(["post_money_cap", "post_money_cap", "pre_money_cap", "discount", "neither"])
        terms: dict[str, object] = {}
        if form.endswith("cap"):
            terms[form] = Fraction(amount * chance.randint(4, 60), 100)
        elif form == "discount" and not debt:
            terms[form] = Fraction(chance.choice([10, 20, 25]), 100)
        back = amount * chance.choice([1, 1, 2]) if debt else amount
        one = SaleTerms(amount_cents=amount, cash_out_cents=back, debt=debt, **terms)
        made.append(
            Convertible(name=f"SAFE {number}", holder=f"angel {number}", terms=one, invested_cents=amount,
                        seniority=chance.randint(0, 2))
        )  # fmt: skip
    return drawn(chance).model_copy(update={"convertibles": tuple(made), "idle_options": chance.choice([0, 0, 500])})


def _dividends(chance: random.Random) -> Dividends | None:
    if chance.random() < 0.75:
        return None
    since = date(chance.randint(2020, 2027), chance.randint(1, 12), chance.randint(1, 28))
    return Dividends(rate=Fraction(chance.randint(0, 12), 100), since=since, compounding=chance.random() < 0.5)


def drawn_exit(chance: random.Random) -> int:
    """Cents: nothing, a few, or up to some times what is at stake."""
    return chance.choice([0, chance.randint(0, 1000), chance.randint(0, 10**6), chance.randint(0, 10**7)])
