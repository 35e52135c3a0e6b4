"""The n-gram model against its textbook definition, and what no model may do."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from argosy.evaluation.baselines import ngram_bits_per_byte, xz_bits_per_byte

pytestmark = pytest.mark.fast


def _reference(train: bytes, document: bytes, order: int) -> float:
    """Witten–Bell by dictionaries, one byte at a time, as the formula reads."""
    counts: dict[bytes, Counter[int]] = defaultdict(Counter)
    for length in range(order):
        for end in range(length, len(train)):
            counts[train[end - length : end]][train[end]] += 1

    def probability(history: bytes, byte: int) -> float:
        lower = probability(history[1:], byte) if history else 1 / 256
        seen = counts.get(history)
        if not seen:
            return lower
        return (seen[byte] + len(seen) * lower) / (seen.total() + len(seen))

    padded = b"\0" * order + document
    surprise = [-math.log2(probability(padded[i - order + 1 : i], padded[i])) for i in range(order, len(padded))]
    return sum(surprise) / len(document)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_definition(order: int) -> None:
    train = b"\0the ship sails. the storm comes.\0the crew sees the port"
    document = b"the ship sees the quay"
    assert ngram_bits_per_byte(train, [document], order) == pytest.approx(_reference(train, document, order), rel=1e-9)


def test_probabilities_of_all_bytes_sum_to_one() -> None:
    train = bytes(np.random.default_rng(0).integers(1, 9, 400, dtype=np.uint8))
    history = train[100:104]
    total = 0.0
    for byte in range(1, 256):
        with_byte = 5 * ngram_bits_per_byte(train, [history + bytes([byte])], 5)
        without = 4 * ngram_bits_per_byte(train, [history], 5)
        total += 2 ** -(with_byte - without)
    assert total == pytest.approx(1.0, abs=0.05)  # the byte 0, kept for boundaries, has the rest
    assert total < 1.0


def test_training_helps_and_noise_does_not_compress() -> None:
    text = b"all hands on deck, the storm is coming. " * 40
    assert ngram_bits_per_byte(text, [text[:200]], 5) < 1.0 < 7.0 < ngram_bits_per_byte(b"zzzz", [text[:200]], 5)
    noise = bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8))
    assert xz_bits_per_byte([noise]) > 8.0 > 1.0 > xz_bits_per_byte([text])
