"""Fitting the physics to measured runs: robust least squares in the logarithm, priors from data sheets and papers.

A model that somebody measured forty times should not outvote another model, so rows of a group weigh one over the root
of their number. Outliers (a regression in one release, a figure misread) count by their distance, not by its square
(Huber 1964).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from argosy.planning import memory, step_time
from argosy.planning.job import Columns, columns
from argosy.planning.least_squares import robust_fit
from argosy.planning.rows import Row, Target

Array = npt.NDArray[np.float64]
Coefficients = Mapping[str, float]
SPREAD, OUTLYING = 0.12, 0.3  # of the logarithm: of good rows, and where a row begins to count as an outlier
PRIORS: Mapping[Target, Mapping[str, tuple[float, float]]] = {
    "throughput": step_time.PRIORS,
    "memory": memory.PRIORS,
}


def log_rates(jobs: Columns, coefficients: Coefficients) -> Array:
    """Logarithm of the predicted tokens a second of each accelerator [N]."""
    seconds = step_time.step_time(jobs, coefficients).total_s
    rates: Array = np.log(jobs["batch_size"] * jobs["sequence_length"] / seconds / jobs["ranks"])
    return rates


def physics(rows: Sequence[Row], target: Target) -> Callable[[Coefficients], Array]:
    """The logarithm of what the physics predicts for each row [N], as a function of its coefficients."""
    jobs = columns([row.job for row in rows])
    if target == "throughput":
        return lambda coefficients: log_rates(jobs, coefficients)
    last, in_use = (np.array([getattr(row, name) for row in rows]) for name in ("last_stage", "in_use"))

    def log_bytes(coefficients: Coefficients) -> Array:
        stages = memory.memory_use(jobs, coefficients, "last"), memory.fullest(jobs, coefficients)
        reserved = np.where(last, *(use.reserved for use in stages))
        within = np.where(last, *(use.in_use for use in stages))
        return np.log(np.where(in_use, within, reserved))

    return log_bytes


def weights(groups: Sequence[str]) -> Array:
    """One over the root of the size of each row's group, 1 on the average [N]."""
    names = np.array(groups)
    size = np.array([np.sum(names == name) for name in names], dtype=np.float64)
    found: Array = size**-0.5 / np.mean(size**-0.5)
    return found


def fit(rows: Sequence[Row], target: Target, begin: Coefficients | None = None) -> dict[str, float]:
    """The coefficients that explain the rows best, from `begin` or the priors on."""
    names = tuple(PRIORS[target])
    mean = np.log([PRIORS[target][name][0] for name in names])
    deviation = np.array([PRIORS[target][name][1] for name in names])
    predict, measured = physics(rows, target), np.log([row.measured for row in rows])

    def miss(at: Array) -> Array:
        difference: Array = predict(dict(zip(names, np.exp(at), strict=True))) - measured
        return difference

    found = robust_fit(
        miss,
        mean,
        deviation,
        spread=SPREAD,
        outlying=OUTLYING,
        weight=weights([row.group for row in rows]),
        begin=None if begin is None else np.log([begin[name] for name in names]),
    )
    return {name: float(value) for name, value in zip(names, np.exp(found.point), strict=True)}
