"""Going on when ranks are lost: from the last checkpoint, and where a place is gone for good, on fewer. Torch-free."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

from argosy.config import ArgosyError, Layout, RunConfig, UserError
from argosy.parallel.launcher import Ranks
from argosy.parallel.reports import RanksLost

NARROWED_FIRST = ("data", "shard", "context", "tensor", "pipeline")
TWICE = 2  # the same rank, with nothing gained between


class Told(Protocol):
    """Takes an event of a run's story."""

    def __call__(self, kind: str, **details: object) -> None:
        """`kind` as in `events.jsonl`."""


@dataclass
class Survival:
    """When a run whose ranks were lost is started again, and on how many."""

    run: RunConfig
    """How often, and whether on fewer ranks."""
    layout: Layout
    """Where the run is now."""
    valid: Callable[[Layout], bool]
    """Whether the run could be laid out so."""
    saved: Callable[[], tuple[int, float]]
    """Step of the newest checkpoint and its time, in seconds of the clock; restarts without a newer one count."""
    tell: Told
    """Takes the events `restarted` and `resized`."""
    losses: list[tuple[int, ...]] = field(default_factory=list)
    """Ranks of each failure since the last progress."""

    def carry_out(self, ranks: Ranks, arguments: Sequence[str]) -> int:
        """Run ranks to their end, which may take several attempts; the signal that asked for a stop, or 0.

        The layout follows the arguments as JSON. Raises what `launch` does when there is no going on.
        """
        while True:
            (before, _), begun = self.saved(), time.time()
            try:
                ranks.run([*arguments, self.layout.model_dump_json()], self.layout.ranks)
                return ranks.signal
            except ArgosyError as error:
                step, when = self.saved()
                if ranks.signal and isinstance(error, RanksLost) and step:
                    return ranks.signal  # what the stop would have saved is lost, not what was saved before
                if step > before:
                    self.losses.clear()
                self._again(error, step, time.time() - max(begun, when))

    def _again(self, error: ArgosyError, step: int, lost_s: float) -> None:
        """Prepare the next attempt, or raise `error`."""
        too_few = isinstance(error, UserError) and error.code == "too-few-gpus"
        if not isinstance(error, RanksLost) and not (too_few and self.run.elastic):
            raise error
        self.losses.append(getattr(error, "ranks", ()))
        gone = too_few or len(self.losses) > self.run.max_restarts or self._same_again()
        smaller = next(smaller_layouts(self.layout, self.valid), None) if gone and self.run.elastic else None
        how = f"restart {len(self.losses)} of {self.run.max_restarts}"
        if smaller is not None:
            self.tell("resized", step=step, layout=smaller.model_dump(), ranks=smaller.ranks, reason=error.message)
            self.layout, how = smaller, f"on {smaller.ranks} of {self.layout.ranks} ranks: {smaller}"
            self.losses.clear()
        elif len(self.losses) > self.run.max_restarts or too_few:
            if self.run.max_restarts:
                error.message += f"; that was attempt {len(self.losses)} without a newer checkpoint"
            raise error
        if isinstance(error, RanksLost):
            rank = error.ranks[0] if error.ranks else None
            details = {"rank": rank, "signal": error.signal or None, "reason": error.message}
            self.tell("restarted", step=step, **details, lost_s=round(lost_s, 3))
        print(f"training: {error.message}; going on from step {step} ({how})", file=sys.stderr, flush=True)

    def _same_again(self) -> bool:
        latest = self.losses[-TWICE:]
        return len(latest) == TWICE and bool(set(latest[0]) & set(latest[1]))


def smaller_layouts(layout: Layout, valid: Callable[[Layout], bool]) -> Iterator[Layout]:
    """Valid layouts of fewer ranks, no degree of which is larger: those of most ranks first.

    Of as many ranks, those that give up replicas first, which cost nothing but speed; then shards, then the others.
    """
    degrees = layout.model_dump()
    found = [
        Layout(**dict(zip(degrees, values, strict=True)))
        for values in product(*(range(1, degree + 1) for degree in degrees.values()))
    ]
    kept = NARROWED_FIRST[::-1]
    order = sorted(found, key=lambda one: (one.ranks, *(getattr(one, name) for name in kept)), reverse=True)
    return (one for one in order if one.ranks < layout.ranks and valid(one))
