"""What the trainer costs: tokens per second of `argosy train` beside `bare_loop.py`, the same parts in a plain loop.

Both are started as processes of their own, in turn, on the same number of threads. The trainer's clock runs from the
end of the warm-up steps to the last step and includes its data order, metrics, TensorBoard and progress.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _common import Results, arguments, header, print_table

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
precision = "{precision}"
learning_rate = 1e-3
checkpoint_every = 100000
"""
CASES = [("3M", "adamw", "bfloat16"), ("10M", "adamw", "bfloat16"), ("10M", "muon", "float32")]


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="overhead")
    rounds, steps, warmup = (3, 24, 8) if options.quick else (5, 40, 8)
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
    print_table(("model, optimiser, precision", "argosy, tokens/s", "bare loop", "ratio"), rows)


def _measure(case: tuple[str, str, str], rounds: int, steps: int, warmup: int, threads: int) -> dict[str, float]:
    size, optimizer, precision = case
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    bare_script = Path(__file__).parent / "bare_loop.py"
    argosy, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        venture = Path(folder) / "venture.toml"
        venture.write_text(VENTURE.format(size=size, optimizer=optimizer, precision=precision, steps=steps))
        run = Path(folder) / "runs" / "overhead"
        subprocess.run([sys.executable, "-m", "argosy", "prepare", venture], check=True, capture_output=True)
        for _ in range(rounds):
            command = [sys.executable, "-m", "argosy", "train", "--force", venture]
            subprocess.run(command, check=True, capture_output=True, env=environment)
            argosy.append(_tokens_per_s(run / "metrics.jsonl", warmup))
            command = [sys.executable, bare_script, run, str(steps), str(warmup)]
            bare.append(float(subprocess.run(command, check=True, capture_output=True, env=environment).stdout))
    ratios = [a / b for a, b in zip(argosy, bare, strict=True)]
    return {
        "argosy": statistics.median(argosy),
        "bare loop": statistics.median(bare),
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
