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
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby

from argosy.capital.months import MoneyRounding
from argosy.capital.securities import Securities, ShareClass, total


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
    shares: int = 0
    """Common shares, and those that count as such, that share in it."""


def tranches_of(securities: Securities, on: date | None = None) -> tuple[Tranche, ...]:
    """All tranches, from a price of 0 upwards; `on` is the day of the sale, until which dividends accrue."""
    claims = [(debt.seniority, debt.name, debt.owed_cents) for debt in securities.debts]
    preferences = [
        (one.seniority, one.name, one.preference_cents(on, securities.rounding)) for one in securities.classes
    ]
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


def _shared(securities: Securities, on: date | None, start: Fraction) -> list[Tranche]:
    changes = sorted(_changes(securities, on), key=lambda change: change.price)
    sharing: dict[str, int] = {}
    converted: set[str] = set()
    exercised: set[str] = set()
    found: list[Tranche] = []
    events: list[str] = []
    prices = sorted({change.price for change in changes})
    for price, following in zip(prices, [*prices[1:], None], strict=True):
        for change in (one for one in changes if one.price == price):
            sharing[change.name] = change.shares
            events += [f"{change.name} {change.event}"]
            converted |= {change.name} if change.event == "converts" else set()
            exercised |= {change.name} if change.event == "is exercised" else set()
        shares = sum(sharing.values())
        if not shares:
            continue  # nobody gets more until the share is worth the next price, which costs nothing
        end = None if following is None else start + (following - price) * shares
        parts = {name: Fraction(count, shares) for name, count in sharing.items() if count}
        found.append(
            Tranche(start, end, parts, tuple(events), frozenset(converted), frozenset(exercised), price, shares)
        )
        events = []
        start = end or start
    return found


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
        return [_Change(Fraction(preference, shares), one.name, shares, "converts")]
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
