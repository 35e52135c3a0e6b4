"""How far the planner is off on runs it never saw: each model-and-publisher group left out of the rows in turn.

Throughput, on the same folds: one MFU for each accelerator and precision looked up in the other groups, 6ND at 40 % of
the peak, the physics alone, and all of it; then all of it after one measured row of the same accelerator, precision and
model (the first). Memory: 18 bytes a parameter over all ranks, counting alone, and all of it. Ranges are of whole
groups drawn again (a bootstrap of 400), since rows of a group are not independent. Kernel and width were chosen
over the same folds; the coefficients of each fold were not.
"""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _common import Results, arguments, header, print_table
from argosy.planning import Fit, Row, Target, columns, fit, fitted, physics, read_rows
from argosy.planning.backtesting import REGIMES, RowResult, anchors_of, errors, replay
from fit_planner import as_known, published

Array = npt.NDArray[np.float64]
DRAWS = 400
NAIVE_MFU = 0.4
NAIVE_BYTES = 18.0  # of a parameter, over all ranks; no activations
RIVALS: dict[Target, tuple[str, ...]] = {
    "throughput": ("naive", "lookup", "physics", "argosy", "anchored"),
    "memory": ("naive", "physics", "argosy"),
}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="plan_accuracy")
    if "ARGOSY_DATA" not in os.environ:
        raise SystemExit("set ARGOSY_DATA to the folder with the published rows (planner/calibration_throughput.csv)")
    rows = {target: published(target) for target in RIVALS}
    groups = {
        target: sorted({row.group for row in some})[:: 6 if options.quick else 1] for target, some in rows.items()
    }
    counts = {f"{target}_rows": len(some) for target, some in rows.items()}
    results = Results(options.output, header(["argosy", "numpy"], **counts), fresh=options.fresh)
    table = []
    for target, names in groups.items():
        folds = [
            results.measure(f"{target}, left out: {group}", partial(_fold, rows[target], group, target))
            for group in names
        ]
        summary = _summary(folds, {row.name: row for row in rows[target]}, target)
        if target == "memory":
            summary["out of memory"] = {"said to fit": _false_fits()}
        results.measurements[f"{target}, summary"] = summary
        table += [(f"{target}: {name}", *_cells(figures)) for name, figures in summary.items() if "rows" in figures]
    options.output.write_text(json.dumps(results.tree(), indent=2) + "\n")
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(("left out", "rows", "median, %", "nine of ten, %", "bias, %", "in the 80 % interval"), table)


def _summary(folds: Sequence[dict[str, Any]], rows: dict[str, Row], target: Target) -> dict[str, Any]:
    """Figures of each rival in each regime."""
    found = {}
    for who in RIVALS[target]:
        for regime, belongs in {"all": lambda row: True, **REGIMES}.items():
            some = [one for fold in folds for one in fold[who] if belongs(rows[one["name"]])]
            if some:
                found[f"{who}, {regime}"] = _figures(some, [rows[one["name"]].group for one in some])
    return found


def _false_fits() -> float | None:
    """Of the runs that are said to fit, the share that ran out of memory."""
    rows, _ = read_rows(Path(os.environ["ARGOSY_DATA"]) / "planner" / "calibration_memory.csv", "memory")
    return errors(replay(rows, "memory")).false_fit_rate


def _fold(rows: Sequence[Row], group: str, target: Target) -> dict[str, Any]:
    """Predictions of a group's rows by what the others teach."""
    others, own = [row for row in rows if row.group != group], [row for row in rows if row.group == group]
    constants = _without(others, target)
    alone = np.exp(physics(own, target)(constants.coefficients))
    found = {"physics": _pairs(own, alone.tolist()), "argosy": _results(replay(own, target, constants=constants))}
    if target == "memory":
        naive = [NAIVE_BYTES * (row.job.parameters or row.job.shape.parameter_count()) / row.job.ranks for row in own]
        return {**found, "naive": _pairs(own, naive)}
    given = anchors_of(own)
    rest = [row for row in own if not any(row is one for one in given)] if given else []
    return {
        **found,
        "naive": _pairs(own, [_by_mfu(row, NAIVE_MFU) for row in own]),
        "lookup": _pairs(own, [_by_mfu(row, _usual_mfu(row, others)) for row in own]),
        "anchored": _results(replay(rest, target, given, constants)),
    }


def _without(others: Sequence[Row], target: Target) -> Fit:
    """The constants that the other groups give."""
    usual: Fit = getattr(fitted(), target)
    coefficients = fit(others, target, usual.coefficients)
    residuals = np.log([row.measured for row in others]) - physics(others, target)(coefficients)
    return usual.model_copy(update={"coefficients": coefficients, "rows": tuple(as_known(others, residuals))})


def _results(results: Sequence[RowResult]) -> list[dict[str, Any]]:
    names = ("measured", "predicted", "low", "high")
    return [{"name": one.name, **{name: float(f"{getattr(one, name):.6g}") for name in names}} for one in results]


def _pairs(rows: Sequence[Row], predicted: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {"name": row.name, "measured": row.measured, "predicted": float(f"{value:.6g}")}
        for row, value in zip(rows, predicted, strict=True)
    ]


def _flops(row: Row) -> float:
    """Of a token, 6N and attention, with the published number of active parameters."""
    shape, job = row.job.shape, row.job
    active = job.active_parameters or shape.parameter_count(active=True)
    return 6 * active + 12 * shape.layers * shape.heads * shape.head_dim * job.sequence_length


def _peak(row: Row) -> float:
    return float(columns([row.job])["peak"][0])


def _by_mfu(row: Row, mfu: float) -> float:
    return mfu * _peak(row) / _flops(row)


def _usual_mfu(row: Row, others: Sequence[Row]) -> float:
    alike = [
        one
        for one in others
        if (one.job.accelerator.name, one.job.arithmetic) == (row.job.accelerator.name, row.job.arithmetic)
    ]
    return float(np.median([one.measured * _flops(one) / _peak(one) for one in alike or others]))


def _figures(pairs: Sequence[dict[str, Any]], groups: Sequence[str]) -> dict[str, Any]:
    signed = np.array([pair["predicted"] / pair["measured"] - 1 for pair in pairs])
    far, names = np.abs(signed), np.array(groups)
    inside = np.array([pair["low"] <= pair["measured"] <= pair["high"] for pair in pairs if "low" in pair])
    found = {
        "rows": len(pairs),
        "median": float(np.median(far)),
        "p90": float(np.quantile(far, 0.9)),
        "bias": float(np.median(signed)),
        "median_range": _range(far, names, 0.5),
        "p90_range": _range(far, names, 0.9),
    }
    if len(inside):
        found |= {"coverage": float(inside.mean()), "coverage_range": _range(inside.astype(float), names, None)}
        found["width"] = float(np.mean([(pair["high"] - pair["low"]) / pair["predicted"] for pair in pairs]))
    return found


def _range(values: Array, groups: npt.NDArray[Any], share: float | None) -> list[float]:
    """95 % range of a quantile, or of the mean, over whole groups drawn again."""
    chance, names = np.random.default_rng(0), sorted(set(groups.tolist()))
    parts = [values[groups == name] for name in names]
    drawn = [
        np.concatenate([parts[number] for number in chance.integers(len(parts), size=len(parts))]) for _ in range(DRAWS)
    ]
    figures = [np.mean(some) if share is None else np.quantile(some, share) for some in drawn]
    return [round(float(np.quantile(figures, edge)), 4) for edge in (0.025, 0.975)]


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    def between(name: str) -> str:
        low, high = figures[f"{name}_range"]
        return f"{100 * figures[name]:.1f} ({100 * low:.0f} to {100 * high:.0f})"

    covered = between("coverage") if "coverage" in figures else ""
    return str(figures["rows"]), between("median"), between("p90"), f"{100 * figures['bias']:+.1f}", covered


if __name__ == "__main__":
    main()
