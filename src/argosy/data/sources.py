"""Which files a venture's sources are: found, checked and fingerprinted, not yet read."""

import glob
import importlib.util
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from argosy.config import Problem, SourceConfig, UserError, Venture, nearest
from argosy.storage import canonical_json, digest

# Folders of the standard library that are not library code, or are not the interpreter's own.
_NOT_LIBRARY = {"test", "tests", "idle_test", "lib2to3", "site-packages", "dist-packages", "__pycache__"}
PYTHON_LICENSE = "PSF-2.0"


class SourceFile(NamedTuple):
    """One file of a source."""

    path: Path
    name: str
    """Path below the folder that the source's pattern starts from: the same on every machine."""


def source_files(source: SourceConfig, folder: Path) -> list[SourceFile]:
    """Return the files of a source, sorted by name; `folder` is the venture's.

    Raises:
        UserError: `missing-source` when there are none.
    """
    if source.path is None:
        root = Path(sysconfig.get_path("stdlib"))
        files = sorted(_standard_library(root), key=lambda file: file.name)
        expected = f"no Python source in the standard library at {root}"
        hint = "this interpreter ships compiled files only; use another, or a source of kind 'text'"
    else:
        files = sorted(_matches(folder / source.path), key=lambda file: file.name)
        expected, hint = why_nothing(folder / source.path)
    if not files:
        raise UserError("missing-source", f"source {source.title!r}: {expected}", hint=hint)
    return files


def source_license(source: SourceConfig) -> str | None:
    """The licence of documents that carry none."""
    return source.license or (PYTHON_LICENSE if source.kind == "python-stdlib" else None)


def tokenizer_file(venture: Venture) -> Path | None:
    """The tokeniser the venture gives, or None when one is to be trained; `UserError` when it is missing."""
    if venture.data.tokenizer is None:
        return None
    path = venture.folder / venture.data.tokenizer
    if not path.is_file():
        raise UserError("missing-tokenizer", f"data.tokenizer: no file at {path}")
    return path


def source_fingerprint(venture: Venture) -> str:
    """Hash the name, size and time of change of every file `prepare` would read; reads none of them."""
    entries: list[tuple[int, str, int, int]] = []
    for number, source in enumerate(venture.data.sources):
        for file in source_files(source, venture.folder):
            status = file.path.stat()
            entries.append((number, file.name, status.st_size, status.st_mtime_ns))
    if tokenizer := tokenizer_file(venture):
        status = tokenizer.stat()
        entries.append((-1, tokenizer.name, status.st_size, status.st_mtime_ns))
    return digest(canonical_json(entries))


def check(venture: Venture) -> list[Problem]:
    """Return what would stop `prepare` before it reads anything."""
    problems = []
    for number, source in enumerate(venture.data.sources):
        key = f"data.sources.{number}"
        try:
            source_files(source, venture.folder)
        except UserError as error:
            problems.append(Problem(f"{key}.path", error.message, source.path, code=error.code))
        if source.kind == "parquet" and importlib.util.find_spec("pyarrow") is None:
            expected = "reading Parquet needs pyarrow: pip install 'argosy[parquet]'"
            problems.append(Problem(f"{key}.kind", expected, source.kind, code="missing-package"))
    try:
        tokenizer_file(venture)
    except UserError as error:
        problems.append(Problem("data.tokenizer", error.message, venture.data.tokenizer, code=error.code))
    return problems


def _standard_library(root: Path) -> Iterator[SourceFile]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _NOT_LIBRARY]
        for name in names:
            if name.endswith(".py"):
                path = Path(folder, name)
                yield SourceFile(path, path.relative_to(root).as_posix())


def _matches(pattern: Path) -> Iterator[SourceFile]:
    if pattern.is_file():  # also a name with brackets in it
        yield SourceFile(pattern, pattern.name)
        return
    root = Path(*_literal_parts(pattern))
    for match in glob.iglob(str(pattern), recursive=True):  # noqa: PTH207  (Path.glob takes hidden files too)
        path = Path(match)
        if path.is_file():
            yield SourceFile(path, path.relative_to(root).as_posix())


def _literal_parts(pattern: Path) -> list[str]:
    parts = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


def why_nothing(pattern: Path) -> tuple[str, str]:
    """Why there is no file, and what to do about it."""
    if pattern.is_dir():
        return f"{pattern} is a folder", f"name the files in it, such as {pattern.name}/**/*.txt"
    if glob.has_magic(str(pattern)):
        return f"no file matches {pattern}", "`**` stands for any depth of folders"
    beside = [path.name for path in pattern.parent.glob("*")] if pattern.parent.is_dir() else []
    return f"no file at {pattern}{nearest(pattern.name, beside)}", "paths start at the venture's folder"
