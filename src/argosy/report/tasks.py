"""The venture's own questions: who was right how often, at what cost, and does the model know what it knows?"""

from dataclasses import dataclass
from typing import Any

from argosy.report.plots import Plot
from argosy.report.tree import Tree, branch, branches, find, number, text
from argosy.report.units import SPACE, share
from argosy.report.views import RunView

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class TaskTable:
    """One task."""

    name: str
    """Name of the task."""
    words: str
    """What it is and how it went, in a sentence or two."""
    rows: tuple[tuple[str, ...], ...]
    """For each contestant: name, right, interval, by length, lead, better in, cost of a question, of a right one."""
    calibration: str
    """Name of its plot, which may be missing."""


def task_tables(view: RunView) -> list[TaskTable]:
    """Every task of the evaluation."""
    return [
        TaskTable(
            name=text(task, "name") or "task",
            words=_words(task),
            rows=tuple(_row(contestant) for contestant in branches(task, "contestants")),
            calibration=f"calibration-{place}",
        )
        for place, task in enumerate(branches(view.evaluation, "tasks"))
    ]


def task_plots(view: RunView) -> dict[str, Plot]:
    """A reliability diagram for each task in which this model chose."""
    plots = {}
    for place, task in enumerate(branches(view.evaluation, "tasks")):
        bins = _bins(next(iter(branches(task, "contestants")), {}))
        if bins:
            plot = _reliability(f"calibration-{place}", task, bins)
            plots[plot.name] = plot
    return plots


def _words(task: Tree) -> str:
    chance, longer = number(task, "chance"), number(task, "beyond_training")
    words = f"{number(task, 'questions') or 0:,.0f} questions"
    words += f"; a blind guess is right in {share(chance)} of them." if chance is not None else ", answered in writing."
    rivals = [row for row in branches(task, "contestants") if branch(row, "lead")]
    for rival in rivals:
        better = number(rival, "lead", "share_better")
        if better is not None:
            words += f" This model is better than {text(rival, 'name')} in {share(better)} of the resamples."
    if longer:
        words += f" {longer:,.0f} are longer than the sequences it was trained on; nothing was cut from them."
    return words


def _row(contestant: Tree) -> tuple[str, ...]:
    unreadable = number(contestant, "unreadable")
    name = text(contestant, "name") or "—"
    lead = number(contestant, "lead", "accuracy")
    return (
        name + (f" ({unreadable:,.0f} unreadable)" if unreadable else ""),
        _share(number(contestant, "accuracy")),
        _between(find(contestant, "interval")),
        _share(number(contestant, "accuracy_by_length")),
        "—" if lead is None else f"{100 * lead:+.1f} points, {_between(find(contestant, 'lead', 'interval'))}",
        _share(number(contestant, "lead", "share_better")),
        _cost(number(contestant, "cost_usd")),
        _cost(number(contestant, "cost_per_right_usd")),
    )


def _share(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}{SPACE}%"


def _between(pair: Any) -> str:
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(end, int | float) for end in pair)):
        return "—"
    return f"{100 * pair[0]:.1f} to {100 * pair[1]:.1f}"


def _cost(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.3g}"


def _bins(contestant: Tree) -> list[tuple[float, float, float]]:
    """(confidence, accuracy, questions) of each bin."""
    found = []
    for each in branches(contestant, "calibration", "bins"):
        confidence, accuracy, questions = (number(each, key) for key in ("confidence", "accuracy", "questions"))
        if confidence is not None and accuracy is not None and questions is not None:
            found.append((confidence, accuracy, questions))
    return found


def _reliability(name: str, task: Tree, bins: list[tuple[float, float, float]]) -> Plot:
    calibration = branch(branches(task, "contestants")[0], "calibration")
    error, brier = number(calibration, "expected_error"), number(calibration, "brier")
    words = "Confidence of the chosen answers, and how many of them are right"
    if error is not None and brier is not None:
        words += f": on average they differ by {share(error)} (expected calibration error); Brier score {brier:.3f}"
    ideal = {"x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"width": 1.5, "dash": "dot"}}
    found = {"x": [each[0] for each in bins], "y": [each[1] for each in bins], "mode": "lines+markers", "line": {}}
    axis = {"range": [0, 1], "tickformat": ".0%"}
    return Plot(
        name,
        f"Calibration on {text(task, 'name')}",
        "share of the answers that is right",
        f"{words}.",
        "evaluation.json",
        ("confidence", "right", "questions"),
        tuple((share(confidence), share(accuracy), f"{questions:,.0f}") for confidence, accuracy, questions in bins),
        {
            "data": [
                {"type": "scatter", "name": "this model", "meta": {"role": "main"}, **found},
                {"type": "scatter", "name": "confidence deserved", "meta": {"role": "quiet"}, **ideal},
            ],
            "layout": {
                "xaxis": {"title": {"text": "confidence"}, **axis},
                "yaxis": axis,
                "hovermode": "closest",
            },
        },
        note="Each point is an equal share of the questions; above the line the model is better than it thinks.",
    )
