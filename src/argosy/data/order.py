"""The order of training rows: a pure function of (sizes, weights, seed), nothing stored, nothing to wind on.

Any stretch of the endless sequence of rows is computed directly, so starting at step one million costs what
starting at step nought costs.
"""

import hashlib
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

BLOCK_ROWS = 64  # every aligned block of so many rows holds each weighted source's share, to within one row
_ROUNDS = 8


class RowOrder(Protocol):
    """Which row of which source is the n-th to be trained on."""

    def rows(self, start: int, count: int) -> tuple[Ints, Ints]:
        """Return (source, row), each [count], of the global rows from `start` on."""
        ...

    def epochs(self, rows: int) -> list[float]:
        """Return how often each source has been gone through after so many global rows."""
        ...


def row_order(sizes: Sequence[int], weights: Sequence[float] | None, seed: int | None) -> RowOrder:
    """Return the order for sources of `sizes` rows; without weights an epoch is every row exactly once."""
    return Union(sizes, seed) if weights is None else Blend(sizes, weights, seed)


class Union:
    """Every row of every source once an epoch, each epoch in an order of its own."""

    def __init__(self, sizes: Sequence[int], seed: int | None) -> None:
        self.ends = np.cumsum(np.array(sizes, dtype=np.int64))
        self.total = int(self.ends[-1])
        self.key = derive_key(seed, "union")

    def rows(self, start: int, count: int) -> tuple[Ints, Ints]:
        """See `RowOrder`."""
        rows = shuffled(np.arange(start, start + count), self.total, self.key)
        sources = np.searchsorted(self.ends, rows, side="right")
        return sources, rows - np.append(0, self.ends)[sources]

    def epochs(self, rows: int) -> list[float]:
        """See `RowOrder`."""
        return [rows / self.total] * len(self.ends)


class Blend:
    """Each source its share of every block of rows; a source that runs out begins its next epoch.

    After n rows, n a multiple of `BLOCK_ROWS`, source s has given round(n·W_s) - round(n·W_{s-1}) rows, W the
    cumulative shares: within one row of its share at every block boundary, for ever, in exact arithmetic.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], seed: int | None) -> None:
        total = sum(Fraction(weight) for weight in weights)
        shares = [Fraction(weight) / total for weight in weights]
        self.cumulative = [sum(shares[: n + 1], Fraction(0)) for n in range(len(shares))]
        self.sizes = list(sizes)
        self.keys = [derive_key(seed, f"source {n}") for n in range(len(sizes))]
        self.block_key = derive_key(seed, "blocks")

    def rows(self, start: int, count: int) -> tuple[Ints, Ints]:
        """See `RowOrder`."""
        first, last = start // BLOCK_ROWS, -(-(start + count) // BLOCK_ROWS)
        sources, places = self._blocks(first, last)
        window = slice(start - first * BLOCK_ROWS, start - first * BLOCK_ROWS + count)
        sources, places = sources[window], places[window]
        rows = np.empty_like(places)
        for source, size in enumerate(self.sizes):
            here = sources == source
            rows[here] = shuffled(places[here], size, self.keys[source])
        return sources, rows

    def _blocks(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Return (source, how many rows that source gave before) of every row of blocks [first, last)."""
        bounds = np.array([self._bounds(block) for block in range(first, last + 1)])
        given = np.diff(bounds, axis=1, prepend=0)  # rows of each source before the block [blocks + 1, sources]
        ends = np.cumsum(given[1:] - given[:-1], axis=1)
        places = np.arange(BLOCK_ROWS)
        sources = (places[None, :, None] >= ends[:, None, :]).sum(axis=2)
        starts = np.take_along_axis(np.pad(ends, ((0, 0), (1, 0))), sources, axis=1)
        numbers = np.take_along_axis(given[:-1], sources, axis=1) + places - starts
        if self.block_key is not None:
            names = np.arange(first * BLOCK_ROWS, last * BLOCK_ROWS).astype(np.uint64)
            mixed = np.argsort(_mix(names ^ self.block_key).reshape(sources.shape), axis=1, kind="stable")
            sources = np.take_along_axis(sources, mixed, axis=1)
            ascending = numbers.copy()  # by source, and within a source in order: so they stay
            np.put_along_axis(numbers, np.argsort(sources, axis=1, kind="stable"), ascending, axis=1)
        return sources.ravel(), numbers.ravel()

    def _bounds(self, block: int) -> list[int]:
        rows = block * BLOCK_ROWS
        return [math.floor(share * rows + Fraction(1, 2)) for share in self.cumulative]

    def epochs(self, rows: int) -> list[float]:
        """See `RowOrder`."""
        shares = [b - a for a, b in zip([Fraction(0), *self.cumulative], self.cumulative, strict=False)]
        return [float(share * rows / size) for share, size in zip(shares, self.sizes, strict=True)]


def derive_key(seed: int | None, purpose: str) -> Words | None:
    """Return a 64-bit key [1]; None, the order as it lies, without a seed."""
    if seed is None:
        return None
    return np.frombuffer(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8], dtype="<u8").astype(np.uint64)


def shuffled(places: Ints, size: int, key: Words | None) -> Ints:
    """Map places of an endless sequence of epochs to [0, size): in each epoch another permutation."""
    epochs, places = np.divmod(places, size)
    if key is None or size == 1 or not len(places):
        return places
    if epochs[0] == epochs[-1] and (epochs == epochs[0]).all():
        epochs = epochs[:1]  # one key for all, the usual case
    return permute(places, size, _mix(key + _mix(epochs.astype(np.uint64))))


def permute(index: Ints, size: int, key: Words) -> Ints:
    """Apply a keyed permutation of [0, size) to `index` [N]; `key` is [1] or [N].

    A Feistel network over pairs (a, b) of [0, m)², m = ⌈√size⌉, whose round adds a hash of one half to the
    other modulo m; results outside [0, size) are walked on until inside (Black & Rogaway 2002, methods 2, 3).
    Places and pairs of places come out uniform; of a handful of rows not all orders are equally likely.
    """
    side = math.isqrt(size - 1) + 1
    keys = [_mix(key + np.uint64(round_)) for round_ in range(1, _ROUNDS + 1)]
    result = _feistel(index, side, keys)
    outside = np.flatnonzero(result >= size)
    while len(outside):
        own = keys if len(key) == 1 else [k[outside] for k in keys]
        result[outside] = _feistel(result[outside], side, own)
        outside = outside[result[outside] >= size]
    return result


def _feistel(index: Ints, side: int, keys: Sequence[Words]) -> Ints:
    modulus = np.uint64(side)
    left, right = np.divmod(index.astype(np.uint64), modulus)
    for key in keys:
        left, right = right, (left + _mix(right ^ key) % modulus) % modulus
    return (left * modulus + right).astype(np.int64)


def _mix(words: Words) -> Words:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): a bijection of 64-bit words that avalanches."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
