"""Two yardsticks on the same held-out bytes: a compressor and a byte 5-gram model."""

import lzma
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from argosy.data import TokenStore
from argosy.evaluation.results import Baseline
from argosy.progress import progress

ORDER = 5
TRAIN_BYTES = 64 << 20
BOUNDARY = b"\0"  # stands between documents, and is not itself predicted

Keys = npt.NDArray[np.uint64]


def measure_baselines(store: TokenStore) -> tuple[Baseline, ...]:
    """`xz -9` over all held-out documents, and a byte 5-gram trained on the training split."""
    documents = list(store.held_out_bytes())
    train = BOUNDARY.join(store.train_bytes(TRAIN_BYTES))
    with progress("baselines", None, "steps"):
        xz = xz_bits_per_byte(documents)
        ngram = ngram_bits_per_byte(train, documents, ORDER)
    return (
        Baseline(name="xz -9", bits_per_byte=xz, note="the held-out documents in one stream, without training text"),
        Baseline(
            name=f"byte {ORDER}-gram",
            bits_per_byte=ngram,
            note=f"Witten–Bell, trained on {len(train) / 1e6:.1f} MB of the training documents",
        ),
    )


def xz_bits_per_byte(documents: Iterable[bytes]) -> float:
    """Size of the documents compressed together by `xz -9`, in bits for each of their bytes."""
    text = b"".join(documents)
    return 8 * len(lzma.compress(text, preset=9)) / len(text)


def ngram_bits_per_byte(train: bytes, documents: Iterable[bytes], order: int) -> float:
    """Mean surprise of the documents' bytes under an interpolated n-gram model.

    p(b | h) = (c(hb) + n(h)·p(b | h′)) / (c(h) + n(h)), with c the counts in `train`, n(h) the number of different
    bytes seen after h, and h′ the history without its first byte; the recursion ends at 1/256
    (Witten & Bell 1991, method C, as interpolated in Chen & Goodman 1999, equation 12). Documents are kept apart by a
    byte that is not predicted.
    """
    held_out = BOUNDARY.join([b"", *documents])
    text = np.frombuffer(held_out, dtype=np.uint8)
    predicted = np.flatnonzero(text != 0) if BOUNDARY in held_out else np.arange(len(text))
    corpus = np.frombuffer(train, dtype=np.uint8)
    probability = np.full(len(predicted), 1 / 256)
    for length in range(1, min(order, len(corpus)) + 1):
        grams, counts = np.unique(_windows(corpus, length), return_counts=True)
        histories, first, followers = np.unique(grams >> np.uint64(8), return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first)
        wanted = _windows(np.concatenate([np.zeros(length - 1, np.uint8), text]), length)[predicted]
        seen = _look_up(grams, counts, wanted)
        total = _look_up(histories, totals, wanted >> np.uint64(8))
        kinds = _look_up(histories, followers, wanted >> np.uint64(8))
        known = total > 0
        probability[known] = ((seen + kinds * probability) / np.maximum(1, total + kinds))[known]
    return float(-np.log2(probability).mean())


def _windows(text: npt.NDArray[np.uint8], length: int) -> Keys:
    """Every run of `length` bytes as one number, its last byte lowest."""
    keys = np.zeros(max(0, len(text) - length + 1), dtype=np.uint64)
    for offset in range(length):
        keys <<= np.uint64(8)
        keys |= text[offset : len(text) - length + 1 + offset]
    return keys


def _look_up(keys: Keys, values: npt.NDArray[np.int64], wanted: Keys) -> npt.NDArray[np.int64]:
    """Value of each wanted key, 0 where it is absent."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
