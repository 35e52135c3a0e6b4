"""A checkpoint of any layout goes on on any other: every ordered pair of nine, with other numbers of processes too.

A run of each layout trains 10 steps and saves; from that checkpoint each layout trains 20 more. What was restored must
have the same bytes as what was saved, and the 20 steps the same batches by hash, the same learning rates, losses
within 1e-5 of those of the run that went on as it was, and the last checkpoint the same place in the data and a
held-out loss within 1e-5. Controls, of one process, have to fail: the optimiser's state forgotten, a batch left out.
All runs of as many processes take their turns in one set of them; results are kept as they come.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table
from _corpus import write_corpus
from argosy.config import Venture, venture_from_tree
from argosy.data import prepare
from argosy.storage import Run

LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "one": {},
    "data=2": {"data": 2},
    "tensor=2": {"tensor": 2},
    "pipeline=2": {"pipeline": 2},
    "shard=2": {"shard": 2},
    "context=2": {"context": 2},
    "shard=3": {"shard": 3},
    "shard=2,tensor=2": {"shard": 2, "tensor": 2},
    "data=2,pipeline=2 zero-bubble": {"data": 2, "pipeline": 2},
}
QUICK = tuple(LAYOUTS)[:4]
CONTROLS = ("optimiser forgotten", "batch left out")
SWITCH, STEPS, LIMIT = 10, 30, 1e-5
VENTURE: Mapping[str, Any] = {
    "name": "reshard",
    "data": {
        "sources": [{"kind": "jsonl", "path": "corpus.jsonl"}],
        "sequence_length": 32,
        "vocabulary_size": 400,
        "held_out_fraction": 0.2,
    },
    "model": {"dim": 48, "layers": 4, "heads": 4, "kv_heads": 2, "tied_embeddings": True},
    "training": {"steps": STEPS, "batch_size": 12, "learning_rate": 1e-3, "precision": "float32"},
    "evaluation": {"held_out_tokens": 2048},
}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="reshard")
    names = QUICK if options.quick else tuple(LAYOUTS)
    head = header(["argosy", "torch"], switch=SWITCH, steps=STEPS, limit=LIMIT, venture=VENTURE)
    results = Results(options.output, head, fresh=options.fresh)
    pairs = {f"{a} → {b}": (a, b) for a in names for b in names if a != b}
    pairs |= {f"one → one, {control}": ("one", "one") for control in CONTROLS}
    missing = {pair: ends for pair, ends in pairs.items() if pair not in results.measurements}
    with tempfile.TemporaryDirectory() as folder:
        measure(results, missing, Path(folder))
    found = {pair: results.measurements[pair] for pair in pairs if pair in results.measurements}
    if options.json:
        print(json.dumps(summary(found, len(pairs))))
        return
    rows = [(pair, m["passed"], f"{m['loss']:.1e}", f"{m['held_out']:.1e}", m["differs"]) for pair, m in found.items()]
    print_table(("pair", "passed", "loss", "held-out", "differs"), rows)
    print(json.dumps(summary(found, len(pairs))))


def measure(results: Results, missing: Mapping[str, tuple[str, str]], folder: Path) -> None:
    """Begin every run that is needed, let it go on as it is, then as others."""
    if not missing:
        return
    begun = prepared(folder)
    firsts = sorted({"one", *(first for first, _ in missing.values())}, key=list(LAYOUTS).index)
    carried_out([job(name, name, begun, folder / f"{name} begun", stop_at=SWITCH) for name in firsts])
    starts = {name: folder / f"{name} begun" for name in firsts}
    carried_out([job(name, name, starts[name], folder / f"{name} → {name}") for name in firsts])
    stayed = {name: outcome(folder / f"{name} → {name}") for name in firsts}
    others = [
        job(first, second, starts[first], folder / pair, control=pair.partition(", ")[2])
        for pair, (first, second) in missing.items()
        if pair != f"{first} → {first}"
    ]

    def keep() -> None:
        for pair, (first, _) in missing.items():
            if pair not in results.measurements and (folder / pair / "outcome.json").exists():
                begun_as = outcome(starts[first])
                results.measure(pair, lambda p=pair, f=first, s=begun_as: compared(p, folder, s, stayed[f]))
                shutil.rmtree(folder / pair / "checkpoints", ignore_errors=True)

    carried_out(others, keep)


def prepared(folder: Path) -> Path:
    """A run whose text is tokenised."""
    write_corpus(folder / "corpus.jsonl", 500_000)
    venture = venture_from_tree(VENTURE, folder=folder, source="benchmarks/reshard.py")
    assert isinstance(venture, Venture)
    run = Run(folder / "prepared")
    prepare(venture, run.data)
    run.write_venture(venture)
    return run.path


def job(first: str, second: str, start: Path, folder: Path, *, stop_at: int | None = None, control: str = "") -> Any:
    """What one run does: go on from the folder `start` as the layout `second`."""
    return {
        "name": f"{first} → {second}",
        "start": str(start),
        "folder": str(folder),
        "layout": LAYOUTS[second],
        "schedule": second.partition(" ")[2] or "1f1b",
        "stop_at": stop_at,
        "control": control,
    }


def carried_out(jobs: Iterable[dict[str, Any]], keep: Any = lambda: None) -> None:
    """Carry out jobs, those of as many processes in one set of them; `keep` is called now and then."""
    by_ranks: dict[int, list[dict[str, Any]]] = {}
    for one in jobs:
        by_ranks.setdefault(math.prod(one["layout"].values()), []).append(one)
    for ranks, some in sorted(by_ranks.items()):
        path = Path(some[0]["folder"]).parent / "jobs.json"
        path.write_text(json.dumps(some))
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
        command = [sys.executable, *launcher, "-m", "benchmarks.programs.reshard_rank", str(path)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        process = subprocess.Popen(command, cwd=Path(__file__).parents[1], env=environment, stdout=sys.stderr)
        try:
            while process.poll() is None:
                time.sleep(0.5)
                keep()
        finally:
            process.terminate()
            process.wait()
        keep()
        if process.returncode:
            raise SystemExit(f"{ranks} processes ended with exit status {process.returncode}")


def outcome(folder: Path) -> dict[str, Any]:
    """What a run left behind: its losses, rates, batches and states."""
    tree: dict[str, Any] = json.loads((folder / "outcome.json").read_text())
    return tree


def compared(pair: str, folder: Path, begun: dict[str, Any], stayed: dict[str, Any]) -> dict[str, Any]:
    """How far a run is from the one that went on as it was."""
    moved, control = outcome(folder / pair), ", " in pair.partition(" → ")[2] and pair.endswith(CONTROLS)
    alike = ("batches", "rates", "cursor")
    differs = [name for name in alike if moved[name] != stayed[name]]
    if moved["restored"] != begun["saved"]:
        differs.append("state")
    complete = len(moved["losses"]) == len(moved["batches"]) == STEPS - SWITCH
    loss = max(abs(a - b) for a, b in zip(moved["losses"], stayed["losses"], strict=True))
    held_out = abs(moved["held_out"] - stayed["held_out"])
    passed = complete and not differs and max(loss, held_out) <= LIMIT
    return {"passed": passed != bool(control), "loss": loss, "held_out": held_out, "differs": ", ".join(differs)}


def summary(found: Mapping[str, dict[str, Any]], pairs: int) -> dict[str, Any]:
    """How many there are, passed and failed, and the largest difference."""
    exact = [one for pair, one in found.items() if not pair.endswith(CONTROLS)]
    return {
        "cells": pairs,
        "passed": sum(one["passed"] for one in found.values()),
        "failed": sorted(pair for pair, one in found.items() if not one["passed"]),
        "not run": pairs - len(found),
        "worst": {name: max((one[name] for one in exact), default=None) for name in ("loss", "held_out")},
    }


if __name__ == "__main__":
    main()
