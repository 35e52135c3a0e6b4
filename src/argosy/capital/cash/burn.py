"""Which bills are paid by what is not cash: as much as can be, as early as can be, to the cent."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Bill:
    """A bill, or a part of one."""

    month: int
    """Of the plan, in which it is due."""
    cents: int
    """How much."""


@dataclass(frozen=True)
class Supply:
    """What pays bills in place of cash."""

    cents: int
    """In all."""
    most: Mapping[int, int]
    """Number of each bill it may pay, and how much of that in cents."""


def burn(bills: Sequence[Bill], supplies: Sequence[Supply]) -> list[dict[int, int]]:
    """What each supply pays of each bill, in cents by the bill's number.

    Month by month, supplies pay in the order given; then a bill that is left takes from a supply that is used up, whose
    bill another takes over, and so on (augmenting paths: Ford and Fulkerson 1956). What bills can have together is a
    polymatroid (Megiddo 1974, "Optimal flows in networks with multiple sources and sinks"), so that serving months in
    order pays the most there is by the end of *every* month, of the last one too.
    """
    work = _Burn(bills, supplies)
    by_month: dict[int, list[int]] = {}
    for number, bill in enumerate(bills):
        by_month.setdefault(bill.month, []).append(number)
    for month in sorted(by_month):
        due = by_month[month]
        served = sorted({place for number in due for place in work.payers[number]})
        for place in served:
            for number in due:
                if number in supplies[place].most:
                    work.pay(place, number, min(work.left[place], work.unpaid[number], work.room(place, number)))
        for number in due:
            while work.unpaid[number] and work.rearrange(number):
                pass
    return work.paid


class _Burn:
    """The state of a flow from supplies to bills."""

    def __init__(self, bills: Sequence[Bill], supplies: Sequence[Supply]) -> None:
        self.supplies = supplies
        self.left = [supply.cents for supply in supplies]
        self.unpaid = [bill.cents for bill in bills]
        self.paid: list[dict[int, int]] = [{} for _ in supplies]
        self.payers: list[list[int]] = [[] for _ in bills]
        for place, supply in enumerate(supplies):
            for number in supply.most:
                self.payers[number].append(place)
        # swaps[a][b]: bills that a pays and b may take over, as the keys of a dict, which keeps their order.
        self.swaps: list[dict[int, dict[int, None]]] = [{} for _ in supplies]

    def room(self, place: int, number: int) -> int:
        """What a supply may still pay of a bill."""
        return self.supplies[place].most[number] - self.paid[place].get(number, 0)

    def pay(self, place: int, number: int, cents: int) -> None:
        """Pay so much more of a bill, or less where it is negative."""
        if not cents:
            return
        before = self.paid[place].pop(number, 0)
        now, most = before + cents, self.supplies[place].most[number]
        self.left[place] -= cents
        self.unpaid[number] -= cents
        if now:
            self.paid[place][number] = now
        for other in self.payers[number]:
            if other != place:
                if (before > 0) != (now > 0):
                    self._swap(place, other, number, now > 0 and self.room(other, number) > 0)
                if (before < most) != (now < most):
                    self._swap(other, place, number, now < most and number in self.paid[other])

    def _swap(self, giver: int, taker: int, number: int, possible: bool) -> None:
        if possible:
            self.swaps[giver].setdefault(taker, {})[number] = None
        elif taker in self.swaps[giver]:
            self.swaps[giver][taker].pop(number, None)

    def rearrange(self, number: int) -> bool:
        """Pay more of a bill along the shortest chain of supplies that ends in one with something left."""
        came: dict[int, int | None] = {place: None for place in self.payers[number] if self.room(place, number) > 0}
        queue = deque(came)
        while queue:
            place = queue.popleft()
            if self.left[place]:
                self._shift(number, place, came)
                return True
            for taker, bills in self.swaps[place].items():
                if bills and taker not in came:
                    came[taker] = place
                    queue.append(taker)
        return False

    def _shift(self, number: int, last: int, came: Mapping[int, int | None]) -> None:
        chain = [last]
        while (by := came[chain[-1]]) is not None:
            chain.append(by)
        cents = min(self.left[last], self.unpaid[number], self.room(chain[-1], number))
        for taker, giver in pairwise(chain):
            cents = min(cents, self._movable(giver, taker, cents))
        for taker, giver in pairwise(chain):
            moved = 0
            for bill in list(self.swaps[giver][taker]):
                part = min(cents - moved, self.paid[giver][bill], self.room(taker, bill))
                self.pay(giver, bill, -part)
                self.pay(taker, bill, part)
                moved += part
                if moved == cents:
                    break
        self.pay(chain[-1], number, cents)

    def _movable(self, giver: int, taker: int, enough: int) -> int:
        found = 0
        for bill in self.swaps[giver][taker]:
            found += min(self.paid[giver][bill], self.room(taker, bill))
            if found >= enough:
                break
        return found
