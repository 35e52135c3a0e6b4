"""Plans for this machine against what it did: step time and peak memory of runs that `argosy calibrate` never saw.

The machine is calibrated first (kept beside the results for this benchmark alone), then `argosy run` trains each shape
for some steps in each precision on one and two processes. Its plan was stored before the first step; what is compared
is the median step and the high-water mark of rank 0 over what it had before its model was built. Half-way a checkpoint
is saved and the held-out text evaluated, as every run does now and then.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table

STEPS, WARM_UP = 8, 2
PRECISIONS = ("float32", "bfloat16")
LARGE = ("27 M", "38 M", "60 M")  # too large for a precision that the machine has no arithmetic for
TEXT = f"{sysconfig.get_path('stdlib')}/[a-m]*.py"
# Width, layers, hidden width, heads, vocabulary, tokens of a sequence, sequences, sequences at a time.
SHAPES = {
    "1 M": (96, 5, 256, 3, 1024, 256, 8, 8),
    "3 M": (192, 5, 512, 3, 2048, 128, 16, 8),
    "6 M": (256, 6, 704, 4, 3072, 256, 4, 4),
    "13 M": (320, 8, 864, 5, 4096, 384, 4, 2),
    "27 M": (448, 10, 1216, 7, 3072, 128, 8, 8),
    "38 M": (512, 10, 1408, 8, 6144, 256, 4, 2),
    "60 M": (640, 11, 1728, 10, 4096, 128, 8, 4),
}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="this_machine")
    head = header(["argosy", "torch"], steps=STEPS, shapes=list(SHAPES.values()))
    results = Results(options.output, head, fresh=options.fresh)
    names = list(SHAPES)[1:2] if options.quick else list(SHAPES)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        profile = results.measure("profile", lambda: _calibrate(cache))
        cache.mkdir(exist_ok=True)
        (cache / "profile.json").write_text(json.dumps({**profile, "hostname": platform.node()}))
        for name, precision, ranks in product(names, PRECISIONS, (1, 2)):
            if name in LARGE and precision in _slow(cache):
                continue
            title = f"{name}, {precision}, {ranks}"
            results.measure(title, lambda n=name, p=precision, r=ranks: _run(Path(folder), cache, n, p, r))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(("", "runs", "step time off", "80 % held", "memory off", "80 % held"), list(_rows(results)))


def _calibrate(cache: Path) -> dict[str, Any]:
    _argosy(cache, "calibrate")
    found: dict[str, Any] = json.loads((cache / "profile.json").read_text())
    return {**found, "hostname": "", "disk": {**found["disk"], "folder": "."}}  # names nobody else needs


def _run(folder: Path, cache: Path, name: str, precision: str, ranks: int) -> dict[str, Any]:
    dim, layers, ffn_dim, heads, vocabulary, length, batch, micro_batch = SHAPES[name]
    if precision in _slow(cache):
        length, batch, micro_batch = 64, 2, 1
    place = folder / f"{dim}-{precision}-{ranks}"
    place.mkdir()
    (place / "venture.toml").write_text(
        f"""name = "here"
[[data.sources]]
kind = "text"
path = "{TEXT}"
[data]
vocabulary_size = {vocabulary}
sequence_length = {length}
held_out_fraction = 0.1
[model]
dim = {dim}
layers = {layers}
heads = {heads}
ffn_dim = {ffn_dim}
[training]
steps = {STEPS}
checkpoint_every = {STEPS // 2}
batch_size = {batch}
micro_batch = {min(micro_batch, batch // ranks)}
precision = "{precision}"
[evaluation]
baselines = false
held_out_tokens = {length * 4}
[layout]
data = {ranks}
"""
    )
    _argosy(cache, "train", str(place / "venture.toml"))
    run = place / "runs" / "here"
    plan = json.loads((run / "plan.json").read_text())
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    before = next(event["memory_before_gib"] for event in events if event["kind"] == "started")
    return {
        "parameters": plan["parameters"],
        "step_time_s": _compared(plan["step_time_s"], statistics.median(s["step_s"] for s in steps[WARM_UP:])),
        "peak_memory_gib": _compared(plan["peak_memory_gib"], steps[-1]["memory_gib"] - before),
    }


def _slow(cache: Path) -> list[str]:
    """Precisions that this machine has no arithmetic for: there, small models on few tokens have to do."""
    rates = json.loads((cache / "profile.json").read_text())["speed"]["matmul"]
    best = {name: max(rate["tflops"] for rate in rates if rate["precision"] == name) for name in PRECISIONS}
    return [name for name in PRECISIONS if best[name] < 0.2 * best["float32"]]


def _compared(planned: dict[str, float], actual: float) -> dict[str, float | bool]:
    held = planned["low"] <= actual <= planned["high"]
    return {"predicted": planned["middle"], "actual": actual, "off": planned["middle"] / actual - 1, "held": held}


def _argosy(cache: Path, *words: str) -> None:
    environment = {**os.environ, "ARGOSY_CACHE": str(cache)}
    subprocess.run([sys.executable, "-m", "argosy", *words], env=environment, check=True, stdout=subprocess.DEVNULL)


def _rows(results: Results) -> Iterator[tuple[object, ...]]:
    runs = {name: run for name, run in results.measurements.items() if name != "profile"}
    for title in ("all", "float32, 1", "float32, 2", "bfloat16, 1", "bfloat16, 2"):
        chosen = [run for name, run in runs.items() if title == "all" or name.endswith(title)]
        cells: list[object] = [title, len(chosen)]
        for figure in ("step_time_s", "peak_memory_gib"):
            off = statistics.median(abs(run[figure]["off"]) for run in chosen)
            held = statistics.mean(run[figure]["held"] for run in chosen)
            cells += [f"{100 * off:.1f} %", f"{100 * held:.0f} %"]
        yield tuple(cells)


if __name__ == "__main__":
    main()
