"""Many futures of one plan: training time, prices, hiring, revenue and rounds drawn together (Monte Carlo).

Paths are float64, made from the ledger's cents once; each draw has its own stream of the seed, so that two plans that
differ in one thing are compared on the same futures (common random numbers).
"""

import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from argosy.capital.plan.budget import LASTS, TRAINED
from argosy.config import Record

Array = npt.NDArray[np.float64]
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
Z80 = 1.2815515655446004  # of a normal distribution, between whose negative and itself lie 80 %


@dataclass(frozen=True)
class Stream:
    """Money that comes (positive) or goes by month, and what is uncertain about it; nothing is unless it is said."""

    name: str
    """What for; also names its random numbers."""
    monthly: Array
    """[months], as the ledger has it."""
    probability: float = 1.0
    """That it happens at all."""
    size_deviation: float = 0.0
    """Standard deviation of the logarithm of its size; the median stays."""
    delay_months: float = 0.0
    """Mean of an exponential delay."""
    drift_deviation: float = 0.0
    """Standard deviation of the logarithm of a random walk by year, such as a price's."""
    after_training: bool = False
    """Whether it moves with the end of training."""
    goes_on: bool = False
    """Whether, where it moves forward, its last month is that of the months after it."""
    draw: Callable[[int, int], Array] | None = None
    """Of a number of paths and a seed: [paths, months] in place of `monthly`, for what has its own arithmetic."""


@dataclass(frozen=True)
class TrainingTime:
    """The training whose end is asked for."""

    start_month: float
    """From the beginning of the plan."""
    months: float
    """Median time it takes."""
    factor_80: float = 1.0
    """It takes between months / this and months × this in 80 of 100 cases (log-normal)."""
    per_month: float = 0.0
    """What a month of it costs."""
    price_deviation: float = 0.0
    """As a stream's `drift_deviation`."""


class Probability(Record):
    """How likely something is, by these paths."""

    name: str
    """What."""
    value: float
    """Share of the paths."""
    standard_error: float
    """Of that share: √(p(1 − p)/n)."""


class Simulated(Record):
    """What became of the paths."""

    paths: int
    """How many."""
    seed: int
    """Of the random numbers."""
    quantiles: tuple[float, ...]
    """Of the fan."""
    fan: tuple[tuple[float, ...], ...]
    """[months][quantiles]: cash at the end of each month."""
    solvent: Probability
    """That cash never ends a month below zero."""
    trained: Probability | None
    """That it does not before training has ended; null without one."""
    milestones: tuple[Probability, ...]
    """That each is reached with money, in order."""
    lowest_median: float
    """Median of the lowest cash."""
    out_by_month: tuple[float, ...]
    """[months]: share of the paths that are out of cash by the end of it."""

    @property
    def probabilities(self) -> tuple[Probability, ...]:
        """All of them: the money, the training where there is one, the milestones."""
        return (self.solvent, *([self.trained] if self.trained else []), *self.milestones)


@dataclass(frozen=True)
class Future:
    """Everything that is drawn for."""

    opening: float
    """Cash before the first month."""
    streams: Sequence[Stream]
    """All that comes and goes but the training."""
    months: int
    """Of the plan."""
    training: TrainingTime | None = None
    """The training, where there is one."""
    milestones: Mapping[str, float] | None = None
    """Months after the beginning of the plan, which move with the end of training."""

    def settled(self, name: str) -> "Future":
        """The same with one thing certain, at its median or as planned."""
        streams = [
            replace(one, probability=1.0, size_deviation=0.0, delay_months=0.0, drift_deviation=0.0, draw=None)
            if one.name == name
            else one
            for one in self.streams
        ]
        training = self.training
        if training is not None and name == "training":
            training = replace(training, factor_80=1.0, price_deviation=0.0)
        return replace(self, streams=streams, training=training)


def simulate(future: Future, paths: int = 10_000, seed: int = 0) -> Simulated:
    """Draw `paths` futures and count."""
    cash, end, late = cash_paths(future, paths, seed)
    lowest = np.minimum.accumulate(cash, axis=1)
    months = np.arange(future.months)
    shares = {name: _share(name, happened) for name, happened in _events(future, lowest, end, late).items()}
    solvent, trained = shares.pop(LASTS), shares.pop(TRAINED, None)
    return Simulated(
        paths=paths,
        seed=seed,
        quantiles=QUANTILES,
        fan=tuple(tuple(map(float, row)) for row in np.quantile(cash, QUANTILES, axis=0).T),
        solvent=solvent,
        trained=trained,
        milestones=tuple(shares.values()),
        lowest_median=float(np.median(lowest[:, -1])),
        out_by_month=tuple(float((lowest[:, month] < 0).mean()) for month in months),
    )


def events(future: Future, paths: int = 10_000, seed: int = 0) -> dict[str, npt.NDArray[np.bool_]]:
    """Whether each thing that `simulate` counts happened in each of the same futures, [paths]."""
    cash, end, late = cash_paths(future, paths, seed)
    return _events(future, np.minimum.accumulate(cash, axis=1), end, late)


def _events(future: Future, lowest: Array, end: Array | None, late: Array) -> dict[str, npt.NDArray[np.bool_]]:
    """Milestones in order, after the money and the training."""
    happened = {LASTS: lowest[:, -1] >= 0}
    if end is not None:
        happened[TRAINED] = _reached(lowest, end)
    for name, month in sorted((future.milestones or {}).items(), key=lambda one: one[1]):
        happened[name] = _reached(lowest, month + late)
    return happened


class Swing(Record):
    """What one uncertain thing does."""

    name: str
    """Which."""
    low: float
    """Probability that the money lasts when it turns out at its worst tenth."""
    high: float
    """The same at its best tenth."""
    explained: float
    """Change of the probability when it is as planned."""


def tornado(future: Future, paths: int = 4_000, seed: int = 0) -> tuple[Swing, ...]:
    """Each uncertain thing as planned instead of drawn, the largest effect on the probability first.

    `low` and `high` are shares among the paths in which its own draw was in the worst and the best tenth.
    """
    cash, end, _ = cash_paths(future, paths, seed)
    lasts = cash.min(axis=1) >= 0
    base = float(lasts.mean())
    found = []
    for stream in filter(is_uncertain, future.streams):
        total = drawn(stream, future.months, np.zeros(paths), seed).sum(axis=1)
        found.append(_swing(stream.name, total, lasts, base, future, paths, seed))
    if end is not None and future.training is not None and future.training.factor_80 > 1:
        found.append(_swing("training", -end, lasts, base, future, paths, seed))
    return tuple(sorted(found, key=lambda one: -abs(one.explained)))


def _in_worst_tenth(goodness: Array, lasts: npt.NDArray[np.bool_]) -> float:
    """Share that lasts; where draws tie at the tenth's end, all of them count for what of it they fill."""
    tenth = max(1, len(goodness) // 10)
    edge = np.partition(goodness, tenth - 1)[tenth - 1]
    below, tied = goodness < edge, goodness == edge
    filled = (tenth - below.sum()) / tied.sum()
    return float((lasts[below].sum() + filled * lasts[tied].sum()) / tenth)


def _swing(
    name: str, goodness: Array, lasts: npt.NDArray[np.bool_], base: float, future: Future, paths: int, seed: int
) -> Swing:
    return Swing(
        name=name,
        low=_in_worst_tenth(goodness, lasts),
        high=_in_worst_tenth(-goodness, lasts),
        explained=float((cash_paths(future.settled(name), paths, seed)[0].min(axis=1) >= 0).mean()) - base,
    )


def cash_paths(future: Future, paths: int, seed: int) -> tuple[Array, Array | None, Array]:
    """Cash at the end of each month [paths, months]; when training ends and how much later than planned, in months
    [paths]."""
    training = future.training
    spent, end, late = np.zeros((paths, future.months)), None, np.zeros(paths)
    if training is not None:
        deviation = math.log(training.factor_80) / Z80
        taken = training.months * np.exp(deviation * normal("training", paths, seed))
        end = training.start_month + taken
        late = taken - training.months
        # What of each month lies between the beginning and the end.
        edges = np.arange(future.months + 1)
        inside = np.clip(np.minimum(edges[1:], end[:, None]) - np.maximum(edges[:-1], training.start_month), 0.0, 1.0)
        spent = (
            training.per_month * inside * _drift("training price", training.price_deviation, future.months, paths, seed)
        )
    flow = -spent
    for stream in future.streams:
        flow = flow + drawn(stream, future.months, late, seed)
    return future.opening + np.cumsum(flow, axis=1), end, late


def drawn(stream: Stream, months: int, late: Array, seed: int) -> Array:
    """One stream in every path, [paths, months]."""
    paths = len(late)
    delay = late if stream.after_training else np.zeros(paths)
    if stream.delay_months:
        uniform = _random(f"{stream.name}: delay", seed).random(paths)
        delay = delay - stream.delay_months * np.log1p(-uniform)
    planned = np.broadcast_to(stream.monthly, (paths, months)) if stream.draw is None else stream.draw(paths, seed)
    if delay.any():
        source = np.arange(months)[None, :] - np.round(delay).astype(np.int64)[:, None]
        inside = (source >= 0) & (stream.goes_on | (source < months))
        flow = np.where(inside, np.take_along_axis(planned, np.clip(source, 0, months - 1), axis=1), 0.0)
    else:
        flow = planned
    if stream.size_deviation:
        flow = flow * np.exp(stream.size_deviation * normal(f"{stream.name}: size", paths, seed))[:, None]
    if stream.drift_deviation:
        flow = flow * _drift(stream.name, stream.drift_deviation, months, paths, seed)
    if stream.probability < 1:
        happens = _random(f"{stream.name}: happens", seed).random(paths) < stream.probability
        flow = flow * happens[:, None]
    return flow


def _drift(name: str, deviation: float, months: int, paths: int, seed: int) -> Array:
    """A geometric random walk [paths, months] that begins at 1."""
    if not deviation:
        return np.ones((1, months))
    steps = _random(f"{name}: drift", seed).standard_normal((paths, months)) * (deviation / math.sqrt(12))
    steps[:, 0] = 0.0
    return np.exp(np.cumsum(steps, axis=1))


def _reached(lowest: Array, month: Array) -> npt.NDArray[np.bool_]:
    """Whether there is cash at the end of every month up to a moment, which lies in the plan."""
    months = lowest.shape[1]
    last = np.ceil(month).astype(np.int64) - 1
    there = lowest[np.arange(len(month)), np.clip(last, 0, months - 1)] >= 0
    reached: npt.NDArray[np.bool_] = there & (last < months)
    return reached


def standard_error(share: float, paths: int) -> float:
    """Of a share of so many paths."""
    return math.sqrt(share * (1 - share) / paths)


def _share(name: str, happened: npt.NDArray[np.bool_]) -> Probability:
    value = float(happened.mean())
    return Probability(name=name, value=value, standard_error=standard_error(value, len(happened)))


def is_uncertain(stream: Stream) -> bool:
    """Whether anything about it is drawn."""
    doubts = (stream.size_deviation, stream.delay_months, stream.drift_deviation)
    return stream.probability < 1 or stream.draw is not None or any(doubts)


def plain_name(name: str) -> str:
    """A stream's name without the number that tells it from others: Seed (funding 1) → Seed."""
    return re.sub(r" \((?:\w+ )?\d+\)$", "", name)


def _random(name: str, seed: int) -> np.random.Generator:
    """A stream of random numbers of its own for each name."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def normal(name: str, paths: int, seed: int) -> Array:
    """Standard normal draws [paths] of a name, the same for the same seed."""
    return _random(name, seed).standard_normal(paths)
