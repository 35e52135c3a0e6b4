"""Small real corpora, prepared once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from argosy.config import Venture, venture_from_tree
from argosy.data import TokenStore, open_dataset, prepare

MakeVenture = Callable[..., Venture]


def make_venture(folder: Path, *sources: dict[str, Any], **data: Any) -> Venture:
    """A venture whose data section is these sources and keys."""
    settings = {"vocabulary_size": 400, "sequence_length": 16, "held_out_fraction": 0.2, **data}
    tree = {"name": "t", "data": {"sources": list(sources), **settings}, "model": {"size": "1M"}}
    return venture_from_tree(tree, folder=folder, source="test")


def write_jsonl(path: Path, records: list[Any]) -> Path:
    """Write one record a line."""
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def story(number: int) -> str:
    """A short document, different for every number, with text that is hard on tokenisers."""
    hard = ["中文，汉字。", "नमस्ते", "👩‍👩‍👧‍👦", "<|endoftext|>", "\t\tx = 1234567", "naïve — “quote”", "\r\n\r\n", ""]
    return f"Document {number}: " + " ".join(f"word{number * k % 97}" for k in range(number % 23)) + hard[number % 8]


@pytest.fixture(scope="session")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    """A store of two sources in several shards: 200 and 90 documents, several scripts."""
    folder = tmp_path_factory.mktemp("two")
    write_jsonl(folder / "a.jsonl", [{"text": story(n), "license": "MIT"} for n in range(200)])
    write_jsonl(folder / "b.jsonl", [{"id": f"b{n}", "text": story(n), "source": "B"} for n in range(200, 290)])
    venture = make_venture(folder, {"kind": "jsonl", "path": "a.jsonl"}, {"kind": "jsonl", "path": "b.jsonl"})
    prepare(venture, folder / "run", shard_tokens=1000)
    return open_dataset(folder / "run")
