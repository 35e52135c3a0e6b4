"""What a run was predicted to take beside what it took."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from argosy.report.tree import branch, number, text
from argosy.report.units import SPACE, duration
from argosy.report.views import RunView
from argosy.storage import since_started


@dataclass(frozen=True)
class PlannedRow:
    """One figure."""

    label: str
    """What it is."""
    predicted: str
    """The middle."""
    between: str
    """In eight of ten cases."""
    actual: str
    """What it was."""
    off: str
    """Actual over predicted, less one."""
    within: bool
    """Whether it was between."""


@dataclass(frozen=True)
class Planned:
    """The comparison."""

    rows: tuple[PlannedRow, ...]
    """Figures that were both predicted and measured."""
    words: str
    """What the prediction rests on, and how it was corrected."""


def planned(view: RunView) -> Planned | None:
    """Plan against actual; None for a run that was not planned."""
    if not view.plan:
        return None
    words = f"Rests on {text(view.plan, 'basis') or 'what is not told'}."
    ranks = [number(start, "ranks") for start in view.starts]
    if any(of_start != number(view.plan, "ranks") for of_start in ranks):
        return Planned((), f"{words} The run went on with another number of processes, which it was not made for.")
    rows = tuple(row for name, measured in _actual(view) if (row := _row(view, name, measured)))
    told = next((event for event in reversed(since_started(view.events)) if event.get("kind") == "recentred"), {})
    correction = number(told, "correction")
    if correction is not None:
        words += f" The first steps took {correction:.2f} times as long, and the time left was told by that."
    return Planned(rows, words)


_UNITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "step_time_s": ("time of a step", duration),
    "train_h": ("all steps", lambda hours: duration(3600 * hours)),
    "peak_memory_gib": ("peak memory of a rank", lambda gib: f"{gib:.3g}{SPACE}GiB"),
}


def _actual(view: RunView) -> Iterator[tuple[str, float]]:
    steps = [seconds for seconds in view.metrics["step_s"] if seconds == seconds]
    if steps:
        yield "step_time_s", statistics.median(steps)
    if steps and len(steps) == number(view.recipe, "steps"):
        yield "train_h", sum(steps) / 3600
    peak, before = view.metrics.most("memory_gib"), number(view.start, "memory_before_gib")
    if peak is not None and before is not None:
        yield "peak_memory_gib", peak - before


def _row(view: RunView, name: str, measured: float) -> PlannedRow | None:
    span = branch(view.plan, name)
    low, middle, high = (number(span, key) for key in ("low", "middle", "high"))
    if low is None or middle is None or high is None:
        return None
    label, write = _UNITS[name]
    return PlannedRow(
        label=label,
        predicted=write(middle),
        between=f"{write(low)} to {write(high)}",
        actual=write(measured),
        off=f"{100 * (measured / middle - 1):+.0f}{SPACE}%",
        within=low <= measured <= high,
    )
