"""The order of rows: permutations, shares, and nothing that depends on where one starts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.data.order import BLOCK_ROWS, Blend, Union, derive_key, permute, row_order

SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**64)


def pairs(order: Union | Blend, start: int, count: int) -> list[tuple[int, int]]:
    sources, rows = order.rows(start, count)
    return list(zip(sources.tolist(), rows.tolist(), strict=True))


@given(size=st.integers(1, 3000), seed=SEEDS)
def test_a_permutation(size: int, seed: int) -> None:
    key = derive_key(seed, "test")
    assert key is not None
    assert sorted(permute(np.arange(size), size, key).tolist()) == list(range(size))


@given(sizes=SIZES, seed=st.none() | SEEDS, epoch=st.integers(0, 10**9))
def test_an_epoch_of_the_union_is_every_row_once(sizes: list[int], seed: int | None, epoch: int) -> None:
    every = [(source, row) for source, size in enumerate(sizes) for row in range(size)]
    rows = pairs(Union(sizes, seed), epoch * len(every), len(every))
    assert sorted(rows) == every
    if seed is None:
        assert rows == every


@given(sizes=SIZES, seed=SEEDS, start=st.integers(0, 5000), count=st.integers(1, 500), data=st.data())
def test_any_stretch_can_be_computed_alone(
    sizes: list[int], seed: int, start: int, count: int, data: st.DataObject
) -> None:
    weights = data.draw(st.none() | st.lists(st.floats(0.01, 100), min_size=len(sizes), max_size=len(sizes)))
    order = row_order(sizes, weights, seed)
    whole = pairs(order, 0, start + count)  # type: ignore[arg-type]
    assert pairs(order, start, count) == whole[start:]  # type: ignore[arg-type]


@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=5),
    seed=st.none() | SEEDS,
    block=st.integers(0, 10**12),
)
def test_every_block_has_the_weighted_shares(weights: list[float], seed: int | None, block: int) -> None:
    order = Blend([7] * len(weights), weights, seed)
    sources, _ = order.rows(block * BLOCK_ROWS, BLOCK_ROWS)
    counts = np.bincount(sources, minlength=len(weights))
    shares = np.array(weights) / sum(weights) * BLOCK_ROWS
    assert counts.sum() == BLOCK_ROWS
    assert (abs(counts - shares) < 2 + 1e-6).all()  # each end of the block is within one row of the exact share


@given(sizes=SIZES, seed=SEEDS, data=st.data())
@settings(max_examples=30)
def test_a_weighted_source_gives_every_row_once_an_epoch(sizes: list[int], seed: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0.2, 5), min_size=len(sizes), max_size=len(sizes)))
    sources, rows = Blend(sizes, weights, seed).rows(0, 5000)
    for source, size in enumerate(sizes):
        own = rows[sources == source]
        for epoch in range(min(5, len(own) // size)):
            assert sorted(own[epoch * size : (epoch + 1) * size].tolist()) == list(range(size))


def test_seed_source_and_epoch_each_change_the_order() -> None:
    def first(seed: int, epoch: int) -> list[int]:
        return Union([100], seed).rows(100 * epoch, 100)[1].tolist()

    assert len({tuple(first(seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25
    sources, rows = Blend([100, 100], [1, 1], 0).rows(0, 128)
    assert rows[sources == 0].tolist() != rows[sources == 1].tolist()


@pytest.mark.parametrize("size", [10, 37, 500])
def test_every_place_and_pair_of_places_is_equally_likely(size: int) -> None:
    keys = np.random.default_rng(0).integers(0, 2**64, size=100 * size * (size - 1), dtype=np.uint64)[:1_000_000]
    first, second = (permute(np.full(len(keys), place), size, keys) for place in (3, 7))
    for counts in (np.bincount(first), np.bincount((second - first) % size)[1:]):
        expected = len(keys) / len(counts)
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < len(counts) + 6 * (2 * len(counts)) ** 0.5  # mean and six standard deviations


def test_epochs_are_counted() -> None:
    assert Union([10, 30], 0).epochs(60) == [1.5, 1.5]
    assert Blend([10, 30], [1, 1], 0).epochs(60) == [3.0, 1.0]
