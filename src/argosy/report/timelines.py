"""The picture of a step that was profiled: `timeline/timeline.json` of a run as a plot, and as an SVG."""

from collections.abc import Mapping
from typing import Any

from argosy.report.gantt import Bar, gantt_svg
from argosy.report.plots import Plot
from argosy.report.tree import Tree, branches, number, text
from argosy.report.units import duration, share
from argosy.report.views import RunView

FILE = "timeline/timeline.json"
KINDS: Mapping[str, str] = {"compute": "main", "communication": "second", "waiting": "third", "host": "faint"}
NAMES: Mapping[str, str] = {"waiting": "waiting in the pipeline", "host": "Python, idle"}
MOST_RANKS = 64  # in one picture


def timeline_plot(view: RunView) -> dict[str, Plot]:
    """The plot of the profiled step, by name; none where no step was."""
    ranks = branches(view.timeline, "ranks")[:MOST_RANKS]
    step_ms = number(view.timeline, "step_ms")
    if not ranks or step_ms is None:
        return {}
    layout = {
        "xaxis": {"title": {"text": "milliseconds"}, "range": [0, step_ms]},
        "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category"},
        "barmode": "overlay",
        "bargap": 0.3,
        "hovermode": "closest",
    }
    plot = Plot(
        "timeline",
        f"One step of every process: step {number(view.timeline, 'step'):.0f}",
        "milliseconds",
        timeline_words(view.timeline),
        FILE,
        ("process", *(NAMES.get(kind, kind) for kind in KINDS)),
        tuple(_row(rank) for rank in ranks),
        {"data": [trace for kind in KINDS if (trace := _trace(kind, ranks))["x"]], "layout": layout},
        note="It was measured under the profiler, which slows Python down. Communication includes waiting for slower "
        "processes.",
    )
    return {plot.name: plot}


def timeline_words(timeline: Tree) -> str:
    """What the timeline shows, in a sentence."""
    ranks = branches(timeline, "ranks")
    spent = {kind: sum(number(rank, f"{kind}_ms") or 0.0 for rank in ranks) for kind in KINDS}
    whole = sum(spent.values()) or 1.0
    parts = [f"{NAMES.get(kind, kind)} {share(spent[kind] / whole)}" for kind in KINDS if spent[kind]]
    bubble = number(timeline, "bubble")
    took = duration((number(timeline, "step_ms") or 0.0) / 1000)
    words = f"With {text(timeline, 'layout')}, the step took {took}: {', '.join(parts)}."
    return words if bubble is None else f"{words} The pipeline was empty for {share(bubble)} of its time."


def timeline_svg(timeline: Tree) -> str:
    """The timeline as an SVG that stands alone: each rank's lane, and below it the pipeline's actions."""
    lanes: list[tuple[str, list[Bar]]] = []
    for rank in branches(timeline, "ranks")[:MOST_RANKS]:
        spans = [(one, text(one, "kind") or "host") for one in branches(rank, "intervals")]
        lanes.append((f"rank {number(rank, 'rank'):.0f}", [_bar(one, kind) for one, kind in spans]))
        if acts := branches(rank, "actions"):
            lanes.append(("", [_action(one) for one in acts]))
    seen = {bar.role for _, bars in lanes for bar in bars}
    legend = {kind: NAMES.get(kind, kind) for kind in KINDS if kind in seen}
    title = f"Step {number(timeline, 'step'):.0f}, {text(timeline, 'layout')}"
    return gantt_svg(title, lanes, legend, "ms", timeline_words(timeline))


def _action(one: Tree) -> Bar:
    kind, stage = text(one, "kind") or "F", number(one, "stage") or 0
    return _bar(one, f"{kind}{' odd' if stage % 2 else ''}", f"{kind}{number(one, 'micro_batch') or 0:.0f}")


def _bar(one: Tree, role: str, words: str = "") -> Bar:
    return Bar(number(one, "start_ms") or 0.0, number(one, "end_ms") or 0.0, role, words)


def _row(rank: Tree) -> tuple[str, ...]:
    spent = {kind: number(rank, f"{kind}_ms") or 0.0 for kind in KINDS}
    whole = sum(spent.values()) or 1.0
    shown = (f"{duration(ms / 1000)}, {share(ms / whole)}" for ms in spent.values())
    return (f"rank {number(rank, 'rank') or 0:.0f}", *shown)


def _trace(kind: str, ranks: list[Tree]) -> dict[str, Any]:
    bars = [
        (f"rank {number(rank, 'rank') or 0:.0f}", number(one, "start_ms") or 0.0, number(one, "end_ms") or 0.0)
        for rank in ranks
        for one in branches(rank, "intervals")
        if text(one, "kind") == kind
    ]
    return {
        "type": "bar",
        "orientation": "h",
        "name": NAMES.get(kind, kind),
        "y": [name for name, _, _ in bars],
        "base": [round(start, 3) for _, start, _ in bars],
        "x": [round(end - start, 3) for _, start, end in bars],
        "marker": {"line": {"width": 0}},
        "hovertemplate": "%{x:.2f} ms from %{base:.2f} ms",
        "meta": {"role": KINDS[kind]},
    }
