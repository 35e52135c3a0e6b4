"""How far the planner is off on runs it never saw: each model-and-publisher group left out of the rows in turn.

On the same folds: one MFU for each accelerator and precision looked up in the other groups, 6ND at 40 % of the peak,
the physics alone, and all of it; then all of it after one measured row of the same accelerator, precision and model
(the first). Ranges are of whole groups drawn again (a bootstrap of 400), since rows of a group are not independent.
Kernel and width of the interval were chosen over the same folds; the coefficients of each fold were not.
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
from argosy.planning import Fitted, Row, columns, fit, fitted, log_rates, read_rows
from argosy.planning.backtesting import REGIMES, anchors_of, replay
from fit_planner import as_known

Array = npt.NDArray[np.float64]
DRAWS = 400
NAIVE_MFU = 0.4


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="plan_accuracy")
    if "ARGOSY_DATA" not in os.environ:
        raise SystemExit("set ARGOSY_DATA to the folder with the published rows (planner/calibration_throughput.csv)")
    path = Path(os.environ["ARGOSY_DATA"]) / "planner" / "calibration_throughput.csv"
    rows, skipped = read_rows(path, "throughput")
    groups = sorted({row.group for row in rows})
    chosen = groups[::6] if options.quick else groups
    head = header(["argosy", "numpy"], rows=len(rows), skipped=len(skipped), groups=len(chosen))
    results = Results(options.output, head, fresh=options.fresh)
    folds = [results.measure(f"left out: {group}", partial(_fold, rows, group)) for group in chosen]
    kept = {row.name: row for row in rows}
    table, summary = [], {}
    for who in ("naive", "lookup", "physics", "argosy", "anchored"):
        for regime, belongs in {"all": lambda row: True, **REGIMES}.items():
            some = [one for fold in folds for one in fold[who] if belongs(kept[one["name"]])]
            if some:
                figures = _figures(some, [kept[one["name"]].group for one in some])
                summary[f"{who}, {regime}"] = figures
                table.append((f"{who}, {regime}", *_cells(figures)))
    results.measurements["summary"] = summary
    options.output.write_text(json.dumps(results.tree(), indent=2) + "\n")
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(("left out", "rows", "median, %", "nine of ten, %", "bias, %", "in the 80 % interval"), table)


def _fold(rows: Sequence[Row], group: str) -> dict[str, Any]:
    """Predictions of a group's rows by what the others teach."""
    others, own = [row for row in rows if row.group != group], [row for row in rows if row.group == group]
    constants = _without(others)
    found = replay(own, constants=constants)
    physics = np.exp(log_rates(columns([row.job for row in own]), constants.coefficients))
    given = anchors_of(own)
    rest = [row for row in own if not any(row is one for one in given)]
    return {
        "naive": _pairs(own, [_by_mfu(row, NAIVE_MFU) for row in own]),
        "lookup": _pairs(own, [_by_mfu(row, _usual_mfu(row, others)) for row in own]),
        "physics": _pairs(own, physics.tolist()),
        "argosy": [
            {**pair, "low": one.low, "high": one.high}
            for pair, one in zip(_pairs(own, [one.tokens_per_s_per_accelerator for one in found]), found, strict=True)
        ],
        "anchored": _pairs(
            rest if given else [],
            [one.tokens_per_s_per_accelerator for one in replay(rest if given else [], given, constants)],
        ),
    }


def _without(others: Sequence[Row]) -> Fitted:
    """The constants that the other groups give."""
    coefficients = fit(others, fitted().coefficients)
    residuals = np.log([row.measured for row in others]) - log_rates(columns([row.job for row in others]), coefficients)
    return fitted().model_copy(update={"coefficients": coefficients, "rows": tuple(as_known(others, residuals))})


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
