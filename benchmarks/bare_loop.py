"""The best plain training loop one can write with the same parts: the yardstick of `overhead.py`.

Same model, loss, optimiser, precision and batch shape as the venture of a prepared run; no checkpoints, no metrics
file, no held-out loss, no data order: batches are slices of the memory map. Writes the time at which each step ended.

    python benchmarks/bare_loop.py RUN PRECISION OUT [compiled]
"""

import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
import torch

from argosy.config import resolve_recipe, transformer_config
from argosy.data import open_dataset
from argosy.models import Transformer
from argosy.storage import Run
from argosy.training import summed_loss
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES, compile_blocks


def main() -> None:
    """Train until killed."""
    run, precision, out = Run(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
    venture = run.venture()
    store = open_dataset(run.data, verify=False)
    config = transformer_config(venture, store.index.vocabulary_size)
    recipe = resolve_recipe(venture, config)
    data = np.memmap(run.data / store.index.shards[0].file, dtype=f"<{store.index.dtype[0]}2", mode="r")
    model = Transformer(config)
    model.initialise(0)
    optimizers = build_optimizers([model], venture.training, recipe.learning_rate, precision)
    dtype = DTYPES[precision]
    length, rows = recipe.sequence_length, recipe.batch_size
    if sys.argv[4:] == ["compiled"]:
        tokens = torch.zeros((rows, length), dtype=torch.long)
        compile_blocks(list(model.blocks), lambda: model.hidden(tokens).sum().backward())
        model.zero_grad()
    with out.open("w", buffering=1) as ends:
        for step in count():
            starts = (step * rows + np.arange(rows)) * length % (len(data) - length - 1)
            batch = torch.from_numpy(np.stack([data[s : s + length + 1] for s in starts]).astype(np.int64))
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                hidden = model.hidden(batch[:, :-1])
            loss = summed_loss(hidden, model.head.weight, batch[:, 1:], dtype) / (rows * length)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            loss.item()
            ends.write(f"{time.perf_counter()}\n")


if __name__ == "__main__":
    main()
