"""Two yardsticks on the same held-out text: a compressor and a byte 5-gram model."""

import lzma
from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

from argosy.data import TokenStore
from argosy.evaluation.results import Baseline
from argosy.progress import progress

ORDER = 5
TRAIN_BYTES = 64 << 20  # counted in about 1.2 GB of memory
HELD_OUT_BYTES = 8 << 20
BOUNDARY, SYMBOL_BITS = 256, np.uint64(9)  # a symbol is a byte, or the boundary before a document

Symbols = npt.NDArray[np.uint16]
Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


def measure_baselines(store: TokenStore) -> tuple[Baseline, ...]:
    """`xz -9` over the held-out documents, and a byte 5-gram trained on the training split.

    Of more than `HELD_OUT_BYTES` of held-out text, documents at even distances are taken.
    """
    stride = max(1, -(-store.index.held_out_bytes // HELD_OUT_BYTES))
    with progress("Baselines", None, "steps"):
        documents = list(islice(store.held_out_bytes(), 0, None, stride))
        train = list(store.train_bytes(TRAIN_BYTES))
        xz = xz_bits_per_byte(documents)
        ngram = ngram_bits_per_byte(train, documents, ORDER)
    some = "the held-out documents" if stride == 1 else f"one held-out document in {stride}"
    megabytes = sum(map(len, train)) / 1e6
    return (
        Baseline(name="xz -9", bits_per_byte=xz, note=f"{some} in one stream, without training text"),
        Baseline(
            name=f"byte {ORDER}-gram",
            bits_per_byte=ngram,
            note=f"Witten–Bell, trained on {megabytes:.1f} MB of the training documents; {some}",
        ),
    )


def xz_bits_per_byte(documents: Iterable[bytes]) -> float:
    """Size of the documents compressed together by `xz -9`, in bits for each of their bytes."""
    text = b"".join(documents)
    return 8 * len(lzma.compress(text, preset=9)) / len(text)


def ngram_bits_per_byte(train: Iterable[bytes], documents: Iterable[bytes], order: int) -> float:
    """Mean surprise of the documents' bytes under an interpolated n-gram model of `order` up to 7.

    p(b | h) = (c(hb) + n(h)·p(b | h′)) / (c(h) + n(h)), with c the counts in `train`, n(h) the number of different
    bytes seen after h, and h′ the history without its first symbol; the recursion ends at 1/256
    (Witten & Bell 1991, method C, as interpolated in Chen & Goodman 1999, equation 12). A document begins with a
    history of boundaries; these are not predicted, so the 256 probabilities add up to 1.
    """
    corpus, text = _symbols(train, order), _symbols(documents, order)
    predicted = np.flatnonzero(text != BOUNDARY)
    probability = np.full(len(predicted), 1 / 256)
    for length in range(1, order + 1):
        grams, counts = _count(_windows(corpus, length))
        histories, first, followers = np.unique(grams >> SYMBOL_BITS, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first) if len(first) else counts
        wanted = _windows(text, length)[predicted - (length - 1)]
        seen = _look_up(grams, counts, wanted)
        total = _look_up(histories, totals, wanted >> SYMBOL_BITS)
        kinds = _look_up(histories, followers, wanted >> SYMBOL_BITS)
        known = total > 0
        probability[known] = ((seen + kinds * probability) / np.maximum(1, total + kinds))[known]
    return float(-np.log2(probability).mean())


def _symbols(documents: Iterable[bytes], order: int) -> Symbols:
    """The documents end to end, each after `order` - 1 boundaries, so that no history reaches into another."""
    gap = np.full(max(1, order - 1), BOUNDARY, dtype=np.uint16)
    parts = [part for document in documents for part in (gap, np.frombuffer(document, dtype=np.uint8))]
    return np.concatenate([gap, *parts])


def _windows(text: Symbols, length: int) -> Keys:
    """Every run of `length` symbols as one number, its last symbol lowest."""
    keys = np.zeros(max(0, len(text) - length + 1), dtype=np.uint64)
    for offset in range(length):
        keys <<= SYMBOL_BITS
        keys |= text[offset : offset + len(keys)]
    return keys


def _count(keys: Keys) -> tuple[Keys, Counts]:
    """The different keys that end in a byte, in order, and how often each occurs; sorts `keys` in place."""
    keys.sort()
    changes = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=changes[1:])
    first = np.flatnonzero(changes)
    grams, counts = keys[first], np.diff(first, append=len(keys))
    ends_in_byte = grams & np.uint64((1 << 9) - 1) != BOUNDARY
    return grams[ends_in_byte], counts[ends_in_byte]


def _look_up(keys: Keys, values: Counts, wanted: Keys) -> Counts:
    """Value of each wanted key, 0 where it is absent."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
