"""Decisions that follow from a document's hash alone, so that order and neighbours never change them."""

import hashlib
import heapq
from collections.abc import Iterator


def text_digest(encoded: bytes) -> bytes:
    """SHA-256 of a text's UTF-8 bytes, which decides whether it is held out and whether it is sampled."""
    return hashlib.sha256(encoded).digest()


def is_held_out(digest: bytes, fraction: float) -> bool:
    """Whether the document with this hash is held out; exact duplicates share the answer."""
    return int.from_bytes(digest[:8]) < fraction * 2**64


class HashSample:
    """The first `limit` bytes of a corpus ordered by hash, found in one pass in about `limit` of memory.

    The result does not depend on the order in which documents are offered; exact duplicates count once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._ceiling = 1 << 256  # a document with this key or a higher one can no longer be in the sample
        self._heap: list[tuple[int, bytes]] = []
        self._keys: set[int] = set()

    def offer(self, digest: bytes, text: bytes) -> None:
        """Consider a document."""
        key = int.from_bytes(digest[8:])  # the first 8 bytes chose the split
        if key >= self._ceiling or key in self._keys:
            return
        heapq.heappush(self._heap, (-key, text[: self._limit]))
        self._keys.add(key)
        self._size += min(len(text), self._limit)
        while self._size - len(self._heap[0][1]) >= self._limit:
            key, dropped = heapq.heappop(self._heap)
            self._size -= len(dropped)
            self._ceiling = -key
            self._keys.remove(-key)

    def texts(self) -> Iterator[str]:
        """Yield the sample by increasing hash, the last text cut at the limit."""
        left = self._limit
        for _, text in sorted(self._heap, reverse=True):
            yield text[:left].decode(errors="ignore")
            left -= len(text[:left])
