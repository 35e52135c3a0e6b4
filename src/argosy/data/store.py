"""A prepared corpus on disk, memory-mapped: tokens by place, documents by token, nothing held in memory."""

import bisect
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from argosy.config import UserError
from argosy.data.results import FORMAT, SPLITS, Dataset, DocumentRecord, Split
from argosy.data.tokenizer import Tokenizer, load_tokenizer
from argosy.progress import progress
from argosy.storage import file_digest

IGNORED = -100  # target that the loss does not count
PREPARE_AGAIN = "`argosy prepare --force` makes the data anew"

Ints = npt.NDArray[np.int64]


class TokenStream:
    """Tokens that lie in several files, addressed as one row."""

    def __init__(self, parts: Sequence[npt.NDArray[Any]]) -> None:
        self._parts = list(parts)
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + len(part))

    def __len__(self) -> int:
        return self._starts[-1]

    def read_into(self, out: Ints, start: int) -> None:
        """Fill `out` with the tokens from `start` on; the stream must hold that many."""
        number = bisect.bisect_right(self._starts, start) - 1
        begin = start - self._starts[number]
        part = self._parts[number][begin : begin + len(out)]
        out[: len(part)] = part
        if len(part) < len(out):
            self.read_into(out[len(part) :], start + len(part))

    def read(self, start: int, stop: int) -> Ints:
        """Return tokens [start, stop)."""
        out = np.empty(stop - start, dtype=np.int64)
        if len(out):
            self.read_into(out, start)
        return out


class DocumentIndex:
    """The documents of one stream: where each begins, and its line of lineage."""

    def __init__(self, folder: Path, name: str, tokens: int) -> None:
        self.starts = _mapped(folder / f"{name}.starts", "<i8")
        self._lines = _mapped(folder / f"{name}.lines", "<i8")
        self._path = folder / f"{name}.jsonl"
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self.starts)

    def number_at(self, token: int) -> int:
        """The document that a token of the stream belongs to; a separator begins its document. O(log n)."""
        if not 0 <= token < self._tokens:
            raise IndexError(f"token {token} of a stream of {self._tokens}")
        return int(np.searchsorted(self.starts, token, side="right")) - 1

    def span(self, number: int) -> tuple[int, int]:
        """First token (the separator) of a document and the token after its last."""
        end = self.starts[number + 1] if number + 1 < len(self) else self._tokens
        return int(self.starts[number]), int(end)

    def record(self, number: int) -> DocumentRecord:
        """The lineage of a document."""
        with self._path.open("rb") as file:
            file.seek(int(self._lines[number]))
            return DocumentRecord.model_validate_json(file.readline())


class TokenStore:
    """A prepared corpus; opened by `open_dataset`."""

    def __init__(self, folder: Path, index: Dataset) -> None:
        self.folder, self.index = folder, index
        self.manifest_sha256 = index.manifest_sha256
        parts: dict[tuple[Split, int], list[npt.NDArray[Any]]] = {
            (split, source): [] for split in SPLITS for source in range(len(index.sources))
        }
        for shard in index.shards:
            parts[shard.split, shard.source].append(_mapped(folder / shard.file, _DTYPES[index.dtype]))
        self._parts = parts
        self._streams = {name: TokenStream(files) for name, files in parts.items()}
        self._documents: dict[tuple[Split, int], DocumentIndex] = {}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokeniser that made the tokens."""
        return load_tokenizer(self.folder)

    @property
    def token_bytes(self) -> Ints:
        """Bytes each token id stands for, [V]; 0 for the separator."""
        return self.tokenizer.token_bytes

    def stream(self, split: Split, source: int) -> TokenStream:
        """The tokens of one source's split."""
        return self._streams[split, source]

    def documents(self, split: Split, source: int) -> DocumentIndex:
        """The documents of one source's split."""
        if (split, source) not in self._documents:
            tokens = len(self._streams[split, source])
            self._documents[split, source] = DocumentIndex(self.folder, stream_name(split, source), tokens)
        return self._documents[split, source]

    def document_at(self, split: Split, source: int, token_offset: int) -> DocumentRecord:
        """The document that a token of a source's stream belongs to. O(log n)."""
        documents = self.documents(split, source)
        return documents.record(documents.number_at(token_offset))

    def held_out(self, sequence_length: int, max_tokens: int | None = None) -> Iterator[tuple[Ints, Ints]]:
        """Yield (inputs [T], targets [T]) over the held-out streams end to end.

        Every text token is a target exactly once: the bytes of the targets add up to `index.held_out_bytes`.
        Separators and the padding of the last row are -100. `max_tokens` ends the stream early.
        """
        parts = [part for source in range(len(self.index.sources)) for part in self._parts["held_out", source]]
        stream = TokenStream(parts)
        last = len(stream) - 1 if max_tokens is None else min(len(stream) - 1, max_tokens)
        for start in range(0, last, sequence_length):
            tokens = stream.read(start, min(start + sequence_length, last) + 1)
            count = len(tokens) - 1
            inputs = np.full(sequence_length, self.index.separator_id, dtype=np.int64)
            targets = np.full(sequence_length, IGNORED, dtype=np.int64)
            inputs[:count], targets[:count] = tokens[:-1], tokens[1:]
            targets[targets == self.index.separator_id] = IGNORED
            yield inputs, targets

    def held_out_bytes(self) -> Iterator[bytes]:
        """Yield the text of every held-out document."""
        for source in range(len(self.index.sources)):
            yield from self._texts("held_out", source)

    def train_bytes(self, limit: int) -> Iterator[bytes]:
        """Yield training documents up to `limit` bytes, each source's share in proportion to its size."""
        for source, summary in enumerate(self.index.sources):
            left = limit * summary.bytes // max(1, self.index.bytes)
            for text in self._texts("train", source):
                if len(text) > left:
                    break
                left -= len(text)
                yield text

    def _texts(self, split: Split, source: int) -> Iterator[bytes]:
        stream, documents = self.stream(split, source), self.documents(split, source)
        for number in range(len(documents)):
            start, end = documents.span(number)
            yield self.tokenizer.decode_bytes(stream.read(start + 1, end).tolist())


_DTYPES = {"uint16": "<u2", "uint32": "<u4"}


def stream_name(split: Split, source: int) -> str:
    """Name that the files of one stream begin with."""
    return f"{split}-{source:02d}"


def open_dataset(folder: Path, *, verify: bool = True) -> TokenStore:
    """Open a prepared corpus.

    `verify` hashes every file again (about a second a gigabyte); sizes are looked at in any case.

    Raises:
        UserError: `missing-data`, `unknown-format`, or `damaged-data` naming the file.
    """
    path = folder / "index.json"
    if not path.is_file():
        raise UserError("missing-data", f"{folder} holds no prepared data", hint="`argosy prepare` makes it")
    content = path.read_bytes()
    try:
        found = orjson.loads(content)["format"]
        if found != FORMAT:
            message = f"{path} is of format {found}; this version reads {FORMAT}"
            raise UserError("unknown-format", message, hint=PREPARE_AGAIN)
        index = Dataset.model_validate_json(content)
    except (ValueError, KeyError, TypeError):  # not JSON, not an object, or not these fields
        raise _damaged(path, "it is not an index of prepared data") from None
    _check_files(folder, index, verify=verify)
    return TokenStore(folder, index)


def _check_files(folder: Path, index: Dataset, *, verify: bool) -> None:
    width = np.dtype(index.dtype).itemsize
    files: list[tuple[str, str, int | None]] = [("tokenizer.json", index.tokenizer_sha256, None)]
    files += [(shard.file, shard.sha256, shard.tokens * width) for shard in index.shards]
    for lineage in index.lineage:
        for name, sha256 in lineage.files.items():
            files.append((name, sha256, None if name.endswith(".jsonl") else 8 * lineage.documents))
    total = sum(shard.tokens for shard in index.shards) * width / 1e6
    with progress("Checking the data", total, "MB") as advance:
        for name, sha256, size in files:
            path = folder / name
            if not path.is_file():
                raise _damaged(path, "the file is missing")
            found = path.stat().st_size
            if size is not None and found != size:
                raise _damaged(path, f"{found:,} bytes instead of {size:,}")
            if verify and file_digest(path) != sha256:
                raise _damaged(path, "its hash is not the one in index.json")
            advance(found / 1e6)


def _damaged(path: Path, what: str) -> UserError:
    return UserError("damaged-data", f"{path}: {what}", hint=PREPARE_AGAIN)


def _mapped(path: Path, dtype: str) -> npt.NDArray[Any]:
    if path.stat().st_size == 0:
        return np.empty(0, dtype=dtype)
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))  # a plain view: slicing memmap itself is slow
