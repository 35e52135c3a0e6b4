"""The page that says what works with what: every feature and layout is put to the checks that training begins with."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from argosy.config import ClassificationVenture, Venture
from argosy.parallel import check

Changes = tuple[Mapping[str, Any], ...]

DEGREES = ("data", "shard", "tensor", "pipeline", "context")
SCHEDULES = ("gpipe", "1f1b", "interleaved", "zero-bubble")
SOURCES = [{"kind": "text", "path": "text.txt"}]
EXAMPLE: Mapping[str, Any] = {
    "data": {"sources": SOURCES, "sequence_length": 512},
    "model": {"dim": 256, "layers": 8, "heads": 8, "kv_heads": 4},
    "training": {"batch_size": 32, "steps": 100},
}
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "nothing else": {},
    '`training.precision = "bfloat16"`': {"training": {"precision": "bfloat16"}},
    "`training.compile = true`": {"training": {"compile": True}},
    '`training.compile = "auto"`': {"training": {"compile": "auto"}},
    "`training.recompute = true`": {"training": {"recompute": True}},
    "`training.accumulation = 2`": {"training": {"accumulation": 2}},
    "`training.micro_batch = 2`": {"training": {"micro_batch": 2}},
    "`training.gradient_clip = 1.0`": {"training": {"gradient_clip": 1.0}},
    '`training.optimizer = "muon"`': {"training": {"optimizer": "muon"}},
    '`training.optimizer = "sgd"`': {"training": {"optimizer": "sgd"}},
    "`training.reshard = false`": {"training": {"reshard": False}},
    "`training.async_checkpoint = true`": {"training": {"async_checkpoint": True}},
    "`data.document_mask = true`": {"data": {"document_mask": True}},
    "`model.tied_embeddings = true`": {"model": {"tied_embeddings": True}},
    "`model.qk_norm = true`": {"model": {"qk_norm": True}},
    "`model.kv_heads = 1` (fewer than products are shared by)": {"model": {"kv_heads": 1}},
    "`model.kv_heads = 3` of 6 heads": {"model": {"heads": 6, "kv_heads": 3, "dim": 192}},
}
EVERYTHING: Mapping[str, Any] = {
    "training": {
        "precision": "bfloat16",
        "optimizer": "muon",
        "recompute": True,
        "accumulation": 2,
        "async_checkpoint": True,
    },
    "data": {"document_mask": True},
    "model": {"tied_embeddings": True},
}
LIMITS: Mapping[str, Mapping[str, Any]] = {
    "`tensor = 3`, 8 heads": {"layout": {"tensor": 3}},
    "`tensor = 8`, sequences of 12 tokens": {"layout": {"tensor": 8}, "data": {"sequence_length": 12}},
    "`context = 3`, sequences of 512 tokens": {"layout": {"context": 3}},
    "`shard = 5`, a batch of 32": {"layout": {"shard": 5}},
    "`pipeline = 4`, 3 layers": {"layout": {"pipeline": 4}, "model": {"layers": 3}},
    "`pipeline = 3`, `zero-bubble`, 5 layers": {
        "layout": {"pipeline": 3},
        "model": {"layers": 5},
        "training": {"pipeline_schedule": "zero-bubble"},
    },
    "`pipeline = 2`, `1f1b`, two virtual stages": {"layout": {"pipeline": 2}, "training": {"virtual_stages": 2}},
    "`pipeline = 2`, micro-batches of 5": {"layout": {"pipeline": 2}, "training": {"micro_batch": 5}},
    "`pipeline = 4`, `interleaved`, 2 micro-batches": {
        "layout": {"pipeline": 4},
        "training": {"pipeline_schedule": "interleaved", "micro_batch": 16},
    },
}
"""Layouts that do not fit the example, and why."""


COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "one process": {},
    **{f"`{degree} = 2`": {"layout": {degree: 2}} for degree in DEGREES if degree != "pipeline"},
    "`data = 2`, `shard = 2`": {"layout": {"data": 2, "shard": 2}},
    **{
        f"`pipeline = 2`, `{schedule}`": {"layout": {"pipeline": 2}, "training": {"pipeline_schedule": schedule}}
        for schedule in SCHEDULES
    },
}


def support_matrix() -> Iterator[str]:
    """Lines: features by kinds of layout, products of degrees, and what has to fit."""
    yield "# What works with what\n"
    yield "Each cell is the answer of the checks that run before any process starts. `benchmarks/parity.py`"
    yield "measures that what is accepted computes what one process does; most of these cells are among its own.\n"
    yield "## Features and kinds of layout\n"
    yield "A transformer of 8 layers and 8 heads, and batches of 32 sequences of 512 tokens, with one change each.\n"
    yield from _table(
        COLUMNS, {name: [(feature, column) for column in COLUMNS.values()] for name, feature in FEATURES.items()}
    )
    yield from _products()
    yield from _limits()
    yield from _classification()


def _table(columns: Iterable[str], rows: Mapping[str, Sequence[Changes | None]]) -> Iterator[str]:
    """A table of answers, and the reasons of those that are no; None leaves a cell empty."""
    reasons: list[str] = []
    yield f"| | {' | '.join(columns)} |"
    yield "|---" * (len(list(columns)) + 1) + "|"
    for name, cells in rows.items():
        yield f"| {name} | {' | '.join('' if changes is None else _answer(reasons, changes) for changes in cells)} |"
    yield ""
    yield from (f"{number}. {reason}" for number, reason in enumerate(reasons, 1))
    if reasons:
        yield ""


def _products() -> Iterator[str]:
    yield "## Products of degrees\n"
    yield "All degrees 2, the schedules of a pipeline side by side, with everything at once: bfloat16, Muon,"
    yield "recomputation, two accumulations, asynchronous checkpoints, a document mask and tied embeddings.\n"
    schedules = [{"training": {"pipeline_schedule": schedule}} for schedule in SCHEDULES]
    rows: dict[str, list[Changes | None]] = {}
    for count in range(2, len(DEGREES) + 1):
        for degrees in combinations(DEGREES, count):
            layout = {"layout": dict.fromkeys(degrees, 2)}
            some = schedules if "pipeline" in degrees else schedules[:1]
            cells: list[Changes | None] = [(EVERYTHING, layout, schedule) for schedule in some]
            rows[" × ".join(f"`{degree}`" for degree in degrees)] = cells + [None] * (len(schedules) - len(some))
    yield from _table([f"`{schedule}`" for schedule in SCHEDULES], rows)


def _limits() -> Iterator[str]:
    yield "## What has to fit\n"
    yield "Of the same example, or as it is changed in the first column:\n"
    yield "| layout | what is said |\n|---|---|"
    for name, change in LIMITS.items():
        yield f"| {name} | {'; '.join(_problems((change,))) or 'accepted'} |"
    yield ""


def _classification() -> Iterator[str]:
    yield "## Classifiers\n"
    example = {
        "name": "example",
        "goal": {"task": "classification"},
        "data": {"sources": [{"kind": "mnist"}]},
    }
    answers = {}
    for degree in DEGREES:
        venture = ClassificationVenture.model_validate({**example, "layout": {degree: 2}})
        answers[degree] = "; ".join(problem.expected for problem in check(venture)) or "yes"
    yield f"| {' | '.join(f'`{degree} = 2`' for degree in DEGREES)} |"
    yield "|---" * len(DEGREES) + "|"
    yield f"| {' | '.join(answers.values())} |\n"


def _answer(reasons: list[str], changes: Changes) -> str:
    """`yes`, or `no` with the numbers of its reasons, which are kept."""
    found = _problems(changes)
    reasons += [reason for reason in found if reason not in reasons]
    numbers = ", ".join(str(reasons.index(reason) + 1) for reason in found)
    return f"no ({numbers})" if found else "yes"


def _problems(changes: Changes) -> list[str]:
    """What the checks say of the example with these changes."""
    tree: dict[str, Any] = {"name": "example", **EXAMPLE}
    for change in changes:
        for section, keys in change.items():
            tree[section] = {**tree.get(section, {}), **keys}
    problems = check(Venture.model_validate(tree))
    return [f"`{problem.key} = {json.dumps(problem.value)}`: {problem.expected}" for problem in problems]
