"""Rooms are entered by their doors, and the torch-free ones stay torch-free at run time too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

SOURCE = Path(__file__).resolve().parents[1] / "src" / "argosy"
ROOMS = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}


def _imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
    return names


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_other_rooms_are_entered_by_the_door(path: Path) -> None:
    own = path.relative_to(SOURCE).parts[0]
    for name in _imported(path):
        parts = name.split(".")
        if parts[0] == "argosy" and len(parts) > 2 and parts[1] in ROOMS:
            # cli/app.py reads errors before pydantic is needed: `argosy --help` must stay fast
            assert parts[1] == own or name == "argosy.config.errors", f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "room",
    [
        "capital",
        "config",
        "hardware",
        "planning",
        "storage",
        "data",
        "report",
        "training",
        "workflow",
        "exchange",
        "cli.summary",
    ],
)
def test_importing_a_door_does_not_import_torch(room: str) -> None:
    code = f"import argosy.{room}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_stay_readable() -> None:
    long = {path.name: n for path in SOURCE.rglob("*.py") if (n := path.read_text().count("\n")) > 400}
    assert not long
