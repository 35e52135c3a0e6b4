"""Write one stream of a prepared corpus: token shards, document index and lineage, each hashed on the way."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.data.readers import Document
from argosy.data.results import Lineage, Shard, Split
from argosy.data.store import stream_name
from argosy.storage import canonical_json

SHARD_TOKENS = 1 << 26


class EncodedDocument(NamedTuple):
    """A document and its tokens."""

    document: Document
    sha256: bytes
    """Hash of the text, 32 bytes."""
    bytes: int
    """Length of the text in UTF-8."""
    tokens: npt.NDArray[np.uint32]


class StreamWriter:
    """The files of one source's split; every document is a separator and its tokens."""

    def __init__(
        self, folder: Path, split: Split, source: int, *, dtype: str, separator_id: int, shard_tokens: int
    ) -> None:
        self.split, self.source = split, source
        self.documents = self.tokens = self.bytes = 0
        self.licenses: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        self.shards: list[Shard] = []
        self._folder, self._name = folder, stream_name(split, source)
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._separator = np.array([separator_id], dtype=self._dtype)
        self._shard_tokens = shard_tokens
        self._shard: _HashedFile | None = None
        self._index = {
            suffix: _HashedFile(folder / f"{self._name}.{suffix}") for suffix in ("jsonl", "starts", "lines")
        }

    def append(self, encoded: EncodedDocument) -> None:
        """Add a document."""
        document = encoded.document
        record = {
            "id": document.id,
            "source": document.source,
            "license": document.license,
            "sha256": encoded.sha256.hex()[:32],
            "bytes": encoded.bytes,
            "tokens": len(encoded.tokens),
        }
        lines = self._index["jsonl"]
        self._index["starts"].write(self.tokens.to_bytes(8, "little"))
        self._index["lines"].write(lines.size.to_bytes(8, "little"))
        lines.write(canonical_json(record) + b"\n")
        self._write_tokens(np.concatenate([self._separator, encoded.tokens.astype(self._dtype)]))
        self.documents += 1
        self.bytes += encoded.bytes
        self.licenses[document.license or "unstated"] += 1
        self.lengths[1 << (encoded.bytes.bit_length() - 1)] += 1

    def _write_tokens(self, tokens: npt.NDArray[np.unsignedinteger]) -> None:
        while len(tokens):
            if self._shard is None:
                self._shard = _HashedFile(self._folder / f"{self._name}-{len(self.shards):05d}.bin")
            room = self._shard_tokens - self._shard.size // self._dtype.itemsize
            part, tokens = tokens[:room], tokens[room:]
            self._shard.write(part.tobytes())
            self.tokens += len(part)
            if len(part) == room:
                self._end_shard()

    def _end_shard(self) -> None:
        if self._shard is not None:
            self.shards.append(
                Shard(
                    file=self._shard.path.name,
                    source=self.source,
                    split=self.split,
                    tokens=self._shard.size // self._dtype.itemsize,
                    sha256=self._shard.close(),
                )
            )
            self._shard = None

    def finish(self) -> Lineage:
        """Close the files; `shards` is complete afterwards."""
        self._end_shard()
        return Lineage(
            source=self.source,
            split=self.split,
            documents=self.documents,
            files={file.path.name: file.close() for file in self._index.values()},
        )


class _HashedFile:
    """A file that knows the size and hash of what was written to it."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self._file = path.open("wb", buffering=1 << 20)
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def close(self) -> str:
        self._file.close()
        return self._hash.hexdigest()
