"""Fitting the physics to measured runs: robust least squares in the logarithm, priors from data sheets and papers.

A model that somebody measured forty times should not outvote another model, so rows of a group weigh one over the root
of their number. Outliers (a regression in one release, a figure misread) count by their distance, not by its square
(Huber 1964).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from argosy.planning.job import Columns, columns
from argosy.planning.rows import Row
from argosy.planning.step_time import PRIORS, step_time

Array = npt.NDArray[np.float64]
SPREAD, OUTLYING = 0.12, 0.3  # of the logarithm: of good rows, and where a row begins to count as an outlier
ITERATIONS, DIFFERENCE = 30, 1e-4
NAMES = tuple(PRIORS)
_MEAN = np.log([PRIORS[name][0] for name in NAMES])
_DEVIATION = np.array([PRIORS[name][1] for name in NAMES])


def log_rates(jobs: Columns, coefficients: Mapping[str, float]) -> Array:
    """Logarithm of the predicted tokens a second of each accelerator [N]."""
    seconds = step_time(jobs, coefficients).total_s
    rates: Array = np.log(jobs["batch_size"] * jobs["sequence_length"] / seconds / jobs["ranks"])
    return rates


def weights(groups: Sequence[str]) -> Array:
    """One over the root of the size of each row's group, 1 on the average [N]."""
    names = np.array(groups)
    size = np.array([np.sum(names == name) for name in names], dtype=np.float64)
    found: Array = size**-0.5 / np.mean(size**-0.5)
    return found


def fit(rows: Sequence[Row], begin: Mapping[str, float] | None = None) -> dict[str, float]:
    """The coefficients that explain the rows best, by Levenberg's and Marquardt's steps from `begin` or the priors."""
    jobs, measured = columns([row.job for row in rows]), np.log([row.measured for row in rows])
    weight = weights([row.group for row in rows])
    point = _MEAN.copy() if begin is None else np.log([begin[name] for name in NAMES])

    def miss(at: Array) -> Array:
        difference: Array = log_rates(jobs, dict(zip(NAMES, np.exp(at), strict=True))) - measured
        return difference

    def cost(at: Array) -> float:
        far = np.abs(miss(at))
        huber = np.where(far <= OUTLYING, far**2 / 2, OUTLYING * (far - OUTLYING / 2))
        return float(weight @ huber) / SPREAD**2 + float(np.sum(((at - _MEAN) / _DEVIATION) ** 2)) / 2

    damping, best = 1e-2, cost(point)
    for _ in range(ITERATIONS):
        now = miss(point)
        slopes = np.stack([(miss(point + DIFFERENCE * unit) - now) / DIFFERENCE for unit in np.eye(len(point))], axis=1)
        scale = weight * np.minimum(1, OUTLYING / np.maximum(np.abs(now), 1e-12)) / SPREAD**2
        curvature = slopes.T @ (slopes * scale[:, None]) + np.diag(_DEVIATION**-2)
        gradient = slopes.T @ (now * scale) + (point - _MEAN) / _DEVIATION**2
        while damping < 1e6:
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), -gradient)
            if (found := cost(point + step)) < best:
                break
            damping *= 4
        else:
            break
        point, gain, best, damping = point + step, best - found, found, max(damping / 5, 1e-6)
        if gain < 1e-4 * best:
            break
    return {name: float(value) for name, value in zip(NAMES, np.exp(point), strict=True)}
