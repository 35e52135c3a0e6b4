"""The n-gram model against its textbook definition, and what no model may do."""

import lzma
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.evaluation.baselines import ngram_bits_per_byte, xz_bits_per_byte

pytestmark = pytest.mark.fast

History = tuple[int | str, ...]


def _reference(train: list[bytes], documents: list[bytes], order: int) -> float:
    """Witten–Bell by dictionaries, one byte at a time, as the formula reads."""
    counts: dict[History, Counter[int]] = defaultdict(Counter)
    for document in train:
        for history, byte in _histories(document, order):
            for length in range(order):
                counts[history[len(history) - length :]][byte] += 1

    def probability(history: History, byte: int) -> float:
        lower = probability(history[1:], byte) if history else 1 / 256
        seen = counts.get(history)
        if not seen:
            return lower
        return (seen[byte] + len(seen) * lower) / (seen.total() + len(seen))

    surprise = [-math.log2(probability(*pair)) for document in documents for pair in _histories(document, order)]
    return sum(surprise) / len(surprise)


def _histories(document: bytes, order: int) -> list[tuple[History, int]]:
    padded: list[int | str] = [*["begin"] * (order - 1), *document]
    return [(tuple(padded[at : at + order - 1]), byte) for at, byte in enumerate(document)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_definition(order: int) -> None:
    train = [b"the ship sails. the storm comes.", b"the crew sees the port", b"\0\xff\0"]
    documents = [b"the ship sees the quay", b"", b"\0 zero \xff"]
    found = ngram_bits_per_byte(train, documents, order)
    assert found == pytest.approx(_reference(train, documents, order), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    train=st.lists(st.binary(max_size=30).map(lambda text: bytes(byte % 3 for byte in text)), max_size=4),
    document=st.binary(min_size=1, max_size=12).map(lambda text: bytes(byte % 4 for byte in text)),
    order=st.integers(1, 7),
)
def test_equals_the_definition_on_any_text(train: list[bytes], document: bytes, order: int) -> None:
    found = ngram_bits_per_byte(train, [document], order)
    assert found == pytest.approx(_reference(train, [document], order), rel=1e-12)


@pytest.mark.parametrize("history", [b"", b"\2\5", b"never seen"])
def test_the_probabilities_of_the_256_bytes_add_up_to_one(history: bytes) -> None:
    train = [bytes(np.random.default_rng(0).integers(0, 9, 400, dtype=np.uint8))]
    before = len(history) * ngram_bits_per_byte(train, [history], 5) if history else 0.0
    after = [(len(history) + 1) * ngram_bits_per_byte(train, [history + bytes([byte])], 5) for byte in range(256)]
    assert sum(2 ** (before - bits) for bits in after) == pytest.approx(1.0, rel=1e-9)


def test_training_helps_and_noise_does_not_compress() -> None:
    text = b"all hands on deck, the storm is coming. " * 40
    assert ngram_bits_per_byte([text], [text[:200]], 5) < 1.0 < 7.0 < ngram_bits_per_byte([b"zzzz"], [text[:200]], 5)
    assert ngram_bits_per_byte([], [text], 5) == 8.0
    noise = bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8))
    assert xz_bits_per_byte([noise]) > 8.0 > 1.0 > xz_bits_per_byte([text])


def test_xz_compresses_the_documents_in_one_stream() -> None:
    documents = [b"the ship sails to the port", b"the ship sails to the quay"]
    expected = lzma.compress(b"".join(documents), preset=9)
    assert xz_bits_per_byte(documents) == 8 * len(expected) / sum(map(len, documents))
