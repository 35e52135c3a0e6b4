"""Runs: locks, receipts, atomic files."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from argosy.config import RunFailed, UserError
from argosy.storage import Run, atomic_folder, atomic_write, disk_errors, read_json

pytestmark = pytest.mark.fast


def test_atomic_write_leaves_the_old_file_when_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_atomic_folder_replaces_or_vanishes(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("one", "two"):
        with atomic_folder(target) as temporary:
            (temporary / "file").write_text(content)
    with pytest.raises(ValueError, match="boom"), atomic_folder(target) as temporary:
        (temporary / "file").write_text("three")
        raise ValueError("boom")
    assert (target / "file").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, RunFailed), (errno.EACCES, UserError)])
def test_disk_errors_become_plain_words(tmp_path: Path, number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=str(tmp_path)), disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_receipt_matches_only_what_it_was_written_for(tmp_path: Path) -> None:
    run = Run(tmp_path)
    output = tmp_path / "out"
    output.write_text("x")
    assert not run.is_current("stage", {"a": "1"}, {"k": 1})
    run.write_receipt(
        "stage", inputs={"a": "1"}, configuration={"k": 1}, outputs=[output], started=time.time(), versions={}
    )
    assert run.is_current("stage", {"a": "1"}, {"k": 1})
    assert not run.is_current("stage", {"a": "2"}, {"k": 1})
    assert not run.is_current("stage", {"a": "1"}, {"k": 2})
    output.unlink()
    assert not run.is_current("stage", {"a": "1"}, {"k": 1})


def test_two_holders_of_one_run(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.lock():
        assert run.in_use()
        with pytest.raises(UserError, match=f"pid {os.getpid()}"), Run(tmp_path).lock():
            raise AssertionError("both hold the lock")
    assert not run.in_use()


def test_a_killed_holder_releases_the_run(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom argosy.storage import Run\n"
        f"with Run({str(tmp_path)!r}).lock():\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with Run(tmp_path).lock():
        pass


def test_unknown_run_names_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "first" / "receipts").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert Run.find("first").path == Path("runs/first")
    with pytest.raises(UserError, match="did you mean 'first'"):
        Run.find("frist")


def test_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a":')
    with pytest.raises(UserError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")
