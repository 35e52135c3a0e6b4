"""Replaying the planner on measured runs: how far it is off, by kind of run, and how often its intervals hold."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from argosy.config import Record, UserError, nearest
from argosy.planning.figures import Memory
from argosy.planning.fitting import physics
from argosy.planning.loss_rows import read_families
from argosy.planning.predictions import (
    GIB,
    NOMINAL_COVERAGE,
    Fit,
    fitted,
    predict_memory,
    predict_throughput,
)
from argosy.planning.residual import Known, known
from argosy.planning.rows import TARGETS as OF_ROWS
from argosy.planning.rows import Row, Skipped, Target, read_rows

Array = npt.NDArray[np.float64]
TARGETS = (*OF_ROWS, "loss")
NOMINAL_OF_LOSS = 0.9
OVERFULL = 1.05  # of what a device has: a run that measured more and was said to fit was wrongly said so
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
    false_fit_rate: float | None
    """Share of the runs said to fit that ran out of memory or measured over 5 % more than there is; null but of
    memory."""


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
    measured: float | None
    """Tokens a second on each accelerator, bytes at the peak on one (null where it ran out of memory), or loss."""
    predicted: float
    """The same."""
    low: float
    """Of the interval."""
    high: float
    """Of the interval."""
    assumed: tuple[str, ...]
    """What the row does not say."""
    verdict: Literal["fits", "tight", "does not fit"] | None = None
    """Of memory: whether it was said to fit."""
    overfull: bool = False
    """Of memory: whether it did not."""


class Backtest(Errors):
    """The whole of it; `skipped` and `by_regime` besides."""

    target: Target | Literal["loss"]
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
    "full_parameters": lambda row: row.job.task in ("pretrain", "finetune"),
    "adapters": lambda row: row.job.task in ("lora", "qlora"),
}


def backtest(path: Path, target: str = "throughput", *, anchor: bool = False) -> Backtest:
    """Predict every row of a CSV and compare; with `anchor`, after the first of each like kind is known.

    Of losses, the law is fitted to runs below a tenth of a family's compute and predicts the others. A row whose group
    the planner was fitted on is predicted without the correction that its group gives. Raises
    `UserError` `bad-rows` for a file that is no such table, `bad-option` for an unknown target.
    """
    if target == "loss":
        return _backtest_losses(path)
    chosen = next((one for one in OF_ROWS if one == target), None)
    if chosen is None:
        raise UserError(
            "bad-option", f"target = {target!r}: expected one of {', '.join(TARGETS)}{nearest(target, TARGETS)}"
        )
    rows, skipped = read_rows(path, chosen)
    if not any(math.isfinite(row.measured) for row in rows):
        reasons = "; ".join(sorted({row.reason for row in skipped}))
        raise UserError("bad-rows", f"{path}: no row can be predicted ({reasons})")
    given = anchors_of(rows) if anchor else []
    scored = [row for row in rows if not any(row is one for one in given)]
    results = replay(scored, chosen, given)
    by_regime = {
        name: errors([result for row, result in zip(scored, results, strict=True) if belongs(row)])
        for name, belongs in REGIMES.items()
        if any(belongs(row) and math.isfinite(row.measured) for row in scored)
    }
    return Backtest(
        **errors(results).model_dump(),
        target=chosen,
        skipped=tuple(Left(name=row.name, reason=row.reason) for row in skipped),
        by_regime=by_regime,
        anchors=len(given),
        predictions=tuple(results),
    )


def _backtest_losses(path: Path) -> Backtest:
    """Predict the larger runs of each family by a law that is fitted to its smaller ones."""
    families, left = read_families(path)
    by_regime: dict[str, Errors] = {}
    results: list[RowResult] = []
    for held in families:
        try:
            predictions = held.predictions()
        except UserError as error:
            left += [Skipped(held.name_of[point], error.message) for point in held.large]
            continue
        own = [
            RowResult(name=name, measured=point.loss, predicted=middle, low=low, high=high, assumed=())
            for name, point, (middle, low, high) in predictions
        ]
        by_regime[held.family] = errors(own, NOMINAL_OF_LOSS)
        results += own
    if not results:
        reasons = "; ".join(sorted({row.reason for row in left}))
        raise UserError("bad-rows", f"{path}: no loss can be predicted ({reasons})")
    return Backtest(
        **errors(results, NOMINAL_OF_LOSS).model_dump(),
        target="loss",
        skipped=tuple(Left(name=row.name, reason=row.reason) for row in left),
        by_regime=by_regime,
        anchors=0,
        predictions=tuple(results),
    )


def anchors_of(rows: Sequence[Row]) -> list[Row]:
    """The first measured row of each model on each accelerator in each precision that has others."""
    kinds: dict[tuple[str, str, str], list[Row]] = {}
    for row in (one for one in rows if math.isfinite(one.measured)):
        kinds.setdefault((row.group, row.job.accelerator.name, row.job.arithmetic), []).append(row)
    return [some[0] for some in kinds.values() if len(some) > 1]


def replay(
    rows: Sequence[Row], target: Target, given: Sequence[Row] = (), constants: Fit | None = None
) -> list[RowResult]:
    """Predict rows, each without what is known of its group but with what is `given` of it."""
    measured = _as_known(given, target, constants)
    predict = _throughput if target == "throughput" else _memory
    return [predict(row, constants, [one for one in measured if one.group == row.group]) for row in rows]


def _throughput(row: Row, constants: Fit | None, besides: Sequence[Known]) -> RowResult:
    found = predict_throughput(
        [row.job], framework=row.framework, constants=constants, besides=besides, group=row.group
    )[0]
    return RowResult(
        name=row.name,
        measured=row.measured,
        predicted=found.tokens_per_s_per_accelerator,
        low=found.low,
        high=found.high,
        assumed=row.assumed,
    )


def _memory(row: Row, constants: Fit | None, besides: Sequence[Known]) -> RowResult:
    how: dict[str, Any] = {"framework": row.framework, "constants": constants, "besides": besides, "group": row.group}
    whole = predict_memory([row.job], **how)[0]
    found = predict_memory([row.job], **how, stage="last")[0] if row.last_stage else whole
    scale = GIB * _share_in_use(found) if row.in_use else GIB
    capacity = row.job.accelerator.memory_gib * GIB
    return RowResult(
        name=row.name,
        measured=row.measured if math.isfinite(row.measured) else None,
        predicted=found.peak_gib * scale,
        low=found.low_gib * scale,
        high=found.high_gib * scale,
        assumed=row.assumed,
        verdict=whole.verdict,
        overfull=row.measured > OVERFULL * capacity,
    )


def _share_in_use(found: Memory) -> float:
    return 1 - found.parts_gib["slack"] / sum(found.parts_gib.values())


def _as_known(rows: Sequence[Row], target: Target, constants: Fit | None) -> list[Known]:
    rows = [row for row in rows if math.isfinite(row.measured)]
    if not rows:
        return []
    fit = constants or getattr(fitted(), target)
    left = np.log([row.measured for row in rows]) - physics(rows, target)(fit.coefficients)
    return [
        known(row.name, row.group, row.source, row.framework, row.job, float(r))
        for row, r in zip(rows, left, strict=True)
    ]


def errors(results: Sequence[RowResult], nominal: float = NOMINAL_COVERAGE) -> Errors:
    """The figures of some rows, at least one of which was measured."""
    of_memory = results[0].verdict is not None
    said = [result for result in results if result.verdict == "fits"]
    false_fits = sum(result.overfull for result in said) / max(1, len(said)) if of_memory else None
    some = [result for result in results if result.measured is not None]
    measured, predicted, low, high = (
        np.array([getattr(result, name) for result in some]) for name in ("measured", "predicted", "low", "high")
    )
    signed = np.clip(predicted / measured - 1, -1, LARGE)
    inside = (low <= measured) & (measured <= high)
    return Errors(
        rows=len(some),
        median_absolute_percentage_error=float(np.median(np.abs(signed))),
        p90_absolute_percentage_error=float(np.quantile(np.abs(signed), 0.9)),
        median_signed_percentage_error=float(np.median(signed)),
        interval_coverage=float(inside.mean()),
        nominal_coverage=nominal,
        mean_interval_width=float(np.mean((high - low) / predicted)),
        false_fit_rate=false_fits,
    )
