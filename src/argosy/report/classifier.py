"""The report of a classifier: accuracy beside simple means, which class is taken for which, how it learned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from argosy.report.headline import Fact
from argosy.report.page import shared_content, write_page
from argosy.report.plots import Plot, curve, plot_layout
from argosy.report.tree import Tree, branches, find, number, text
from argosy.report.units import SPACE, count, duration
from argosy.report.views import RunView, view_run
from argosy.storage import Run

ROWS = 12  # of a plot's table of numbers
WORST = 5  # pairs of classes named
SHOWN = 40  # classes of a confusion matrix that can still be read


@dataclass(frozen=True)
class AccuracyBar:
    """Accuracy of the model or of a simple mean."""

    name: str
    """Who is right so often."""
    accuracy: float
    """Share of the held-out examples."""
    own: bool
    """Whether it is this model."""


@dataclass(frozen=True)
class ClassRow:
    """One true class."""

    name: str
    """The class."""
    examples: str
    """Held-out examples of it."""
    recall: str
    """Share of them that was recognised."""
    precision: str
    """Share of what was taken for it that is."""
    cells: tuple[tuple[str, float], ...]
    """For each predicted class: how many, and as a share of the row."""


def render_classifier(run: Run) -> Path:
    """Write the report of a classifier's run and return its path; parts that are missing say what makes them.

    The same files give the same page, byte for byte. Raises `RunFailed` when the disk is full.
    """
    view = view_run(run)
    epochs = _epochs(run.metrics)
    shared = shared_content(view)
    plots = {plot.name: plot for plot in _plots(epochs)} | (shared["money"].plots if shared["money"] else {})
    rows = list(_classes(view.evaluation))
    return write_page(
        run.report,
        "classifier.html",
        plots,
        **shared,
        summary=_summary(view),
        facts=list(_facts(view, epochs)),
        bars=_bars(view.evaluation),
        classes=rows,
        matrix=len(rows) <= SHOWN,
        mistakes=_mistakes(rows),
        data=_data(view.dataset),
    )


def _epochs(path: Path) -> list[Tree]:
    """The lines of `metrics.jsonl`, one an epoch."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [orjson.loads(line) for line in lines]


def _bars(evaluation: Tree) -> list[AccuracyBar]:
    own = number(evaluation, "accuracy")
    if own is None:
        return []
    simple = [
        AccuracyBar(text(other, "name") or "?", number(other, "accuracy") or 0.0, False)
        for other in branches(evaluation, "baselines")
    ]
    return sorted([AccuracyBar("this model", own, True), *simple], key=lambda bar: -bar.accuracy)


def _summary(view: RunView) -> str:
    classes, examples = find(view.dataset, "classes"), number(view.dataset, "examples")
    accuracy = number(view.evaluation, "accuracy")
    if not isinstance(classes, list) or examples is None:
        return "Nothing is prepared yet."
    words = f"A classifier of {len(classes)} classes, trained on {examples:,.0f} examples."
    if accuracy is None:
        return words
    low, high = number(view.evaluation, "accuracy_low"), number(view.evaluation, "accuracy_high")
    seen = number(view.evaluation, "examples") or 0
    words += f" It is right on {_percent(accuracy)}{SPACE}% of {seen:,.0f} that it has never seen"
    between = f"; of all such examples, on {_percent(low)} to {_percent(high)}{SPACE}% (95{SPACE}% interval)"
    return f"{words}{between}."


def _facts(view: RunView, epochs: Sequence[Tree]) -> Iterator[Fact]:
    loss, parameters = number(view.evaluation, "loss"), number(view.checkpoint, "parameters")
    if loss is not None:
        yield Fact("held-out loss", f"{loss:.4f}", "nats an example", ("evaluation.json",), str(loss))
    if parameters is not None:
        yield Fact("parameters", count(parameters), "trainable scalars", (view.checkpoint_file,), f"{parameters:,.0f}")
    if epochs:
        steps = number(view.checkpoint, "step") or 0
        note = f"passes over the examples, {steps:,.0f} steps"
        yield Fact("epochs", f"{len(epochs):,}", note, ("metrics.jsonl",))
    walls = {stage: wall for stage, receipt in view.receipts.items() if (wall := number(receipt, "wall_s"))}
    if walls:
        note = ", ".join(f"{stage} {duration(wall)}" for stage, wall in walls.items())
        files = tuple(f"receipts/{stage}.json" for stage in walls)
        yield Fact("wall time", duration(sum(walls.values())), note, files)


def _classes(evaluation: Tree) -> Iterator[ClassRow]:
    confusion = find(evaluation, "confusion")
    for place, entry in enumerate(branches(evaluation, "classes")):
        row = confusion[place] if isinstance(confusion, list) and place < len(confusion) else []
        whole = sum(row) or 1
        yield ClassRow(
            name=text(entry, "name") or "?",
            examples=f"{number(entry, 'examples') or 0:,.0f}",
            recall=_percent(number(entry, "recall")),
            precision=_percent(number(entry, "precision")),
            cells=tuple((f"{cell:,}" if cell else "", cell / whole) for cell in row),
        )


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}"


def _mistakes(rows: Sequence[ClassRow]) -> str:
    """The pairs of classes that are confused most, in words."""
    found = [
        (cell, row.name, rows[place].name)
        for row in rows
        for place, (cell, _) in enumerate(row.cells)
        if cell and rows[place] is not row
    ]
    found.sort(key=lambda entry: -int(entry[0].replace(",", "")))
    if not found:
        return "No held-out example is taken for another class." if rows else ""
    return "Most often taken for another: " + ", ".join(f"{a} for {b} ({n})" for n, a, b in found[:WORST]) + "."


def _data(dataset: Tree) -> list[tuple[str, str, str]]:
    """(class, examples, held out)."""
    columns = [find(dataset, key) for key in ("classes", "class_counts", "held_out_counts")]
    if not all(isinstance(column, list) for column in columns):
        return []
    return [(str(name), f"{train:,}", f"{held_out:,}") for name, train, held_out in zip(*columns, strict=True)]


def _plots(epochs: Sequence[Tree]) -> Iterator[Plot]:
    x = [number(line, "epoch") or 0.0 for line in epochs]
    for name, title, unit in (("loss", "Loss", "nats an example"), ("accuracy", "Accuracy", "share that is right")):
        if not any(number(line, name) is not None for line in epochs):
            continue
        labels = {"training": name, "held-out": f"val_{name}"}
        columns = {label: [number(line, key) or 0.0 for line in epochs] for label, key in labels.items()}
        roles = {"training": "main", "held-out": "second"}
        data: list[dict[str, Any]] = [curve(label, x, y, roles[label]) for label, y in columns.items()]
        ends = " and ".join(f"{y[-1]:.4f} ({label})" for label, y in columns.items())
        every = -(-len(epochs) // ROWS)
        yield Plot(
            name,
            title,
            unit,
            f"{title} after {len(epochs)} epochs: {ends}.",
            "metrics.jsonl",
            ("epoch", *columns),
            tuple((f"{x[i]:.0f}", *(f"{y[i]:.4f}" for y in columns.values())) for i in range(0, len(epochs), every)),
            {"data": data, "layout": plot_layout("epoch")},
        )
