"""From `key=value,value` to one venture for each combination."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from argosy import workflow
from argosy.config import UserError, Venture, language_venture, load_venture, parse_override, split_override
from argosy.storage import digest


class Combination(NamedTuple):
    """One point of the grid."""

    label: str
    """Name of its run folder."""
    settings: dict[str, Any]
    """Value of each key that has more than one."""
    venture: Venture
    """The venture with all values in it, checked."""


def combinations(venture: Path | str, overrides: Sequence[str]) -> list[Combination]:
    """Every combination of the values in `overrides`, the last key's values changing fastest.

    Raises `UserError` when a key or value is wrong, or there is nothing to compare.
    """
    axes: dict[str, list[str]] = {}
    for override in overrides:
        key, _ = parse_override(override)
        if key in axes:
            raise UserError("bad-override", f"{key} is given twice: all its values go into one --set {key}=…,…")
        axes[key] = split_override(override)
    grid = []
    for chosen in itertools.product(*axes.values()):
        settings = {key: value for key, value in map(parse_override, chosen) if len(axes[key]) > 1}
        parsed = language_venture(load_venture(venture, chosen))
        grid.append(Combination(label_of(settings), settings, parsed))
        workflow.check(grid[-1].venture)
    if len(grid) < 2:
        example = "--set training.learning_rate=1e-4,3e-4"
        raise UserError("bad-override", "nothing to compare: no key has two values", hint=example)
    return grid


def label_of(settings: Mapping[str, Any]) -> str:
    """A folder name that people can read, and another one for other settings."""
    short = {key: key.rpartition(".")[2] for key in settings}
    names = short if len(set(short.values())) == len(short) else {key: key for key in settings}
    values = {key: v if isinstance(v, str) else json.dumps(v, default=str) for key, v in settings.items()}
    text = ",".join(f"{names[key]}={value}" for key, value in values.items())
    safe = re.sub(r"[^\w.=,+-]+", "_", text, flags=re.ASCII)[:80]
    return safe if safe == text else f"{safe}-{digest(text.encode())[:6]}"
