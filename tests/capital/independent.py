"""A second way to the price of a round: write every unknown as a row of a linear system, try every choice of terms.

It shares nothing with the library but the arithmetic of fractions: where the library walks along one convex function,
this eliminates by Gauss for each combination (each instrument's term, pool topped up or not) and keeps the combinations
whose solution is what it assumed.
"""

import itertools
from fractions import Fraction

from argosy.capital import Offer, Rounding

F = Fraction
NOBODY = F(0)


def gauss(rows: list[list[Fraction]]) -> list[Fraction] | None:
    """Solve rows of coefficients and right side; none where the system is singular."""
    n = len(rows)
    rows = [list(row) for row in rows]
    for column in range(n):
        pivot = next((i for i in range(column, n) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for i in range(n):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[n] for row in rows]


def solutions(offer: Offer, outstanding: Fraction = NOBODY) -> list[tuple[Fraction, ...]]:
    """Every consistent (x, capitalisation, pool increase, shares of each instrument, shares that protection adds to
    each class), the highest price first; `outstanding` is the A of the charter's formula."""
    n, late = len(offer.converting), offer.pool_paid_by == "everyone"
    money, before = sum(offer.new_money, F(0)), offer.shares + offer.pool
    arms = [
        [("price", terms) for terms in one.terms] + [("cap", terms) for terms in one.terms if terms.cap is not None]
        for one in offer.converting
    ]
    found = set()
    for topped in (False, True) if offer.pool_target else (False,):
        for choice in itertools.product(*arms):
            for lowered in itertools.product((False, True), repeat=len(offer.protected)):
                system = _protect(
                    offer, _system(offer, choice, topped, money, before, late), topped, lowered, outstanding
                )
                solved = gauss(system)
                if (
                    solved is not None
                    and all(
                        (solved[0] * one.conversion_price > 1) == low
                        for one, low in zip(offer.protected, lowered, strict=True)
                    )
                    and _holds(offer, solved[: 3 + n], topped, money, before, late, sum(solved[3 + n :], F(0)))
                ):
                    found.add(tuple(solved))
    return sorted(found)


def _system(offer, choice, topped, money, before, late):  # type: ignore[no-untyped-def]
    """Unknowns: x, C, P, s1 … sn. Rows: price, capitalisation, pool, each instrument."""
    n = len(choice)
    rows = []
    row = [F(0)] * (4 + n)
    row[0], row[1], row[2] = -offer.pre_money, F(1), F(0) if late else F(1)  # C (+ P) = V x
    rows.append(row)
    row = [F(0)] * (4 + n)
    row[1] = F(1)
    for i in range(n):
        row[3 + i] = F(-1)
    row[-1] = before  # C = E + sum of s
    rows.append(row)
    row = [F(0)] * (4 + n)
    row[2] = F(1)
    if topped:  # U + P = t · (the whole)
        row[0] = -offer.pool_target * (money if offer.pool_of == "post-money" else F(0))
        row[1] = -offer.pool_target
        if offer.pool_of == "post-money" or not late:
            row[2] -= offer.pool_target
        row[-1] = -offer.pool
    rows.append(row)
    for i, (kind, terms) in enumerate(choice):
        amount = offer.converting[i].amount
        row = [F(0)] * (4 + n)
        row[3 + i] = F(1)
        if kind == "price":
            row[0] = -amount / (1 - terms.discount)
        elif terms.basis == "post-money":
            row[1] = -amount / terms.cap
        else:
            row[2] = F(0) if late else -amount / terms.cap
            row[-1] = before * amount / terms.cap
        rows.append(row)
    return rows


def _protect(offer, rows, topped, lowered, outstanding):  # type: ignore[no-untyped-def]
    """One more unknown for each protected class: n·p / CP2 less n·p / CP1, CP2 by the charter from A, B and C."""
    many, n, money = len(offer.protected), len(rows), sum(offer.new_money, F(0))
    in_count = F(1) if offer.protection_paid_by == "existing" else F(0)
    count = {0: in_count, 2: -offer.pool_target * in_count if topped else F(0)}
    rows = [[*row[:-1], *([count.get(i, F(0))] * many), row[-1]] for i, row in enumerate(rows)]
    for k, (one, low) in enumerate(zip(offer.protected, lowered, strict=True)):
        row = [F(0)] * (n + many + 1)
        row[n + k] = F(1)
        worth = sum(one.holdings, F(0)) * one.price
        if low and one.kind == "full-ratchet":
            row[0], row[-1] = -worth, -worth / one.conversion_price
        elif low:  # n·p·(A + C) / (CP1·(A + B)), C = M·x, B = M / CP1
            over = one.conversion_price * (outstanding + money / one.conversion_price)
            row[0], row[-1] = -worth * money / over, worth * outstanding / over - worth / one.conversion_price
        rows.append(row)
    return rows


def _holds(offer, solved, topped, money, before, late, protection):  # type: ignore[no-untyped-def]
    x, capital, increase, *shares = solved
    if x <= 0 or capital <= 0 or increase < 0 or any(each <= 0 for each in shares):
        return False
    whole = capital + (money * x if offer.pool_of == "post-money" else 0)
    whole += increase if offer.pool_of == "post-money" or not late else 0
    whole += protection if offer.protection_paid_by == "existing" else 0
    if not topped and offer.pool_target * whole > offer.pool:
        return False
    for one, got in zip(offer.converting, shares, strict=True):
        best = max(one.amount * x / (1 - terms.discount) for terms in one.terms)
        for terms in one.terms:
            if terms.cap is not None:
                base = capital if terms.basis == "post-money" else before + (0 if late else increase)
                best = max(best, one.amount * base / terms.cap)
        if got != best:
            return False
    return True


def drawn_offer(chance, most: int = 3) -> Offer:  # type: ignore[no-untyped-def]
    """A random offer, sometimes an impossible one."""
    from argosy.capital.cap_table.conversion import Converting, Terms

    def terms() -> Terms:
        cap = F(chance.randint(5, 400) * 100_000) if chance.random() < 0.75 else None
        discount = F(chance.choice((0, 0, 10, 15, 20, 25)), 100)
        return Terms(cap, discount, chance.choice(("post-money", "post-money", "pre-money")))

    converting = tuple(
        Converting(
            F(chance.randint(1_000, 100_000_000), 100), tuple(terms() for _ in range(1 if chance.random() < 0.8 else 2))
        )
        for _ in range(chance.randint(0, most))
    )
    return Offer(
        shares=F(chance.randint(1_000_000, 12_000_000)),
        pool=F(chance.choice((0, chance.randint(1, 2_000_000)))),
        pre_money=F(chance.randint(10, 400) * 100_000),
        new_money=tuple(F(chance.randint(1_000, 1_000_000_000), 100) for _ in range(chance.randint(1, 3))),
        converting=converting,
        pool_target=F(chance.choice((0, 5, 10, 15, 20)), 100),
        pool_of=chance.choice(("post-money", "post-money", "pre-money")),
        pool_paid_by=chance.choice(("existing", "existing", "everyone")),
    )


def drawn_down_round(chance) -> Offer:  # type: ignore[no-untyped-def]
    """A drawn offer with protected classes, most of them issued at more than the price will be."""
    from argosy.capital.cap_table.anti_dilution import Protected

    offer = drawn_offer(chance, most=2)
    guess = offer.pre_money / (offer.shares + offer.pool)
    protected = []
    for _ in range(chance.randint(1, 2)):
        price = guess * F(chance.randint(50, 400), 100)
        held = tuple(F(chance.randint(1, int(offer.shares) // 6)) for _ in range(chance.randint(1, 2)))
        lower = price * F(chance.choice((100, 100, 90)), 100)
        protected.append(Protected(chance.choice(("broad-based", "broad-based", "full-ratchet")), price, lower, held))
    return offer._replace(protected=tuple(protected), protection_paid_by=chance.choice(("existing", "everyone")))


def disagreement(offer: Offer) -> str:
    """What the library says of a round that the other way does not; empty where both agree.

    A solution is held to the charter's A, which it must lead to: within 10⁻²⁰ of a share where it is no fraction.
    """
    from argosy.capital import Impossible, solve

    try:
        found = solve(offer)
    except Impossible:
        # Where an A has a price and leads to no less than itself, one further up leads to itself.
        for times in (1, *(F(11, 10) ** n for n in range(1, 40))) if offer.protected else (1,):
            others = solutions(offer, offer.shares * times)
            if others and others[0][1] - offer.pool >= offer.shares * times:
                return "a price where none was found"
        return ""
    others = solutions(offer, found.company_capitalization - offer.pool)
    if not others:
        return "no price"
    more = [
        one.more(price, Rounding(shares="none"))
        for one, price in zip(offer.protected, found.protected_prices, strict=True)
    ]
    ours = (1 / found.price, found.company_capitalization, found.pool_increase, *found.converted, *more)
    off = max(abs(a - b) for a, b in zip(ours, others[0], strict=True))
    dependent = offer.converting and any(one.kind == "broad-based" for one in offer.protected)
    if off > (F(1, 10**20) if dependent and offer.protection_paid_by == "existing" else 0):
        return f"off by {float(off):g}"
    late = sum((found.pool_increase,) if offer.pool_paid_by == "everyone" else (), F(0))
    late += found.protection if offer.protection_paid_by == "everyone" else 0
    whole = (found.total - late) * found.price
    worth = offer.pre_money + sum(offer.new_money, F(0))
    return "" if abs(whole - worth) <= worth / 10**25 and found.protection == sum(more) else "parts are not the whole"
