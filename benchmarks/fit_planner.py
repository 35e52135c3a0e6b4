"""Fit the planner's constants to the published runs in `$ARGOSY_DATA/planner` and write `planning/fitted.json`.

For throughput and for memory: physics first, by `planning.fitting`; then, with each model-and-publisher group left out
in turn, the kernel of what the physics leaves, by random search for the likelihood of the left-out rows (Student's t
with four degrees of freedom, so that outliers do not rule); then the width that holds four fifths of them.
`plan_accuracy.py` judges the outcome.
"""

import argparse
import json
import math
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from argosy.config import TransformerConfig, shape_for_size
from argosy.hardware import accelerator
from argosy.planning import (
    Fit,
    Fitted,
    Job,
    Kernel,
    Known,
    Row,
    Target,
    fit,
    known,
    physics,
    read_rows,
    shape_of,
    weights,
)
from argosy.planning.residual import CLIP, covariance
from argosy.storage import write_json

Array = npt.NDArray[np.float64]
HERE = Path(__file__).resolve().parents[1] / "src" / "argosy" / "planning" / "fitted.json"
RESULTS = Path(__file__).resolve().parent / "results"
OWN_VOCABULARY = 32_768  # of gpu_training.py
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
    release=0.05,
    months=3.0,
    run=0.14,  # not searched for, since nothing of a left-out group is known; of 0.05 to 0.2, best after an anchor
)
DEGREES = 4.0
PLAUSIBLE = 1.0  # how far a standard deviation may be from where the search begins, as a factor e^±
COVERED = 0.8


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=1000, help="kernels to try")
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args()
    result = Fitted(
        fitted_on=datetime.now(UTC).date().isoformat(),
        throughput=fit_target("throughput", options.tries),
        memory=fit_target("memory", options.tries),
    )
    write_json(options.output, result.model_dump(mode="json"))
    print(f"wrote {options.output}")


def published(target: Target) -> list[Row]:
    """The published rows that say what was measured."""
    path = Path(os.environ["ARGOSY_DATA"]) / "planner" / f"calibration_{target}.csv"
    return [row for row in read_rows(path, target)[0] if math.isfinite(row.measured)]


def own(target: Target) -> list[Row]:
    """Argosy's own runs on a GPU, which only what physics leaves learns from."""
    path = RESULTS / "gpu_training.json"
    tree = json.loads(path.read_text())
    gpu, batch = tree["configuration"]["gpu"], tree["configuration"]["batch_tokens"]
    found = []
    for name, figures in tree["measurements"].items():
        size, length, tokens = re.fullmatch(r"(\w+), sequences of (\d+), micro-batches of (\d+)", name).groups()
        shape = shape_of(sized(size, OWN_VOCABULARY))
        if shape.parameter_count() != figures["parameters"]:
            raise SystemExit(
                f"{path}: {name} has {figures['parameters']:,} parameters, not {shape.parameter_count():,}"
            )
        job = Job(
            shape=shape,
            sequence_length=int(length),
            batch_size=batch / int(length),
            micro_batch=int(tokens) / int(length),
            accelerator=accelerator(gpu),
            ranks=1,
            sharding="none",
            compiled=True,
            chunked_loss=True,
            recent_attention=True,
        )
        value = figures["tokens_per_s"] if target == "throughput" else figures["memory_gib"] * 2.0**30
        source = "argosy:benchmarks/results/gpu_training.json"
        found.append(Row(f"argosy {name}", "argosy", "argosy", job, value, (), source, in_use=True))
    return found


def sized(size: str, vocabulary_size: int) -> TransformerConfig:
    """Argosy's transformer of a size."""
    numbers = shape_for_size(size, vocabulary_size, tied_embeddings=False)
    return TransformerConfig(vocabulary_size=vocabulary_size, sequence_length=1, **numbers)


def fit_target(target: Target, tries: int) -> Fit:
    """Physics, kernel and width."""
    rows = published(target)
    coefficients = fit(rows, target)
    left_out = left_out_physics(rows, target, coefficients)
    kernel = search(rows, left_out, tries)
    deviations = np.abs(standardised(rows, left_out, kernel))
    rows_and_own = [*rows, *own(target)]
    measured = np.log([row.measured for row in rows_and_own])
    residuals = measured - physics(rows_and_own, target)(coefficients)
    width = round(weighted_quantile(deviations, weights([row.group for row in rows]), COVERED), 3)
    print(f"{target}: {len(rows)} rows, {kernel}, width {width}")
    return Fit(
        coefficients={name: float(f"{value:.6g}") for name, value in coefficients.items()},
        kernel=kernel,
        width=width,
        rows=tuple(as_known(rows_and_own, residuals)),
    )


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


def left_out_physics(rows: Sequence[Row], target: Target, begin: dict[str, float]) -> dict[str, Array]:
    """Residuals of all rows by the physics that never saw one group, for each group."""
    predict, measured = physics(rows, target), np.log([row.measured for row in rows])
    return {
        group: measured - predict(fit([row for row in rows if row.group != group], target, begin))
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


def conditioned(inner: Array, between: Array, own: Array, residuals: Array, noise: float) -> tuple[Array, Array]:
    """Mean and variance [M] given covariances of rows [N, N], with what is asked [M, N], and its own [M]."""
    kept = np.clip(residuals, -CLIP, CLIP)
    right = np.concatenate([kept[:, None], between.T], axis=1)
    solved = np.linalg.solve(inner + np.eye(len(inner)) * noise**2, right)
    variance = own + noise**2 - np.sum(between * solved[:, 1:].T, axis=1)
    return between @ solved[:, 0], np.maximum(variance, noise**2)


def standardised(rows: Sequence[Row], left_out: dict[str, Array], kernel: Kernel) -> Array:
    """Residuals in standard deviations of their prediction."""
    mean, variance = posteriors(rows, left_out, kernel)
    own = np.array([left_out[row.group][place] for place, row in enumerate(rows)])
    found: Array = (own - mean) / np.sqrt(variance)
    return found


def search(rows: Sequence[Row], left_out: dict[str, Array], tries: int) -> Kernel:
    """The likeliest kernel of so many, by left-out rows and, as there are few groups, by what is plausible."""
    weight = weights([row.group for row in rows])
    own = np.array([left_out[row.group][place] for place, row in enumerate(rows)])

    def likelihood(kernel: Kernel) -> float:
        mean, variance = posteriors(rows, left_out, kernel)
        far = (own - mean) ** 2 / variance
        likely = float(np.mean(weight * (-np.log(variance) / 2 - (DEGREES + 1) / 2 * np.log1p(far / DEGREES))))
        begin, now = BEGIN.model_dump(), kernel.model_dump()
        strange = sum((math.log(now[name] / begin[name]) / PLAUSIBLE) ** 2 for name in begin) / 2
        return likely - strange / len(left_out)

    chance, best = np.random.default_rng(0), BEGIN
    score = likelihood(best)
    for _ in range(tries):
        tree = best.model_dump()
        for name in tree:
            if name != "run" and chance.random() < 0.4:  # nothing of a left-out group is known
                tree[name] = float(f"{tree[name] * math.exp(chance.normal(0, 0.4)):.4g}")
        tree["distance"], tree["noise"] = max(tree["distance"], 2.0), max(tree["noise"], 0.05)
        tree["months"] = max(tree["months"], 1.0)
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
