"""How far to train how many: successive halving (Jamieson & Talwalkar 2016), fitted to a budget of time.

Every trial is trained a little, the best third is trained three times as far (Li et al. 2018, Hyperband, take three
too), and so on until one is left. Since a run that was stopped goes on exactly where it was, a rung costs only the
steps it adds, and a start.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

ETA = 3
LEAST_SHARE = 0.01  # of the steps, to be compared at all
LEAST_GROWTH = 1.5  # of the steps done, to be worth a start
MARGIN = 1.2  # predictions are taken to be so much too low


@dataclass(frozen=True)
class Job:
    """What the training of one trial takes."""

    steps: int
    """Steps of its whole training."""
    done: int
    """Steps it has done."""
    step_s: float
    """One step."""
    start_s: float
    """Starting and ending a stretch of steps."""

    def cost_s(self, share: float) -> float:
        """Time to go on to `share` of its steps."""
        more = target(self.steps, share) - self.done
        return MARGIN * (self.start_s + more * self.step_s) if more > 0 else 0.0


def target(steps: int, share: float) -> int:
    """The step at `share` of a training, at least 1."""
    return max(1, math.floor(steps * share + 1e-9))


def next_rung(jobs: Sequence[Job], budget_s: float, *, compared: bool) -> tuple[float, int] | None:
    """How far (share of the steps), and how many of `jobs`, best first, are trained next; None when nothing fits.

    When all of them fit to their end, they go there. Otherwise the best third goes on if they have been `compared`, and
    the rungs from here to one job are spread so that the last is as far as the budget allows. When that would be too
    little to tell them apart, this rung is the last, and then fewer go on.
    """
    if sum(job.cost_s(1.0) for job in jobs) <= budget_s:
        return 1.0, len(jobs)
    for count in _counts(len(jobs))[compared:]:
        for rungs in (len(_counts(count)), 1):
            share = _largest_share(jobs[:count], rungs, budget_s) / ETA ** (rungs - 1)
            grown = all(target(job.steps, share) >= LEAST_GROWTH * job.done for job in jobs[:count])
            if share >= LEAST_SHARE and grown:
                return share, count
    return None


def _counts(count: int) -> list[int]:
    """Jobs at each rung: thirds, rounded up, to one."""
    counts = [count]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // ETA))
    return counts


def _largest_share(jobs: Sequence[Job], rungs: int, budget_s: float) -> float:
    """The largest share of the last rung at which all rungs fit, whichever jobs are kept; 0 when none does."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _all_rungs_s(jobs, rungs, middle) <= budget_s else (low, middle)
    return high if _all_rungs_s(jobs, rungs, high) <= budget_s else low


def _all_rungs_s(jobs: Sequence[Job], rungs: int, last_share: float) -> float:
    """Time of all rungs when the slowest jobs are kept."""
    left = sorted(jobs, key=lambda job: job.steps * job.step_s, reverse=True)
    total = 0.0
    for place, count in enumerate(_counts(len(jobs))[:rungs]):
        share = last_share / ETA ** (rungs - 1 - place)
        left = left[:count]
        total += sum(job.cost_s(share) for job in left)
        left = [replace(job, done=max(job.done, target(job.steps, share))) for job in left]
    return total
