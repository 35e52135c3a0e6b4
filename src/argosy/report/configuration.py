"""The venture as people read it: what was chosen, what was left as it is, and the numbers that follow from both."""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from argosy.config import VENTURES, Execution, Layout, Recipe, TransformerConfig, Venture, reference_rows
from argosy.report.tree import Tree, branch, leaves, text
from argosy.report.units import plain
from argosy.report.views import RunView


@dataclass(frozen=True)
class Row:
    """One key."""

    key: str
    """Dotted."""
    value: str
    """As people read it."""
    sentence: str
    """What it means."""


@dataclass(frozen=True)
class Group:
    """Keys that belong together."""

    name: str
    """Section of the venture."""
    rows: tuple[Row, ...]
    """Its keys."""


@dataclass(frozen=True)
class Configuration:
    """Everything that decided the run."""

    chosen: tuple[Group, ...]
    """Keys that differ from their defaults."""
    defaults: tuple[Group, ...]
    """Keys that do not."""
    resolved: tuple[Group, ...]
    """What the venture left to rules and to the machine."""


def configuration(view: RunView) -> Configuration:
    """Sort the keys of `venture.toml`, and add what the checkpoint says it came to."""
    known = _reference(text(view.venture, "goal", "task") or "language-model")
    chosen: dict[str, list[Row]] = {}
    defaults: dict[str, list[Row]] = {}
    for key, value in leaves(view.venture):
        default, sentence = known.get(re.sub(r"\.\d+(?=\.)", "[]", key), ("", ""))
        section, _, rest = key.partition(".")
        target = defaults if default not in ("", "required") and json.loads(default) == value else chosen
        target.setdefault(section if rest else "venture", []).append(Row(rest or key, plain(value), sentence))
    return Configuration(_groups(chosen), _groups(defaults), _resolved(view))


@functools.cache
def _reference(goal: str) -> dict[str, tuple[str, str]]:
    """(default, sentence) of every key of a goal's venture."""
    return {key: (default, sentence) for key, _, default, sentence in reference_rows(VENTURES.get(goal, Venture))}


def _groups(found: dict[str, list[Row]]) -> tuple[Group, ...]:
    return tuple(Group(name, tuple(rows)) for name, rows in found.items())


def _resolved(view: RunView) -> tuple[Group, ...]:
    parts: list[tuple[str, Tree, type[BaseModel]]] = [
        ("model", branch(view.checkpoint, "model"), TransformerConfig),
        ("recipe", view.recipe, Recipe),
        ("layout", branch(view.checkpoint, "layout") or branch(view.start, "layout"), Layout),
        ("execution", branch(view.checkpoint, "execution"), Execution),
    ]
    return tuple(Group(name, _described(tree, kind)) for name, tree, kind in parts if tree)


def _described(tree: Tree, kind: type[BaseModel]) -> tuple[Row, ...]:
    fields = kind.model_fields
    return tuple(
        Row(key, plain(value), " ".join((fields[key].description or "").split()) if key in fields else "")
        for key, value in tree.items()
    )


def environment(view: RunView) -> list[tuple[str, str]]:
    """(what, how) of the machine and the processes, as the start of training tells."""
    shown = ("time", "kind", "step", "recipe", "parameters", "layout")
    names = {"ranks": "processes", "threads": "threads a process", "micro_batch": "micro-batch"}
    rows: list[tuple[str, Any]] = [(names.get(key, key), v) for key, v in view.start.items() if key not in shown]
    return [(name.replace("_", " "), plain(value)) for name, value in rows]


def choices(view: RunView) -> list[str]:
    """What the run decided for this machine, and why."""
    kinds = ("choice", "fallback")
    told = [text(event, "reason") for event in view.events if event.get("kind") in kinds]
    return list(dict.fromkeys(reason for reason in told if reason))


def versions(view: RunView) -> list[tuple[str, Sequence[str], str]]:
    """(software, stages, version), a line for each version where stages differ."""
    stages: dict[tuple[str, str], list[str]] = {}
    for stage, receipt in view.receipts.items():
        for name, version in branch(receipt, "versions").items():
            stages.setdefault((name, str(version)), []).append(stage)
    return [(name, used, version) for (name, version), used in stages.items()]
