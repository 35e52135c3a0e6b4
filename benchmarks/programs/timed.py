"""Writes how long a block took, and what it found, to a file; of several ranks, the first alone."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def report(path: str) -> Iterator[dict[str, float]]:
    """Yield a mapping for figures; `seconds` is added."""
    figures: dict[str, float] = {}
    start = time.perf_counter()
    yield figures
    figures["seconds"] = time.perf_counter() - start
    if os.environ.get("RANK", "0") == "0":
        Path(path).write_text(json.dumps(figures))
