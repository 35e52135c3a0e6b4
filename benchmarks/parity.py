"""Every layout computes what one process computes: losses, gradients, weights and held-out loss, cell by cell.

A cell is a layout of up to 8 ranks with a pipeline schedule and accumulation. Float32, 10 steps of a small transformer
whose sizes divide by little; aims: loss within 1e-5, each tensor's gradient within 1e-4 of its norm, weights within
1e-4. In bfloat16 the bounds follow from its machine epsilon. Controls, broken on purpose, have to fail. `--part i/n`
runs a part; results are kept, so that parts add up.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch

from _common import RESULTS, Results, header
from argosy.models.transformer import INITIAL_STD
from argosy.parallel import checks
from argosy.storage import digest
from programs.parity_rank import RATE

DEGREES = ("data", "shard", "tensor", "pipeline", "context")
MODEL = {"vocabulary_size": 131, "dim": 48, "layers": 8, "heads": 8, "kv_heads": 4, "ffn_dim": 100}
MODEL |= {"sequence_length": 48, "tied_embeddings": False, "qk_norm": True, "norm_eps": 1e-5, "rope_theta": 10_000.0}
LIMITS = {"loss": 1e-5, "held_out": 1e-5, "gradient": 1e-4, "weight": 1e-4}
STEPS, MOST_RANKS = 10, 8
SCHEDULES = {"gpipe": 1, "1f1b": 1, "interleaved": 2, "zero-bubble": 2}
KINDS: tuple[tuple[dict[str, int], str], ...] = (
    ({"data": 2}, "1f1b"),
    ({"shard": 2}, "1f1b"),
    ({"tensor": 2}, "1f1b"),
    ({"context": 2}, "1f1b"),
    *(({"pipeline": 2}, schedule) for schedule in SCHEDULES),
    ({"data": 2, "shard": 2}, "1f1b"),
    ({"shard": 2, "tensor": 2}, "1f1b"),
    ({"shard": 2, "pipeline": 2}, "interleaved"),
    ({"tensor": 2, "pipeline": 2}, "zero-bubble"),
    ({"tensor": 2, "context": 2}, "1f1b"),
    ({"pipeline": 2, "context": 2}, "gpipe"),
    ({"shard": 2, "tensor": 2, "pipeline": 2}, "zero-bubble"),
)
"""Every kind of layout, to try features on."""
FEATURES: tuple[dict[str, Any], ...] = (
    {"precision": "bfloat16"},
    {"optimizer": "muon"},
    {"recompute": True},
    {"document_mask": True},
    {"tied": True},
    {"kv_heads": 1},
    {"compile": True},
)
TOGETHER = {"optimizer": "muon", "recompute": True, "document_mask": True, "tied": True}


def layouts(ranks: int) -> Iterator[dict[str, int]]:
    """Every product of the degrees."""
    divisors = [d for d in range(1, ranks + 1) if ranks % d == 0]
    for degrees in product(divisors, repeat=len(DEGREES)):
        if math.prod(degrees) == ranks:
            yield dict(zip(DEGREES, degrees, strict=True))


def model_for(layout: dict[str, int], stages: int) -> dict[str, Any]:
    """The model, with as many heads, tokens and layers as the layout divides."""
    model: dict[str, Any] = dict(MODEL)
    if layout["tensor"] in (3, 5, 6, 7):
        heads = {3: 6, 5: 5, 6: 6, 7: 7}[layout["tensor"]]
        model |= {"heads": heads, "kv_heads": {3: 3, 5: 5, 6: 2, 7: 7}[layout["tensor"]], "dim": 8 * heads}
    tokens = math.lcm(layout["tensor"], 1) * 2 * layout["context"]
    model["sequence_length"] = tokens * max(1, round(48 / tokens))
    if stages > model["layers"]:
        model["layers"] = stages
    return model


def cells() -> Iterator[dict[str, Any]]:
    """All of them, the fastest to start first."""
    for ranks in range(1, MOST_RANKS + 1):
        for layout in layouts(ranks):
            for schedule, virtual in SCHEDULES.items() if layout["pipeline"] > 1 else [("1f1b", 1)]:
                for accumulation in (1, 2):
                    yield cell(layout, schedule, virtual, accumulation)
    for control in ("no-sync", "doubled"):
        yield cell({"data": 2}, "1f1b", 1, 1, control=control)
        yield cell({"data": 2}, "1f1b", 1, 1, precision="bfloat16", control=control)
    for layout, schedule in KINDS:
        for change in FEATURES:
            if "kv_heads" in change and layout.get("tensor", 1) == 1:
                continue
            if "compile" in change and schedule == "zero-bubble":
                continue  # refused before any process starts
            yield cell(layout, schedule, SCHEDULES[schedule], 1, **change)
        yield cell(layout, schedule, SCHEDULES[schedule], 2, **TOGETHER)


def refused_here(one: dict[str, Any]) -> bool:
    """Whether this PyTorch is too old for a cell, so that training refuses it before any process starts."""
    return one["schedule"] == "zero-bubble" and not checks.has_zero_bubble(torch.__version__)


QUICK = (
    "shard=2 x2",
    "context=2 x1 document_mask=True",
    "pipeline=2 1f1b x2",
    "pipeline=2 1f1b x1 tied",
    "pipeline=2 zero-bubble x1",
    "data=2 x1 control=no-sync",
    "data=2 x1 control=doubled",
    "shard=2,tensor=2 x1",
    "tensor=2,context=2 x1",
    "shard=2,tensor=2,pipeline=2 zero-bubble x2",
    "shard=2 x1 precision=bfloat16",
    "data=2 x1 precision=bfloat16 control=no-sync",
    "data=2 x1 optimizer=muon",
    "tensor=2 x1 kv_heads=1",
    "shard=2,tensor=2 x2 optimizer=muon recompute=True document_mask=True tied",
)
"""What every change is tested with."""


def cell(layout: dict[str, int], schedule: str, virtual: int, accumulation: int, **change: Any) -> dict[str, Any]:
    """One cell, and the name of the single process it is compared with."""
    whole = dict.fromkeys(DEGREES, 1) | layout
    model = model_for(whole, whole["pipeline"] * virtual)
    model["tied_embeddings"] = change.pop("tied", False)
    if "kv_heads" in change:
        model["kv_heads"] = change["kv_heads"]
    micro_batches = whole["pipeline"]
    rows = 2 * whole["data"] * whole["shard"] * micro_batches
    rows *= max(1, round(16 / rows))
    settings = {"model": model, "rows": rows, "steps": STEPS}
    settings |= {key: value for key, value in change.items() if key not in ("control", "kv_heads")}
    name = ",".join(f"{key}={value}" for key, value in whole.items() if value > 1) or "one"
    name += f" {schedule}" if whole["pipeline"] > 1 else ""
    name += f" x{accumulation}" + "".join(f" {k}={v}" for k, v in change.items())
    name += " tied" if model["tied_embeddings"] else ""
    reference = {key: value for key, value in settings.items() if key not in ("precision", "compile")}
    return {
        "name": name,
        "layout": whole,
        "schedule": schedule,
        "virtual_stages": virtual,
        "accumulation": accumulation,
        "micro_batches": micro_batches,
        "reference": json.dumps(reference, sort_keys=True),
        **settings,
        **({"control": change["control"]} if "control" in change else {}),
    }


def main() -> None:
    """Run a part, keep, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the cells that `make test` runs",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    parser.add_argument("--part", default="1/1", help="i/n: every n-th cell from the i-th on")
    parser.add_argument("--match", default="", help="only cells whose name has this regular expression in it")
    parser.add_argument("--output", type=Path, default=RESULTS / "parity.json")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    wanted = [one for one in cells() if re.search(options.match, one["name"])]
    chosen = [one for one in wanted if not options.quick or one["name"] in QUICK][part - 1 :: parts]
    refused = [one["name"] for one in chosen if refused_here(one)]
    chosen = [one for one in chosen if not refused_here(one)]
    results = Results(options.output, header(["torch"], steps=STEPS, limits=LIMITS), fresh=options.fresh)
    with tempfile.TemporaryDirectory() as folder:
        for ranks in range(1, MOST_RANKS + 1):
            missing = [
                one
                for one in chosen
                if math.prod(one["layout"].values()) == ranks and one["name"] not in results.measurements
            ]
            for found in together(missing, ranks, Path(folder)):
                results.measure(found.pop("name"), lambda f=found: f)
    found = {**summary(results, [one["name"] for one in chosen]), "refused": refused}
    print(json.dumps(found, indent=None if options.json else 2))


def together(missing: list[dict[str, Any]], ranks: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Cells of as many ranks in one torchrun; where one fails, the others go on in another."""
    while missing:
        references = {one["reference"]: f"reference-{digest(one['reference'].encode())[:12]}" for one in missing}
        singles = [
            {"name": name, "layout": {}, "accumulation": 1, **json.loads(reference)}
            for reference, name in references.items()
        ]
        start([one | {"out": one["name"]} for one in singles], 1, folder)
        start([one | {"out": f"cell-{place}"} for place, one in enumerate(missing)], ranks, folder)
        for place, one in enumerate(missing):
            path = folder / f"cell-{place}.pt"
            if not path.exists():
                yield {"name": one["name"], "passed": False, "error": "the processes failed"}
                missing = missing[place + 1 :]
                break
            yield {"name": one["name"], **compared(one, folder / f"{references[one['reference']]}.pt", path)}
            path.unlink()
        else:
            return


def start(some: list[dict[str, Any]], ranks: int, folder: Path) -> None:
    """Run the cells that are not there yet, in turn, in one set of processes."""
    (folder / "cells.json").write_text(json.dumps(some))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    command = [sys.executable, *launcher, "-m", "benchmarks.programs.parity_rank", str(folder / "cells.json")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*command, str(folder)], cwd=Path(__file__).parents[1], env=environment, stdout=sys.stderr)


def compared(one: dict[str, Any], reference: Path, path: Path) -> dict[str, Any]:
    """The largest differences, and whether they are within the limits."""
    expected, found = torch.load(reference), torch.load(path)
    worst = {
        "loss": max(map(_apart, expected["losses"], found["losses"])),
        "held_out": max(map(_apart, expected["held_out"], found["held_out"])),
        "gradient": max(
            float((theirs[name] - whole).norm() / whole.norm())
            for ours, theirs in zip(expected["gradients"], found["gradients"], strict=True)
            for name, whole in ours.items()
        ),
        "weight": max(float((found["weights"][n] - w).abs().max()) for n, w in expected["weights"].items()),
    }
    same_names = expected["weights"].keys() == found["weights"].keys()
    limits = rounding_limits(one["model"], one["rows"]) if one.get("precision") == "bfloat16" else LIMITS
    passed = same_names and all(worst[name] <= limit for name, limit in limits.items())
    return {"passed": passed != ("control" in one), **worst}


def rounding_limits(model: dict[str, Any], rows: int) -> dict[str, float]:
    """How far bfloat16 may be from float32 of one process: three standard deviations, errors adding as a random walk.

    A product rounds two factors and its result, each by at most u = 2⁻⁸ of it (8 bits) and u/√3 as a standard
    deviation, so that it is off by u; a token passes 7 products in each of L blocks and one in the head. Logits then
    are off by u·√(7L + 1) of their own deviation σ = 0.02·√D, the loss of a token by √2 times that, and the mean over N
    tokens by a √N-th. A gradient has passed as many products again on its way back. Of weights it is known that Adam
    moves none by more than its rate, whichever way (Kingma & Ba 2015, section 2.1).
    """
    unit, products = 2.0**-8, 7 * model["layers"] + 1
    sigma, tokens = INITIAL_STD * math.sqrt(model["dim"]), rows * model["sequence_length"]
    loss = 3 * math.sqrt(2) * unit * math.sqrt(products) * sigma / math.sqrt(tokens)
    gradient = 3 * unit * math.sqrt(2 * products)
    return {"loss": loss, "held_out": loss, "gradient": gradient, "weight": 2 * RATE * STEPS}


def _apart(a: float, b: float) -> float:
    return abs(a - b)


def summary(results: Results, names: list[str]) -> dict[str, Any]:
    """How many cells there are, passed and failed, and the worst of each figure."""
    found = {name: results.measurements[name] for name in names if name in results.measurements}
    exact = [f for name, f in found.items() if "loss" in f and "control" not in name and "bfloat16" not in name]
    return {
        "cells": len(names),
        "passed": sum(one["passed"] for one in found.values()),
        "failed": sorted(name for name, one in found.items() if not one["passed"]),
        "not run": len(names) - len(found),
        "worst": {name: max((one[name] for one in exact), default=None) for name in LIMITS},
    }


if __name__ == "__main__":
    main()
