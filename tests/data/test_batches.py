"""The cursor cannot lie: batches are a pure function of the step, whoever reads them."""

import contextlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.config import UserError
from argosy.data import BatchPlan, Cursor, Dataset, Prefetcher, TokenStore

STEPS = st.integers(0, 10**6)


@settings(max_examples=40, deadline=None)
@given(step=STEPS, batch_size=st.integers(1, 9), ranks=st.integers(1, 12))
def test_the_ranks_together_read_the_global_batch(store: TokenStore, step: int, batch_size: int, ranks: int) -> None:
    plan = BatchPlan(store, batch_size, 16, seed=3)
    whole = plan.batch(step)
    assert whole.inputs.shape == whole.targets.shape == (batch_size, 16)
    for rank in range(ranks):
        part = plan.batch(step, rank, ranks)
        np.testing.assert_array_equal(part.inputs, whole.inputs[rank::ranks])
        np.testing.assert_array_equal(part.targets, whole.targets[rank::ranks])


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=5))
def test_a_batch_does_not_depend_on_what_was_read_before(store: TokenStore, steps: list[int]) -> None:
    used = BatchPlan(store, 4, 16, seed=1)
    hashes = [used.batch_hash(step) for step in steps]
    assert hashes == [BatchPlan(store, 4, 16, seed=1).batch_hash(step) for step in steps]


def test_another_process_reads_the_same(store: TokenStore) -> None:
    program = (
        "import sys; from pathlib import Path; from argosy.data import BatchPlan, open_dataset;"
        f"print(BatchPlan(open_dataset(Path({str(store.folder)!r})), 4, 16, 7).batch_hash(1234))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == BatchPlan(store, 4, 16, 7).batch_hash(1234)


def test_rows_are_consecutive_tokens_of_the_stream(store: TokenStore) -> None:
    plan = BatchPlan(store, 4, 16, seed=0)
    streams = [store.stream("train", source) for source in range(2)]
    assert len({shard.file for shard in store.index.shards if shard.split == "train"}) > 4, "rows must cross shards"
    for step in range(50):
        batch = plan.batch(step)
        for place, (source, row) in enumerate(plan.rows(step).tolist()):
            expected = streams[source].read(row * 16, row * 16 + 17)
            assert batch.inputs[place].tolist() == expected[:-1].tolist()
            assert batch.targets[place].tolist() == expected[1:].tolist()


def test_one_epoch_sees_every_row_once(store: TokenStore) -> None:
    plan = BatchPlan(store, 1, 16, seed=0)
    sizes = [(source.tokens - 1) // 16 for source in store.index.sources]
    assert plan.rows_per_epoch == sum(sizes)
    seen = [tuple(plan.rows(step)[0]) for step in range(plan.rows_per_epoch)]
    assert sorted(seen) == [(source, row) for source, size in enumerate(sizes) for row in range(size)]
    assert plan.epochs(plan.rows_per_epoch) == [1.0, 1.0]


def test_seed_and_step_matter(store: TokenStore) -> None:
    hashes = {BatchPlan(store, 4, 16, seed).batch_hash(step) for seed in (0, 1) for step in range(4)}
    assert len(hashes) == 8


def weighted(store: TokenStore, *weights: float) -> Dataset:
    sources = (s.model_copy(update={"weight": w}) for s, w in zip(store.index.sources, weights, strict=True))
    return store.index.model_copy(update={"sources": tuple(sources)})


def test_weights_are_kept_in_every_block(store: TokenStore) -> None:
    plan = BatchPlan(weighted(store, 3.0, 1.0), 64, 16, seed=0)
    for step in range(100):
        assert np.bincount(plan.rows(step)[:, 0]).tolist() == [48, 16]


@pytest.mark.parametrize("change", ["seed", "batch_size", "sequence_length", "manifest_sha256", "step"])
def test_a_cursor_that_does_not_fit_raises(store: TokenStore, change: str) -> None:
    plan = BatchPlan(store, 4, 16, seed=0)
    cursor = plan.cursor(17)
    plan.check_cursor(Cursor.model_validate_json(cursor.model_dump_json()))
    value: object = "0" * 64 if change == "manifest_sha256" else -1 if change == "step" else 5
    with pytest.raises(UserError, match=change) as caught:
        plan.check_cursor(cursor.model_copy(update={change: value}))
    assert caught.value.code == "cursor-mismatch"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=3), st.integers(0, 60))
def test_steps_pass_over_batches_left_out(store: TokenStore, gaps: list[tuple[int, int]], step: int) -> None:
    ranges: list[tuple[int, int]] = []
    for gap, length in gaps:
        first = gap + 1 + (ranges[-1][1] if ranges else 0)
        ranges.append((first, first + length))
    whole, plan = BatchPlan(store, 4, 16, seed=0), BatchPlan(store, 4, 16, seed=0, skipped=tuple(ranges))
    left = [k for k in range(200) if not any(first <= k < end for first, end in ranges)]
    assert plan.number(step) == left[step]
    assert plan.batch_hash(step) == whole.batch_hash(left[step])
    parts = [plan.batch(step, rank, 2).inputs for rank in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts)[[0, 2, 1, 3]], whole.batch(left[step]).inputs)
    with pytest.raises(UserError, match="skipped") if ranges else contextlib.nullcontext():
        whole.check_cursor(plan.cursor(step))


def test_a_source_shorter_than_a_row_is_named(store: TokenStore) -> None:
    with pytest.raises(UserError, match="training tokens") as caught:
        BatchPlan(store, 4, store.index.sources[1].tokens, seed=0)
    assert caught.value.code == "corpus-too-short"


def test_prefetching_keeps_the_order_and_stops_its_thread(store: TokenStore) -> None:
    plan = BatchPlan(store, 4, 16, seed=0)
    with Prefetcher(plan, 5, 25, rank=1, ranks=2) as batches:
        read = list(batches)
    assert [step for step, _ in read] == list(range(5, 25))
    for step, batch in read:
        np.testing.assert_array_equal(batch.inputs, plan.batch(step, 1, 2).inputs)
    with Prefetcher(plan, 0, 10**9) as batches:
        next(iter(batches))
    assert not [thread for thread in threading.enumerate() if thread.name == "argosy-prefetch"]


def test_an_error_while_prefetching_reaches_the_reader(store: TokenStore) -> None:
    with (
        Prefetcher(BatchPlan(store.index, 4, 16, seed=0), 0, 2) as batches,
        pytest.raises(TypeError, match="TokenStore"),
    ):
        next(iter(batches))
