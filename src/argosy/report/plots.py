"""The report's plots: Plotly figures without colours (the page gives each trace the colour of its role), each with its
words and its numbers for those who do not see it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from argosy.report.metrics import binned, smooth, thin
from argosy.report.tree import branches, find, number, text
from argosy.report.units import count, duration, share, size
from argosy.report.views import RunView

HALF_LIFE = 0.01  # of the run: how fast the smoothed curves forget
TABLE_ROWS = 12
BINS = 120
T = TypeVar("T")


@dataclass(frozen=True)
class Plot:
    """One figure."""

    name: str
    """Identifier in the page."""
    title: str
    """What is drawn."""
    unit: str
    """Of the vertical axis."""
    words: str
    """What it shows, in a sentence."""
    file: str
    """Where its numbers come from, inside the run."""
    header: tuple[str, ...]
    """Columns of the table of its numbers."""
    rows: tuple[tuple[str, ...], ...]
    """That table: a curve at evenly spaced steps."""
    figure: dict[str, Any]
    """Plotly `data` and `layout`; a trace's `meta.role` names its colour."""
    note: str = ""
    """What to know before comparing its curves."""
    key: str = ""
    """Where in the file its numbers are."""

    @property
    def legend(self) -> list[tuple[int, str, str, str]]:
        """(trace, name, role, mark) where there is more than one trace."""
        traces = self.figure["data"]
        return [(i, t["name"], t["meta"]["role"], _mark(t)) for i, t in enumerate(traces) if len(traces) > 1]


def training_plots(view: RunView) -> dict[str, Plot]:
    """The plots made from `metrics.jsonl`, by name; none before the first step."""
    if not len(view.metrics):
        return {}
    plots = [_loss(view), _learning_rate(view), _gradient_norm(view), _throughput(view), _step_time(view)]
    return {plot.name: plot for plot in plots if plot is not None}


def data_plots(view: RunView) -> dict[str, Plot]:
    """The plots made from `data/index.json`, by name."""
    plot = _lengths(view)
    return {} if plot is None else {plot.name: plot}


def _loss(view: RunView) -> Plot | None:
    tokens, loss = view.metrics["tokens"], view.metrics["loss"]
    x, y = thin(tokens, loss)
    if not y:
        return None
    smoothed = smooth(loss, HALF_LIFE * len(loss))
    traces = [curve("each step", x, y, "faint", width=1), curve("training", *thin(tokens, smoothed), "main")]
    known = [value for value in smoothed if math.isfinite(value)]
    words = f"Training loss went from {y[0]:.2f} to {known[-1]:.2f} nats a token (smoothed)"
    points = view.held_out
    if points:
        held = curve("held-out, during training", [p.tokens for p in points], [p.loss for p in points], "second")
        traces.append({**held, "mode": "lines+markers", "marker": {"size": 6}})
        words += f"; held-out loss during training ended at {points[-1].loss:.2f}"
    final = number(view.evaluation, "held_out", "loss")
    if final is not None:
        traces.append(_final(view, final, x[-1]))
        words += f"; the final evaluation found {final:.2f}"
    traces += _levels(view, x)
    return Plot(
        "loss",
        "Loss",
        "nats a token",
        f"{words}.",
        "metrics.jsonl",
        ("tokens", "training loss, smoothed", "held-out loss"),
        _loss_rows(view, smoothed),
        {"data": traces, "layout": plot_layout("tokens trained on")},
        note="Held-out loss during training may be measured on less of the held-out text than the final "
        "evaluation: the two need not meet."
        if points and final is not None
        else "",
    )


def _loss_rows(view: RunView, smoothed: Sequence[float]) -> tuple[tuple[str, ...], ...]:
    """Where held-out loss was measured; evenly spaced steps where it was not."""
    if not view.held_out:
        return tuple((*row, "—") for row in _sampled(view, smoothed))
    at = dict(zip(view.metrics["tokens"], smoothed, strict=True))
    return tuple(
        (count(point.tokens), f"{at[point.tokens]:.3f}", f"{point.loss:.3f}") for point in _spread(view.held_out)
    )


def _final(view: RunView, loss: float, x: float) -> dict[str, Any]:
    step = number(view.evaluation, "step")
    place = view.metrics.tokens_at(step) if step is not None else None
    point = curve("held-out, final", [x if place is None else place], [loss], "second")
    return {**point, "mode": "markers", "marker": {"size": 12, "symbol": "diamond"}}


def _levels(view: RunView, x: Sequence[float]) -> list[dict[str, Any]]:
    """The baselines as losses: bits a byte × bytes a token × ln 2, on the same held-out text."""
    tokens, amount = number(view.evaluation, "held_out", "tokens"), number(view.evaluation, "held_out", "bytes")
    if not tokens or not amount:
        return []
    levels = []
    for baseline, dash in zip(branches(view.evaluation, "baselines"), ("dot", "dash", "dashdot"), strict=False):
        bits = number(baseline, "bits_per_byte")
        if bits is not None:
            loss = bits * math.log(2) * amount / tokens
            line = curve(text(baseline, "name") or "baseline", [x[0], x[-1]], [loss, loss], "quiet", width=1.5)
            line["line"]["dash"] = dash
            levels.append(line)
    return levels


def _learning_rate(view: RunView) -> Plot | None:
    tokens, rate = view.metrics["tokens"], view.metrics["learning_rate"]
    x, y = thin(tokens, rate)
    if not y:
        return None
    top = max(y)
    words = f"The learning rate rose to {top:.3g} at {count(x[y.index(top)])} tokens and ended at {y[-1]:.3g}."
    layout = plot_layout("tokens trained on")
    layout["yaxis"] |= {"rangemode": "tozero", "tickformat": "~g"}
    return Plot(
        "learning-rate",
        "Learning rate",
        "per step",
        words,
        "metrics.jsonl",
        ("tokens", "learning rate"),
        _sampled(view, rate, digits=".3g"),
        {"data": [curve("learning rate", x, y, "main")], "layout": layout},
    )


def _gradient_norm(view: RunView) -> Plot | None:
    tokens, norm = view.metrics["tokens"], view.metrics["gradient_norm"]
    x, y = thin(tokens, norm)
    if not y:
        return None
    traces = [curve("gradient norm", x, y, "main", width=1)]
    clip = number(view.venture, "training", "gradient_clip")
    words = f"The gradient norm before clipping was {min(y):.2g} to {max(y):.2g}, {y[-1]:.2g} at the end"
    if clip is not None:
        level = curve(f"clipped at {clip:g}", [x[0], x[-1]], [clip, clip], "second", width=1.5)
        level["line"]["dash"] = "dot"
        traces.append(level)
        above = sum(value > clip for value in norm)
        words += f"; {share(above / len(norm))} of the steps were clipped at {clip:g}"
    left_out = view.metrics.skipped
    words += f"; {left_out:,} step{'' if left_out == 1 else 's'} left out because it was not finite."
    layout = plot_layout("tokens trained on")
    if min(y) > 0:
        layout["yaxis"] |= {"type": "log", "tickformat": "~g"}
        layout["yaxis"] |= {"dtick": "D2"} if max(y) < 100 * min(y) else {}
    return Plot(
        "gradient-norm",
        "Gradient norm",
        "before clipping",
        words,
        "metrics.jsonl",
        ("tokens", "gradient norm"),
        _sampled(view, norm, digits=".3g"),
        {"data": traces, "layout": layout},
    )


def _throughput(view: RunView) -> Plot | None:
    tokens, rate = view.metrics["tokens"], view.metrics["tokens_per_s"]
    x, y = thin(tokens, rate)
    mean = view.metrics.weighted("tokens_per_s")
    if not y or mean is None:
        return None
    traces = [curve("each step", x, y, "faint", width=1)]
    traces.append(curve("smoothed", *thin(tokens, smooth(rate, 2 * HALF_LIFE * len(rate))), "main"))
    layout = plot_layout("tokens trained on")
    layout["yaxis"] |= {"rangemode": "tozero", "tickformat": "~s"}
    return Plot(
        "throughput",
        "Throughput",
        "tokens per second, all processes",
        f"{count(mean)} tokens a second on average; between {count(min(y))} and {count(max(y))} in single steps.",
        "metrics.jsonl",
        ("tokens", "tokens per second"),
        _sampled(view, rate, digits=",.0f"),
        {"data": traces, "layout": layout},
    )


def _step_time(view: RunView) -> Plot | None:
    """Stacked means of stretches of the run; `other` is what the three parts leave of the step."""
    metrics = view.metrics
    whole = metrics.total("step_s")
    if whole <= 0:
        return None
    middles = binned(metrics["tokens"], BINS)
    steps = binned(metrics["step_s"], BINS)
    parts = {name: binned(metrics[f"{name}_s"], BINS) for name in ("compute", "communication", "data")}
    rest = [max(0.0, step - sum(values)) for step, *values in zip(steps, *parts.values(), strict=True)]
    roles = {"compute": "main", "communication": "second", "data": "third", "other": "quiet"}
    if sum(rest) > 0.005 * sum(steps):
        parts["other"] = rest
    traces = []
    for name, seconds in parts.items():
        area = curve(name, middles, [1000 * value for value in seconds], roles[name], width=1)
        traces.append({**area, "stackgroup": "step"})
    totals = {name: metrics.total(f"{name}_s") for name in ("compute", "communication", "data")}
    totals["other"] = max(0.0, whole - sum(totals.values()))
    rows = tuple(
        (name, duration(total), share(total / whole), duration(total / len(metrics))) for name, total in totals.items()
    )
    listed = ", ".join(f"{name} {share(total / whole)}" for name, total in totals.items())
    layout = plot_layout("tokens trained on")
    layout["yaxis"] |= {"rangemode": "tozero"}
    return Plot(
        "step-time",
        "Where a step’s time goes",
        "milliseconds",
        f"A step took {duration(whole / len(metrics))} on average: {listed}.",
        "metrics.jsonl",
        ("part", "in total", "share", "a step"),
        rows,
        {"data": traces, "layout": layout},
        note="Communication is waiting for other processes that nothing overlapped; data is waiting for the batch.",
    )


def _lengths(view: RunView) -> Plot | None:
    """Documents by length, sources stacked; bins are powers of two."""
    sources = [(text(s, "title") or "source", _histogram(s)) for s in branches(view.dataset, "sources")]
    bounds = sorted({lower for _, histogram in sources for lower in histogram})
    if not bounds:
        return None
    labels = [size(lower) for lower in bounds]
    roles = ("main", "second", "third", "quiet", "faint")
    traces = [
        {
            "type": "bar",
            "name": title,
            "x": labels,
            "y": [histogram.get(lower, 0) for lower in bounds],
            "meta": {"role": roles[place % len(roles)]},
        }
        for place, (title, histogram) in enumerate(sources)
    ]
    totals = [sum(histogram.get(lower, 0) for _, histogram in sources) for lower in bounds]
    middle = _median_bin(bounds, totals)
    layout = plot_layout("length, from") | {"barmode": "stack", "bargap": 0.08}
    layout["xaxis"] = {"title": {"text": "length, from"}, "type": "category", "showgrid": False}
    return Plot(
        "lengths",
        "Document lengths",
        "documents",
        f"Half of the {sum(totals):,} documents are shorter than {size(2 * middle)}; "
        f"the commonest length is {labels[totals.index(max(totals))]} to twice that.",
        "data/index.json",
        ("length, from", *(title for title, _ in sources)),
        tuple(
            (label, *(f"{histogram.get(lower, 0):,}" for _, histogram in sources))
            for label, lower in zip(labels, bounds, strict=True)
        ),
        {"data": traces, "layout": layout},
    )


def _histogram(source: Any) -> dict[int, int]:
    pairs = find(source, "length_histogram")
    found = {}
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(item, int) for item in pair):
            found[pair[0]] = pair[1]
    return found


def _median_bin(bounds: Sequence[int], counts: Sequence[int]) -> int:
    """Lower bound of the bin in which the median lies."""
    passed, half = 0, sum(counts) / 2
    for lower, documents in zip(bounds, counts, strict=True):
        passed += documents
        if passed >= half:
            return lower
    return bounds[-1]


def curve(name: str, x: Sequence[float], y: Sequence[float], role: str, *, width: float = 2.25) -> dict[str, Any]:
    """A line; `role` names its colour."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [_short(value) for value in x],
        "y": [_short(value) for value in y],
        "line": {"width": width},
        "meta": {"role": role},
    }


def _short(value: float) -> float:
    """Six digits, so that a long curve stays small; whole numbers whole."""
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")


def plot_layout(x: str) -> dict[str, Any]:
    """Axes, the horizontal one with its title."""
    return {"xaxis": {"title": {"text": x}, "tickformat": "~s"}, "yaxis": {}, "hovermode": "x unified"}


def _mark(trace: dict[str, Any]) -> str:
    """How the legend shows a trace."""
    if trace["type"] == "bar" or "stackgroup" in trace:
        return "area"
    if trace["mode"] == "markers":
        return "diamond"
    return str(trace["line"].get("dash") or ("points" if "markers" in trace["mode"] else "line"))


def _sampled(view: RunView, values: Sequence[float], *, digits: str = ".3f") -> tuple[tuple[str, ...], ...]:
    """The values at evenly spaced steps."""
    tokens = view.metrics["tokens"]
    known = [(a, b) for a, b in zip(tokens, values, strict=True) if math.isfinite(a) and math.isfinite(b)]
    return tuple((count(a), f"{b:{digits}}") for a, b in _spread(known))


def _spread(items: Sequence[T]) -> list[T]:
    """At most `TABLE_ROWS` of the items, evenly spaced, the first and the last among them."""
    last = len(items) - 1
    if last < TABLE_ROWS:
        return list(items)
    return [items[round(row * last / (TABLE_ROWS - 1))] for row in range(TABLE_ROWS)]
