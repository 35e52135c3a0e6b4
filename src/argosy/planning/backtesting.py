"""Replaying the planner on measured runs: how far it is off, by kind of run, and how often its intervals hold."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from argosy.config import Record, UserError, nearest
from argosy.planning.predict import NOMINAL_COVERAGE, Fitted, Throughput, predict_throughput
from argosy.planning.residual import Known, known
from argosy.planning.rows import Row, read_rows

Array = npt.NDArray[np.float64]
Target = Literal["throughput"]
TARGETS: tuple[Target, ...] = get_args(Target)
LARGE = 1e3  # in place of infinite figures, which JSON has none for


class Errors(Record):
    """How predictions compare with measurements; fractions."""

    rows: int
    """Measured runs."""
    median_absolute_percentage_error: float
    """Of |predicted / measured - 1|."""
    p90_absolute_percentage_error: float
    """Nine of ten are no further off."""
    median_signed_percentage_error: float
    """Above 0 where predictions are too high."""
    interval_coverage: float
    """Share of measurements inside their interval."""
    nominal_coverage: float
    """What that should be."""
    mean_interval_width: float
    """Mean of (high - low) / predicted."""


class Left(Record):
    """A row that was not predicted."""

    name: str
    """Of the row."""
    reason: str
    """Why."""


class RowResult(Record):
    """One row."""

    name: str
    """Of the row."""
    measured: float
    """Tokens a second on each accelerator."""
    predicted: float
    """The same."""
    low: float
    """Of the interval."""
    high: float
    """Of the interval."""
    assumed: tuple[str, ...]
    """What the row does not say."""


class Backtest(Errors):
    """The whole of it; `skipped` and `by_regime` besides."""

    target: Target
    """What was predicted."""
    skipped: tuple[Left, ...]
    """Rows that could not be."""
    by_regime: dict[str, Errors]
    """The same figures of kinds of runs."""
    anchors: int
    """Rows that were given to the planner first, one of each model on each accelerator and precision."""
    predictions: tuple[RowResult, ...]
    """Row by row."""


REGIMES: Mapping[str, Callable[[Row], bool]] = {
    "dense": lambda row: row.job.shape.experts == 0,
    "dense_bf16": lambda row: row.job.shape.experts == 0 and row.job.arithmetic in ("bfloat16", "float16"),
    "moe": lambda row: row.job.shape.experts > 0,
    "pretrain": lambda row: row.job.task == "pretrain",
    "finetune": lambda row: row.job.task != "pretrain",
}


def backtest(path: Path, target: str = "throughput", *, anchor: bool = False) -> Backtest:
    """Predict every row of a CSV and compare; with `anchor`, after the first of each like kind is known.

    A row whose group the planner was fitted on is predicted without the correction that its group gives. Raises
    `UserError` `bad-rows` for a file that is no such table, `bad-option` for an unknown target.
    """
    if target not in TARGETS:
        raise UserError(
            "bad-option", f"target = {target!r}: expected one of {', '.join(TARGETS)}{nearest(target, TARGETS)}"
        )
    rows, skipped = read_rows(path, target)
    if not rows:
        reasons = "; ".join(sorted({row.reason for row in skipped}))
        raise UserError("bad-rows", f"{path}: no row can be predicted ({reasons})")
    given = anchors_of(rows) if anchor else []
    scored = [row for row in rows if not any(row is one for one in given)] or rows
    predictions = replay(scored, given)
    results = [
        RowResult(
            name=row.name,
            measured=row.measured,
            predicted=found.tokens_per_s_per_accelerator,
            low=found.low,
            high=found.high,
            assumed=row.assumed,
        )
        for row, found in zip(scored, predictions, strict=True)
    ]
    by_regime = {
        name: errors([result for row, result in zip(scored, results, strict=True) if belongs(row)])
        for name, belongs in REGIMES.items()
        if any(map(belongs, scored))
    }
    return Backtest(
        **errors(results).model_dump(),
        target="throughput",
        skipped=tuple(Left(name=row.name, reason=row.reason) for row in skipped),
        by_regime=by_regime,
        anchors=len(given),
        predictions=tuple(results),
    )


def anchors_of(rows: Sequence[Row]) -> list[Row]:
    """The first row of each model on each accelerator in each precision that has others."""
    kinds: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        kinds.setdefault((row.group, row.job.accelerator.name, row.job.arithmetic), []).append(row)
    return [some[0] for some in kinds.values() if len(some) > 1]


def replay(rows: Sequence[Row], given: Sequence[Row] = (), constants: Fitted | None = None) -> list[Throughput]:
    """Predict rows, each without what is known of its group but with what is `given` of it."""
    measured = _as_known(given, constants)
    return [
        predict_throughput(
            [row.job],
            framework=row.framework,
            constants=constants,
            besides=[one for one in measured if one.group == row.group],
            group=row.group,
        )[0]
        for row in rows
    ]


def _as_known(rows: Sequence[Row], constants: Fitted | None) -> list[Known]:
    if not rows:
        return []
    physics = predict_throughput([row.job for row in rows], constants=constants)
    return [
        known(
            row.name,
            row.group,
            row.source,
            row.framework,
            row.job,
            float(np.log(row.measured * found.correction / found.tokens_per_s_per_accelerator)),
        )
        for row, found in zip(rows, physics, strict=True)
    ]


def errors(results: Sequence[RowResult]) -> Errors:
    """The figures of some rows."""
    measured, predicted, low, high = (
        np.array([getattr(result, name) for result in results]) for name in ("measured", "predicted", "low", "high")
    )
    signed = np.clip(predicted / measured - 1, -1, LARGE)
    inside = (low <= measured) & (measured <= high)
    return Errors(
        rows=len(results),
        median_absolute_percentage_error=float(np.median(np.abs(signed))),
        p90_absolute_percentage_error=float(np.quantile(np.abs(signed), 0.9)),
        median_signed_percentage_error=float(np.median(signed)),
        interval_coverage=float(inside.mean()),
        nominal_coverage=NOMINAL_COVERAGE,
        mean_interval_width=float(np.mean((high - low) / predicted)),
    )
