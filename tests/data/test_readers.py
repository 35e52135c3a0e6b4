"""Every format and compression gives the same documents; what is wrong is named, or counted."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
import zstandard

from argosy.config import SourceConfig, UserError
from argosy.data.readers import Document, Tally, read_documents
from tests.data.corpora import story, write_jsonl, write_stories

STORIES = [story(n) for n in range(1, 40)]
Compress = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, Compress] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def read(path: Path, kind: str = "jsonl", *, skip_bad: bool = False, **config: Any) -> tuple[list[Document], Tally]:
    source = SourceConfig(kind=kind, path=path.name, **config)  # type: ignore[arg-type]
    tally = Tally()
    documents = read_documents(source, path.parent, tally, skip_bad=skip_bad, advance=lambda _: None)
    return list(documents), tally


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_json_lines(tmp_path: Path, suffix: str) -> None:
    plain = write_jsonl(tmp_path / "plain", [{"id": n, "text": text} for n, text in enumerate(STORIES)])
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESSIONS[suffix](plain.read_bytes()))
    documents, tally = read(path)
    assert [d.text for d in documents] == STORIES
    assert [d.id for d in documents] == [str(n) for n in range(len(STORIES))]
    assert tally == Tally(documents=len(STORIES))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_a_text_file_is_a_document(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(COMPRESSIONS[suffix](b"\xef\xbb\xbf" + "\r\n".join(STORIES).encode()))
    documents, _ = read(path, "text", license="CC0-1.0")
    assert documents == [Document(path.name, "\r\n".join(STORIES), f"text:{path.name}", "CC0-1.0")]


def test_consecutive_zstandard_frames(tmp_path: Path) -> None:
    compress = zstandard.ZstdCompressor().compress
    lines = [b'{"text": "%d"}\n' % n for n in range(5000)]
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(compress(b"".join(lines[:2000])) + compress(b"") + compress(b"".join(lines[2000:])))
    assert [d.text for d in read(path)[0]] == [str(n) for n in range(5000)]


def test_parquet(tmp_path: Path) -> None:
    table = arrow.table({"body": STORIES, "licence": ["MIT"] * len(STORIES), "other": range(len(STORIES))})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    documents, _ = read(tmp_path / "a.parquet", "parquet", text_key="body")
    assert [d.text for d in documents] == STORIES
    assert {d.license for d in documents} == {"MIT"}
    assert documents[10].id == "a.parquet:10"
    with pytest.raises(UserError, match=r"no 'text' .* body, licence, other") as caught:
        read(tmp_path / "a.parquet", "parquet")
    assert caught.value.code == "bad-record"


def test_parquet_drops_and_counts_invalid_utf8(tmp_path: Path) -> None:
    broken = arrow.array([b"good", b"\xff\xfe", b"fine"]).view(arrow.string())
    parquet.write_table(arrow.table({"text": broken}), tmp_path / "a.parquet")
    documents, tally = read(tmp_path / "a.parquet", "parquet")
    assert ([d.text for d in documents], tally.invalid_utf8) == (["good", "fine"], 1)


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    parquet.write_table(arrow.table({"text": STORIES}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.parquet") as caught:
        read(tmp_path / "a.parquet", "parquet")
    assert caught.value.code == "damaged-source"


def test_the_records_own_source_and_licence_win(tmp_path: Path) -> None:
    records = [{"text": "a", "source": "S", "license": "MIT"}, {"text": "b", "licence": "ISC"}, {"text": "c"}]
    documents, _ = read(write_jsonl(tmp_path / "a.jsonl", records), name="mine", license="CC0-1.0")
    expected = [("S", "MIT"), ("mine", "ISC"), ("mine", "CC0-1.0")]
    assert [(d.source, d.license) for d in documents] == expected


def test_invalid_utf8_in_json_lines_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "\xff\xfe"}\n{"text": "\\ud800"}\n\n{"text": "b", "x": NaN}\n')
    documents, tally = read(path)
    assert [d.text for d in documents] == ["a", "b"]
    assert tally == Tally(documents=2, invalid_utf8=2)


def test_invalid_utf8_in_text_is_replaced_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9 au lait")
    documents, tally = read(tmp_path / "a.txt", "text")
    assert documents[0].text == "caf\ufffd au lait"
    assert tally == Tally(documents=1, invalid_utf8=1)


def test_documents_without_a_visible_character_are_dropped_and_counted(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": ""}, {"text": " \n\t"}, {"text": "x"}])
    assert read(path)[1] == Tally(documents=1, empty=2)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"txt": "x", "id": 3}', r"a\.jsonl:2: no 'text' .* among the keys txt, id; did you mean 'txt'\?"),
        (b'{"text": 5}', r"a\.jsonl:2: 'text' is int, not text"),
        (b'["text"]', r"a\.jsonl:2: expected an object, found list"),
        (b'{"text": "x"', r"a\.jsonl:2: not JSON"),
        (b"[" * 100_000, r"a\.jsonl:2: not JSON"),
    ],
)
def test_a_bad_record_is_named_or_skipped(tmp_path: Path, line: bytes, expected: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + line + b'\n{"text": "three"}\n')
    with pytest.raises(UserError, match=expected) as caught:
        read(path)
    assert caught.value.code == "bad-record"
    documents, tally = read(path, skip_bad=True)
    assert [d.text for d in documents] == ["one", "three"]
    assert tally == Tally(documents=2, skipped=1)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "not compressed"])
def test_a_damaged_file_is_named_with_what_was_good(tmp_path: Path, suffix: str, damage: str) -> None:
    plain = write_stories(tmp_path / "plain", 20_000).read_bytes()
    whole = COMPRESSIONS[suffix](plain)
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else plain)
    kept, tally = read(path, skip_bad=True)
    assert tally == Tally(documents=len(kept), skipped=1)
    assert (1000 < len(kept) < 19_000) if damage == "cut" else not kept
    with pytest.raises(UserError, match=rf"a\.jsonl{suffix} is cut off or damaged after {len(kept):,} good") as caught:
        read(path)
    assert caught.value.code == "damaged-source"


def test_reading_is_reported_in_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(write_stories(tmp_path / "plain", 5000).read_bytes()))
    advances: list[float] = []
    source = SourceConfig(kind="jsonl", path="a.jsonl.gz")
    list(read_documents(source, tmp_path, Tally(), skip_bad=False, advance=advances.append))
    assert sum(advances) * 1e6 == pytest.approx(path.stat().st_size)
