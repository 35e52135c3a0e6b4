"""A prepared corpus that most tests of this room only read."""

import pytest

from argosy.data import TokenStore, open_dataset, prepare
from tests.data.corpora import make_venture, story, write_jsonl


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    """Two sources of 200 and 90 documents, in several scripts and many small shards."""
    folder = tmp_path_factory.mktemp("corpus")
    write_jsonl(folder / "a.jsonl", [{"text": story(n), "license": "MIT"} for n in range(200)])
    write_jsonl(folder / "b.jsonl", [{"id": f"b{n}", "text": story(n), "source": "B"} for n in range(200, 290)])
    venture = make_venture(
        folder, {"kind": "jsonl", "path": "a.jsonl", "name": "A"}, {"kind": "jsonl", "path": "b.jsonl"}
    )
    prepare(venture, folder / "run", shard_tokens=777)
    return open_dataset(folder / "run")
