"""The exit waterfall as tranches: which part of each further cent goes to whom, as the price of a sale rises.

Debts come first, by rank, then preferences, by rank. What is left goes to common shares and to all that count as such.
Let q be what one common share gets. As q rises, an option is exercised once q exceeds its strike, a class without
participation converts once its common shares are worth more than its preference, q > L/n, and a capped one stops
sharing at its cap, q = (C − L)/n, and converts at q > C/n. So everybody's payout is a function of q that never falls,
and the price of the sale, their sum, says what q is: exactly one outcome for each price.

It is a Nash equilibrium. Fix the decisions of all others: what they get together does not fall as q rises. Whoever
deviates at equilibrium takes, at the old q, no more than before. Deviating therefore leaves money over, q does not
fall, the others get no less, and so the deviator no more, the sum being the price. Below the sum of debts and
preferences nobody converts: a holder who keeps the preference gets at least what the others' claims leave, and one
who converts gets at most a part of that. Ties are no conversion.

A SAFE's shares are a part of the count of all that convert (`liquidity.py`), so whenever one more converts, SAFEs that
did before get more at the same q: their payouts would jump, and those of common shares fall, at one price of the sale.
Here the SAFEs' grow from the one amount to the other while q stays, over prices whose width is that jump. Outside
these widths payouts are the contracts' to the letter; in them nobody's falls, and still nobody gains by deciding
otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby

from argosy.capital.months import MoneyRounding
from argosy.capital.sales.liquidity import Convertible, next_to_convert
from argosy.capital.sales.securities import Securities, ShareClass, total


@dataclass(frozen=True)
class Tranche:
    """A range of prices of the sale in which every further cent is divided in the same way."""

    start_cents: Fraction
    end_cents: Fraction | None
    """None for the last, which has no end."""
    parts: Mapping[str, Fraction]
    """Of each further cent, by name; they sum to 1."""
    events: tuple[str, ...]
    """What happens at its start, in words."""
    converted: frozenset[str]
    """Classes that have converted, in it and above."""
    exercised: frozenset[str]
    """Options that are exercised, in it and above."""
    share_price_cents: Fraction = Fraction(0)
    """What a common share gets at its start."""
    shares: Fraction = Fraction(0)
    """Common shares, and those that count as such, that share in it."""


def tranches_of(securities: Securities, on: date | None = None) -> tuple[Tranche, ...]:
    """All tranches, from a price of 0 upwards; `on` is the day of the sale, until which dividends accrue."""
    claims = [(one.seniority, one.name, one.owed_cents) for one in securities.debts]
    preferences = [
        (one.seniority, one.name, one.preference_cents(on, securities.rounding)) for one in securities.classes
    ]
    for some, debt in ((claims, True), (preferences, False)):
        of = (one for one in securities.convertibles if one.terms.debt == debt)
        some += [(one.seniority, one.name, one.terms.cash_out_cents) for one in of]
    owed, preferred = (Fraction(sum(cents for _, _, cents in some)) for some in (claims, preferences))
    return (
        *_by_rank(claims, Fraction(0), "is owed"),
        *_by_rank(preferences, owed, "has its preference"),
        *_shared(securities, on, owed + preferred),
    )


def _by_rank(claims: Iterable[tuple[int, str, int]], at: Fraction, what: str) -> list[Tranche]:
    found: list[Tranche] = []
    owed = sorted((claim for claim in claims if claim[2]), key=lambda claim: -claim[0])
    for _, rank in groupby(owed, key=lambda claim: claim[0]):
        same = list(rank)
        size = sum(cents for _, _, cents in same)
        parts = {name: Fraction(cents, size) for _, name, cents in same}
        events = tuple(f"{name} {what}" for name in parts)
        found.append(Tranche(at, at + size, parts, events, frozenset(), frozenset()))
        at += size
    return found


@dataclass(frozen=True)
class _Change:
    """At this price of a common share, a security starts to share in the rest with so many shares, or stops (0)."""

    price: Fraction
    name: str
    shares: int
    event: str
    counted: int = 0  # what a SAFE's cap is for grows by


def _shared(securities: Securities, on: date | None, start: Fraction) -> list[Tranche]:
    """What is left for common shares, from a share worth nothing upwards, one change after another."""
    changes = sorted(_changes(securities, on), key=lambda change: change.price)
    rest = _Rest(securities, start)
    rest.pay({one.name: one.floor_cents - one.terms.cash_out_cents for one in rest.waiting}, "has its discount")
    while True:
        nearest = rest.nearest()
        coming = [changes[0].price] if changes else []
        coming += [nearest[0]] if nearest else []
        rest.rise(min(coming, default=None))
        if not coming:
            return rest.found
        if changes and (nearest is None or changes[0].price <= nearest[0]):
            rest.change(changes.pop(0))
        elif nearest is not None:
            rest.count_again()


class _Rest:
    """Who shares in the rest while the price of a common share rises, and the tranches so far."""

    def __init__(self, securities: Securities, start: Fraction) -> None:
        self.start, self.price, self.preferred = start, Fraction(0), 0
        self.count = securities.capitalization
        self.waiting, self.turned = list(securities.convertibles), list[Convertible]()
        self.sharing: dict[str, Fraction] = {}
        self.converted: set[str] = set()
        self.exercised: set[str] = set()
        self.found: list[Tranche] = []
        self.events: list[str] = []

    def rise(self, price: Fraction | None) -> None:
        """To a higher price of a share (none: for ever), shared by all that share now."""
        if price is not None and price <= self.price:
            return
        shares = total(self.sharing.values())
        if shares:  # else nobody gets more until the share is worth the next price, which costs nothing
            size = None if price is None else (price - self.price) * shares
            self._add(size, {name: count / shares for name, count in self.sharing.items() if count}, shares)
        self.price = self.price if price is None else price

    def pay(self, gains: Mapping[str, Fraction], event: str = "") -> None:
        """To some more, while the price of a share stays."""
        if size := total(gains.values()):
            self.events += [f"{name} {event}" for name, gain in gains.items() if gain and event]
            self._add(size, {name: gain / size for name, gain in gains.items() if gain}, Fraction(0))

    def change(self, change: "_Change") -> None:
        """A class or an option begins to share, or stops."""
        self.sharing[change.name] = Fraction(change.shares)
        self.events.append(f"{change.name} {change.event}")
        self.exercised |= {change.name} if change.event == "is exercised" else set()
        if change.event == "converts":
            self.converted.add(change.name)
            self.preferred += change.counted
            self.count_again()

    def nearest(self) -> tuple[Fraction, Convertible] | None:
        """The SAFE or note that converts next, and the price of a share at which it does."""
        return next_to_convert(self.count, self.preferred, self.turned, self.waiting)

    def count_again(self) -> None:
        """SAFEs and notes become shares that do at this price, those too that do because others did."""
        while (nearest := self.nearest()) is not None and nearest[0] <= self.price:
            self.waiting.remove(nearest[1])
            self.turned.append(nearest[1])
            self.converted.add(nearest[1].name)
            self.events.append(f"{nearest[1].name} converts")
        shares = self.count.shares(self.preferred, self.turned)
        had = {one.name: self.price * self.sharing.get(one.name, 0) or one.floor_cents for one in self.turned}
        self.sharing |= shares
        self.pay({name: self.price * count - had[name] for name, count in shares.items()})

    def _add(self, size: Fraction | None, parts: Mapping[str, Fraction], shares: Fraction) -> None:
        end = None if size is None else self.start + size
        sets = frozenset(self.converted), frozenset(self.exercised)
        self.found.append(Tranche(self.start, end, parts, tuple(self.events), *sets, self.price, shares))
        self.events, self.start = [], end or self.start


def _changes(securities: Securities, on: date | None) -> list[_Change]:
    found = [_Change(Fraction(0), one.name, one.shares, "shares") for one in securities.common if one.shares]
    found += [
        _Change(one.strike_cents, one.name, one.shares, "is exercised") for one in securities.options if one.shares
    ]
    for one in securities.classes:
        if one.common:
            found += _changes_of(one, on, securities.rounding)
    return found


def _changes_of(one: ShareClass, on: date | None, rounding: MoneyRounding) -> list[_Change]:
    preference, cap, shares = one.preference_cents(on, rounding), one.cap_cents(on, rounding), one.common
    if one.participation == "none":
        return [_Change(Fraction(preference, shares), one.name, shares, "converts", shares)]
    sharing = _Change(Fraction(0), one.name, shares, "shares beside its preference")
    if cap is None:
        return [sharing]
    stops = _Change(Fraction(cap - preference, shares), one.name, 0, "has reached its cap")
    converts = _Change(Fraction(cap, shares), one.name, shares, "converts")
    return [stops, converts] if cap == preference else [sharing, stops, converts]


@dataclass(frozen=True)
class Waterfall:
    """Payouts as functions of the price of a sale, exactly."""

    names: tuple[str, ...]
    """Debts, classes, common shares and options, in the order given."""
    tranches: tuple[Tranche, ...]

    @classmethod
    def of(cls, securities: Securities, on: date | None = None) -> "Waterfall":
        """Of these claims, at a sale on this day."""
        names = [*(debt.name for debt in securities.debts), *securities.shares]
        return cls(tuple(names), tranches_of(securities, on))

    def at(self, exit_cents: Fraction | int) -> dict[str, Fraction]:
        """Cents by name; they sum to the price. Options get what is left after their strike."""
        paid = dict.fromkeys(self.names, Fraction(0))
        for tranche in self.tranches:
            if exit_cents <= tranche.start_cents:
                break
            reached = exit_cents if tranche.end_cents is None else min(tranche.end_cents, Fraction(exit_cents))
            for name, part in tranche.parts.items():
                paid[name] += part * (reached - tranche.start_cents)
        return paid

    def last(self, exit_cents: Fraction | int) -> Tranche:
        """The tranche that the last cent of this price belongs to (the first at 0)."""
        return next(one for one in self.tranches if one.end_cents is None or exit_cents <= one.end_cents)

    def share_price(self, exit_cents: Fraction | int) -> Fraction:
        """Cents that a common share gets."""
        last = self.last(exit_cents)
        beyond = (exit_cents - last.start_cents) / last.shares if last.shares else Fraction(0)
        return last.share_price_cents + beyond

    def price_for(self, weights: Mapping[str, Fraction], target_cents: Fraction | int) -> Fraction | None:
        """The lowest price at which the payouts, each times its weight, reach a target; none where they never do."""
        got = Fraction(0)
        for tranche in self.tranches:
            rate = total(part * weights.get(name, Fraction(0)) for name, part in tranche.parts.items())
            if got >= target_cents:
                return tranche.start_cents
            size = None if tranche.end_cents is None else tranche.end_cents - tranche.start_cents
            if rate and (size is None or got + rate * size >= target_cents):
                return tranche.start_cents + (target_cents - got) / rate
            got += rate * (size or 0)
        return None
