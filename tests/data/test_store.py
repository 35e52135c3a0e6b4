"""Reading prepared data: every held-out token once, documents by token, damage refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.config import UserError
from argosy.data import IGNORED, BatchPlan, TokenStore, open_dataset, trace
from argosy.data.store import TokenStream


@given(sizes=st.lists(st.integers(0, 9), min_size=1), data=st.data())
def test_a_stream_reads_across_its_parts(sizes: list[int], data: st.DataObject) -> None:
    whole = np.arange(sum(sizes), dtype=np.uint16)
    stream = TokenStream(np.split(whole, np.cumsum(sizes)[:-1]))
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert len(stream) == len(whole)
    assert stream.read(start, stop).tolist() == whole[start:stop].tolist()


@pytest.mark.parametrize("length", [16, 33, 100_000])
def test_held_out_rows_predict_every_text_token_once(store: TokenStore, length: int) -> None:
    rows = list(store.held_out(length))
    targets = np.concatenate([row[1] for row in rows])
    counted = targets[targets != IGNORED]
    assert all(inputs.shape == targets.shape == (length,) for inputs, targets in rows)
    assert len(counted) == store.index.held_out_tokens - store.index.held_out_documents
    assert store.token_bytes[counted].sum() == store.index.held_out_bytes
    assert store.tokenizer.decode_bytes(counted.tolist()) == b"".join(store.held_out_bytes())


def test_held_out_inputs_come_just_before_their_targets(store: TokenStore) -> None:
    rows = list(store.held_out(16))
    inputs, targets = (np.concatenate([row[side] for row in rows]) for side in (0, 1))
    real = store.index.held_out_tokens - 1
    shown = targets[: real - 1]
    np.testing.assert_array_equal(inputs[1:real][shown != IGNORED], shown[shown != IGNORED])
    assert (inputs[1:real][shown == IGNORED] == store.index.separator_id).all()
    assert (targets[real:] == IGNORED).all()


@settings(max_examples=20)
@given(limit=st.integers(0, 500))
def test_held_out_can_end_early(store: TokenStore, limit: int) -> None:
    whole, part = (
        [t for _, targets in rows for t in targets.tolist()] for rows in (store.held_out(16), store.held_out(16, limit))
    )
    assert part[:limit] == whole[:limit]
    assert all(target == IGNORED for target in part[limit:])
    assert len(part) == -(-limit // 16) * 16


def test_train_bytes_stop_at_the_limit_and_share_it(store: TokenStore) -> None:
    limit = store.index.bytes // 3
    texts = list(store.train_bytes(limit))
    assert 0.8 * limit < sum(map(len, texts)) <= limit
    numbers = {int(text.split()[1].rstrip(b":")) for text in texts}
    assert min(numbers) < 200 <= max(numbers)


def test_documents_are_found_by_token(store: TokenStore) -> None:
    for split in ("train", "held_out"):
        for source in (0, 1):
            stream, documents = store.stream(split, source), store.documents(split, source)
            tokens = stream.read(0, len(stream))
            number = -1
            for offset, token in enumerate(tokens.tolist()):
                number += token == store.index.separator_id
                assert documents.number_at(offset) == number
            record = store.document_at(split, source, len(stream) - 1)
            assert record == documents.record(len(documents) - 1)
            with pytest.raises(IndexError):
                documents.number_at(len(stream))


def test_a_batch_is_traced_to_its_documents(store: TokenStore) -> None:
    plan = BatchPlan(store, 6, 16, seed=5)
    for traced, tokens in zip(trace(store, plan, 11), plan.batch(11).inputs, strict=True):
        assert [span.first for span in traced.documents] == [0, *(span.end for span in traced.documents[:-1])]
        assert traced.documents[-1].end == 17
        for span in traced.documents:
            spelled = store.tokenizer.decode_bytes(tokens[span.first : span.end].tolist())
            source = [s.title for s in store.index.sources].index(traced.source)
            begin, end = store.documents("train", source).span(span.number)
            text = store.tokenizer.decode_bytes(store.stream("train", source).read(begin, end).tolist())
            assert spelled in text
            assert len(text) == span.document.bytes
            assert (span.document.license == "MIT") == (traced.source == "A")
            assert span.document.id in str(traced)
    assert trace(store, plan, 11, 2) == trace(store, plan, 11)[2:3]
    with pytest.raises(UserError, match="rows 0 to 5"):
        trace(store, plan, 11, 6)


@pytest.fixture
def copy(store: TokenStore, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store.folder, tmp_path / "copy"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["train-00-00001.bin", "held_out-01-00000.bin", "tokenizer.json", "train-01.starts"])
def test_damage_is_refused(copy: Path, name: str) -> None:
    open_dataset(copy)
    flip(copy / name)
    with pytest.raises(UserError, match=name) as caught:
        open_dataset(copy)
    assert caught.value.code == "damaged-data"
    if name.endswith(".bin"):
        open_dataset(copy, verify=False)


@pytest.mark.parametrize("verify", [True, False])
def test_a_cut_or_missing_shard_is_refused(copy: Path, verify: bool) -> None:
    shard = copy / "train-00-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserError, match="bytes instead of"):
        open_dataset(copy, verify=verify)
    shard.unlink()
    with pytest.raises(UserError, match="missing"):
        open_dataset(copy, verify=verify)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "damaged-data"),
        (b"[]", "damaged-data"),
        (b'{"format":1}', "damaged-data"),
        (b'{"format":9}', "unknown-format"),
    ],
)
def test_an_index_that_is_none(copy: Path, content: bytes, code: str) -> None:
    (copy / "index.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_dataset(copy)
    assert caught.value.code == code


def test_a_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        open_dataset(tmp_path)
    assert caught.value.code == "missing-data"
