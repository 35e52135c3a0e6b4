"""Exactness of resuming: 20 random `kill -9` against an uninterrupted run, and a move to other numbers of processes.

Killed: a run that saves at every step is killed at random moments (most fall into a save) and started again, until it
is complete; its weights must have the same hash as those of the run that was left alone. Moved: the batches of every
step must have the same hash on any number of processes, and the first 20 losses after the switch must agree to 1e-5
in float32. The controls are the same comparisons against a run with another seed; they must fail.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from _common import Results, arguments, header, print_table
from _small_runs import command, losses, steps_told, train, weights_hash
from argosy.config import load_venture, resolve_recipe, transformer_config
from argosy.data import BatchPlan, open_dataset
from argosy.storage import Run

STEPS, SWITCH = 60, 20
VENTURE = """
name = "exactness"
[data]
sequence_length = 64
vocabulary_size = 1024
[[data.sources]]
kind = "python-stdlib"
[model]
size = "200K"
[training]
steps = 60
batch_size = 10
optimizer = "{optimizer}"
precision = "{precision}"
checkpoint_every = 1
evaluate_every = 10
async_checkpoint = {asynchronous}
[layout]
data = {ranks}
"""


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="exactness")
    kills = 4 if options.quick else 20
    results = Results(options.output, header(["argosy", "torch"], kills=kills, steps=STEPS), fresh=options.fresh)
    cases = [(1, "false", "muon", "bfloat16"), (2, "false", "adamw", "float32")]
    if not options.quick:
        cases += [(2, "true", "adamw", "float32"), (3, "false", "adamw", "float32")]
    for case in cases:
        name = f"killed: {case[0]} processes, {case[2]} {case[3]}{', asynchronous saves' if case[1] == 'true' else ''}"
        results.measure(name, lambda case=case: _killed(*case, kills=kills))
    results.measure("moved between 1, 2 and 3 processes", _moved)
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(
        ("", "exact", "control differs", "detail"),
        [(name, m["exact"], m["control differs"], m["detail"]) for name, m in results.measurements.items()],
    )


def _venture(folder: Path, ranks: int, asynchronous: str, optimizer: str, precision: str) -> Path:
    path = folder / "venture.toml"
    text = VENTURE.format(ranks=ranks, asynchronous=asynchronous, optimizer=optimizer, precision=precision)
    path.write_text(text)
    return path


def _killed(ranks: int, asynchronous: str, optimizer: str, precision: str, *, kills: int) -> dict[str, Any]:
    chance = random.Random(f"{ranks}{asynchronous}")
    with tempfile.TemporaryDirectory() as folder:
        venture = _venture(Path(folder), ranks, asynchronous, optimizer, precision)
        straight = train(venture, "straight")
        control = train(venture, "control", "--set", "training.seed=1")
        killed = Path(folder) / "killed"
        done, in_saves = 0, 0
        while done < kills:
            if _kill_once(venture, killed, chance):
                done += 1
                in_saves += any((killed / "checkpoints").glob(".step-*.tmp"))
            else:  # it got to its end: start another
                assert weights_hash(killed) == weights_hash(straight), "not bit-identical"
                shutil.rmtree(killed)
        train(venture, "killed")
        return {
            "exact": weights_hash(killed) == weights_hash(straight) and losses(killed) == losses(straight),
            "control differs": weights_hash(control) != weights_hash(straight),
            "detail": f"{kills} kills, {in_saves} of them inside a save",
        }


def _kill_once(venture: Path, run: Path, chance: random.Random) -> bool:
    """Start or resume the run and kill all its processes at a random moment; False if it ended before."""
    before = steps_told(run)
    process = subprocess.Popen(
        command(venture, run.name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for = before + chance.randint(0, 8)
    while process.poll() is None and steps_told(run) <= wait_for:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.05))
    if process.poll() is not None:
        return False
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        try:
            os.kill(member.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    return True


def _moved() -> dict[str, Any]:
    """Go on from step `SWITCH` on another number of processes, and compare with the run that stayed."""
    often = ["--set", "training.checkpoint_every=20", "--set", "training.keep_last=9"]
    with tempfile.TemporaryDirectory() as folder:
        path = _venture(Path(folder), 1, "false", "adamw", "float32")
        seeds = [train(path, f"seed-{seed}", "--set", f"training.seed={seed}", *often) for seed in (0, 1, 2)]
        three = train(path, "three", "--set", "layout.data=3", *often)
        first_20, ends = [], []
        for origin, ranks in ((seeds[0], 2), (seeds[0], 3), (three, 1)):
            moved = Path(folder) / f"{origin.name}-to-{ranks}"
            shutil.copytree(origin, moved)
            for checkpoint in (moved / "checkpoints").glob("step-*"):
                if checkpoint.name > f"step-{SWITCH:08d}":
                    shutil.rmtree(checkpoint)
            (moved / "receipts" / "train.json").unlink()
            train(path, moved.name, "--set", f"layout.data={ranks}", *often)
            assert [e["step"] for e in Run(moved).read_events() if e["kind"] == "resumed"] == [SWITCH]
            first_20.append(_apart(origin, moved))
            ends.append(abs(_end(origin) - _end(moved)))
        spread = max(map(_end, seeds)) - min(map(_end, seeds))
        return {
            "exact": _same_batches(path, seeds[0]) and max(first_20) <= 1e-5 and max(ends) <= spread,
            "control differs": _apart(seeds[0], seeds[1]) > 1e-5,
            "detail": f"20 losses after the switch differ by at most {max(first_20):.1e}, the final held-out loss by "
            f"{max(ends):.1e} (three seeds: {spread:.1e})",
        }


def _apart(run: Path, other: Path) -> float:
    """Largest difference of the 20 losses after the switch."""
    return max(
        abs(a - b) for a, b in zip(losses(run)[SWITCH : SWITCH + 20], losses(other)[SWITCH : SWITCH + 20], strict=True)
    )


def _end(run: Path) -> float:
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [event["loss"] for event in events if event["kind"] == "held_out"][-1]


def _same_batches(path: Path, run: Path) -> bool:
    """Whether the rows that the ranks read add up to the same batch for every number of ranks."""
    venture = load_venture(path)
    store = open_dataset(run / "data")
    recipe = resolve_recipe(venture, transformer_config(venture, store.index.vocabulary_size))
    plan = BatchPlan(store, recipe.batch_size, recipe.sequence_length, venture.training.seed)
    for step in range(STEPS):
        whole = plan.batch(step).inputs
        for ranks in (2, 3, 4):
            for rank in range(ranks):
                if not (plan.batch(step, rank, ranks).inputs == whole[rank::ranks]).all():
                    return False
    return True


if __name__ == "__main__":
    main()
