"""Machines fail: how often to save, what share of the time is useful, and when training will really be done.

Failures come at random at a constant rate (a Poisson process), whatever the machine is doing. After one, the run waits,
loads the last checkpoint and repeats what was lost since.
"""

import math

import numpy as np
import numpy.typing as npt
from pydantic import Field

from argosy.config import Record

Array = npt.NDArray[np.float64]
# One failure in 15,000 to 80,000 accelerator-hours: 419 unexpected interruptions of 16,384 H100s in 54 days are one in
# 50,700 (Grattafiori et al. 2024, section 3.3.4); smaller clusters report up to three times as many.
HOURS_BETWEEN_FAILURES = 50_000.0
HOURS_BETWEEN_FAILURES_RANGE = (15_000.0, 80_000.0)
MANY = 1000  # failures of a run, whose sum is normal


class Reliability(Record):
    """How often a job is interrupted, and what that costs each time."""

    accelerators: int = Field(ge=1)
    """Any of which stops the job when it fails."""
    hours_between_failures: float = Field(HOURS_BETWEEN_FAILURES, gt=0)
    """Of one accelerator, its share of the machine and the network included; mean."""
    save_s: float = Field(ge=0)
    """Time that training stands still while a checkpoint is saved."""
    restart_s: float = Field(ge=0)
    """From a failure until training goes on: noticing, a new machine, start, loading."""

    @property
    def failures_per_s(self) -> float:
        """Of the job."""
        return self.accelerators / self.hours_between_failures / 3600


class Interval(Record):
    """How much work to do between checkpoints."""

    exact_s: float
    """Least expected time; seconds of work, saving not counted."""
    young_s: float
    """Young's first-order approximation (1974), √(2·save/rate)."""
    daly_s: float
    """Daly's higher-order one (2006, equation 37)."""
    goodput: float
    """Useful work over wall time at the exact interval."""


def stretch(work_s: float, reliability: Reliability) -> float:
    """Expected wall time of some work and a save, failures and repetitions included, in seconds.

    e^(λR)·(e^(λ(τ + δ)) - 1)/λ (Daly 2006, equation 13): a failure also interrupts saving, restarting and repeating.
    """
    rate, whole = reliability.failures_per_s, work_s + reliability.save_s
    return math.exp(rate * reliability.restart_s) * math.expm1(rate * whole) / rate


def goodput(work_s: float, reliability: Reliability) -> float:
    """Useful work over wall time, when a checkpoint is saved after each `work_s` of work."""
    return work_s / stretch(work_s, reliability)


def checkpoint_interval(reliability: Reliability) -> Interval:
    """The work between checkpoints with the least expected wall time, with the usual approximations beside it.

    The derivative of stretch(τ)/τ vanishes where λτ = 1 - e^(-λ(τ + δ)); that has one solution, found by Newton's
    method. The restart does not move it.
    """
    rate, save = reliability.failures_per_s, reliability.save_s
    if save == 0:
        return Interval(exact_s=0.0, young_s=0.0, daly_s=0.0, goodput=math.exp(-rate * reliability.restart_s))
    young = math.sqrt(2 * save / rate)
    scaled, cost = min(rate * young, 0.999), rate * save
    for _ in range(60):
        slack = scaled + math.expm1(-(scaled + cost))
        step = slack / -math.expm1(-(scaled + cost))
        scaled -= step
        if abs(step) < 1e-14 * scaled:
            break
    exact = scaled / rate
    return Interval(exact_s=exact, young_s=young, daly_s=_daly(save, 1 / rate), goodput=goodput(exact, reliability))


def _daly(save_s: float, between_s: float) -> float:
    """Equation 37: for saves shorter than twice the time between failures, else that time."""
    if save_s >= 2 * between_s:
        return between_s
    ratio = save_s / (2 * between_s)
    return math.sqrt(2 * save_s * between_s) * (1 + math.sqrt(ratio) / 3 + ratio / 9) - save_s


def wall_times(work_s: float, interval_s: float, reliability: Reliability, *, runs: int, seed: int = 0) -> Array:
    """Seconds that training takes, drawn `runs` times [runs], failures falling where they may.

    The last stretch may be shorter than the interval. Drawn by the number of failures that each stretch meets before it
    is done: geometric, with the time each one took.
    """
    chance = np.random.default_rng(seed)
    rate = reliability.failures_per_s
    whole = int(work_s // interval_s)
    total = np.zeros(runs)
    for length, count in ((interval_s, whole), (work_s - whole * interval_s, 1)):
        if length <= 0 or count == 0:
            continue
        need = length + reliability.save_s
        tries = chance.negative_binomial(count, math.exp(-rate * need), size=runs)
        total += count * need + _lost(tries, need, rate, chance)
        total += _restarts(tries, reliability.restart_s, rate, chance)
    return total


def _lost(tries: npt.NDArray[np.int64], need_s: float, rate: float, chance: np.random.Generator) -> Array:
    """Time until each failure, given that it came before the stretch was done; summed for each run."""
    if tries.max(initial=0) > MANY:
        left = need_s / math.expm1(rate * need_s)
        mean, variance = 1 / rate - left, 1 / rate**2 - left**2 * math.exp(rate * need_s)
        return np.maximum(0.0, chance.normal(tries * mean, np.sqrt(tries * variance)))
    uniform = chance.random(int(tries.sum()))
    times = -np.log1p(uniform * np.expm1(-rate * need_s)) / rate
    return _summed(times, tries)


def _restarts(tries: npt.NDArray[np.int64], restart_s: float, rate: float, chance: np.random.Generator) -> Array:
    """Time of the restarts, which may fail as well; summed for each run."""
    if restart_s == 0:
        return np.zeros(len(tries))
    again = chance.negative_binomial(np.maximum(tries, 1), math.exp(-rate * restart_s)) * (tries > 0)
    return tries * restart_s + _lost(again, restart_s, rate, chance)


def _summed(values: Array, counts: npt.NDArray[np.int64]) -> Array:
    """Sums of consecutive values, so many for each."""
    ends = np.cumsum(counts)
    running = np.concatenate([[0.0], np.cumsum(values)])
    sums: Array = running[ends] - running[ends - counts]
    return sums
