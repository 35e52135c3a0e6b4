"""Files that are whole or absent: atomic writes, hashes, and disk errors in plain words."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from argosy.config import RunFailed, UserError


def canonical_json(value: Any) -> bytes:
    """Serialise with sorted keys, so that equal values have equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_REFUSALS = (
    *(errno.EACCES, errno.EROFS, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunFailed(
                "disk-full",
                f"the disk is full while writing {path}",
                hint="free some space and run the same command again: the last complete state is kept",
            ) from None
        if error.errno in _REFUSALS:
            where = error.filename or path
            raise UserError("not-writable", f"cannot write {where}: {error.strerror}") from None
        raise


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends well, and vanishes otherwise."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `path` when the block ends well, and vanishes otherwise."""
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_errors(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            commit_folder(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def commit_folder(temporary: Path, path: Path) -> None:
    """Flush everything in `temporary` to disk, then give it its name; an older folder of that name goes."""
    for entry in (*temporary.rglob("*"), temporary):
        _sync(entry)
    retired = _retire(path)
    temporary.rename(path)
    _sync(path.parent)
    shutil.rmtree(retired, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder so that it is whole or absent whenever the removal is cut off."""
    shutil.rmtree(_retire(path), ignore_errors=True)


def _retire(path: Path) -> Path:
    """Move a folder, where there is one, to a hidden name."""
    retired = path.with_name(f".{path.name}.old")
    shutil.rmtree(retired, ignore_errors=True)
    if path.exists():
        path.rename(retired)
    return retired


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; raises `UserError` when it is missing or damaged."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError("missing-file", f"{path} does not exist") from None
    except orjson.JSONDecodeError as error:
        raise UserError("damaged-file", f"{path} is not valid JSON: {error}") from None


def append_line(path: Path, value: Any) -> None:
    """Append one JSON line; one that a kill cut short before it is ended first."""
    with disk_errors(path), path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
        cut = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * cut + orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
