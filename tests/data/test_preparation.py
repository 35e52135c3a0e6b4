"""Preparing: what is held out, what is written, and what too little or bad text gets."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import RunFailed, UserError
from argosy.data import Dataset, TokenStore, open_dataset, prepare
from argosy.data import preparation as preparation_file
from argosy.data.sampling import HashSample, is_held_out, text_digest
from tests.data.corpora import make_venture, story, write_jsonl, write_stories

JSONL = {"kind": "jsonl", "path": "a.jsonl"}


def held_out_texts(store: TokenStore) -> set[bytes]:
    return set(store.held_out_bytes())


def test_documents_come_back_as_they_were(store: TokenStore) -> None:
    texts = {story(n).encode() for n in range(290)}
    train = set(store.train_bytes(10**9))
    assert train | held_out_texts(store) == texts
    assert not train & held_out_texts(store)
    index = store.index
    assert (index.documents, index.held_out_documents) == (len(train), len(held_out_texts(store)))
    assert (index.bytes, index.held_out_bytes) == (sum(map(len, train)), sum(map(len, held_out_texts(store))))
    assert index.tokens == sum(len(store.tokenizer.encode(text.decode())) + 1 for text in train)
    assert index.bytes_per_token == pytest.approx(index.bytes / (index.tokens - index.documents))
    assert index.inexact_documents == 0


def test_sources_are_counted(store: TokenStore) -> None:
    first, second = store.index.sources
    assert (first.title, second.title) == ("A", "jsonl:b.jsonl")
    assert first.documents + first.held_out_documents == 200
    assert first.licenses == {"MIT": 200} and second.licenses == {"unstated": 90}
    assert sum(count for _, count in first.length_histogram) == 200
    assert all(lower & (lower - 1) == 0 for lower, _ in first.length_histogram)


def test_the_index_is_its_own_hash(store: TokenStore) -> None:
    content = (store.folder / "index.json").read_bytes()
    assert Dataset.model_validate_json(content) == store.index
    assert text_digest(content).hex() == store.manifest_sha256


def test_preparing_is_reproducible_and_threads_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stories(tmp_path / "a.jsonl", 300)
    venture = make_venture(tmp_path, JSONL)
    first = prepare(venture, tmp_path / "one")
    monkeypatch.setattr(preparation_file, "_BATCH_CHARACTERS", 100)
    monkeypatch.setattr(preparation_file, "_usable_cores", lambda: 4)
    assert prepare(venture, tmp_path / "two").manifest_sha256 == first.manifest_sha256


def test_the_held_out_part_never_moves(tmp_path: Path) -> None:
    write_stories(tmp_path / "a.jsonl", 200)
    venture = make_venture(tmp_path, JSONL)
    prepare(venture, tmp_path / "run")
    before = held_out_texts(open_dataset(tmp_path / "run"))
    more = [{"text": story(n)} for n in [*range(400), *range(50)]]
    random.Random(0).shuffle(more)
    write_jsonl(tmp_path / "a.jsonl", more)
    prepare(venture, tmp_path / "run")
    store = open_dataset(tmp_path / "run")
    old = {story(n).encode() for n in range(200)}
    assert held_out_texts(store) & old == before
    assert not held_out_texts(store) & set(store.train_bytes(10**9)), "duplicates land on one side"
    assert 40 < len(held_out_texts(store)) < 120  # 80 expected of 400


def test_the_tokenizer_never_sees_held_out_text(tmp_path: Path) -> None:
    def learnt(fraction: float) -> bool:
        prepare(make_venture(tmp_path, JSONL, held_out_fraction=fraction), tmp_path / "run")
        return open_dataset(tmp_path / "run").tokenizer.core.token_to_id("ĠZanzibar") is not None

    texts = [story(n) for n in range(100)] + [f"{n} in Zanzibar" for n in range(400)]
    shares = [int.from_bytes(text_digest(text.encode())[:8]) / 2**64 for text in texts]
    records = [{"text": t} for t, s in zip(texts, shares, strict=True) if ("Zanzibar" in t) == (s < 0.3)]
    write_jsonl(tmp_path / "a.jsonl", records)
    assert not learnt(0.3)
    assert learnt(0.05), "the control: the same text, most of it not held out"


@given(
    texts=st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=60, unique=True),
    limit=st.integers(1, 200),
    data=st.data(),
)
def test_the_sample_is_the_start_of_the_corpus_by_hash(texts: list[bytes], limit: int, data: st.DataObject) -> None:
    sample = HashSample(limit)
    for text in data.draw(st.permutations(texts + texts[::2])):
        sample.offer(text_digest(text), text)
    ordered = sorted(texts, key=lambda text: text_digest(text)[8:])
    expected = b"".join(ordered)[:limit]
    kept = "".join(sample.texts())
    if expected.isascii():
        assert kept.encode() == expected
    assert len(kept) <= limit


def test_a_hash_is_held_out_as_often_as_asked() -> None:
    digests = [text_digest(str(n).encode()) for n in range(20_000)]
    assert sum(is_held_out(digest, 0.02) for digest in digests) == pytest.approx(400, abs=80)
    assert all(is_held_out(d, 0.1) for d in digests if is_held_out(d, 0.02))


def test_a_given_tokenizer_is_used(store: TokenStore, tmp_path: Path) -> None:
    write_stories(tmp_path / "a.jsonl", 200)
    dataset = prepare(make_venture(tmp_path, JSONL, tokenizer=str(store.folder / "tokenizer.json")), tmp_path / "run")
    assert dataset.tokenizer_sha256 == store.index.tokenizer_sha256


def test_a_large_vocabulary_takes_four_bytes(store: TokenStore, tmp_path: Path) -> None:
    core = store.tokenizer.core
    other = type(core).from_str(core.to_str())
    other.add_special_tokens([f"<|reserved {n}|>" for n in range(66_000)])
    other.save(str(tmp_path / "big.json"))
    write_stories(tmp_path / "a.jsonl", 200)
    dataset = prepare(make_venture(tmp_path, JSONL, tokenizer="big.json"), tmp_path / "run")
    assert dataset.dtype == "uint32"
    texts = set(open_dataset(tmp_path / "run").train_bytes(10**9))
    assert len(texts) == dataset.documents


def change_while_reading(folder: Path) -> Callable[..., Any]:
    original = preparation_file.choose_encoder

    def choose_encoder(*arguments: Any) -> Any:
        write_stories(folder / "a.jsonl", 201)
        return original(*arguments)

    return choose_encoder


def test_a_source_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stories(tmp_path / "a.jsonl", 200)
    monkeypatch.setattr(preparation_file, "choose_encoder", change_while_reading(tmp_path))
    with pytest.raises(RunFailed) as caught:
        prepare(make_venture(tmp_path, JSONL), tmp_path / "run")
    assert caught.value.code == "source-changed"


@pytest.mark.parametrize(
    ("documents", "settings", "code", "expected"),
    [
        (0, {}, "empty-corpus", "'jsonl:a.jsonl': 2 empty"),
        (3, {"sequence_length": 4096}, "corpus-too-short", "one sequence takes 4,097"),
        (40, {"held_out_fraction": 0.001}, "held-out-too-short", "0 of 40 documents are held out"),
    ],
)
def test_too_little_text(tmp_path: Path, documents: int, settings: dict[str, Any], code: str, expected: str) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": ""}, {"text": " "}, *({"text": story(n)} for n in range(documents))])
    with pytest.raises(UserError, match=expected) as caught:
        prepare(make_venture(tmp_path, JSONL, **settings), tmp_path / "run")
    assert caught.value.code == code
    assert not list(tmp_path.glob("*run*")), "nothing half-made is left"


def test_a_short_source_beside_a_long_one_is_named(tmp_path: Path) -> None:
    write_stories(tmp_path / "a.jsonl", 200)
    write_jsonl(tmp_path / "b.jsonl", [{"text": "tiny"}])
    with pytest.raises(UserError, match=r"jsonl:b\.jsonl"):
        prepare(make_venture(tmp_path, JSONL, {"kind": "jsonl", "path": "b.jsonl"}), tmp_path / "run")


def test_bad_records_stop_or_are_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [*({"text": story(n)} for n in range(200)), {"body": "x"}])
    with pytest.raises(UserError, match=r"a\.jsonl:201"):
        prepare(make_venture(tmp_path, JSONL), tmp_path / "run")
    dataset = prepare(make_venture(tmp_path, JSONL, on_bad_record="skip"), tmp_path / "run")
    assert dataset.sources[0].skipped == 1
