"""How far the planner is off on runs it never saw: each model-and-publisher group left out of the rows in turn.

Throughput, on the same rows: llm-analysis at the efficiency that its README advises (nothing in it is fitted), on the
hardware it ships and on the rest as our catalogue has it, where `make peers` installed it. On the same folds: one MFU
for each accelerator and precision looked up in the other groups, 6ND at 40 % of the peak, the physics alone, and all of
it; then all of it after one measured row of the same accelerator, precision and model (the first). Memory: 18 bytes a
parameter over all ranks, counting alone, and all of it. Ranges are of whole groups drawn again (a bootstrap of 400),
since rows of a group are not independent. Kernel and width were chosen over the same folds; the coefficients of each
fold were not.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _common import Results, arguments, header, print_table
from _peers import LLM_ANALYSIS, run_program
from argosy.planning import Fit, Row, Target, columns, fit, fitted, physics, read_rows
from argosy.planning.backtesting import REGIMES, RowResult, anchors_of, errors, replay
from fit_planner import as_known, published

Array = npt.NDArray[np.float64]
DRAWS = 400
NAIVE_MFU = 0.4
NAIVE_BYTES = 18.0  # of a parameter, over all ranks; no activations
RIVALS: dict[Target, tuple[str, ...]] = {
    "throughput": ("naive", "llm-analysis", "lookup", "physics", "argosy", "anchored"),
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
    peer: dict[str, float] = {}
    if LLM_ANALYSIS.exists():
        peer = results.measure("llm-analysis 0.2.2", lambda: _llm_analysis(rows["throughput"]))
    for target, names in groups.items():
        folds = [
            results.measure(f"{target}, left out: {group}", partial(_fold, rows[target], group, target))
            for group in names
        ]
        if target == "throughput":
            folds = [{**fold, "llm-analysis": _of_peer(fold, peer)} for fold in folds]
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
        for regime, belongs in {"all": lambda row: True, **REGIMES, "on hardware it ships": _ships}.items():
            some = [one for fold in folds for one in fold[who] if belongs(rows[one["name"]])]
            if some:
                found[f"{who}, {regime}"] = _figures(some, [rows[one["name"]].group for one in some])
    return found


SHIPPED = {
    "A100 40GB SXM": "a100-sxm-40gb",
    "A100 80GB SXM": "a100-sxm-80gb",
    "H100 SXM": "h100-sxm-80gb",
}
"""Accelerators whose figures llm-analysis brings along, as it names them."""


def _ships(row: Row) -> bool:
    return row.job.accelerator.name in SHIPPED


def _llm_analysis(rows: Sequence[Row]) -> dict[str, float]:
    """Tokens a second of the rows that it can do."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.json"
        jobs.write_text(json.dumps([_in_its_words(row) for row in rows]))
        found = run_program("llm_analysis_rows.py", jobs, python=LLM_ANALYSIS)
    del found["wall_s"]
    return found


def _in_its_words(row: Row) -> dict[str, Any]:
    job, shape, spec = row.job, row.job.shape, row.job.accelerator
    peak, low = spec.peak_flops("bfloat16") or spec.peak_flops("float16") or 0.0, spec.peak_flops("float8")
    return {
        "name": row.name,
        "model": {
            "num_layers": shape.layers,
            "n_head": shape.heads,
            "hidden_dim": shape.dim,
            "vocab_size": shape.vocabulary_size,
            "max_seq_len": job.sequence_length,
            "num_key_value_heads": shape.kv_heads,
            "ffn_embed_dim": shape.expert_ffn_dim or shape.ffn_dim,
            "expansion_ratio": (shape.expert_ffn_dim or shape.ffn_dim) / shape.dim,
            "moe_num_experts": max(1, shape.experts),
            "moe_top_k": max(1, shape.experts_per_token),
        },
        "gpu": {
            "shipped": SHIPPED.get(spec.name),
            "figures": {
                "name": spec.name,
                "mem_per_GPU_in_GB": spec.memory_gib,
                "hbm_bandwidth_in_GB_per_sec": spec.bandwidth_gb_per_s,
                "intra_node_bandwidth_in_GB_per_sec": max(1.0, spec.link_gb_per_s / 2),
                "intra_node_min_message_latency": 8e-6,
                "peak_fp16_TFLOPS": peak / 1e12,
                "peak_i8_TFLOPS": (low or peak) / 1e12,
            },
        },
        "eight_bits": job.arithmetic in ("float8", "mxfp8"),
        "parallelism": {
            "tp_size": job.tensor,
            "pp_size": job.pipeline,
            "dp_size": round(job.data),
            "ep_size": job.expert,
        },
        "micro_batch": round(job.micro_batch),
        "micro_batches": max(1, round(job.batch_size / job.data / job.micro_batch)),
        "sequence_length": job.sequence_length,
        "recomputation": job.recomputation,
        "sharding": job.sharding,
        "gated": shape.gated,
    }


def _of_peer(fold: dict[str, Any], peer: dict[str, float]) -> list[dict[str, Any]]:
    return [{**one, "predicted": peer[one["name"]]} for one in fold["naive"] if one["name"] in peer]


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
