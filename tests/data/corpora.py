"""Small corpora that are hard on readers and tokenisers."""

from pathlib import Path
from typing import Any

import orjson

from argosy.config import Venture, venture_from_tree

HARD = ("中文，汉字。", "नमस्ते", "👩‍👩‍👧‍👦", "<|endoftext|>", "\t\tx = 1234567", "naïve — “quote”", "\r\n\r\n  end", "")


def story(number: int) -> str:
    """A short document, different for every number."""
    words = " ".join(f"word{number * k % 97}" for k in range(number % 23))
    return f"Document {number}: {words} {HARD[number % len(HARD)]}"


def make_venture(folder: Path, *sources: dict[str, Any], **data: Any) -> Venture:
    """A venture whose data section is these sources and keys."""
    settings = {"vocabulary_size": 400, "sequence_length": 16, "held_out_fraction": 0.2, **data}
    tree = {"name": "t", "data": {"sources": list(sources), **settings}, "model": {"size": "1M"}}
    return venture_from_tree(tree, folder=folder, source="test")


def write_jsonl(path: Path, records: list[Any]) -> Path:
    """Write one record a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def write_stories(path: Path, count: int, first: int = 0) -> Path:
    """Write stories `first` to `first + count` as JSON Lines."""
    return write_jsonl(path, [{"id": f"s{n}", "text": story(n)} for n in range(first, first + count)])
