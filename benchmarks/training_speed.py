"""Tokens per second of training beside the packaged trainers, about 10 M and 30 M parameters, on two cores.

transformers' Trainer, Keras 3 and `litgpt pretrain` (its own environment; left out where that was not installed) train
a Llama, or Keras's nearest, of the same shape on the same tokens in the same batches. The variants of each trainer
first take turns (`_turns.py`): compiled or not, Keras on either backend, bfloat16 where its products are faster here.
The fastest of each trainer and `bare_loop.py` then take turns. The peak is the best matrix product of PyTorch in that
precision on as many threads, measured between rounds while all are halted; a step's FLOPs are PaLM's 6N + 12LDT a
token.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch

from _common import Results, arguments, header, print_table
from _peers import LITGPT, peer_versions
from _training import Prepared, Variant, peer_command, prepared, write_setup
from _turns import STEPS_A_TURN, Contestant, metrics_ends, step_times, written_ends
from argosy.hardware import GLIBC_TUNABLES
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
    sizes, turns = (("3M",), 2) if options.quick else (("10M", "30M"), 6)
    threads = min(2, len(os.sched_getaffinity(0)))
    torch.set_num_threads(threads)
    versions = peer_versions(["transformers", "accelerate", "keras", "tensorflow-cpu", "torch"])
    versions |= peer_versions(["litgpt"], LITGPT) if LITGPT.exists() else {"litgpt": "not installed"}
    head = header(["argosy", "torch"], turns=turns, steps_a_turn=STEPS_A_TURN, threads=threads, peers=versions)
    results = Results(options.output, head, fresh=options.fresh)
    precisions = results.measure("precisions", _precisions)
    variants = _variants(precisions, compilers=(False,) if options.quick else (False, True))
    with tempfile.TemporaryDirectory() as folder:
        text = cache(lambda size: prepared(Path(folder) / size, VENTURE.format(size=size)))
        best = {trainer: some[0] for trainer, some in variants.items()}
        if not options.quick:
            for trainer, some in variants.items():  # at one size: which is fastest hardly depends on it
                rates = results.measure(
                    f"variants: {trainer}", lambda some=some: _rates(text(sizes[0]), some, turns, threads)
                )["tokens_per_s"]
                best[trainer] = max(some, key=lambda variant, rates=rates: rates.get(variant.name, 0.0))
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


def _variants(precisions: Sequence[str], compilers: Sequence[bool]) -> dict[str, list[Variant]]:
    """What each trainer could do here."""
    variants: dict[str, list[Variant]] = {"argosy": [], "transformers": [], "keras": []}
    variants |= {"litgpt": []} if LITGPT.exists() else {}
    for trainer, precision, compiled in product(variants, precisions, compilers):
        backends = ("tensorflow", "torch") if trainer == "keras" else ("",)
        variants[trainer] += [Variant(trainer, precision, compiled, backend) for backend in backends]
    return variants


def _rates(data: Prepared, variants: Sequence[Variant], turns: int, threads: int) -> dict[str, Any]:
    """Tokens per second of variants that take turns, and why others do not work."""
    failed: dict[str, str] = {}
    contestants = [_contestant(data, variant, variant.name) for variant in variants]
    times = step_times(contestants, turns=turns, threads=threads, failed=failed)
    tokens = data.recipe.tokens_per_step
    return {
        "tokens_per_s": {name: tokens / statistics.median(steps) for name, steps in times.items()},
        "failed": failed,
    }


def _together(data: Prepared, best: Mapping[str, Variant], turns: int, threads: int) -> dict[str, Any]:
    """Tokens per second and share of the peak of each trainer's best and of the bare loop, taking turns."""
    peaks: list[float] = []

    def measure_peak() -> None:
        dtype = DTYPES[best["argosy"].precision]
        peaks.extend(matmul_flops_per_s(dtype, torch.device("cpu"), size) for size in PEAK_SIZES)

    contestants = [_contestant(data, variant, trainer) for trainer, variant in best.items()]
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


def _contestant(data: Prepared, variant: Variant, name: str) -> Contestant:
    run = data.copy()
    if variant.trainer == "argosy":
        settings = f"training.precision={variant.precision}", f"training.compile={str(variant.compile).lower()}"
        return Contestant(name, data.command(run, *settings), lambda: metrics_ends(run.metrics))
    setup = write_setup(run.path / "setup.json", data, variant)
    ends = setup.with_suffix(".ends")
    return Contestant(name, peer_command(variant, setup), lambda: written_ends(ends), variant.environment)


def _bare_loop(data: Prepared, variant: Variant) -> Contestant:
    ends = data.run.path / "bare.ends"
    command = [sys.executable, Path(__file__).parent / "bare_loop.py", data.run.path, variant.precision, ends]
    compiled = ["compiled"] if variant.compile else []
    memory = {"GLIBC_TUNABLES": GLIBC_TUNABLES}  # so that what is compared is the loop
    return Contestant("bare loop", [*command, *compiled], lambda: written_ends(ends), memory)


if __name__ == "__main__":
    main()
