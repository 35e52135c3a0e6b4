"""Tokens per second of the loader beside bare memory-mapped NumPy, sequential and shuffled, page cache warm.

`bare NumPy` is what a plain training loop does: slice the memory map, stack, widen to int64. `tight NumPy` is the
least that can be done: one allocation, filled row by row. Argosy does that, finds the rows and crosses shards.
litdata and mosaicml-streaming are measured where they are installed.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from _common import Results, arguments, header, interleaved_medians, print_table, version
from _corpus import corpus_venture, write_corpus
from argosy.data import BatchPlan, TokenStore, open_dataset, prepare

ROW, BATCH = 1024, 8
PEERS = ("litdata", "mosaicml-streaming")
BASELINE = "bare NumPy"


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="loader")
    megabytes, rounds = (8, 5) if options.quick else (84, 11)
    head = header(["argosy", "numpy", *PEERS], corpus_mb=megabytes, row=ROW, batch=BATCH, dtype="uint16", rounds=rounds)
    results = Results(options.output, head, fresh=options.fresh)
    with tempfile.TemporaryDirectory() as folder:
        for order in ("sequential", "shuffled"):
            results.measure(order, lambda order=order: _measure(Path(folder), megabytes, order, rounds))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = [
        (f"{name}, {order}", f"{value / 1e6:.1f}", f"{value / figures[BASELINE]:.2f}")
        for order, figures in results.measurements.items()
        for name, value in figures.items()
        if name != "tokens"
    ]
    print_table(("loader", "M tokens/s", f"of {BASELINE}"), rows)
    missing = [name for name in PEERS if name not in results.measurements["shuffled"]]
    if missing:
        print(f"not installed, so not measured: {', '.join(missing)}", file=sys.stderr)


def _measure(folder: Path, megabytes: int, order: str, rounds: int) -> dict[str, float]:
    store = _store(folder, megabytes)
    data = np.memmap(folder / "run" / store.index.shards[0].file, dtype="<u2", mode="r")
    steps = (len(data) - 1) // ROW // BATCH
    shuffle = order == "shuffled"
    starts = np.arange(steps * BATCH) * ROW
    if shuffle:
        starts = np.random.default_rng(0).permutation(starts)
    batches = starts.reshape(steps, BATCH).tolist()
    loaders: dict[str, Callable[[], Iterator[int]]] = {
        BASELINE: lambda: _bare(data, batches),
        "tight NumPy": lambda: _tight(np.asarray(data), batches),
        "argosy": lambda: _argosy(store, steps, 0 if shuffle else None),
    }
    if version("litdata") != "not installed":
        loaders["litdata"] = _litdata(folder / f"litdata-{order}", data, shuffle=shuffle)
    if version("mosaicml-streaming") != "not installed":
        loaders["mosaicml-streaming"] = _mosaic(folder / f"mosaic-{order}", data, shuffle=shuffle)
    figures = interleaved_medians({name: lambda f=f: _tokens_per_s(f) for name, f in loaders.items()}, rounds)
    return {"tokens": float(len(data)), **figures}


def _tokens_per_s(loader: Callable[[], Iterator[int]]) -> float:
    begun = time.perf_counter()
    rows = sum(loader())
    return rows * ROW / (time.perf_counter() - begun)


def _bare(data: np.memmap, batches: list[list[int]]) -> Iterator[int]:
    for starts in batches:
        yield len(np.stack([data[start : start + ROW + 1] for start in starts]).astype(np.int64))


def _tight(data: np.ndarray, batches: list[list[int]]) -> Iterator[int]:
    for starts in batches:
        tokens = np.empty((BATCH, ROW + 1), dtype=np.int64)
        for row, start in enumerate(starts):
            tokens[row] = data[start : start + ROW + 1]
        yield len(tokens)


def _argosy(store: TokenStore, steps: int, seed: int | None) -> Iterator[int]:
    plan = BatchPlan(store, BATCH, ROW, seed)  # a fresh plan has nothing cached
    for step in range(steps):
        yield len(plan.batch(step).inputs)


def _litdata(folder: Path, data: np.memmap, *, shuffle: bool) -> Callable[[], Iterator[int]]:
    import torch
    from litdata import StreamingDataLoader, StreamingDataset, TokensLoader
    from litdata.streaming.cache import Cache

    cache = Cache(str(folder), chunk_bytes="64MB", item_loader=TokensLoader())
    for number, start in enumerate(range(0, len(data) - ROW, ROW)):
        cache[number] = torch.from_numpy(data[start : start + ROW].astype(np.int32))
    cache.done()
    cache.merge()

    def batches() -> Iterator[int]:
        dataset = StreamingDataset(str(folder), item_loader=TokensLoader(block_size=ROW), shuffle=shuffle)
        for batch in StreamingDataLoader(dataset, batch_size=BATCH, num_workers=0):
            yield len(batch.to(torch.int64))

    return batches


def _mosaic(folder: Path, data: np.memmap, *, shuffle: bool) -> Callable[[], Iterator[int]]:
    from streaming import MDSWriter, StreamingDataset

    with MDSWriter(out=str(folder), columns={"tokens": f"ndarray:uint16:{ROW}"}) as writer:
        for start in range(0, len(data) - ROW, ROW):
            writer.write({"tokens": data[start : start + ROW]})

    def batches() -> Iterator[int]:
        dataset = StreamingDataset(local=str(folder), shuffle=shuffle, batch_size=BATCH)
        rows = []
        for sample in dataset:
            rows.append(sample["tokens"])
            if len(rows) == BATCH:
                yield len(np.stack(rows).astype(np.int64))
                rows = []

    return batches


def _store(folder: Path, megabytes: int) -> TokenStore:
    if not (folder / "run").exists():
        write_corpus(folder / "corpus.jsonl", megabytes * 10**6)
        prepare(corpus_venture(folder, "corpus.jsonl", tokenizer_sample_mib=8), folder / "run")
    return open_dataset(folder / "run")


if __name__ == "__main__":
    main()
