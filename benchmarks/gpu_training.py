"""Training on one GPU: tokens per second and MFU of `argosy train`, bfloat16, compiled, 0.1 to 1 B parameters.

MFU is PaLM's: 6N + 12LDT FLOPs a token against the data sheet's dense peak; 50 % is the aim. Figures are medians of
steps after the warm-up. Where a micro-batch does not fit into memory, its row says so. Without a GPU: nothing.
"""

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from _common import Results, arguments, header, print_table
from _training import Prepared, prepared
from _turns import WARMUP_STEPS, Contestant, metrics_ends, step_times

VENTURE = """
name = "gpu"
[data]
sequence_length = 2048
vocabulary_size = 32768
[[data.sources]]
kind = "python-stdlib"
[model]
size = "100M"
[training]
steps = 100000
learning_rate = 1e-4
precision = "bfloat16"
compile = true
checkpoint_every = 100000
"""
SHAPES = [("100M", 2048, 32_768), ("300M", 2048, 32_768), ("1B", 2048, 16_384), ("1B", 4096, 16_384)]
BATCH = 131_072  # tokens


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="gpu_training")
    if not torch.cuda.is_available():
        print("no GPU here")
        return
    shapes = SHAPES[:1] if options.quick else SHAPES
    head = header(["argosy", "torch"], gpu=torch.cuda.get_device_name(), batch_tokens=BATCH, venture=VENTURE)
    results = Results(options.output, head, fresh=options.fresh)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        text = prepared(Path(folder) / "text", VENTURE)
        for size, length, tokens in shapes:
            name = f"{size}, sequences of {length}, micro-batches of {tokens}"
            found = results.measure(name, lambda s=size, t=length, n=tokens: _measure(text, s, t, n // t))
            if "failed" in found:
                rows.append((name, "failed", "", ""))
                continue
            rows.append((name, f"{found['tokens_per_s']:,.0f}", f"{found['mfu']:.1%}", f"{found['memory_gib']:.1f}"))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table((results.head["configuration"]["gpu"], "tokens/s", "MFU", "memory, GiB"), rows)


def _measure(text: Prepared, size: str, length: int, micro_batch: int) -> dict[str, Any]:
    run, rows = text.copy(), BATCH // length
    settings = f"model.size={size}", f"data.sequence_length={length}", f"training.batch_size={rows}"
    command = text.command(run, *settings, f"training.micro_batch={micro_batch}")
    failed: dict[str, str] = {}
    step_times([Contestant("argosy", command, lambda: metrics_ends(run.metrics))], turns=2, threads=4, failed=failed)
    if failed:
        return {"failed": failed["argosy"]}
    parameters = next(event["parameters"] for event in run.read_events() if event["kind"] == "started")
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()[WARMUP_STEPS:-1]]
    found = {name: statistics.median(line[name] for line in lines) for name in ("tokens_per_s", "mfu", "memory_gib")}
    return {**found, "steps": len(lines), "parameters": parameters}


if __name__ == "__main__":
    main()
