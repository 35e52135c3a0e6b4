"""The price of a round that converts SAFEs and notes and tops up a pool, solved exactly.

The price depends on the share count, the count on what converts, what converts on the price. With x = 1 / price
(shares for one unit of currency) everything is linear in x once it is known which term each instrument takes:

    pre-money fully diluted      V·x            V pre-money valuation
    new shares                   M·x            M new money
    company capitalisation       C = E + Σ sᵢ   E fully diluted before, the unallocated pool included
    pool increase                P = max(0, t·(V + M)·x − U)        t target share of the post-money, U pool there is
    protected shares (ratchet)   Q = max(0, n·p·x − n·p/c)          n shares issued at p that convert at c
    protected (broad-based)      Q = max(0, n·p/c · (M·x − M/c) / (A + M/c))       A = E − U + Σ sᵢ
    instrument of amount I       s = max(I·x / (1 − discount), I·C / cap)           post-money cap
                                 s = max(I·x / (1 − discount), I·(E + P) / cap)     pre-money cap

and the price is where the parts make the whole: F(x) = C(x) + P(x) + Q(x) − V·x = 0, without P or Q where they dilute
everyone. For a given A all are greatest-of-linear functions of x, so F is convex, piecewise linear, and F(0) > 0.
Newton's method from x = 0 lands on the zero of each piece's line, never beyond the first zero of F, and a piece cannot
come twice: after at most as many steps as there are pieces it stands on the zero itself. All numbers are fractions, so
"on" means equal; there is no tolerance.

A depends on x through what converts at the price. More A is less Q, so a lower zero x, so fewer converted shares: the A
that the zero for A leads back to falls as A grows, and lies beyond the one A that leads to itself. Without instruments
that convert at the price, or without Q in the count, that one is found at once. Otherwise x is a root of a polynomial
and no fraction; A is then known to 10⁻³⁰ of itself, far below a share.

Sources: Y Combinator, Post-Money Safe User Guide ("Company Capitalization" counts all converting securities and the
unissued pool but not its increase; "Safe Price" and "Discount Price", whichever gives more shares); the pre-money form
of 2013-2018, whose capitalisation counts the pool and its increase and none of the converting securities.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

from argosy.capital.cap_table.anti_dilution import Protected, adjusted_price
from argosy.capital.exact import Rounding

Basis = Literal["post-money", "pre-money"]
PaidBy = Literal["existing", "everyone"]
BASES: tuple[Basis, ...] = get_args(Basis)
MOST_ROUNDS_OF_ROUNDING = 100
MOST_TIMES = 10**12
CLOSE = Fraction(1, 10**30)
ZERO = Fraction(0)


class Impossible(Exception):
    """No price makes these terms whole; the message says which of them is too much."""


class Terms(NamedTuple):
    """What an instrument may convert at; without a cap, at the round's price less the discount."""

    cap: Fraction | None = None
    discount: Fraction = ZERO
    basis: Basis = "post-money"


class Converting(NamedTuple):
    """An amount that converts at the best of its terms (a most-favoured-nation holder has several)."""

    amount: Fraction
    terms: tuple[Terms, ...]


class Offer(NamedTuple):
    """A round, and the company it meets. `shares` is fully diluted without the unallocated `pool`."""

    shares: Fraction
    pool: Fraction
    pre_money: Fraction
    new_money: tuple[Fraction, ...]
    converting: tuple[Converting, ...] = ()
    pool_target: Fraction = ZERO
    pool_of: Basis = "post-money"
    pool_paid_by: PaidBy = "existing"
    protected: tuple[Protected, ...] = ()
    protection_paid_by: PaidBy = "everyone"

    @property
    def money(self) -> Fraction:
        """All the new money."""
        return sum(self.new_money, ZERO)


class Solution(NamedTuple):
    """Prices and share counts of a round; `conversion_prices` and `converted` follow the order of the instruments.

    `protected_prices` are conversion prices afterwards; `protection` is what those classes convert into more.
    """

    price: Fraction
    new_shares: tuple[Fraction, ...]
    conversion_prices: tuple[Fraction, ...]
    converted: tuple[Fraction, ...]
    pool_increase: Fraction
    company_capitalization: Fraction
    protected_prices: tuple[Fraction, ...]
    protection: Fraction
    total: Fraction


class Line(NamedTuple):
    """constant + slope·x."""

    constant: Fraction
    slope: Fraction

    def at(self, x: Fraction) -> Fraction:
        return self.constant + self.slope * x

    def plus(self, other: "Line") -> "Line":
        return Line(self.constant + other.constant, self.slope + other.slope)

    def times(self, factor: Fraction) -> "Line":
        return Line(self.constant * factor, self.slope * factor)


NOTHING = Line(ZERO, ZERO)


def solve(offer: Offer) -> Solution:
    """The exact solution, shares not rounded. Raises `Impossible` when the terms take the whole company or more."""
    if offer.shares + offer.pool <= 0:
        raise Impossible("there are no shares before the round, so it has no price")
    x = _settled(offer)
    price, capital, increase = 1 / x, _capitalization(offer, x).at(x), _pool_increase(offer, x).at(x)
    base = _pre_money_base(offer, increase)
    prices = tuple(conversion_price(each, price, capital, base) for each in offer.converting)
    return _with_prices(offer, Rounding(shares="none"), price, prices, increase)


def _settled(offer: Offer) -> Fraction:
    """1 / price, where the count that broad-based protection reckons with is the one the price leads to."""
    x = _zero(offer, None)
    tried = low = _outstanding(offer, x)  # no A is lower: it belongs to the least Q there can be
    high: Fraction | None = None
    last: tuple[Fraction, Fraction] | None = None
    while high is None or high - low > CLOSE * high:
        try:
            x = _zero(offer, tried)
        except Impossible:  # this A protects too much; another may have a price
            low, tried = tried, 2 * tried if high is None else (tried + high) / 2
            if not tried or low > MOST_TIMES * offer.shares:
                break
            continue
        gap = _outstanding(offer, x) - tried
        if abs(gap) <= CLOSE * tried:
            return x
        low, high = (tried, min(tried + gap, high or tried + gap)) if gap > 0 else (max(low, tried + gap), tried)
        following = tried + gap if last is None else tried - gap * (tried - last[0]) / (gap - last[1])
        last = (tried, gap)
        tried = following if low < following < high else (low + high) / 2
        tried = tried.limit_denominator(10**40)
    raise Impossible("protection from dilution takes the whole company or more: no price makes it whole")


def _outstanding(offer: Offer, x: Fraction) -> Fraction:
    return _capitalization(offer, x).at(x) - offer.pool


def _zero(offer: Offer, outstanding: Fraction | None) -> Fraction:
    """The first zero of F for an A, without broad-based protection for none."""
    x = ZERO
    while (gap := _gap(offer, x, outstanding)).at(x) != 0:
        if gap.slope >= 0:
            raise Impossible(
                "what converts, the pool and the new money take the whole company or more: no price makes them whole"
            )
        x = -gap.constant / gap.slope
    return x


def conversion_price(one: Converting, price: Fraction, capital: Fraction, pre_money_base: Fraction) -> Fraction:
    """The lowest price the terms allow: the round's less the discount, or a cap over its capitalisation."""
    offered = [price * (1 - terms.discount) for terms in one.terms]
    return min(offered + _caps(one, capital, pre_money_base))


def prices_without_a_round(shares: Fraction, converting: tuple[Converting, ...]) -> tuple[Fraction, ...]:
    """What each, by its caps alone, pays for a share of a company of so many; raises `Impossible` as `solve` does."""
    capital = _capitalization(Offer(shares, ZERO, ZERO, (), converting), ZERO).at(ZERO)
    return tuple(min(_caps(one, capital, shares)) for one in converting)


def _caps(one: Converting, capital: Fraction, pre_money_base: Fraction) -> list[Fraction]:
    bases = {"post-money": capital, "pre-money": pre_money_base}
    return [terms.cap / bases[terms.basis] for terms in one.terms if terms.cap is not None]


def term_used(offer: Offer, one: Converting, found: Solution) -> Literal["cap", "discount", "round price"]:
    """Which term gave an instrument its price."""
    lowest = found.price * (1 - max(terms.discount for terms in one.terms))
    price = conversion_price(
        one, found.price, found.company_capitalization, _pre_money_base(offer, found.pool_increase)
    )
    if price < lowest:
        return "cap"
    return "discount" if lowest < found.price else "round price"


def _pre_money_base(offer: Offer, increase: Fraction) -> Fraction:
    return offer.shares + offer.pool + (increase if offer.pool_paid_by == "existing" else 0)


def _higher(x: Fraction, lines: Sequence[Line]) -> Line:
    """The greatest line at x and just after it."""
    return max(lines, key=lambda line: (line.at(x), line.slope))


def _pool_increase(offer: Offer, x: Fraction) -> Line:
    target = offer.pool_target
    if not target:
        return NOTHING
    if offer.pool_of == "pre-money":
        needed = Line(-offer.pool, target * offer.pre_money)
    else:
        needed = Line(-offer.pool, target * (offer.pre_money + offer.money))
        if offer.pool_paid_by == "everyone":  # the increase is part of the total it is a share of
            needed = needed.times(1 / (1 - target))
    return _higher(x, (NOTHING, needed))


def _capitalization(offer: Offer, x: Fraction) -> Line:
    """C as the line it is on just after x: the smallest count that holds every instrument at the best of its terms."""
    before = Line(offer.shares + offer.pool, ZERO)
    pre_money_base = before
    if offer.pool_paid_by == "existing":
        pre_money_base = before.plus(_pool_increase(offer, x))
    fixed, post = [], []
    for one in offer.converting:
        lines = [Line(ZERO, one.amount / (1 - terms.discount)) for terms in one.terms]
        caps = [(terms.cap, terms.basis) for terms in one.terms if terms.cap is not None]
        lines += [pre_money_base.times(one.amount / cap) for cap, basis in caps if basis == "pre-money"]
        fixed.append(_higher(x, lines))
        post.append(max((one.amount / cap for cap, basis in caps if basis == "post-money"), default=ZERO))
    by_cap: set[int] = set()
    while True:  # each pass moves instruments to their cap and none back, because C only grows
        owned = sum((post[i] for i in by_cap), ZERO)
        if owned >= 1:
            raise Impossible(f"post-money SAFEs and notes own {float(owned):.1%} of the company by their caps")
        total = before
        for i, line in enumerate(fixed):
            if i not in by_cap:
                total = total.plus(line)
        total = total.times(1 / (1 - owned))
        more = {
            i for i, line in enumerate(fixed) if i not in by_cap and _higher(x, (line, total.times(post[i]))) != line
        }
        if not more:
            return total
        by_cap |= more


def _protection(offer: Offer, x: Fraction, outstanding: Fraction | None) -> Line:
    """Q as the line it is on just after x, for an A."""
    found = NOTHING
    for one in offer.protected:
        if one.kind == "broad-based" and outstanding is None:
            continue
        today = sum(one.holdings, ZERO) * one.price / one.conversion_price
        more = Line(-today, today * one.conversion_price)  # at x: today's shares times (c·x − 1)
        if one.kind == "broad-based" and outstanding is not None:
            more = more.times(offer.money / (outstanding * one.conversion_price + offer.money))
        found = found.plus(_higher(x, (NOTHING, more)))
    return found


def _gap(offer: Offer, x: Fraction, outstanding: Fraction | None) -> Line:
    parts = _capitalization(offer, x).plus(Line(ZERO, -offer.pre_money))
    if offer.pool_paid_by == "existing":
        parts = parts.plus(_pool_increase(offer, x))
    return parts.plus(_protection(offer, x, outstanding)) if offer.protection_paid_by == "existing" else parts


def solve_rounded(offer: Offer, rounding: Rounding) -> Solution:
    """The solution in the prices and whole shares that are written in the documents.

    Rounding feeds back: a rounded price changes the counts, and they the price. Whole numbers settle it: from the exact
    solution on, price = round((V + M) / count) and the count of the shares so issued are taken in turn until the count
    repeats. Where it never does (two counts that lead to each other), or shares are not whole, the exact solution's
    prices are rounded and the shares follow from them.
    """
    true = solve(offer)
    if rounding.shares == "none" and rounding.price_places is None:
        return true
    if rounding.shares != "none":
        found = true
        for _ in range(MOST_ROUNDS_OF_ROUNDING):
            before, found = found, _issued(offer, rounding, found)
            if found.total == before.total:
                return found
    return _once_rounded(offer, rounding, true)


def _issued(offer: Offer, rounding: Rounding, before: Solution) -> Solution:
    """One turn: from a total count to prices, and from them to the shares issued."""
    new = sum(before.new_shares, ZERO)
    late_pool = before.pool_increase if offer.pool_paid_by == "everyone" else ZERO
    priced = before.total - (before.protection if offer.protection_paid_by == "everyone" else ZERO)
    whole = priced if offer.pool_of == "post-money" else priced - new - late_pool
    increase = max(ZERO, rounding.count(offer.pool_target * whole) - offer.pool)
    price = rounding.of_price(
        (offer.pre_money + offer.money) / (priced - (increase if offer.pool_paid_by == "everyone" else ZERO))
    )
    issued = sum((rounding.count(amount / price) for amount in offer.new_money), ZERO)
    capital, base = before.total - before.protection - issued - increase, _pre_money_base(offer, increase)
    prices = tuple(rounding.of_price(conversion_price(each, price, capital, base)) for each in offer.converting)
    return _with_prices(offer, rounding, price, prices, increase)


def _with_prices(
    offer: Offer, rounding: Rounding, price: Fraction, prices: tuple[Fraction, ...], increase: Fraction
) -> Solution:
    new = tuple(rounding.count(amount / price) for amount in offer.new_money)
    converted = tuple(rounding.count(each.amount / paid) for each, paid in zip(offer.converting, prices, strict=True))
    issued, outstanding = sum(new, ZERO), offer.shares + sum(converted, ZERO)
    protected = tuple(
        min(
            one.conversion_price,
            rounding.of_price(
                adjusted_price(
                    one.kind,
                    one.conversion_price,
                    price,
                    outstanding=outstanding,
                    money=issued * price,
                    issued=issued,
                )
            ),
        )
        for one in offer.protected
    )
    more = sum((one.more(paid, rounding) for one, paid in zip(offer.protected, protected, strict=True)), ZERO)
    capital = outstanding + offer.pool
    total = capital + increase + more + issued
    return Solution(price, new, prices, converted, increase, capital, protected, more, total)


def _once_rounded(offer: Offer, rounding: Rounding, true: Solution) -> Solution:
    price = rounding.of_price(true.price)
    prices = tuple(rounding.of_price(each) for each in true.conversion_prices)
    issued = _with_prices(offer, rounding, price, prices, ZERO)
    others = issued.total - offer.pool - (sum(issued.new_shares, ZERO) if offer.pool_of == "pre-money" else 0)
    others -= issued.protection if offer.protection_paid_by == "everyone" else 0
    if offer.pool_of == "pre-money" and offer.pool_paid_by == "everyone":
        needed = offer.pool_target * (others + offer.pool)
    else:
        needed = offer.pool_target / (1 - offer.pool_target) * others
    return _with_prices(offer, rounding, price, prices, max(ZERO, rounding.count(needed) - offer.pool))
