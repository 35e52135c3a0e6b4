"""What would use credits and resources that are left: plans that differ in one thing, counted again."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from argosy.capital.cash.displacing import BoughtHours, Burned, Displacing, burned, displacing
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.months import later, month_name, month_number
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.config import Record, UserError

FARTHEST = 12  # months by which a training is moved in search of a use

Ledger = tuple[Sequence[Line], Sequence[BoughtHours]]


class Change(Record):
    """A change that would use more of something, found by doing it to the plan and counting again."""

    what: str
    """The change; of those that spare cash the one that uses the most, of those the least."""
    used_cents: int
    """That this would displace more."""
    cash_cents: int
    """Bills that cash would pay less, in all."""


@dataclass(frozen=True)
class Counted:
    """A plan, and what of its bills is not paid in cash."""

    plan: CapitalPlan
    """Which."""
    lines: Sequence[Line]
    """Its costs, those of resources included."""
    resources: Sequence[Displacing]
    """Its resources."""
    burnt: Burned
    """Who pays what."""

    @property
    def paid(self) -> list[dict[int, int]]:
        """By credits, then by resources: cents by number of the bill."""
        return [*self.burnt.credits, *self.burnt.resources]

    def used(self, place: int) -> int:
        """Cents that one of those pays."""
        return sum(self.paid[place].values())

    @property
    def cash(self) -> int:
        """Cents that are left to pay."""
        return sum(due.cents for due in self.burnt.dues) - sum(sum(one.values()) for one in self.paid)


def counted(plan: CapitalPlan, horizon: Horizon, ledger: Callable[[CapitalPlan], Ledger]) -> Counted:
    """Price a plan by `ledger` and pay its bills."""
    costs, bought = ledger(plan)
    found = displacing(plan.resources, costs, plan.people, bought, horizon)
    lines = [*costs, *(one.own for one in found if one.own)]
    return Counted(plan, lines, found, burned(lines, plan.credits, found, horizon))


class Changed:
    """Plans that differ in one thing, counted once for all that is unused."""

    def __init__(self, now: Counted, horizon: Horizon, ledger: Callable[[CapitalPlan], Ledger]) -> None:
        self.now, self.horizon, self.ledger = now, horizon, ledger
        self.moved: list[tuple[str, Counted]] | None = None

    def best(self, place: int) -> Iterator[Change]:
        """Of each sort of change the least that uses the most."""
        if self.moved is None:
            self.moved = list(self._moved())
        for some in (self.moved, self._bought(place), self._extended(place)):
            rows = [
                Change(
                    what=what, used_cents=one.used(place) - self.now.used(place), cash_cents=self.now.cash - one.cash
                )
                for what, one in some
            ]
            if rows := [row for row in rows if row.used_cents > 0 and row.cash_cents > 0]:
                yield max(rows, key=lambda row: row.used_cents)

    def _moved(self) -> Iterator[tuple[str, Counted]]:
        for what, plan in self._moves():
            with contextlib.suppress(UserError):  # moved, one venture may have hours at two prices
                yield what, self._count(plan)

    def _count(self, plan: CapitalPlan) -> Counted:
        return counted(plan, self.horizon, self.ledger)

    def _moves(self) -> Iterator[tuple[str, CapitalPlan]]:
        for number, training in enumerate(self.now.plan.training):
            start = month_number(training.start)
            for months in (sign * size for size in range(1, FARTHEST + 1) for sign in (-1, 1)):
                first = start + months - training.other_runs_months
                if first >= self.horizon.start and start + months < self.horizon.start + self.horizon.months:
                    way = "bring forward" if months < 0 else "put off"
                    what = f"{way} {training.venture} by {abs(months)} months, to {month_name(start + months)}"
                    yield what, _with(self.now.plan, "training", number, later(training, months))

    def _bought(self, place: int) -> Iterator[tuple[str, Counted]]:
        """The cost of a head it pays that leaves most to cash, were it bought from a credit's provider."""
        plan = self.now.plan
        credit = plan.credits[place] if place < len(plan.credits) else None
        if credit is None or credit.provider is None:
            return
        span, cash = self.horizon.span(credit.start, credit.expires), [due.cents for due in self.now.burnt.dues]
        for paid in self.now.paid:
            for number, cents in paid.items():
                cash[number] -= cents
        left: dict[str, int] = {}
        for due, cents in zip(self.now.burnt.dues, cash, strict=True):
            if due.month in span:
                bill = self.now.lines[due.line].name
                left[bill] = left.get(bill, 0) + cents
        found = []
        for section, kind in (("costs", None), ("training", "compute"), ("traffic", "inference")):
            for number, one in enumerate(getattr(plan, section)):
                if (kind or one.kind) in credit.kinds and one.provider != credit.provider:
                    name = str(getattr(one, "name", None) or getattr(one, "venture", "inference"))
                    parts = (cents for line, cents in left.items() if line == name or line.startswith(f"{name}: "))
                    found.append((sum(parts), section, number, name, one))
        if found:
            _, section, number, named, one = max(found, key=lambda row: row[0])
            other = one.model_copy(update={"provider": credit.provider})
            what = f"buy {named} from {credit.provider}, at the same price"
            yield what, self._count(_with(plan, section, number, other))

    def _extended(self, place: int) -> Iterator[tuple[str, Counted]]:
        """Until the last bill it pays if it never expires: bills are paid as early as they can be."""
        plan, end = self.now.plan, self.horizon.start + self.horizon.months - 1
        section, number = ("credits", place) if place < len(plan.credits) else ("resources", place - len(plan.credits))
        one = getattr(plan, section)[number]

        def until(month: str) -> Counted:
            return self._count(_with(plan, section, number, one.model_copy(update={"expires": month})))

        if month_number(one.expires) < end:
            longest = until(month_name(end))
            if longest.used(place) > self.now.used(place):
                dues = longest.burnt.dues
                last = self.horizon.name(max(dues[number].used for number in longest.paid[place]))
                yield f"have it extended to {last}", until(last)


def _with(plan: CapitalPlan, section: str, number: int, value: object) -> CapitalPlan:
    rows = list(getattr(plan, section))
    rows[number] = value
    return plan.model_copy(update={section: tuple(rows)})
