"""Read documents one by one from text, JSON Lines and Parquet, plain or compressed; count what is wrong."""

import codecs
import contextlib
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
import zstandard

from argosy.config import SourceConfig, UserError, nearest
from argosy.data.sources import SourceFile, source_files, source_license, why_nothing

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Advance = Callable[[float], None]
_BLOCK_BYTES = 1 << 16
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


class Document(NamedTuple):
    """One document as a source gives it."""

    id: str
    text: str
    source: str
    license: str | None


class _Fault(NamedTuple):
    """Why a record gave no document, or (invalid UTF-8 in a text file) gave an altered one."""

    kind: Literal["invalid-utf8", "bad-record"]
    message: str


_Reader = Callable[[SourceFile, SourceConfig, Advance], Iterator[Document | _Fault]]


@dataclass
class Tally:
    """What reading a source came across."""

    documents: int = 0
    invalid_utf8: int = 0
    skipped: int = 0
    empty: int = 0


def read_documents(
    source: SourceConfig, folder: Path, tally: Tally, *, skip_bad: bool, advance: Advance
) -> Iterator[Document]:
    """Yield the documents of a source in the order of its files, counting faults in `tally`.

    `advance` is told the megabytes of file read. Memory is that of the largest document (Parquet: row group).

    Raises:
        UserError: `bad-record` names file, line and keys; `damaged-source` names the file and how many good
            documents came before the damage. With `skip_bad` both are counted instead.
    """
    for file in source_files(source, folder):
        before = tally.documents
        try:
            for item in _READERS[source.kind](file, source, advance):
                if isinstance(item, Document):
                    if not item.text or item.text.isspace():
                        tally.empty += 1
                    else:
                        tally.documents += 1
                        yield item
                elif item.kind == "invalid-utf8":
                    tally.invalid_utf8 += 1
                elif skip_bad:
                    tally.skipped += 1
                else:
                    raise UserError("bad-record", item.message, hint='data.on_bad_record = "skip" passes over it')
        except _DAMAGE as error:
            if not skip_bad:
                raise _damaged(file.path, tally.documents - before, error) from None
            tally.skipped += 1
        except OSError as error:
            raise UserError("unreadable-source", f"cannot read {file.path}: {error.strerror or error}") from None


def _damaged(path: Path, good: int, error: Exception) -> UserError:
    return UserError(
        "damaged-source",
        f"{path} is cut off or damaged after {good:,} good documents: {str(error).rstrip('.')}",
        hint='fetch the file again, or set data.on_bad_record = "skip" to keep what is good',
    )


def _read_text(file: SourceFile, source: SourceConfig, advance: Advance) -> Iterator[Document | _Fault]:
    with _opened(file.path, advance) as stream:
        raw = stream.read().removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        yield _Fault("invalid-utf8", f"{file.path}: {error}")
        text = raw.decode(errors="replace")
    yield Document(file.name, text, source.title, source_license(source))


def _read_jsonl(file: SourceFile, source: SourceConfig, advance: Advance) -> Iterator[Document | _Fault]:
    for number, record in _json_lines(file.path, advance):
        if isinstance(record, _Fault):
            yield record._replace(message=f"{file.path}:{number}: {record.message}")
        else:
            yield _document(record, source, f"{file.path}:{number}", f"{file.name}:{number}")


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (`file:line`, object) for each line of a JSON Lines file, plain or compressed.

    Raises `UserError` with the place of a line that is none, or when the file is missing or damaged.
    """
    if not path.is_file():
        raise UserError("missing-source", why_nothing(path)[0])
    try:
        for number, record in _json_lines(path, lambda megabytes: None):
            if not isinstance(record, dict):
                found = record.message if isinstance(record, _Fault) else f"found {type(record).__name__}"
                raise UserError("bad-record", f"{path}:{number}: expected an object, {found}")
            yield f"{path}:{number}", record
    except _DAMAGE as error:
        raise UserError("damaged-source", f"{path} is cut off or damaged: {error}") from None
    except OSError as error:
        raise UserError("unreadable-source", f"cannot read {path}: {error.strerror or error}") from None


def _json_lines(path: Path, advance: Advance) -> Iterator[tuple[int, Any]]:
    """Yield (number, value or fault) for each line that is not blank."""
    with _opened(path, advance) as lines:
        for number, line in enumerate(lines, 1):
            if not line.isspace():
                yield number, _parse(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line)


def _parse(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        reason = str(error)
    try:
        return json.loads(line.decode())  # NaN, huge integers, lone surrogates: JSON to some writers
    except UnicodeDecodeError as error:
        return _Fault("invalid-utf8", str(error))
    except (json.JSONDecodeError, RecursionError):
        return _Fault("bad-record", f"not JSON: {reason}")


def _read_parquet(file: SourceFile, source: SourceConfig, advance: Advance) -> Iterator[Document | _Fault]:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        hint = "pip install 'argosy[parquet]'"
        raise UserError("missing-package", "reading Parquet needs pyarrow", hint=hint) from None
    try:
        table = parquet.ParquetFile(file.path)
        keys = table.schema_arrow.names
        columns = [key for key in (source.text_key, "id", "source", "license", "licence") if key in keys]
        if source.text_key not in keys:
            yield _Fault("bad-record", f"{file.path}: {_no_text(source.text_key, keys)}")
            return
        megabytes = file.path.stat().st_size / 1e6
        number = 0
        for batch in table.iter_batches(batch_size=256, columns=columns):
            for row in _rows(batch):
                where = f"{file.path}, row {number}"
                if isinstance(row, _Fault):
                    yield row._replace(message=f"{where}: {row.message}")
                else:
                    yield _document(row, source, where, f"{file.name}:{number}")
                number += 1
            advance(megabytes * batch.num_rows / max(1, table.metadata.num_rows))
    except arrow.ArrowInvalid as error:
        raise EOFError(str(error).splitlines()[0]) from None


def _rows(batch: Any) -> Iterator[Any]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:  # raised before the first row is out
        for number in range(batch.num_rows):
            try:
                yield batch.slice(number, 1).to_pylist()[0]
            except UnicodeDecodeError as error:
                yield _Fault("invalid-utf8", str(error))


_READERS: Mapping[str, _Reader] = {
    "text": _read_text,
    "python-stdlib": _read_text,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}


def _document(record: Any, source: SourceConfig, where: str, default_id: str) -> Document | _Fault:
    if not isinstance(record, dict):
        return _Fault("bad-record", f"{where}: expected an object, found {type(record).__name__}")
    text = record.get(source.text_key)
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    if not isinstance(text, str):
        if text is not None:
            return _Fault("bad-record", f"{where}: {source.text_key!r} is {type(text).__name__}, not text")
        return _Fault("bad-record", f"{where}: {_no_text(source.text_key, record)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return _Fault("invalid-utf8", f"{where}: {error}")
    identity = record.get("id")
    return Document(
        id=str(identity) if isinstance(identity, str | int) else default_id,
        text=text,
        source=_own(record, "source") or source.title,
        license=_own(record, "license") or _own(record, "licence") or source_license(source),
    )


def _own(record: Mapping[str, Any], key: str) -> str | None:
    value = record.get(key)
    return value if isinstance(value, str) and value else None


def _no_text(text_key: str, keys: Mapping[str, Any] | list[str]) -> str:
    names = [str(key) for key in keys]
    return f"no {text_key!r} (data.sources.text_key) among the keys {', '.join(names)}{nearest(text_key, names)}"


@contextlib.contextmanager
def _opened(path: Path, advance: Advance) -> Iterator[io.BufferedIOBase]:
    with io.BufferedReader(_Metered(path, advance), _BLOCK_BYTES) as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        elif path.suffix == ".zst":
            yield io.BufferedReader(_ZstdFrames(raw), _BLOCK_BYTES)
        else:
            yield raw


class _Metered(io.FileIO):
    """A file that reports what is read from it."""

    def __init__(self, path: Path, advance: Advance) -> None:
        super().__init__(path)
        self._advance = advance

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = super().readinto(buffer) or 0
        self._advance(count / 1e6)
        return count

    def readall(self) -> bytes:
        data = super().readall()
        self._advance(len(data) / 1e6)
        return data


class _ZstdFrames(io.RawIOBase):
    """The content of consecutive Zstandard frames; unlike the library's own reader, a cut-off file raises."""

    def __init__(self, compressed: io.BufferedIOBase) -> None:
        self._compressed = compressed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._surplus = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._ready:
            block = self._surplus or self._compressed.read(_BLOCK_BYTES)
            if not block:
                if self._frame is not None:
                    raise EOFError("the last Zstandard frame is incomplete")
                return 0
            self._frame = self._frame or zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
            self._ready = memoryview(self._frame.decompress(block))
            self._surplus = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
