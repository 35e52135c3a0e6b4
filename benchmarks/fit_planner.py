"""Fit the planner's constants to the published runs in `$ARGOSY_DATA/planner` and write `planning/fitted.json`.

Physics first, by `planning.fitting`; then, with each model-and-publisher group left out in turn, the kernel of what the
physics leaves, by random search for the likelihood of the left-out rows (Student's t with four degrees of freedom, so
that outliers do not rule); then the width that holds four fifths of them. `plan_accuracy.py` judges the outcome.
"""

import argparse
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from argosy.planning import Fitted, Kernel, Known, Row, columns, fit, known, log_rates, read_rows, weights
from argosy.planning.residual import conditioned, covariance
from argosy.storage import write_json

Array = npt.NDArray[np.float64]
HERE = Path(__file__).resolve().parents[1] / "src" / "argosy" / "planning" / "fitted.json"
BEGIN = Kernel(
    all=0.02,
    family=0.03,
    chip=0.05,
    low=0.03,
    framework=0.1,
    framework_family=0.05,
    alike=0.08,
    distance=5.0,
    noise=0.1,
)
DEGREES = 4.0
COVERED = 0.8


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=200, help="kernels to try")
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args()
    rows, _ = read_rows(Path(os.environ["ARGOSY_DATA"]) / "planner" / "calibration_throughput.csv", "throughput")
    coefficients = fit(rows)
    left_out = left_out_physics(rows, coefficients)
    kernel = search(rows, left_out, options.tries)
    deviations = np.abs(standardised(rows, left_out, kernel))
    residuals = np.log([row.measured for row in rows]) - log_rates(columns([row.job for row in rows]), coefficients)
    result = Fitted(
        fitted_on=datetime.now(UTC).date().isoformat(),
        coefficients={name: float(f"{value:.6g}") for name, value in coefficients.items()},
        kernel=kernel,
        width=round(weighted_quantile(deviations, weights([row.group for row in rows]), COVERED), 3),
        rows=tuple(as_known(rows, residuals)),
    )
    write_json(options.output, result.model_dump(mode="json"))
    print(f"wrote {options.output}: {len(rows)} rows, {kernel}, width {result.width}")


def as_known(rows: Sequence[Row], residuals: Array) -> list[Known]:
    """Rows with what physics leaves of them."""
    return [
        one.model_copy(update={"residual": round(float(r), 5)}) for one, r in zip(_bare(rows), residuals, strict=True)
    ]


def _bare(rows: Sequence[Row]) -> list[Known]:
    """Rows with nothing left of them; slow, so made once."""
    for row in rows:
        if row.name not in _BARE:
            _BARE[row.name] = known(row.name, row.group, row.source, row.framework, row.job, 0.0)
    return [_BARE[row.name] for row in rows]


_BARE: dict[str, Known] = {}


def left_out_physics(rows: Sequence[Row], begin: dict[str, float]) -> dict[str, Array]:
    """Residuals of all rows by the physics that never saw one group, for each group."""
    jobs, measured = columns([row.job for row in rows]), np.log([row.measured for row in rows])
    return {
        group: measured - log_rates(jobs, fit([row for row in rows if row.group != group], begin))
        for group in sorted({row.group for row in rows})
    }


def posteriors(rows: Sequence[Row], left_out: dict[str, Array], kernel: Kernel) -> tuple[Array, Array]:
    """Mean and variance of each row's residual, of its group nothing known."""
    mean, variance = np.zeros(len(rows)), np.zeros(len(rows))
    everything = as_known(rows, np.zeros(len(rows)))
    whole = covariance(kernel, everything, everything)
    names = np.array([row.group for row in rows])
    for group, residuals in left_out.items():
        out, kept = np.flatnonzero(names == group), np.flatnonzero(names != group)
        inner, between = whole[np.ix_(kept, kept)], whole[np.ix_(out, kept)]
        mean[out], variance[out] = conditioned(inner, between, np.diag(whole)[out], residuals[kept], kernel.noise)
    return mean, variance


def standardised(rows: Sequence[Row], left_out: dict[str, Array], kernel: Kernel) -> Array:
    """Residuals in standard deviations of their prediction."""
    mean, variance = posteriors(rows, left_out, kernel)
    own = np.array([left_out[row.group][place] for place, row in enumerate(rows)])
    found: Array = (own - mean) / np.sqrt(variance)
    return found


def search(rows: Sequence[Row], left_out: dict[str, Array], tries: int) -> Kernel:
    """The likeliest kernel of so many."""
    weight = weights([row.group for row in rows])
    own = np.array([left_out[row.group][place] for place, row in enumerate(rows)])

    def likelihood(kernel: Kernel) -> float:
        mean, variance = posteriors(rows, left_out, kernel)
        far = (own - mean) ** 2 / variance
        return float(np.mean(weight * (-np.log(variance) / 2 - (DEGREES + 1) / 2 * np.log1p(far / DEGREES))))

    chance, best = np.random.default_rng(0), BEGIN
    score = likelihood(best)
    for _ in range(tries):
        tree = best.model_dump()
        for name in tree:
            if name != "run" and chance.random() < 0.4:  # nothing of a left-out group is known
                tree[name] = float(f"{tree[name] * math.exp(chance.normal(0, 0.4)):.4g}")
        tried = Kernel(**tree)
        if (found := likelihood(tried)) > score:
            best, score = tried, found
    return best


def weighted_quantile(values: Array, weight: Array, share: float) -> float:
    """The value below which that share of the weight lies."""
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weight[order]), share * weight.sum())])


if __name__ == "__main__":
    main()
