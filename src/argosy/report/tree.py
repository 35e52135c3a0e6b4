"""Looking into parsed JSON that may lack anything: a report shows an old or half-done run as far as it goes."""

import math
from collections.abc import Mapping
from typing import Any

Tree = Mapping[str, Any]


def find(tree: Any, *path: str) -> Any:
    """The value at `path`, or None when any part of the way is missing."""
    for key in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def number(tree: Any, *path: str) -> float | None:
    """The finite number at `path`, or None; true and false are no numbers."""
    value = find(tree, *path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def text(tree: Any, *path: str) -> str | None:
    """The text at `path`, or None."""
    value = find(tree, *path)
    return value if isinstance(value, str) else None


def branch(tree: Any, *path: str) -> Tree:
    """The mapping at `path`; empty when there is none."""
    value = find(tree, *path)
    return value if isinstance(value, Mapping) else {}


def branches(tree: Any, *path: str) -> list[Tree]:
    """The mappings in the list at `path`."""
    value = find(tree, *path)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def leaves(tree: Any, key: str = "") -> list[tuple[str, Any]]:
    """Every value below `tree` with its dotted key; a list counts as one value unless it holds mappings."""
    if isinstance(tree, Mapping):
        pairs = list(tree.items())
    elif isinstance(tree, list) and any(isinstance(item, Mapping) for item in tree):
        pairs = [(str(place), item) for place, item in enumerate(tree)]
    else:
        return [(key, tree)]
    return [leaf for name, item in pairs for leaf in leaves(item, f"{key}.{name}" if key else name)]
