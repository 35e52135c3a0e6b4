"""The example to change, sections as they are written, and the verbs as a user calls them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from argosy.cli.app import _run as command

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EXAMPLE = EXAMPLES / "capital"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example to change."""
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    return tmp_path / "plan"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a verb says with --json."""
    assert command(["capital", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def changed(folder: Path, old: str, new: str) -> Path:
    """A plan in which one thing is written otherwise."""
    path = folder / "capital.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def refused(capsys: pytest.CaptureFixture[str], said: str, *words: str) -> None:
    """A verb ends with what is wrong, and no traceback."""
    assert command(["capital", *words]) == 2
    answer = capsys.readouterr().err
    assert said in answer and "Traceback" not in answer


def entry(section: str, **keys: Any) -> str:
    """An entry of a list, without what is None."""
    return f"[[{section}]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in keys.items() if v is not None)
