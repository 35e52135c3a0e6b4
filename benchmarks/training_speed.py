"""Tokens per second of training beside the packaged trainers, about 10 M and 30 M parameters, on two cores.

transformers' Trainer, Keras 3 and `litgpt pretrain` (its own environment; left out where `make peers` could not
install it) train a Llama, or Keras's nearest, of the same shape on the same tokens in the same batches. Each trainer
first runs alone in each of its variants: compiled or not, Keras on either backend, bfloat16 where its products are
faster here; its fastest is the one that counts. Those, `argosy train` and `bare_loop.py` then take turns
(`_turns.py`). The peak is the best matrix product of PyTorch in that precision on as many threads, measured between
rounds while all are halted; a step's FLOPs are PaLM's 6N + 12LDT a token.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch

from _common import Results, arguments, header, print_table
from _peers import LITGPT, peer_versions
from _training import Prepared, Variant, peer_command, prepared, write_setup
from _turns import STEPS_A_TURN, Contestant, ProgramEnded, metrics_ends, step_times, written_ends
from argosy.training.precision import DTYPES, choose_precision, matmul_flops_per_s

VENTURE = """
name = "speed"
[data]
sequence_length = 256
vocabulary_size = 4096
[[data.sources]]
kind = "python-stdlib"
[model]
size = "{size}"
[training]
steps = 100000
batch_size = 8
learning_rate = 1e-3
checkpoint_every = 100000
"""
PEAK_SIZES = (512, 2048)  # of square products: which one is faster differs between processors


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="training_speed")
    sizes, turns = (("3M",), 3) if options.quick else (("10M", "30M"), 6)
    threads = min(2, len(os.sched_getaffinity(0)))
    torch.set_num_threads(threads)
    versions = peer_versions(["transformers", "accelerate", "keras", "tensorflow-cpu", "torch"])
    versions |= peer_versions(["litgpt"], LITGPT) if LITGPT.exists() else {"litgpt": "not installed"}
    head = header(["argosy", "torch"], turns=turns, steps_a_turn=STEPS_A_TURN, threads=threads, peers=versions)
    results = Results(options.output, head, fresh=options.fresh)
    precisions = results.measure("precisions", _precisions)
    compilers = (False,) if options.quick else (False, True)
    variants = [
        variant for variant in _variants(precisions, compilers) if LITGPT.exists() or variant.trainer != "litgpt"
    ]
    with tempfile.TemporaryDirectory() as folder:
        text = cache(lambda size: prepared(Path(folder) / size, VENTURE.format(size=size)))
        if not options.quick:
            for variant in variants:  # at one size: which is fastest hardly depends on it
                results.measure(f"alone: {variant.name}", lambda v=variant: _alone(text(sizes[0]), v, threads))
        best = _fastest(variants, results.measurements)
        for size in sizes:
            results.measure(size, lambda size=size: _together(text(size), best, turns, threads))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    for size in sizes:
        found = results.measurements[size]
        rows = [
            (
                m["variant"] if name != "bare loop" else name,
                f"{m['tokens_per_s']:,.0f}",
                f"{m['argosy_ratio']:.3f}",
                f"{m['of_peak']:.1%}",
            )
            for name, m in found["trainers"].items()
        ]
        peak = f"{size}, peak {found['peak_flops_per_s'] / 1e9:,.0f} GFLOP/s"
        print_table((peak, "tokens/s", "argosy's, times", "of the peak"), rows)


def _precisions() -> list[str]:
    chosen, _ = choose_precision(torch.device("cpu"))
    return ["float32"] if chosen == "float32" else ["float32", "bfloat16"]


def _variants(precisions: Sequence[str], compilers: Sequence[bool]) -> Iterator[Variant]:
    for precision, compiled in product(precisions, compilers):
        yield Variant("argosy", precision, compiled)
        yield Variant("transformers", precision, compiled)
        yield Variant("keras", precision, compiled, "torch")
        yield Variant("keras", precision, compiled, "tensorflow")
        yield Variant("litgpt", precision, compiled)


def _fastest(variants: Sequence[Variant], measured: dict[str, Any]) -> dict[str, Variant]:
    """The fastest variant of each trainer; the first where they were not tried."""
    best: dict[str, Variant] = {}

    def rate(variant: Variant) -> float:
        return measured.get(f"alone: {variant.name}", {}).get("tokens_per_s", 0.0)

    for variant in variants:
        if variant.trainer not in best or rate(variant) > rate(best[variant.trainer]):
            best[variant.trainer] = variant
    return best


def _alone(data: Prepared, variant: Variant, threads: int) -> dict[str, Any]:
    """Tokens per second of one variant; where it does not work, why."""
    try:
        (steps,) = step_times([_contestant(data, variant)], turns=1, threads=threads).values()
    except ProgramEnded as error:
        return {"failed": str(error)}
    return {"tokens_per_s": data.recipe.tokens_per_step / statistics.median(steps)}


def _together(data: Prepared, best: Mapping[str, Variant], turns: int, threads: int) -> dict[str, Any]:
    """Tokens per second and share of the peak of each trainer's best and of the bare loop, taking turns."""
    peaks: list[float] = []

    def measure_peak() -> None:
        dtype = DTYPES[best["argosy"].precision]
        peaks.extend(matmul_flops_per_s(dtype, torch.device("cpu"), size) for size in PEAK_SIZES)

    contestants = [_contestant(data, variant) for variant in best.values()]
    contestants.append(_bare_loop(data, best["argosy"]))
    times = step_times(contestants, turns=turns, threads=threads, between=measure_peak)
    rates = {name: data.recipe.tokens_per_step / statistics.median(steps) for name, steps in times.items()}
    return {
        "peak_flops_per_s": max(peaks),
        "parameters": data.shape.parameter_count(),
        "trainers": {
            name: {
                "variant": best[name].name if name in best else best["argosy"].name,
                "steps": len(times[name]),
                "tokens_per_s": rate,
                "of_peak": rate * data.shape.train_flops_per_token() / max(peaks),
                "argosy_ratio": rates["argosy"] / rate,
            }
            for name, rate in rates.items()
        },
    }


def _contestant(data: Prepared, variant: Variant) -> Contestant:
    run = data.copy()
    if variant.trainer == "argosy":
        settings = f"training.precision={variant.precision}", f"training.compile={str(variant.compile).lower()}"
        return Contestant("argosy", data.command(run, *settings), lambda: metrics_ends(run.metrics))
    setup = write_setup(run.path / "setup.json", data, variant)
    ends = setup.with_suffix(".ends")
    return Contestant(variant.trainer, peer_command(variant, setup), lambda: written_ends(ends), variant.environment)


def _bare_loop(data: Prepared, variant: Variant) -> Contestant:
    ends = data.run.path / "bare.ends"
    command = [sys.executable, Path(__file__).parent / "bare_loop.py", data.run.path, variant.precision, ends]
    compiled = ["compiled"] if variant.compile else []
    return Contestant("bare loop", [*command, *compiled], lambda: written_ends(ends))


if __name__ == "__main__":
    main()
