"""`sweep.html`: the runs of a sweep side by side, from `sweep.json` and the runs' own files."""

from pathlib import Path
from typing import Any

import orjson

from argosy.report.page import write_page
from argosy.report.plots import Plot, curve, plot_layout
from argosy.report.tree import Tree, branch, branches, find, number, text
from argosy.report.units import count, duration, plain, share
from argosy.report.views import view_run
from argosy.storage import Run

ROLES = ("main", "second", "third")  # of the best curves; the others are quiet


def render_sweep(folder: Path) -> Path:
    """Write the page of the sweep that `folder/sweep.json` tells of, as far as it is; returns its path."""
    sweep = orjson.loads((folder / "sweep.json").read_bytes())
    trials = branches(sweep, "trials")
    name = text(sweep, "name") or folder.name
    plots = [_curves(folder, trials), *_by_value(sweep, trials)]
    header, rows = sweep_table(sweep)
    return write_page(
        folder / "sweep.html",
        "sweep.html",
        {plot.name: plot for plot in plots if plot is not None},
        title=f"{len(trials)} combinations of {' and '.join(branch(sweep, 'settings'))}",
        name=name,
        summary=_summary(sweep, trials),
        header=header,
        rows=rows,
        notes=find(sweep, "notes") or (),
        command=text(sweep, "command"),
    )


def sweep_table(sweep: Tree) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: a trial's values, how far it came, its held-out bits per byte, and why not further."""
    keys = tuple(branch(sweep, "settings"))
    rows = []
    for trial in branches(sweep, "trials"):
        last = (branches(trial, "points") or [{}])[-1]
        steps, step, bits = number(trial, "steps"), number(last, "step"), number(last, "bits_per_byte")
        rows.append(
            (
                *(plain(find(trial, "settings", key)) for key in keys),
                "—" if bits is None else f"{bits:.4f}",
                f"{step or 0:,.0f} of {steps:,.0f}" if steps else "—",
                count(number(last, "tokens") or 0),
                duration(number(trial, "wall_s") or 0.0),
                ", ".join(word for word in (text(trial, "state"), text(trial, "reason")) if word),
            )
        )
    return (*keys, "bits per byte", "steps", "tokens", "took", "state"), rows


def _summary(sweep: Tree, trials: list[Tree]) -> str:
    best = next((trial for trial in trials if trial.get("label") == find(sweep, "best")), None)
    if best is None:
        return "Not finished yet."
    settings = ", ".join(f"{key} = {plain(value)}" for key, value in branch(best, "settings").items())
    point = branches(best, "points")[-1]
    return f"Best is {settings}: {point['bits_per_byte']:.4f} bits a byte after {point['step']:,} steps."


def _curves(folder: Path, trials: list[Tree]) -> Plot | None:
    """Held-out loss by tokens of every trial, the best drawn last."""
    traces, rows = [], []
    for place, trial in enumerate(trials):
        label = text(trial, "label") or ""
        points = [p for p in view_run(Run(folder / label)).held_out if p.bits_per_byte is not None]
        if points:
            bits = [p.bits_per_byte or 0.0 for p in points]
            role = ROLES[place] if place < len(ROLES) else "quiet"
            traces.append(curve(label, [p.tokens for p in points], bits, role))
            rows.append((label, count(points[-1].tokens), f"{bits[-1]:.4f}"))
    if not traces:
        return None
    return Plot(
        "curves",
        "Held-out loss during training",
        "bits a byte",
        "The three best are coloured.",
        "*/events.jsonl",
        ("trial", "tokens", "bits a byte"),
        tuple(rows),
        {"data": traces[::-1], "layout": plot_layout("tokens trained on")},
        note="It may be measured on less of the held-out text than the table's figures: the two need not meet.",
    )


def _by_value(sweep: Tree, trials: list[Tree]) -> list[Plot]:
    """For each key with numbers, bits per byte by its value: a line for each combination of the others.

    Of the comparison that most trials came to, the last one if there are several.
    """
    measured = [branches(trial, "points") for trial in trials]
    reached = [sum(len(points) > rung for points in measured) for rung in range(max(map(len, measured), default=0))]
    if not reached or max(reached) < 2:
        return []
    rung = len(reached) - 1 - reached[::-1].index(max(reached))
    compared = [(trial, points[rung]) for trial, points in zip(trials, measured, strict=True) if len(points) > rung]
    portion = number(branches(sweep, "rungs")[rung], "share") or 1.0
    plots: list[Plot] = []
    for key, values in branch(sweep, "settings").items():
        if len([v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]) < len(values):
            continue
        lines: dict[str, list[tuple[float, float]]] = {}
        for trial, point in compared:
            others = ", ".join(f"{k} {plain(v)}" for k, v in branch(trial, "settings").items() if k != key)
            lines.setdefault(others, []).append((trial["settings"][key], point["bits_per_byte"]))
        traces = [
            _line(name or "bits a byte", sorted(points), place) for place, (name, points) in enumerate(lines.items())
        ]
        layout = plot_layout(key)
        layout["xaxis"] |= {"tickvals": sorted(values), "tickformat": "~g"}
        if min(values) > 0 and max(values) >= 8 * min(values):
            layout["xaxis"]["type"] = "log"
        plots.append(
            Plot(
                f"by-{len(plots)}",
                f"By {key}",
                "bits a byte",
                f"After {share(portion)} of the steps.",
                "sweep.json",
                (key, "others", "bits a byte"),
                tuple((plain(x), name, f"{y:.4f}") for name, points in lines.items() for x, y in sorted(points)),
                {"data": traces, "layout": layout},
            )
        )
    return plots


def _line(name: str, points: list[tuple[float, float]], place: int) -> dict[str, Any]:
    line = curve(name, [x for x, _ in points], [y for _, y in points], (*ROLES, "quiet")[min(place, len(ROLES))])
    return {**line, "mode": "lines+markers", "marker": {"size": 8}}
