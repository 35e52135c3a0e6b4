"""From a step to its batch: a pure function of (manifest hash, seed, step) on any number of processes."""

import hashlib
import queue
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.config import UserError
from argosy.data.order import row_order
from argosy.data.results import Cursor, Dataset, Ranges
from argosy.data.store import TokenStore, TokenStream, open_dataset

Ints = npt.NDArray[np.int64]

_CHUNK_ROWS = 4096  # the order is worked out for so many rows at once, a millisecond's work


class Batch(NamedTuple):
    """One rank's rows of one global batch; `inputs` and `targets` are views of the same tokens."""

    inputs: Ints
    """Tokens, [b, T]."""
    targets: Ints
    """The token after each, [b, T]."""


class BatchPlan:
    """Which tokens are trained on at which step.

    Row i of a source is its tokens [i·T, i·T + T], T inputs and the last target; a tail under T is left.
    The order of rows is `order.row_order`'s; step k takes the global rows [k·B, k·B + B). Rank r of n reads
    r, r + n, r + 2n, … of them. With `seed` None the rows come as they lie. With `skipped` batches, as `Cursor` has
    them, step k takes the k-th batch that is not one of them.

    Raises:
        UserError: `corpus-too-short` when a source has less than one row.
    """

    def __init__(
        self,
        data: TokenStore | Dataset,
        batch_size: int,
        sequence_length: int,
        seed: int | None,
        skipped: Ranges = (),
    ) -> None:
        self.skipped = skipped
        self.index = data.index if isinstance(data, TokenStore) else data
        self.batch_size, self.sequence_length, self.seed = batch_size, sequence_length, seed
        self.manifest_sha256 = self.index.manifest_sha256
        sizes = [(source.tokens - 1) // sequence_length for source in self.index.sources]
        for source, size in zip(self.index.sources, sizes, strict=True):
            if size < 1:
                raise too_short(source.title, source.documents, source.tokens, sequence_length)
        weights = [source.weight for source in self.index.sources if source.weight is not None]
        self.rows_per_epoch = sum(sizes)
        self._order = row_order(sizes, weights if len(weights) == len(sizes) else None, seed)
        self._chunk = lru_cache(maxsize=4)(self._compute_chunk)
        self._streams: list[TokenStream] = []
        if isinstance(data, TokenStore):
            self._streams = [data.stream("train", n) for n in range(len(sizes))]

    def number(self, step: int) -> int:
        """The batch of a step, counted as if none were left out."""
        for first, end in self.skipped:
            if first <= step:
                step += end - first
        return step

    def rows(self, step: int) -> Ints:
        """The (source, row) of each row of the global batch, [B, 2]."""
        return np.array(self._rows(step), dtype=np.int64)

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """Read one rank's part of the batch of a step; b is ⌈(B - rank) / ranks⌉."""
        rows = self._rows(step)[rank::ranks]
        tokens = self._tokens(rows)
        return Batch(tokens[:, :-1], tokens[:, 1:])

    def batch_hash(self, step: int) -> str:
        """SHA-256 of the global batch: its [B, T + 1] tokens as little-endian int64."""
        return hashlib.sha256(self._tokens(self._rows(step)).astype("<i8").tobytes()).hexdigest()

    def cursor(self, step: int) -> Cursor:
        """What must be kept to go on at `step`."""
        return Cursor(
            manifest_sha256=self.manifest_sha256,
            seed=self.seed,
            batch_size=self.batch_size,
            sequence_length=self.sequence_length,
            step=step,
            skipped=self.skipped,
        )

    def check_cursor(self, cursor: Cursor) -> None:
        """Raise `UserError` `cursor-mismatch`, naming what differs, unless the cursor is one of this plan."""
        here = self.cursor(cursor.step).model_dump()
        parts = [
            f"{name}: {there} in the checkpoint, {here[name]} here"
            for name, there in cursor.model_dump().items()
            if there != here[name]
        ]
        if cursor.step < 0:
            parts.append(f"step: {cursor.step}")
        if parts:
            raise UserError(
                "cursor-mismatch",
                "the checkpoint's place in the data does not fit this data\n" + "\n".join(f"  {p}" for p in parts),
                hint="go on with the data and settings it was trained with, or start another run",
            )

    def epochs(self, step: int) -> list[float]:
        """How often each source has been gone through before `step`."""
        return self._order.epochs(self.number(step) * self.batch_size)

    def _rows(self, step: int) -> list[tuple[int, int]]:
        if step < 0:
            raise ValueError(f"step {step} is before the first")
        start, rows = self.number(step) * self.batch_size, []
        end = start + self.batch_size
        while start < end:
            chunk, begin = divmod(start, _CHUNK_ROWS)
            part = self._chunk(chunk)[begin : begin + end - start]
            rows += part
            start += len(part)
        return rows

    def _compute_chunk(self, chunk: int) -> list[tuple[int, int]]:
        sources, rows = self._order.rows(chunk * _CHUNK_ROWS, _CHUNK_ROWS)
        return list(zip(sources.tolist(), rows.tolist(), strict=True))

    def _tokens(self, rows: list[tuple[int, int]]) -> Ints:
        if not self._streams:
            raise TypeError("this plan was made from an index alone; tokens need a TokenStore")
        length = self.sequence_length
        tokens = np.empty((len(rows), length + 1), dtype=np.int64)
        for place, (source, row) in enumerate(rows):
            self._streams[source].read_into(tokens[place], row * length)
        return tokens


def too_short(title: str, documents: int, tokens: int, sequence_length: int) -> UserError:
    """The error for a source with less than one training row."""
    return UserError(
        "corpus-too-short",
        f"source {title!r} has {tokens:,} training tokens in {documents:,} documents, "
        f"and one sequence takes {sequence_length + 1:,}",
        hint="add text, or lower data.sequence_length",
    )


class Sequences(NamedTuple):
    """Text to train on: prepared tokens, cut into sequences."""

    store: TokenStore
    """The tokens; a part of them is held out."""
    length: int
    """Tokens in one sequence."""


def sequences(folder: Path | str, length: int = 512) -> Sequences:
    """Open text that `argosy prepare` made into tokens, of a run or of its `data` folder; raises as `open_dataset`."""
    folder = Path(folder)
    return Sequences(open_dataset(folder / "data" if (folder / "data").is_dir() else folder), length)


class Prefetcher:
    """Iterate (step, batch) with one thread reading ahead, in order.

    An error of the thread is raised where its batch would have come. Use as a context manager, or `close`.
    """

    def __init__(self, plan: BatchPlan, first: int, end: int, *, rank: int = 0, ranks: int = 1, depth: int = 2) -> None:
        self._queue: queue.Queue[tuple[int, Batch] | BaseException | None] = queue.Queue(depth)
        self._stop = threading.Event()
        work = (plan, range(first, end), rank, ranks)
        self._thread = threading.Thread(target=self._read, args=work, name="argosy-prefetch", daemon=True)
        self._thread.start()

    def _read(self, plan: BatchPlan, steps: range, rank: int, ranks: int) -> None:
        try:
            for step in steps:
                self._put((step, plan.batch(step, rank, ranks)))
                if self._stop.is_set():
                    return
            self._put(None)
        except BaseException as error:  # handed over, to be raised in the thread that asked
            self._put(error)

    def _put(self, item: tuple[int, Batch] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def __enter__(self) -> "Prefetcher":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread; batches read ahead are dropped."""
        self._stop.set()
        self._thread.join()
