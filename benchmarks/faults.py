"""Random `kill -9` of single ranks, saves included: `argosy train` goes on by itself, and ends in the same bits.

For each layout a run is left alone, and another loses random ranks at random moments, two of five while a checkpoint is
being written. It has to end by itself, with the weights and losses of the first. Seconds to go on: from the kill to the
end of the first step after it. A kill before the next checkpoint is complete gains nothing, so that five restarts are
allowed without any. The control compares two runs of different seeds, which must differ.
"""

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from _common import Results, arguments, header, print_table
from _corpus import write_corpus
from _small_runs import command, losses, steps_told, train, weights_hash
from argosy.storage import Run

STEPS, KILLS, PREPARED = 200, 5, "prepared"
LAYOUTS = ({}, {"data": 2}, {"shard": 2}, {"tensor": 2}, {"pipeline": 2}, {"data": 2, "tensor": 2})
VENTURE = """
name = "faults"
[data]
sequence_length = 64
vocabulary_size = 512
held_out_fraction = 0.1
[[data.sources]]
kind = "jsonl"
path = "corpus.jsonl"
[model]
dim = 64
layers = 2
heads = 4
kv_heads = 2
[training]
steps = 200
batch_size = 8
learning_rate = 3e-3
precision = "float32"
checkpoint_every = 8
evaluate_every = 100
[run]
max_restarts = 5
"""


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="faults")
    layouts = ({}, {"shard": 2}) if options.quick else LAYOUTS
    kills = 2 if options.quick else KILLS
    results = Results(options.output, header(["argosy", "torch"], kills=kills, steps=STEPS), fresh=options.fresh)
    with tempfile.TemporaryDirectory() as folder:
        venture = Path(folder) / "venture.toml"
        venture.write_text(VENTURE)
        write_corpus(Path(folder) / "corpus.jsonl", 2_000_000)
        subprocess.run([sys.executable, "-m", "argosy", "prepare", venture, "--run", venture.parent / PREPARED])
        for layout in layouts:
            name = ",".join(f"{key}={value}" for key, value in layout.items()) or "one process"
            results.measure(name, lambda layout=layout: _killed(venture, layout, kills))
        results.measure("control: another seed", lambda: _control(venture))
    runs = [one for one in results.measurements.values() if "kills" in one]
    summary = {
        "kills": sum(one["kills"] for one in runs),
        "in saves": sum(one["in saves"] for one in runs),
        "finished": sum(one["finished"] for one in runs),
        "exact": sum(one["exact"] for one in runs),
        "runs": len(runs),
        "median seconds to go on": round(statistics.median(s for one in runs for s in one["seconds to go on"]), 2),
    }
    if options.json:
        print(json.dumps({**results.tree(), "summary": summary}, indent=2))
        return
    columns = ("", "kills", "in saves", "finished", "exact", "seconds to go on")
    print_table(
        columns,
        [(name, *(one.get(column, "") for column in columns[1:])) for name, one in results.measurements.items()],
    )
    print(json.dumps(summary))


def _fresh(venture: Path, name: str) -> Path:
    """A run whose data is prepared."""
    run = venture.parent / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(venture.parent / PREPARED, run)
    return run


def _control(venture: Path) -> dict[str, Any]:
    runs = [_fresh(venture, f"seed-{seed}") for seed in (0, 1)]
    for seed, run in enumerate(runs):
        train(venture, run.name, "--set", f"training.seed={seed}")
    return {"differs": weights_hash(runs[0]) != weights_hash(runs[1]) and losses(runs[0]) != losses(runs[1])}


def _killed(venture: Path, layout: dict[str, int], kills: int) -> dict[str, Any]:
    chance = random.Random(str(layout))
    degrees = [word for name, degree in layout.items() for word in ("--set", f"layout.{name}={degree}")]
    straight, run = _fresh(venture, "straight"), _fresh(venture, "killed")
    train(venture, straight.name, *degrees)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command(venture, run.name, *degrees), stdout=said, stderr=said)
        told = [_kill(process, run, chance, in_save=number % 5 in (1, 3)) for number in range(kills)]
        finished = process.wait() == 0
        if not finished:
            said.seek(0)
            print(said.read().decode()[-2000:], file=sys.stderr)
    exact = finished and weights_hash(run) == weights_hash(straight) and losses(run) == losses(straight)
    return {
        "kills": sum(event["kind"] == "restarted" for event in Run(run).read_events()),
        "in saves": sum(one["in save"] for one in told),
        "finished": finished,
        "exact": exact,
        "ranks": [one["rank"] for one in told],
        "seconds to go on": [one["seconds"] for one in told],
    }


def _kill(process: subprocess.Popen[bytes], run: Path, chance: random.Random, *, in_save: bool) -> dict[str, Any]:
    """Kill a random rank some steps after the last start, and see when training goes on."""
    _wait(process, lambda: bool(_starts(run)))
    starts, steps = _starts(run), chance.randint(2, 16)
    _wait(process, lambda: steps_told(run) >= starts[-1] + steps)
    if in_save:
        _wait(process, lambda: _saving(run))
    else:
        time.sleep(chance.uniform(0, 0.1))
    rank, victim = chance.choice(_ranks(process))
    was_saving = _saving(run)
    victim.kill()
    killed = time.monotonic()
    _wait(process, lambda: len(_starts(run)) > len(starts))
    _wait(process, lambda: steps_told(run) > _starts(run)[-1])
    return {"rank": rank, "in save": was_saving, "seconds": round(time.monotonic() - killed, 2)}


def _wait(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    while not until():
        if process.poll() is not None:
            raise SystemExit("the run ended before its kills")
        time.sleep(0.002)


def _saving(run: Path) -> bool:
    return any((run / "checkpoints").glob(".step-*.tmp"))


def _starts(run: Path) -> list[int]:
    """The step at which training began each time."""
    return [event["step"] for event in Run(run).read_events() if event["kind"] in ("started", "resumed")]


def _ranks(process: subprocess.Popen[bytes]) -> list[tuple[int, psutil.Process]]:
    """Training processes with their ranks; one alone has no name of its own."""
    children = psutil.Process(process.pid).children(recursive=True)
    named = [(int(child.name().split()[-1]), child) for child in children if child.name().startswith("argosy rank")]
    return named or [(0, children[0])]


if __name__ == "__main__":
    main()
