"""The report's plots as Plotly figures, each with what it shows in words. Colours come from the page's theme."""

from dataclasses import dataclass
from typing import Any

from argosy.report.views import RunView

SMOOTHING = 0.05  # share of the curve over which the smoothed loss averages


@dataclass(frozen=True)
class Plot:
    """One figure."""

    name: str
    """Identifier in the page."""
    title: str
    """Headline."""
    text: str
    """What it shows, for those who do not see it."""
    data: list[dict[str, Any]]
    """Plotly traces; `tone` names a colour of the theme."""
    layout: dict[str, Any]
    """Plotly layout beyond the theme's."""


def plots(view: RunView) -> list[Plot]:
    """The plots of a run; none without metrics."""
    if not view.metrics:
        return []
    return [_loss(view), _throughput(view), _step_time(view), _rate(view), _gradient(view)]


def _series(view: RunView, key: str) -> tuple[list[int], list[float | None]]:
    return [line["tokens"] for line in view.metrics], [line[key] for line in view.metrics]


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, **more}


def _tokens_axis() -> dict[str, Any]:
    return _axis("tokens trained on", tickformat="~s")


def _loss(view: RunView) -> Plot:
    tokens, loss = _series(view, "loss")
    values = [value for value in loss if value is not None]
    by_step = {line["step"]: line["tokens"] for line in view.metrics}
    held_out = [(by_step[e["step"]], e["loss"]) for e in view.held_out if e["step"] in by_step]
    traces: list[dict[str, Any]] = [
        _line("each step", tokens, loss, "faint", width=1),
        _line("training", tokens, _smooth(values, max(1, int(len(values) * SMOOTHING))), "one"),
    ]
    text = f"Training loss falls from {values[0]:.2f} to {values[-1]:.2f} nats a token"
    if held_out:
        x, y = zip(*held_out, strict=True)
        traces.append(_line("held-out", list(x), list(y), "two", mode="lines+markers"))
        text += f"; held-out loss ends at {y[-1]:.2f}"
    layout = {"xaxis": _tokens_axis(), "yaxis": _axis("loss, nats a token"), "showlegend": True}
    return Plot("loss", "Loss", text + ".", traces, layout)


def _throughput(view: RunView) -> Plot:
    tokens, rate = _series(view, "tokens_per_s")
    middle = sorted(value for value in rate if value is not None)[len(rate) // 2]
    text = f"Throughput, tokens per second over all ranks; the median is {middle:,.0f}."
    layout = {"xaxis": _tokens_axis(), "yaxis": _axis("tokens per second", tickformat="~s", rangemode="tozero")}
    return Plot("throughput", "Throughput", text, [_line("tokens/s", tokens, rate, "one", width=1.5)], layout)


def _step_time(view: RunView) -> Plot:
    parts = (("compute", "one"), ("communication", "two"), ("data", "three"))
    traces = []
    for name, tone in parts:
        tokens, seconds = _series(view, f"{name}_s")
        trace = _line(name, tokens, [1000 * (s or 0) for s in seconds], tone, width=0.5)
        traces.append({**trace, "stackgroup": "time"})
    whole = view.total("step_s") or 1.0
    shares = ", ".join(f"{name} {view.total(f'{name}_s') / whole:.0%}" for name, _ in parts)
    layout = {"xaxis": _tokens_axis(), "yaxis": _axis("milliseconds"), "showlegend": True}
    return Plot("step-time", "Where a step's time goes", f"Share of the step time: {shares}.", traces, layout)


def _rate(view: RunView) -> Plot:
    tokens, rate = _series(view, "learning_rate")
    text = f"The learning rate peaks at {max(r for r in rate if r is not None):.2g} and ends at {rate[-1]:.2g}."
    layout = {"xaxis": _tokens_axis(), "yaxis": _axis("learning rate", exponentformat="power", rangemode="tozero")}
    return Plot("learning-rate", "Learning rate", text, [_line("learning rate", tokens, rate, "one")], layout)


def _gradient(view: RunView) -> Plot:
    tokens, norm = _series(view, "gradient_norm")
    skipped = sum(bool(line["skipped"]) for line in view.metrics)
    known = [value for value in norm if value is not None]
    text = f"Gradient norm before clipping, at most {max(known, default=0):.2g}; {skipped} steps skipped."
    layout = {"xaxis": _tokens_axis(), "yaxis": _axis("norm", type="log", dtick="D2")}
    return Plot("gradient", "Gradient norm", text, [_line("norm", tokens, norm, "one", width=1)], layout)


def _line(
    name: str, x: list[int], y: list[Any], tone: str, *, width: float = 2.5, mode: str = "lines"
) -> dict[str, Any]:
    return {"type": "scatter", "mode": mode, "name": name, "x": x, "y": y, "tone": tone, "line": {"width": width}}


def _smooth(values: list[float], window: int) -> list[float]:
    """Mean of up to `window` values on each side."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    bounds = ((max(0, i - window), min(len(values), i + window + 1)) for i in range(len(values)))
    return [(sums[high] - sums[low]) / (high - low) for low, high in bounds]
