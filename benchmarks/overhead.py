"""What the trainer costs: tokens per second of `argosy train` beside `bare_loop.py`, the same parts in a plain loop.

Both run at once as processes of their own, and take turns of a few steps: while one computes, the other is halted
(SIGSTOP). So what else the machine does disturbs both alike. Same number of threads, and the precision that training
chooses on this machine. A step counts from the end of the one before to its own end, so the trainer's includes its data
order, metrics, TensorBoard and progress; the step during which a halt fell is left out. Rates are those of the median.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from _common import Results, arguments, header, print_table
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
WARMUP_STEPS, STEPS_A_TURN = 6, 6


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
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        venture, run = Path(folder) / "venture.toml", Run(Path(folder) / "runs" / "overhead")
        venture.write_text(VENTURE.format(size=size, optimizer=optimizer))
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        trainer = subprocess.Popen([sys.executable, "-m", "argosy", "train", venture], **quiet)
        try:
            _wait(trainer, lambda: len(_trainer_ends(run)) > WARMUP_STEPS)
            worker = psutil.Process(trainer.pid).children()[0].pid
            os.kill(worker, signal.SIGSTOP)
            start = next(event for event in run.read_events() if event["kind"] == "started")
            ends_file = Path(folder) / "bare"
            script = Path(__file__).parent / "bare_loop.py"
            bare = subprocess.Popen([sys.executable, script, run.path, start["precision"], ends_file], **quiet)
            try:
                _wait(bare, lambda: len(_bare_ends(ends_file)) > WARMUP_STEPS)
                turn_s = STEPS_A_TURN * statistics.median(_steps(_bare_ends(ends_file)))
                _take_turns(worker, bare.pid, turns, turn_s)
                ours, theirs = (
                    [step for step in _steps(ends) if step < turn_s]
                    for ends in (_trainer_ends(run), _bare_ends(ends_file))
                )
            finally:
                bare.kill()
        finally:
            trainer.kill()  # its worker goes with it
            os.kill(worker, signal.SIGKILL)
        tokens = start["recipe"]["batch_size"] * start["recipe"]["sequence_length"]
    return {
        "precision": start["precision"],
        "steps": [len(ours), len(theirs)],
        "argosy": tokens / statistics.median(ours),
        "bare loop": tokens / statistics.median(theirs),
        "ratio": statistics.median(theirs) / statistics.median(ours),
    }


def _take_turns(worker: int, bare: int, turns: int, turn_s: float) -> None:
    """Let each compute for `turn_s` while the other is halted; the bare loop is at work when this begins."""
    for _ in range(turns):
        for running, halted in ((worker, bare), (bare, worker)):
            os.kill(halted, signal.SIGSTOP)
            os.kill(running, signal.SIGCONT)
            time.sleep(turn_s)


def _wait(process: "subprocess.Popen[bytes]", ready: Any) -> None:
    while not ready():
        if process.poll() is not None:
            raise SystemExit(f"{process.args[-1]} ended with {process.returncode} before its warm-up was over")
        time.sleep(0.05)


def _trainer_ends(run: Run) -> list[float]:
    """When each step of the trainer ended, in seconds."""
    lines = run.metrics.read_bytes().splitlines(keepends=True) if run.metrics.exists() else []
    return [json.loads(line)["elapsed_s"] for line in lines if line.endswith(b"\n")]


def _bare_ends(path: Path) -> list[float]:
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [float(line) for line in lines if line.endswith("\n")]


def _steps(ends: Sequence[float]) -> list[float]:
    """Seconds of each step after the warm-up."""
    return [after - before for before, after in pairwise(ends[WARMUP_STEPS - 1 :])]


if __name__ == "__main__":
    main()
