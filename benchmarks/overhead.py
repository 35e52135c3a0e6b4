"""What the trainer costs: tokens per second of `argosy train` beside `bare_loop.py`, the same parts in a plain loop.

Both run at once as processes of their own, and take turns of a few steps (`_turns.py`). Same number of threads, same
allocator, and the precision that training chooses on this machine. The trainer's step includes its data order,
metrics, TensorBoard and progress. Rates are those of the median.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table
from _turns import STEPS_A_TURN, Contestant, metrics_ends, step_times, written_ends
from argosy.hardware import GLIBC_TUNABLES
from argosy.storage import Run

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
steps = 100000
batch_size = 8
optimizer = "{optimizer}"
learning_rate = 1e-3
checkpoint_every = 100000
"""
CASES = [("3M", "adamw"), ("3M", "muon"), ("10M", "adamw")]


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="overhead")
    turns, cases = (6, CASES[:1]) if options.quick else (12, CASES)
    threads = min(2, len(os.sched_getaffinity(0)))
    head = header(["argosy", "torch", "numpy"], turns=turns, steps_a_turn=STEPS_A_TURN, threads=threads)
    results = Results(options.output, head, fresh=options.fresh)
    for case in cases:
        results.measure(" ".join(case), lambda case=case: _measure(*case, turns, threads))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = [
        (name, f"{m['argosy']:,.0f}", f"{m['bare loop']:,.0f}", f"{m['ratio']:.3f}")
        for name, m in results.measurements.items()
    ]
    print_table(("model, optimiser", "argosy, tokens/s", "bare loop", "ratio"), rows)


def _measure(size: str, optimizer: str, turns: int, threads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        venture, run = Path(folder) / "venture.toml", Run(Path(folder) / "runs" / "overhead")
        venture.write_text(VENTURE.format(size=size, optimizer=optimizer))
        times = step_times(_contestants(venture, run, Path(folder) / "bare"), turns=turns, threads=threads)
        start = _start(run)
    tokens = start["recipe"]["batch_size"] * start["recipe"]["sequence_length"]
    medians = {name: statistics.median(steps) for name, steps in times.items()}
    return {
        "precision": start["precision"],
        "steps": {name: len(steps) for name, steps in times.items()},
        **{name: tokens / median for name, median in medians.items()},
        "ratio": medians["bare loop"] / medians["argosy"],
    }


def _contestants(venture: Path, run: Run, ends: Path) -> Iterator[Contestant]:
    yield Contestant("argosy", [sys.executable, "-m", "argosy", "train", venture], lambda: metrics_ends(run.metrics))
    script = Path(__file__).parent / "bare_loop.py"
    command = [sys.executable, script, run.path, _start(run)["precision"], ends]
    yield Contestant("bare loop", command, lambda: written_ends(ends), {"GLIBC_TUNABLES": GLIBC_TUNABLES})


def _start(run: Run) -> dict[str, Any]:
    return next(event for event in run.read_events() if event["kind"] == "started")


if __name__ == "__main__":
    main()
