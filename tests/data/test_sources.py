"""Which files a source is: globs, the standard library, fingerprints, and what `check` finds."""

import os
from pathlib import Path

import pytest

from argosy.config import SourceConfig, UserError
from argosy.data import check, source_fingerprint
from argosy.data.sources import source_files
from tests.data.corpora import make_venture

pytestmark = pytest.mark.fast


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.txt", "deep/er/c.txt", "deep/d.txt", "deep/e.md", ".hidden.txt", "odd[1].txt"):
        path = tmp_path / "text" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("text/*.txt", ["a.txt", "b.txt", "odd[1].txt"]),
        ("text/**/*.txt", ["a.txt", "b.txt", "deep/d.txt", "deep/er/c.txt", "odd[1].txt"]),
        ("text/deep/*", ["d.txt", "e.md"]),
        ("text/a.txt", ["a.txt"]),
        ("text/odd[1].txt", ["odd[1].txt"]),
    ],
)
def test_patterns(folder: Path, pattern: str, names: list[str]) -> None:
    assert [file.name for file in source_files(SourceConfig(kind="text", path=pattern), folder)] == names


def test_the_standard_library() -> None:
    names = [file.name for file in source_files(SourceConfig(kind="python-stdlib"), Path())]
    assert names == sorted(names)
    assert {"argparse.py", "asyncio/base_events.py", "json/decoder.py"} <= set(names)
    assert 300 < len(names) < 1500
    assert not [name for name in names if {"test", "tests", "site-packages", "lib2to3"} & set(name.split("/"))]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("text/aa.txt", "did you mean 'a.txt'"),
        ("text", "is a folder"),
        ("text/*.rst", "no file matches"),
        ("nowhere/a.txt", "no file at"),
    ],
)
def test_a_source_without_files(folder: Path, path: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as caught:
        source_files(SourceConfig(kind="text", path=path), folder)
    assert caught.value.code == "missing-source"


def test_check_lists_every_problem(folder: Path) -> None:
    sources = [{"kind": "text", "path": path} for path in ("text/none.txt", "text/a.txt", "*.gone")]
    problems = check(make_venture(folder, *sources, tokenizer="tok.json"))
    found = [(problem.key, problem.code) for problem in problems]
    assert found == [
        ("data.sources.0.path", "missing-source"),
        ("data.sources.2.path", "missing-source"),
        ("data.tokenizer", "missing-tokenizer"),
    ]
    assert check(make_venture(folder, sources[1])) == []


def test_the_fingerprint_changes_with_the_files_alone(folder: Path) -> None:
    venture = make_venture(folder, {"kind": "text", "path": "text/**/*.txt"})
    first = source_fingerprint(venture)
    assert (
        source_fingerprint(make_venture(folder, {"kind": "text", "path": "text/**/*.txt"}, sequence_length=8)) == first
    )
    os.utime(folder / "text" / "a.txt", ns=(1, 1))
    touched = source_fingerprint(venture)
    (folder / "text" / "new.txt").write_text("new")
    assert len({first, touched, source_fingerprint(venture)}) == 3
