"""`metrics.jsonl` as columns, thinned for plotting: a million steps become a page of the same size as a thousand."""

import bisect
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from argosy.progress import progress
from argosy.report.tree import number

COLUMNS = (
    "step",
    "loss",
    "learning_rate",
    "gradient_norm",
    "tokens",
    "tokens_per_s",
    "mfu",
    "step_s",
    "data_s",
    "compute_s",
    "communication_s",
    "memory_gib",
)
MAX_POINTS = 2000
Points = tuple[list[float], list[float]]


@dataclass
class Metrics:
    """One column a metric, all of one length; NaN where a line does not have it."""

    columns: "dict[str, array[float]]" = field(default_factory=lambda: {name: array("d") for name in COLUMNS})
    skipped: int = 0
    """Steps whose update was left out."""
    unreadable: int = 0
    """Lines that are not JSON: one cut by a kill, as a rule."""

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, name: str) -> "array[float]":
        return self.columns[name]

    def last(self, name: str) -> float | None:
        """The last known value."""
        return next((value for value in reversed(self[name]) if math.isfinite(value)), None)

    def total(self, name: str) -> float:
        """Sum of the known values."""
        return math.fsum(value for value in self[name] if math.isfinite(value))

    def most(self, name: str) -> float | None:
        """The largest known value."""
        return max((value for value in self[name] if math.isfinite(value)), default=None)

    def weighted(self, name: str) -> float | None:
        """Mean over time: each step's value weighs as much as the step was long. None where nothing is known."""
        pairs = [
            (value, seconds)
            for value, seconds in zip(self[name], self["step_s"], strict=True)
            if math.isfinite(value) and math.isfinite(seconds)
        ]
        whole = math.fsum(seconds for _, seconds in pairs)
        return math.fsum(value * seconds for value, seconds in pairs) / whole if whole > 0 else None

    def tokens_at(self, step: float) -> float | None:
        """Tokens trained on after `step`."""
        place = bisect.bisect_left(self["step"], step)
        found = place < len(self) and self["step"][place] == step
        return self["tokens"][place] if found and math.isfinite(self["tokens"][place]) else None


def read_metrics(path: Path) -> Metrics:
    """Read the steps of a run; empty when it has none."""
    metrics = Metrics()
    if not path.exists():
        return metrics
    with path.open("rb") as file, progress("reading metrics", path.stat().st_size, "bytes") as advance:
        for place, line in enumerate(file):
            _add(metrics, line)
            if place % 4096 == 4095:
                advance(4096 * len(line))
    return metrics


def _add(metrics: Metrics, line: bytes) -> None:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        metrics.unreadable += 1
        return
    if number(values, "step") is None:
        return
    for name, column in metrics.columns.items():
        value = number(values, name)
        column.append(math.nan if value is None else value)
    metrics.skipped += values.get("skipped") is True


def thin(x: Sequence[float], y: Sequence[float], limit: int = MAX_POINTS) -> Points:
    """At most `limit` of the finite points: first, last, and the lowest and highest of each equal stretch between."""
    points = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if len(points) > limit:
        inner, stretches = points[1:-1], (limit - 2) // 2
        kept = [points[0]]
        for place in range(stretches):
            stretch = range(place * len(inner) // stretches, (place + 1) * len(inner) // stretches)
            low, high = min(stretch, key=lambda i: inner[i][1]), max(stretch, key=lambda i: inner[i][1])
            kept += [inner[i] for i in sorted({low, high})]
        points = [*kept, points[-1]]
    return [a for a, _ in points], [b for _, b in points]


def smooth(y: Sequence[float], half_life: float) -> list[float]:
    """Exponential mean, corrected for its start (Kingma & Ba 2015, section 3); unknown values change nothing."""
    keep = 0.5 ** (1 / max(half_life, 1e-9))
    total = weight = 0.0
    means = []
    for value in y:
        if math.isfinite(value):
            total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        means.append(total / weight if weight else math.nan)
    return means


def binned(y: Sequence[float], bins: int) -> list[float]:
    """Mean of the known values of each of at most `bins` equal stretches; zero where nothing is known."""
    bins = min(bins, len(y))
    means = []
    for place in range(bins):
        stretch = y[place * len(y) // bins : (place + 1) * len(y) // bins]
        known = [value for value in stretch if math.isfinite(value)]
        means.append(math.fsum(known) / len(known) if known else 0.0)
    return means
