"""`argosy init`: a venture to edit."""

import re
from importlib import resources
from pathlib import Path

from argosy.config import UserError, nearest
from argosy.storage import atomic_write

TASKS = ("language-model", "classification")


def write_venture(folder: Path, task: str) -> Path:
    """Write `folder/venture.toml`; raises `UserError` for an unknown task, and when there is a venture already."""
    if task not in TASKS:
        raise UserError("bad-option", f"task = {task!r}: expected one of {', '.join(TASKS)}{nearest(task, TASKS)}")
    path = folder / "venture.toml"
    if path.exists():
        raise UserError("exists", f"{path} exists already", hint="choose another folder, or edit that file")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._") or "my-venture"
    template = resources.files("argosy.cli").joinpath(f"{task}.toml").read_text(encoding="utf-8")
    with atomic_write(path) as temporary:
        temporary.write_text(template.replace("{name}", name), encoding="utf-8")
    return path
