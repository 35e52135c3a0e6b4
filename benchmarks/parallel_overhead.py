"""What Argosy's step costs beside a bare loop of PyTorch's own parts: DDP, `fully_shard`, and one GPU where there is.

Both take turns in the same processes, step by step. The ratio is of tokens per second, Argosy's to the bare loop's;
aims: 0.97 of DDP, 0.95 of `fully_shard`, 0.98 on a GPU.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from _common import Results, arguments, header, print_table

SMALL = {"vocabulary_size": 4096, "dim": 320, "layers": 6, "heads": 5, "kv_heads": 5, "ffn_dim": 864}
LARGE = {"vocabulary_size": 32_768, "dim": 2048, "layers": 12, "heads": 16, "kv_heads": 16, "ffn_dim": 5504}
PROCESSOR = {"model": {**SMALL, "sequence_length": 256}, "precision": "float32", "compile": False, "rows": 4}
PROCESSOR |= {"micro_batch": 4, "warm_up": 2, "turns": 12, "steps": 3}
GPU = {"model": {**LARGE, "sequence_length": 2048}, "precision": "bfloat16", "compile": True, "rows": 32}
GPU |= {"micro_batch": 4, "warm_up": 3, "turns": 12, "steps": 1}
REST = {"tied_embeddings": False, "qk_norm": False, "norm_eps": 1e-5, "rope_theta": 10_000.0}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name=f"parallel_overhead{'-gpu' if torch.cuda.is_available() else ''}")
    cases: dict[str, tuple[int, dict[str, Any]]] = {
        "DDP, 2 processes": (2, {**PROCESSOR, "kind": "replicas"}),
        "fully_shard, 2 processes": (2, {**PROCESSOR, "kind": "sharded"}),
    }
    device = "processor"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
        cases = {f"one {device}": (1, {**GPU, "kind": "replicas"})}
    head = header(["argosy", "torch"], device=device)
    results = Results(options.output, head, fresh=options.fresh)
    rows = []
    for name, (ranks, setup) in cases.items():
        if options.quick:
            setup = {**setup, "turns": 3}
        found = results.measure(name, lambda r=ranks, s=setup: measured(r, s))
        rows.append((name, f"{found['bare_s']:.4f}", f"{found['argosy_s']:.4f}", f"{found['ratio']:.3f}"))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(("", "bare s/step", "argosy s/step", "ratio"), rows)


def measured(ranks: int, setup: dict[str, Any]) -> dict[str, Any]:
    """Median seconds of a step of each, and the ratio of their speeds."""
    setup = {**setup, "model": {**setup["model"], **REST}}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    command = [sys.executable, *launcher, "-m", "benchmarks.programs.bare_and_argosy", json.dumps(setup)]
    threads = {"OMP_NUM_THREADS": "1"} if ranks > 1 else {}
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = json.loads(done.stdout.strip().splitlines()[-1])
    bare, argosy = (statistics.median(seconds[name]) for name in ("bare", "argosy"))
    return {"bare_s": bare, "argosy_s": argosy, "ratio": bare / argosy, "steps": len(seconds["bare"]), **setup}


if __name__ == "__main__":
    main()
