"""A run's files as the report sees them; whatever is missing stays None. Torch-free."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from argosy.config import UserError, Venture
from argosy.data import Dataset
from argosy.evaluation import Evaluation
from argosy.storage import Receipt, Run, canonical_json, read_json

MAX_POINTS = 2000
STAGE_NAMES = ("prepare", "train", "evaluate")


@dataclass(frozen=True)
class RunView:
    """Everything the page shows."""

    run: Run
    """The run."""
    venture: Venture | None
    """As it was run."""
    dataset: Dataset | None
    """Prepared data."""
    evaluation: Evaluation | None
    """Held-out figures and samples."""
    metrics: list[dict[str, Any]]
    """Training steps, thinned to at most `MAX_POINTS`."""
    steps: int
    """Training steps before thinning."""
    held_out: list[dict[str, Any]]
    """Held-out losses during training, one a step."""
    events: list[dict[str, Any]]
    """The run's story."""
    start: dict[str, Any]
    """How training began: parameters, layout, precision."""
    receipts: list[Receipt]
    """Completed stages."""

    def total(self, key: str) -> float:
        """Sum of a metric over the shown steps."""
        return float(sum(line.get(key) or 0 for line in self.metrics))


def view_run(run: Run) -> RunView:
    """Read a run; missing parts stay empty, damaged ones raise `UserError`."""
    metrics = _lines(run.metrics)
    events = _lines(run.events)
    held_out = {e["step"]: e for e in events if e["kind"] == "held_out"}
    last_step = metrics[-1]["step"] if metrics else 0
    starts = [e for e in events if e["kind"] in ("started", "resumed")]
    venture = None
    with contextlib.suppress(UserError):
        venture = run.venture()
    return RunView(
        run=run,
        venture=venture,
        dataset=_optional(run.data / "index.json", Dataset),
        evaluation=_optional(run.path / "evaluation.json", Evaluation),
        metrics=thin(metrics, "loss"),
        steps=len(metrics),
        held_out=[held_out[step] for step in sorted(held_out) if step <= last_step],
        events=events,
        start=starts[-1] if starts else {},
        receipts=[r for name in STAGE_NAMES if (r := run.receipt(name)) is not None],
    )


def thin(lines: list[dict[str, Any]], key: str, limit: int = MAX_POINTS) -> list[dict[str, Any]]:
    """Keep at most `limit` lines: of each bucket the ones where `key` is lowest and highest, so spikes stay."""
    if len(lines) <= limit:
        return lines
    buckets = limit // 2
    kept: list[dict[str, Any]] = []
    for number in range(buckets):
        bucket = lines[number * len(lines) // buckets : (number + 1) * len(lines) // buckets]
        low = min(bucket, key=lambda line: line[key])
        high = max(bucket, key=lambda line: line[key])
        kept += [low] if low is high else sorted((low, high), key=lambda line: line["step"])
    return kept


def _optional(path: Path, kind: type[Any]) -> Any:
    return kind.model_validate_json(canonical_json(read_json(path))) if path.exists() else None


def _lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(orjson.JSONDecodeError):  # the last line may be cut by a kill
                lines.append(orjson.loads(line))
    return lines
