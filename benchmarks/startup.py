"""From typing `argosy train` to the first optimiser step, on one and two processes, beside importing torch.

The data is prepared; the clock is the wall's, from starting the command to the first line of `metrics.jsonl`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _common import Results, arguments, header, print_table

VENTURE = """
name = "startup"
[data]
sequence_length = 256
vocabulary_size = 4096
[[data.sources]]
kind = "python-stdlib"
[model]
size = "3M"
[training]
steps = 100000
batch_size = 8
optimizer = "muon"
"""


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="startup")
    rounds = 3 if options.quick else 7
    results = Results(options.output, header(["argosy", "torch"], rounds=rounds), fresh=options.fresh)
    results.measure("seconds", lambda: _measure(rounds))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    seconds = results.measurements["seconds"]
    print_table(
        ("", "seconds", "of importing torch"),
        [(name, f"{value:.2f}", f"{value / seconds['import torch']:.1f}") for name, value in seconds.items()],
    )


def _measure(rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {"import torch": [], "one process": [], "two processes": []}
    with tempfile.TemporaryDirectory() as folder:
        venture = Path(folder) / "venture.toml"
        venture.write_text(VENTURE)
        subprocess.run([sys.executable, "-m", "argosy", "prepare", venture], check=True, capture_output=True)
        for number in range(rounds):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import torch"], check=True)
            times["import torch"].append(time.perf_counter() - begun)
            for ranks, name in ((1, "one process"), (2, "two processes")):
                times[name].append(_first_step(venture, Path(folder) / f"run-{number}-{ranks}", ranks))
    return {name: statistics.median(values) for name, values in times.items()}


def _first_step(venture: Path, run: Path, ranks: int) -> float:
    prepared = venture.parent / "runs" / "startup"
    subprocess.run(["cp", "-r", prepared, run], check=True)
    command = [sys.executable, "-m", "argosy", "train", venture, "--run", run, "--set", f"layout.data={ranks}"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    metrics = run / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        if process.poll() is not None:
            raise SystemExit(f"argosy train ended with {process.returncode} before its first step")
        time.sleep(0.005)
    elapsed = time.perf_counter() - begun
    subprocess.run(["pkill", "-KILL", "-f", str(run)], check=False)
    process.wait()
    time.sleep(1)  # the ranks' memory is freed before the next clock starts
    os.sync()
    return elapsed


if __name__ == "__main__":
    main()
