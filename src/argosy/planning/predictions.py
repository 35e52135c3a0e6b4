"""Predicting throughput and memory: physics, corrected by alike runs, with an interval held against left-out runs."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.config import Record
from argosy.planning.figures import Memory, Nearest, Parts, Throughput, verdict_of
from argosy.planning.fitting import log_rates
from argosy.planning.job import Job, columns
from argosy.planning.memory import COMPONENTS, MemoryUse, Stage, fullest, memory_use
from argosy.planning.residual import Kernel, Known, Learned, covariance, known
from argosy.planning.step_time import step_time

GIB = 2.0**30
CONTEXT_GIB = 1.0  # of a device's memory that its driver and communication take before anything is allocated
NOMINAL_COVERAGE = 0.8
NEAREST = 3
FIGURES: tuple[Literal["throughput", "memory"], ...] = ("throughput", "memory")
FAR = 0.5  # of the variance that alike runs leave: more is outside what has been seen


class Fit(Record):
    """What measured runs say of one figure."""

    coefficients: dict[str, float]
    """Of the physics."""
    kernel: Kernel
    """Of what the physics leaves."""
    width: float
    """Standard deviations on either side that hold 80 % of left-out runs."""
    rows: tuple[Known, ...]
    """The runs."""


class Fitted(Record):
    """What `benchmarks/fit_planner.py` made of measured runs; kept as `fitted.json`."""

    fitted_on: str
    """Date."""
    throughput: Fit
    """Tokens a second."""
    memory: Fit
    """Bytes at the peak."""


@cache
def fitted() -> Fitted:
    """The constants that came with this version."""
    return Fitted.model_validate_json(resources.files("argosy.planning").joinpath("fitted.json").read_bytes())


def predict_throughput(
    jobs: Sequence[Job],
    *,
    framework: str = "",
    constants: Fit | None = None,
    besides: Iterable[Known] = (),
    group: str = "",
) -> list[Throughput]:
    """Predict each job, as trained by `framework`.

    `besides` are runs to learn from beyond the known ones. Of the jobs' own `group`, the known ones are left out, so
    that a prediction never knows its own answer.
    """
    constants = constants or fitted().throughput
    figures = columns(jobs)
    times = step_time(figures, constants.coefficients)
    rates = log_rates(figures, constants.coefficients)
    found = []
    for number, (job, left) in enumerate(zip(jobs, _left(constants, jobs, framework, besides, group), strict=True)):
        middle, spread = float(rates[number]) + left.mean, left.spread
        rate = math.exp(middle)
        flops = job.shape.train_flops_per_token(job.sequence_length)
        found.append(
            Throughput(
                tokens_per_s_per_accelerator=rate,
                low=math.exp(middle - spread),
                high=math.exp(middle + spread),
                step_time_s=job.tokens_per_step / rate / job.ranks,
                mfu=rate * flops / float(figures["peak16"][number]),
                correction=math.exp(left.mean),
                seen=left.seen,
                parts=Parts(**{name: float(getattr(times, name)[number]) for name in Parts.model_fields}),
                nearest=left.nearest,
            )
        )
    return found


def predict_memory(
    jobs: Sequence[Job],
    *,
    framework: str = "",
    constants: Fit | None = None,
    besides: Iterable[Known] = (),
    group: str = "",
    stage: Stage | None = None,
) -> list[Memory]:
    """Predict the peak of each job's fullest rank, or of a rank of one pipeline stage; the rest as for throughput."""
    constants = constants or fitted().memory
    figures = columns(jobs)
    use = (
        fullest(figures, constants.coefficients)
        if stage is None
        else memory_use(figures, constants.coefficients, stage)
    )
    lefts = _left(constants, jobs, framework, besides, group)
    return [_memory(job, use, number, left) for number, (job, left) in enumerate(zip(jobs, lefts, strict=True))]


def _memory(job: Job, use: MemoryUse, number: int, left: "_Left") -> Memory:
    middle = math.log(use.reserved[number] / GIB) + left.mean
    peak, low, high = (math.exp(middle + far) for far in (0.0, -left.spread, left.spread))
    capacity = job.accelerator.memory_gib - CONTEXT_GIB
    return Memory(
        peak_gib=peak,
        low_gib=low,
        high_gib=high,
        capacity_gib=capacity,
        verdict=verdict_of(peak, high, capacity),
        correction=math.exp(left.mean),
        seen=left.seen,
        parts_gib={name: float(getattr(use, name)[number] / GIB) for name in COMPONENTS},
        nearest=left.nearest,
    )


class _Left(NamedTuple):
    """What alike runs say of what physics leaves of one job."""

    mean: float
    spread: float
    seen: bool
    nearest: tuple[Nearest, ...]


def _left(constants: Fit, jobs: Sequence[Job], framework: str, besides: Iterable[Known], group: str) -> list[_Left]:
    """What alike runs say of each job, those of its own group left out."""
    kernel, others = constants.kernel, list(besides)
    if not group and not others and (target := _shipped(constants)):
        learned = _learned(target)
    else:
        learned = Learned(kernel, [*(row for row in constants.rows if row.group != group), *others])
    asked = [known("", group, "", framework, job, 0.0) for job in jobs]
    means, variances, likeness = learned.of(asked)
    prior = float(covariance(kernel, asked[:1], asked[:1])[0, 0])
    alone = kernel.noise**2 + kernel.run**2  # what no other team's runs tell
    return [
        _Left(
            mean=float(mean),
            spread=constants.width * math.sqrt(variance),
            seen=bool(variance - alone < FAR * (prior + kernel.noise**2 - alone)),
            nearest=_nearest(learned.rows, between),
        )
        for mean, variance, between in zip(means, variances, likeness, strict=True)
    ]


def _shipped(constants: Fit) -> Literal["throughput", "memory"] | None:
    """Of which figure these are the constants that came with this version, if they are."""
    return next((name for name in FIGURES if getattr(fitted(), name) is constants), None)


@cache
def _learned(figure: Literal["throughput", "memory"]) -> Learned:
    """What all known runs tell."""
    constants: Fit = getattr(fitted(), figure)
    return Learned(constants.kernel, constants.rows)


def _nearest(rows: Sequence[Known], likeness: npt.NDArray[np.float64]) -> tuple[Nearest, ...]:
    return tuple(
        Nearest(name=rows[place].name, source=rows[place].source, likeness=round(float(likeness[place]), 3))
        for place in np.argsort(-likeness, kind="stable")[:NEAREST].tolist()
    )
