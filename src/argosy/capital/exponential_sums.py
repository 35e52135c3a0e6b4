"""All real roots of a sum of exponentials, none missed.

`f(x) = Σ a_i·e^(−t_i·x)` is the present value of flows `a_i` at times `t_i` (years), with `x = ln(1 + rate)`. Let P be
the sum of its positive terms and N that of the others without their sign; `f` is 0 where `h = ln P − ln N` is. The
slope of `h` is `m_N − m_P`, where `m` is the mean time of such a sum, weighted by its terms. Each mean falls as x grows
(its derivative is minus a variance), so the means at the ends of an interval bound the slope of `h` all over it, and
often prove that `f` keeps its sign. So with each derivative of `f`, whose terms are `a_i·(−t_i)^k·e^(−t_i·x)`.

By Fourier's theorem, where the k-th derivative keeps its sign, an interval holds as many roots as changes of sign are
lost between its ends in the sequence of `f` and its first k derivatives, or fewer by an even number. So 0 lost is no
root and 1 lost is one; else the interval is cut in two. What 64-bit numbers cannot tell apart is looked at again with
100 digits; what these cannot tell apart either is several coinciding roots, and counts once. Outside the first interval
the earliest or the latest flow outweighs all others together.
"""

import decimal
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", float, Decimal)
DIGITS = decimal.Context(prec=100, Emin=-decimal.MAX_EMAX // 2, Emax=decimal.MAX_EMAX // 2)
TRUSTED = Decimal("1e-85")
ACCURATE = 1e-10  # of x: a root that 64-bit numbers cannot place so well is placed by 100 digits
CUTS = ("0.5", "0.4", "0.6", "0.3", "0.7")
HIGHEST_ORDER = 30  # of the derivatives looked at; as many roots may coincide


@dataclass(frozen=True)
class Derivative(Generic[Number]):
    """A derivative of the sum at one place, by its terms of one sign and of the other, which none may lack."""

    h: Number
    """ln P − ln N."""
    positive_mean: Number
    """Mean time of the terms in P."""
    negative_mean: Number
    """Mean time of the terms in N."""


class Sum(Protocol[Number]):
    """A sum of exponentials in one kind of arithmetic."""

    terms: int
    longest: Number
    """The largest time."""

    def derivative(self, order: int, x: Number) -> Derivative[Number] | int:
        """The derivative, or its sign where all its terms have one."""
        ...

    def noise(self, x: Number) -> Number:
        """How far off `h` may be."""
        ...

    def number(self, text: str) -> Number:
        """A constant in this arithmetic."""
        ...


class Point(Generic[Number]):
    """The sum and its derivatives at one place, each evaluated when asked for."""

    def __init__(self, sum_: Sum[Number], x: Number) -> None:
        self._sum: Sum[Number] = sum_
        self.x: Number = x
        self.noise: Number = sum_.noise(x)
        self._derivatives: dict[int, Derivative[Number] | int] = {}

    def derivative(self, order: int) -> Derivative[Number] | int:
        """Evaluate once."""
        if order not in self._derivatives:
            self._derivatives[order] = self._sum.derivative(order, self.x)
        return self._derivatives[order]

    @property
    def value(self) -> Derivative[Number]:
        """The sum itself, which has terms of both signs."""
        found = self.derivative(0)
        assert not isinstance(found, int)
        return found

    def sign(self, order: int) -> int:
        """1, −1, or 0 where it is not certain."""
        found = self.derivative(order)
        if isinstance(found, int):
            return found
        certain = abs(found.h) > self.noise
        return 0 if not certain else _sign(order, positive=found.h > 0)


Interval = tuple[Point[Number], Point[Number]]


def roots(amounts: Sequence[Fraction], times: Sequence[Fraction]) -> list[float]:
    """Every real x at which `Σ amounts·e^(−times·x)` is 0, ascending.

    Times ascend from 0, all different; no amount is 0.
    """
    if all(amount > 0 for amount in amounts) or all(amount < 0 for amount in amounts):
        return []
    fast = _Floats(amounts, times)
    low, high = _ends(amounts, times)
    found: list[float] = []
    doubtful: list[Interval[float]] = []
    for interval, single in isolate(fast, Point(fast, low), Point(fast, high)):
        root = refine(fast, *interval) if single else None
        if root is None or root.noise > ACCURATE * abs(root.value.negative_mean - root.value.positive_mean):
            doubtful.append(interval)
        else:
            found.append(root.x)
    if doubtful:
        slow = _Decimals(amounts, times)
        found += [float(x) for left, right in doubtful for x in _precise(slow, Decimal(left.x), Decimal(right.x))]
    return sorted(found)


def _precise(slow: "_Decimals", low: Decimal, high: Decimal) -> list[Decimal]:
    with decimal.localcontext(DIGITS):
        return [
            refine(slow, left, right).x if single else (left.x + right.x) / 2
            for (left, right), single in isolate(slow, Point(slow, low), Point(slow, high))
        ]


def _ends(amounts: Sequence[Fraction], times: Sequence[Fraction]) -> tuple[float, float]:
    """Below the first x the latest flow is at least twice all others together, above the second the earliest is."""
    total = sum(map(abs, amounts))
    last = _log(2 * (total - abs(amounts[-1])) / abs(amounts[-1])) / float(times[-1] - times[-2])
    first = _log(2 * (total - abs(amounts[0])) / abs(amounts[0])) / float(times[1] - times[0])
    return -max(0.0, last) - 1e-6, max(0.0, first) + 1e-6


def isolate(sum_: Sum[Number], low: Point[Number], high: Point[Number]) -> Iterator[tuple[Interval[Number], bool]]:
    """Intervals with one root each (True), and those in which this arithmetic sees no further (False)."""
    waiting = [(low, high)]
    while waiting:
        left, right = waiting.pop()
        lost = _signs_lost(sum_, left, right)
        if lost == 0:
            continue
        middle = None if lost == 1 else _cut(sum_, left, right)
        if lost == 1 or middle is None:
            yield (left, right), lost == 1
        else:
            waiting += [(left, middle), (middle, right)]


def _signs_lost(sum_: Sum[Number], left: Point[Number], right: Point[Number]) -> int | None:
    """Changes of sign lost between the ends, up to a derivative that keeps its sign; none where that is not known."""
    near = (right.x - left.x) * sum_.longest < 1  # farther apart, higher derivatives seldom help
    for order in range(min(HIGHEST_ORDER, sum_.terms) if near else 2):
        if left.sign(order) == 0 or right.sign(order) == 0:
            return None
        if _keeps_sign(sum_, left, right, order):
            return _changes(left, order) - _changes(right, order)
    return None


def _changes(point: Point[Number], order: int) -> int:
    signs = [point.sign(k) for k in range(order + 1)]
    return sum(one != other for one, other in itertools.pairwise(signs))


def _keeps_sign(sum_: Sum[Number], left: Point[Number], right: Point[Number], order: int) -> bool:
    """Whether `h` of this derivative, by its values and slopes at the ends, cannot reach 0 between them."""
    first, last = left.derivative(order), right.derivative(order)
    if isinstance(first, int) or isinstance(last, int):
        return True
    if (first.h > 0) != (last.h > 0):
        return False
    noise = max(left.noise, right.noise)
    blur = sum_.number("4") * noise * sum_.longest
    least = last.negative_mean - first.positive_mean - blur
    most = first.negative_mean - last.positive_mean + blur
    if least > 0 or most < 0:
        return True
    down, up = (least, most) if first.h > 0 else (-most, -least)
    # the lowest that |h| can come: where the steepest fall from the left meets the steepest rise to the right
    fallen = (abs(last.h) - abs(first.h) - up * (right.x - left.x)) / (down - up)
    return abs(first.h) + down * fallen > noise


def _cut(sum_: Sum[Number], left: Point[Number], right: Point[Number]) -> Point[Number] | None:
    """A place between, near the middle, at which the sign of the sum is certain."""
    for share in CUTS:
        x = left.x + sum_.number(share) * (right.x - left.x)
        if not left.x < x < right.x:
            return None
        point = Point(sum_, x)
        if point.sign(0):
            return point
    return None


def refine(sum_: Sum[Number], left: Point[Number], right: Point[Number]) -> Point[Number]:
    """The one root between: Newton's steps on `h`, the interval halved where they leave it or gain little.

    Stops where the noise of `h` hides more, or where no number lies between.
    """
    point = left if abs(left.value.h) < abs(right.value.h) else right
    halve = False
    while True:
        here = point.value
        slope = here.negative_mean - here.positive_mean
        x = point.x - here.h / slope if slope else left.x
        if halve or not left.x < x < right.x:
            x = left.x + (right.x - left.x) * sum_.number("0.5")
        if not left.x < x < right.x:
            return point
        point = Point(sum_, x)
        h = point.value.h
        if abs(h) <= point.noise / sum_.number("16") or (abs(h) <= point.noise and abs(h) >= abs(here.h)):
            return point
        halve = abs(h) > abs(here.h) * sum_.number("0.5")
        left, right = (point, right) if (h > 0) == (left.value.h > 0) else (left, point)


class _Floats:
    """64-bit numbers."""

    def __init__(self, amounts: Sequence[Fraction], times: Sequence[Fraction]) -> None:
        logs, years = np.array([_log(abs(a)) for a in amounts]), np.array([float(t) for t in times])
        positive = np.array([a > 0 for a in amounts])
        self._sides = [(logs[side], years[side]) for side in (positive, ~positive)]
        self._largest_log, self.longest, self.terms = float(np.abs(logs).max()), float(years[-1]), len(amounts)

    def number(self, text: str) -> float:
        return float(text)

    def noise(self, x: float) -> float:
        return 16 * float(np.finfo(float).eps) * (1 + self._largest_log + abs(x) * self.longest)

    def derivative(self, order: int, x: float) -> Derivative[float] | int:
        sides = [_logarithm(logs, years, order, x) for logs, years in self._sides]
        if sides[0] is None or sides[1] is None:
            return _sign(order, positive=sides[1] is None)
        return Derivative(sides[0][0] - sides[1][0], sides[0][1], sides[1][1])


def _sign(order: int, *, positive: bool) -> int:
    """Of a derivative whose terms all have one sign."""
    return 1 if positive == (order % 2 == 0) else -1


def _logarithm(
    logs: npt.NDArray[np.float64], years: npt.NDArray[np.float64], order: int, x: float
) -> tuple[float, float] | None:
    """Logarithm of a sum of positive terms and their mean time; none where no term is left."""
    if order:
        left = years > 0
        if not left.any():
            return None
        logs, years = logs[left] + order * np.log(years[left]), years[left]
    exponents = logs - x * years
    most = exponents.max()
    terms = np.exp(exponents - most)
    total = terms.sum()
    return float(most + np.log(total)), float(terms @ years / total)


class _Decimals:
    """100 digits, of which 85 are trusted."""

    def __init__(self, amounts: Sequence[Fraction], times: Sequence[Fraction]) -> None:
        self._terms = [(_decimal(a), _decimal(t)) for a, t in zip(amounts, times, strict=True)]
        self.longest, self.terms = self._terms[-1][1], len(amounts)

    def number(self, text: str) -> Decimal:
        return Decimal(text)

    def noise(self, x: Decimal) -> Decimal:
        return (1 + abs(x) * self.longest) * TRUSTED

    def derivative(self, order: int, x: Decimal) -> Derivative[Decimal] | int:
        with decimal.localcontext(DIGITS):
            terms = [(a * (t**order if order else 1) * (-x * t).exp(), t) for a, t in self._terms if t or not order]
            positive, negative = ([(abs(y), t) for y, t in terms if y * sign > 0] for sign in (1, -1))
            if not positive or not negative:
                return _sign(order, positive=bool(positive))
            return Derivative(_total(positive).ln() - _total(negative).ln(), _mean(positive), _mean(negative))


def _total(terms: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((term for term, _ in terms), Decimal(0))


def _mean(terms: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((term * t for term, t in terms), Decimal(0)) / _total(terms)


def _decimal(value: Fraction) -> Decimal:
    return DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


def _log(value: Fraction) -> float:
    """Natural logarithm, of fractions beyond the range of 64-bit numbers too."""
    try:
        rounded = float(value)
    except OverflowError:
        rounded = math.inf
    return math.log(rounded) if 1e-300 < rounded < math.inf else float(_decimal(value).ln(DIGITS))
