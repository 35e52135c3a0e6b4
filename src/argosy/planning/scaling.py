"""Fitting a scaling law to one's own runs: losses of small models, and how far they may be trusted for a large one."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.config import Record, UserError
from argosy.planning.least_squares import robust_fit
from argosy.planning.quality import FLOPS_PER_PARAMETER_AND_TOKEN, ScalingLaw

Array = npt.NDArray[np.float64]
LEAST_POINTS = 5
NAMES = ("irreducible", "size_term", "token_term", "parameter_exponent", "token_exponent")
# Of the logarithms: what Besiroglu et al. 2024 found on one kind of text, and how far another may be from it.
PRIOR = np.log([1.8, 0.4, 0.4, 0.35, 0.37])
DEVIATION = np.array([0.5, 1.0, 1.0, 0.25, 0.25])
SMALLEST_SPREAD = 0.002  # of the logarithm: two seeds of one run
PER_DECADE = 0.01  # by which the law itself may be off for each tenfold compute beyond the middle run's
INDEPENDENT = 25.0  # runs of one sweep share text, schedule and habits: more of them count as so many
Z90 = 1.645


class Point(NamedTuple):
    """One finished run."""

    parameters: float
    tokens: float
    loss: float

    @property
    def flops(self) -> float:
        """6·N·D."""
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.parameters * self.tokens


class FittedLaw(Record):
    """A law of one's own runs, with all that its intervals need."""

    law: ScalingLaw
    """The constants."""
    points: int
    """Runs that it was fitted to."""
    spread: float
    """Of the runs about the law, as a share of their loss."""
    middle_flops: float
    """Of the runs, their median."""
    largest_flops: float
    """Of the runs."""
    centre: tuple[float, float]
    """Parameters and tokens about which the terms were fitted."""
    point: tuple[float, ...]
    """Logarithms of E, A/N^α and B/D^β at the centre, α, β."""
    covariance: tuple[tuple[float, ...], ...]
    """Of those."""

    def predict(self, parameters: float, tokens: float) -> tuple[float, float, float]:
        """Loss of such a model after so many tokens: the middle, and the interval of 90 %."""
        sizes = np.array([parameters]), np.array([tokens])
        at = np.array(self.point)
        middle = float(_log_loss(at, *sizes, self.centre)[0])
        units = 1e-5 * np.eye(len(at))
        slope = np.array([(float(_log_loss(at + unit, *sizes, self.centre)[0]) - middle) / 1e-5 for unit in units])
        beyond = max(0.0, math.log10(FLOPS_PER_PARAMETER_AND_TOKEN * parameters * tokens / self.middle_flops))
        variance = float(slope @ np.array(self.covariance) @ slope) + self.spread**2 + (PER_DECADE * beyond) ** 2
        far = Z90 * math.sqrt(variance)
        return math.exp(middle), math.exp(middle - far), math.exp(middle + far)


def fit_scaling(points: Sequence[Point], *, name: str, text: str) -> FittedLaw:
    """Fit L(N, D) = E + A/N^α + B/D^β (Hoffmann et al. 2022, approach 3), robustly, in the logarithm.

    Raises `UserError` `too-few-runs` for fewer than five runs, or for runs of one size or one length.
    """
    if len(points) < LEAST_POINTS:
        raise UserError("too-few-runs", f"a scaling law takes {LEAST_POINTS} runs, and there are {len(points)}")
    parameters, tokens, losses = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    for what, values in (("size", parameters), ("number of tokens", tokens)):
        if np.ptp(np.log(values)) < 0.1:
            raise UserError("too-few-runs", f"all {len(points)} runs have one {what}; vary it, best by ten times")
    centre = (float(np.exp(np.mean(np.log(parameters)))), float(np.exp(np.mean(np.log(tokens)))))
    measured = np.log(losses)

    def miss(at: Array) -> Array:
        return _log_loss(at, parameters, tokens, centre) - measured

    weight = min(1.0, INDEPENDENT / len(points))
    spread, begin = 0.02, None
    for _ in range(3):
        found = robust_fit(miss, PRIOR, DEVIATION, spread=spread, outlying=spread, weight=weight, begin=begin)
        begin = found.point
        free = max(1, len(points) - len(NAMES))
        spread = max(SMALLEST_SPREAD, 1.4826 * float(np.median(np.abs(miss(begin)))) * math.sqrt(len(points) / free))
    # The fit is robust, the interval is not: of the runs, too, it has to hold nine of ten.
    spread = max(spread, float(np.quantile(np.abs(miss(found.point)), 0.9)) / Z90)
    values = np.exp(found.point)
    alpha, beta = float(values[3]), float(values[4])
    errors = np.sqrt(np.diag(found.covariance)) * values
    law = ScalingLaw(
        name=name,
        text=text,
        irreducible=float(values[0]),
        parameter_factor=float(values[1]) * centre[0] ** alpha,
        token_factor=float(values[2]) * centre[1] ** beta,
        parameter_exponent=alpha,
        token_exponent=beta,
        irreducible_error=float(errors[0]),
        parameter_exponent_error=float(errors[3]),
        token_exponent_error=float(errors[4]),
    )
    return FittedLaw(
        law=law,
        points=len(points),
        spread=spread,
        largest_flops=max(point.flops for point in points),
        middle_flops=float(np.median([point.flops for point in points])),
        centre=centre,
        point=tuple(found.point.tolist()),
        covariance=tuple(tuple(row) for row in found.covariance.tolist()),
    )


def _log_loss(at: Array, parameters: Array, tokens: Array, centre: tuple[float, float]) -> Array:
    irreducible, size, text, alpha, beta = np.exp(at)
    loss = irreducible + size * (parameters / centre[0]) ** -alpha + text * (tokens / centre[1]) ** -beta
    found: Array = np.log(loss)
    return found
