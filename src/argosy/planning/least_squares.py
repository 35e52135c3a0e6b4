"""Robust least squares with Gaussian priors, by Levenberg's and Marquardt's steps."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
ITERATIONS, DIFFERENCE = 30, 1e-4


class Fitted(NamedTuple):
    """Where the fit ended, and how sure it is."""

    point: Array
    """Parameters [P]."""
    covariance: Array
    """Of the parameters [P, P], by the curvature there."""


def robust_fit(
    miss: Callable[[Array], Array],
    mean: Array,
    deviation: Array,
    *,
    spread: float,
    outlying: float,
    weight: Array | float = 1.0,
    begin: Array | None = None,
) -> Fitted:
    """The parameters for which `miss` [N] is least and which are plausible.

    Misses count by their square over `spread`², beyond `outlying` by their distance (Huber 1964); parameters by their
    square distance from `mean` [P] over `deviation`² [P]. `weight` [N] is of each miss.
    """
    point = mean.copy() if begin is None else begin.copy()

    def cost(at: Array) -> float:
        far = np.abs(miss(at))
        huber = np.where(far <= outlying, far**2 / 2, outlying * (far - outlying / 2))
        return float(np.sum(weight * huber)) / spread**2 + float(np.sum(((at - mean) / deviation) ** 2)) / 2

    damping, best = 1e-2, cost(point)
    curvature = np.diag(deviation**-2)
    for _ in range(ITERATIONS):
        now = miss(point)
        slopes = np.stack([(miss(point + DIFFERENCE * unit) - now) / DIFFERENCE for unit in np.eye(len(point))], axis=1)
        scale = weight * np.minimum(1, outlying / np.maximum(np.abs(now), 1e-12)) / spread**2
        curvature = slopes.T @ (slopes * scale[:, None]) + np.diag(deviation**-2)
        gradient = slopes.T @ (now * scale) + (point - mean) / deviation**2
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
    covariance = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    return Fitted(point, covariance)
