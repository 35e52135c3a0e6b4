"""`argosy plan --page`: a plan as a page for those who decide, from the plan alone."""

from pathlib import Path
from typing import Any

from argosy.planning import PART_NAMES, Candidate, Plan, count, days, money, percent, tenure_row
from argosy.report.page import write_page
from argosy.report.plots import Plot, curve, plot_layout

ROLES = ("main", "second", "third", "quiet", "faint")
STATES = ("parameters", "gradients", "optimizer")
BARS = 5  # layouts whose memory is drawn


def render_plan(found: Plan, path: Path) -> Path:
    """Write the page of a plan; returns its path."""
    plots = [_memory(found), _step(found), *([_frontier(found)] if len(found.frontier) > 1 else []), _loss(found)]
    return write_page(
        path,
        "plan.html",
        {plot.name: plot for plot in plots},
        plan=found,
        title=f"{found.question.model}: {found.verdict}",
        layouts=[_layout(one) for one in (found.layout, *found.runners_up)],
        choices=[
            (
                c.name,
                percent(c.time),
                f"{c.memory_gib:+.1f} GiB",
                c.verdict,
                "" if c.usd is None else money(c.usd),
                c.note,
            )
            for c in found.choices
        ],
        ways=[
            (w.name, "" if w.wall_h is None else days(w.wall_h), "" if w.usd is None else money(w.usd), w.gives_up)
            for w in found.ways
        ],
        tenures=[tenure_row(one) for one in found.tenures],
    )


def _layout(one: Candidate) -> tuple[str, ...]:
    memory = one.memory
    return (
        one.title,
        one.trainer,
        f"{one.job.micro_batch:g}",
        one.job.recomputation,
        f"{one.tokens_per_s:,.0f}",
        f"{100 * one.throughput.mfu:.0f} %",
        f"{memory.peak_gib:.1f} of {memory.capacity_gib:.0f} GiB, {memory.verdict}",
        one.lost or "chosen",
    )


def _memory(found: Plan) -> Plot:
    """Memory at the peak by component, of the best layouts."""
    some = (found.layout, *found.runners_up)[:BARS]
    names = [f"{number}. {one.title}" for number, one in enumerate(some, 1)]
    parts = {
        "weights, gradients, optimiser": STATES,
        "activations": ("activations",),
        "logits": ("logits",),
        "gathered": ("gathered",),
        "workspace and slack": ("workspace", "slack"),
    }
    sizes = {
        name: [one.memory.correction * sum(one.memory.parts_gib[part] for part in of) for one in some]
        for name, of in parts.items()
    }
    traces: list[dict[str, Any]] = [
        _bars(name, [round(size, 3) for size in each], names, role)
        for (name, each), role in zip(sizes.items(), ROLES, strict=True)
    ]
    capacity = found.layout.memory.capacity_gib
    layout = _lying("GiB") | {"barmode": "stack"}
    layout["shapes"] = [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": capacity, "x1": capacity, "line": {"dash": "dot"}}
    ]
    memory = found.layout.memory
    words = (
        f"The chosen layout needs {memory.peak_gib:.1f} GiB ({memory.low_gib:.1f} to {memory.high_gib:.1f}) of the "
        f"{capacity:.0f} that the dotted line leaves."
    )
    rows = tuple((name, *(f"{sizes[part][place]:.2f}" for part in sizes)) for place, name in enumerate(names))
    return Plot(
        "memory",
        "Memory of the fullest rank",
        "GiB",
        words,
        "",
        ("layout", *sizes),
        rows,
        {"data": traces, "layout": layout},
    )


def _step(found: Plan) -> Plot:
    """Time of a step by part."""
    speed = found.layout.throughput
    parts = sorted(speed.parts.model_dump().items(), key=lambda part: -part[1])
    whole = sum(seconds for _, seconds in parts)
    shares = [(PART_NAMES[name], 100 * seconds / whole) for name, seconds in parts if seconds / whole >= 0.005]
    trace = _bars("share of a step", [round(share, 2) for _, share in shares], [name for name, _ in shares], "main")
    layout = _lying("%")
    words = (
        f"A step takes {speed.step_time_s:.3g} s; {shares[0][0]} are {shares[0][1]:.0f} % of what its parts take alone."
    )
    rows = tuple((name, f"{share:.1f}") for name, share in shares)
    return Plot(
        "step", "What a step consists of", "%", words, "", ("part", "%"), rows, {"data": [trace], "layout": layout}
    )


def _bars(name: str, sizes: list[float], names: list[str], role: str) -> dict[str, Any]:
    """Lying bars, whose names are too long to stand under them."""
    return {"type": "bar", "orientation": "h", "name": name, "x": sizes, "y": names, "meta": {"role": role}}


def _lying(unit: str) -> dict[str, Any]:
    layout = plot_layout(unit) | {"bargap": 0.4, "hovermode": "closest"}
    layout["yaxis"] = {"type": "category", "autorange": "reversed", "showgrid": False}
    return layout


def _frontier(found: Plan) -> Plot:
    """Time on fewer and more accelerators, and the bill."""
    points = found.frontier
    name = found.question.accelerator.name
    x = [float(point.accelerators) for point in points]
    traces = [curve("days", x, [point.wall_h / 24 for point in points], "main")]
    traces[0] |= {"mode": "lines+markers"}
    rows = tuple((f"{p.accelerators:,}", days(p.wall_h), "—" if p.usd is None else money(p.usd)) for p in points)
    first, last = points[0], points[-1]
    words = f"{first.accelerators:,} × {name} take {days(first.wall_h)}, {last.accelerators:,} take {days(last.wall_h)}"
    if first.usd is not None and last.usd is not None:
        words += f"; the bill goes from {money(first.usd)} to {money(last.usd)}"
    layout = plot_layout(f"{name} accelerators")
    layout["xaxis"] |= {"type": "log", "tickvals": x, "tickformat": ",d"}
    layout["yaxis"] |= {"type": "log", "tickformat": "~g"}
    return Plot(
        "frontier",
        "Fewer and more accelerators",
        "days",
        f"{words}.",
        "",
        ("accelerators", "takes", "costs"),
        rows,
        {"data": traces, "layout": layout},
    )


def _loss(found: Plan) -> Plot:
    """How good it gets for less and for more computing: this model, and the best one for each budget."""
    some = found.budgets
    in_usd = all(one.usd is not None for one in some)
    x = [one.usd if in_usd and one.usd is not None else one.accelerator_hours for one in some]
    unit = "USD" if in_usd else "accelerator-hours"
    traces = [
        curve(found.question.model, x, [one.loss for one in some], "main"),
        curve("the best model for the budget", x, [one.optimal.loss for one in some], "second"),
    ]
    rows = tuple(
        (
            money(one.usd) if in_usd and one.usd is not None else f"{one.accelerator_hours:,.3g} h",
            count(one.tokens),
            f"{one.loss:.3f}",
            f"{count(one.optimal.parameters)} on {count(one.optimal.tokens)}",
            f"{one.optimal.loss:.3f}",
        )
        for one in some
    )
    words = (
        f"As asked, {found.loss.nats_per_token:.2f} nats a token on {found.loss.text}; with twice the computing this "
        f"model reaches {some[4].loss:.2f}, the best one {some[4].optimal.loss:.2f}."
    )
    layout = plot_layout(unit)
    layout["xaxis"] |= {"type": "log", "tickformat": "~s"}
    return Plot(
        "budget",
        "How good, for how much",
        "nats a token",
        words,
        "",
        (unit, "tokens", found.question.model, "the best model", "its loss"),
        rows,
        {"data": traces, "layout": layout},
    )
