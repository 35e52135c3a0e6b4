"""What the trainer costs: tokens per second of `argosy train` beside `bare_loop.py`, the same parts in a plain loop.

Both are started as processes of their own, in turn (the first of a round is the second of the next), on the same
number of threads, in the precision that training chooses on this machine. The trainer's clock runs from the end of
the warm-up steps to the last step and includes its data order, metrics, TensorBoard and progress.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table
from argosy.training import latest_checkpoint

VENTURE = """
name = "overhead"
[data]
sequence_length = 256
vocabulary_size = 4096
[[data.sources]]
kind = "python-stdlib"
[model]
size = "{size}"
[training]
steps = {steps}
batch_size = 8
optimizer = "{optimizer}"
learning_rate = 1e-3
checkpoint_every = 100000
"""
CASES = [("3M", "adamw"), ("10M", "adamw"), ("10M", "muon")]


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="overhead")
    rounds, steps, warmup = (2, 24, 8) if options.quick else (6, 40, 8)
    threads = min(2, len(os.sched_getaffinity(0)))
    cases = CASES[:1] if options.quick else CASES
    head = header(["argosy", "torch", "numpy"], rounds=rounds, steps=steps, warmup=warmup, threads=threads)
    results = Results(options.output, head, fresh=options.fresh)
    for case in cases:
        results.measure(" ".join(case), lambda case=case: _measure(case, rounds, steps, warmup, threads))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = [
        (name, f"{m['argosy']:,.0f}", f"{m['bare loop']:,.0f}", f"{m['ratio']:.3f}")
        for name, m in results.measurements.items()
    ]
    print_table(("model, optimiser", "argosy, tokens/s", "bare loop", "ratio"), rows)


def _measure(case: tuple[str, str], rounds: int, steps: int, warmup: int, threads: int) -> dict[str, Any]:
    size, optimizer = case
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}

    def start(*command: object) -> str:
        return subprocess.run(
            [sys.executable, *map(str, command)], check=True, capture_output=True, env=environment
        ).stdout

    with tempfile.TemporaryDirectory() as folder:
        venture, run = Path(folder) / "venture.toml", Path(folder) / "runs" / "overhead"
        venture.write_text(VENTURE.format(size=size, optimizer=optimizer, steps=steps))
        start("-m", "argosy", "train", venture)
        precision = latest_checkpoint(run / "checkpoints").execution.precision

        def argosy() -> float:
            start("-m", "argosy", "train", "--force", venture, "--set", f"training.precision={precision}")
            return _tokens_per_s(run / "metrics.jsonl", warmup)

        def bare() -> float:
            return float(start(Path(__file__).parent / "bare_loop.py", run, steps, warmup))

        pairs = []
        for number in range(rounds):
            if number % 2:
                second = bare()
                pairs.append((argosy(), second))
            else:
                pairs.append((argosy(), bare()))
    ratios = [a / b for a, b in pairs]
    return {
        "precision": precision,
        "argosy": statistics.median(a for a, _ in pairs),
        "bare loop": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "lowest ratio": min(ratios),
        "highest ratio": max(ratios),
    }


def _tokens_per_s(metrics: Path, warmup: int) -> float:
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    first, last = lines[warmup - 1], lines[-1]
    return (last["tokens"] - first["tokens"]) / (last["elapsed_s"] - first["elapsed_s"])


if __name__ == "__main__":
    main()
