"""A corpus of any size on any machine: the standard library again and again, edited so that no copy is a copy."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from argosy.config import SourceConfig, Venture, venture_from_tree
from argosy.data.sources import source_files

EDITED_LINES = 0.02


def write_corpus(path: Path, size_bytes: int) -> int:
    """Write at least `size_bytes` of text as JSON Lines; return the number of bytes of text."""
    written = 0
    with path.open("wb") as file:
        for number, text in enumerate(_edited_library()):
            file.write(orjson.dumps({"id": str(number), "text": text}) + b"\n")
            written += len(text.encode())
            if written >= size_bytes:
                break
    return written


def _edited_library() -> Iterator[str]:
    files = source_files(SourceConfig(kind="python-stdlib"), Path())
    texts = [file.path.read_text(encoding="utf-8", errors="replace") for file in files]
    randomness = random.Random(0)
    while True:
        for text in texts:
            lines = text.splitlines()
            for _ in range(1 + int(EDITED_LINES * len(lines))):
                place = randomness.randrange(len(lines) + 1)
                lines.insert(place, f"# {randomness.randrange(1 << 40):x} {randomness.choice(lines or [''])}")
            yield "\n".join(lines) + "\n"


def corpus_venture(folder: Path, file: str, **data: Any) -> Venture:
    """A venture whose one source is that JSON Lines file."""
    tree = {
        "name": "benchmark",
        "data": {"sources": [{"kind": "jsonl", "path": file}], **data},
        "model": {"size": "10M"},
    }
    return venture_from_tree(tree, folder=folder, source="benchmark")
