"""The best plain training loop one can write with the same parts: the yardstick of `overhead.py`.

Same model, loss, optimiser, precision and batch shape as the venture it is given; no checkpoints, no metrics file, no
held-out loss, no data order: batches are slices of the memory map. Prints tokens per second after the warm-up steps.

    python benchmarks/bare_loop.py RUN STEPS WARMUP        (RUN: a prepared run folder)
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from argosy.config import resolve_recipe, transformer_config
from argosy.data import open_dataset
from argosy.models import Transformer
from argosy.storage import Run
from argosy.training import summed_loss
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES


def main() -> None:
    """Train and print tokens per second."""
    run, steps, warmup = Run(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    venture = run.venture()
    store = open_dataset(run.data, verify=False)
    config = transformer_config(venture, store.index.vocabulary_size)
    recipe = resolve_recipe(venture, config)
    data = np.memmap(run.data / store.index.shards[0].file, dtype=f"<{store.index.dtype[0]}2", mode="r")
    model = Transformer(config)
    model.initialise(0)
    precision = venture.training.precision
    optimizers = build_optimizers(model, venture.training, recipe.learning_rate, precision)
    dtype = DTYPES[precision]
    length, rows = recipe.sequence_length, recipe.batch_size
    begun = 0.0
    for step in range(steps):
        if step == warmup:
            begun = time.perf_counter()
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
    print((steps - warmup) * rows * length / (time.perf_counter() - begun))


if __name__ == "__main__":
    main()
