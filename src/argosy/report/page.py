"""`report.html`: one self-contained page; every figure says which file it came from."""

from dataclasses import asdict
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

import argosy
from argosy.report.plots import plots
from argosy.report.views import RunView, view_run
from argosy.storage import Run, atomic_write


def render(run: Run) -> Path:
    """Write the report of a run; parts that are missing say which command makes them. Returns its path."""
    view = view_run(run)
    figures = plots(view)
    environment = Environment(
        loader=PackageLoader("argosy.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"compact": compact, "duration": duration, "clock": clock}
    html = environment.get_template("template.html").render(
        view=view,
        title=_title(view),
        headline=_headline(view),
        bars=_bars(view),
        plots=figures,
        plot_data=_embedded([asdict(figure) for figure in figures]),
        configuration=_configuration(view),
        story=_story(view),
        version=argosy.__version__,
        style=_asset("style.css"),
        script=_asset("page.js"),
        plotly=resources.files("plotly").joinpath("package_data/plotly.min.js").read_text() if figures else "",
    )
    with atomic_write(run.report) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return run.report


def _asset(name: str) -> str:
    return resources.files("argosy.report").joinpath(name).read_text(encoding="utf-8")


def _embedded(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")


def _title(view: RunView) -> str:
    return (view.venture and (view.venture.title or view.venture.name)) or view.run.path.name


def _headline(view: RunView) -> list[tuple[str, str, str]]:
    """(figure, what it is, file it comes from)."""
    tiles = []
    if view.evaluation:
        tiles.append((f"{view.evaluation.held_out.perplexity:.1f}", "perplexity, held-out", "evaluation.json"))
    if "parameters" in view.start:
        tiles.append((compact(view.start["parameters"]), "parameters", "events.jsonl"))
    if view.metrics:
        last = view.metrics[-1]
        rates = sorted(line["tokens_per_s"] for line in view.metrics)
        tiles.append((compact(last["tokens"]), "tokens trained on", "metrics.jsonl"))
        tiles.append((compact(rates[len(rates) // 2]), "tokens per second, median", "metrics.jsonl"))
        shares = sorted(line["mfu"] for line in view.metrics if line.get("mfu") is not None)
        if shares:
            tiles.append((f"{shares[len(shares) // 2]:.0%}", "of peak FLOP/s (MFU), median", "metrics.jsonl"))
    if view.receipts:
        tiles.append((duration(sum(receipt.wall_s for receipt in view.receipts)), "from text to model", "receipts/"))
    return tiles


def _bars(view: RunView) -> list[tuple[str, float, float, str]]:
    """(name, bits per byte, share of the widest, note), best first."""
    if not view.evaluation:
        return []
    rows = [("this model", view.evaluation.held_out.bits_per_byte, "held-out loss ÷ bytes, float32")]
    rows += [(b.name, b.bits_per_byte, b.note) for b in view.evaluation.baselines]
    rows.sort(key=lambda row: row[1])
    return [(name, bits, bits / rows[-1][1], note) for name, bits, note in rows]


def _configuration(view: RunView) -> list[tuple[str, list[tuple[str, str]]]]:
    if view.venture is None:
        return []
    tree = view.venture.model_dump(mode="json", exclude_none=True)
    sections = [(name, _flat(value)) for name, value in tree.items() if isinstance(value, dict)]
    recipe = view.start.get("recipe")
    return [*sections, ("resolved recipe", _flat(recipe))] if recipe else sections


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        if isinstance(item, dict):
            rows += _flat(item, f"{prefix}{key}.")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            for number, entry in enumerate(item):
                rows += _flat(entry, f"{prefix}{key}.{number}.")
        else:
            rows.append((prefix + key, f"{item:g}" if isinstance(item, float) else str(item)))
    return rows


_TELLING = {
    "started": "training started: {ranks} ranks, {precision}",
    "resumed": "training resumed at step {step}: {ranks} ranks, {precision}",
    "checkpoint": "checkpoint at step {step}, written in {seconds} s",
    "held_out": "held-out loss {loss:.3f} at step {step} ({bits_per_byte:.3f} bits a byte)",
    "skipped": "step {step} skipped: {reason}",
    "choice": "{reason}",
    "interrupted": "stopped at step {step} and saved",
    "finished": "training finished at step {step}",
}


def _story(view: RunView) -> list[tuple[str, str, str]]:
    """(time, kind, sentence), without the ordinary checkpoints and held-out losses when there are many."""
    story = []
    for event in view.events:
        if event["kind"] == "stage":
            message = f" — {event['message']}" if "message" in event else ""
            story.append((event["time"], event["state"], f"{event['stage']}: {event['state']}{message}"))
        elif (form := _TELLING.get(event["kind"])) is not None:
            story.append((event["time"], event["kind"], form.format_map({"reason": "", **event})))
    if len(story) > 60:
        story = [line for line in story if line[1] not in ("checkpoint", "held_out")][-60:]
    return story


def compact(value: float) -> str:
    """1500000 → 1.5 M."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """135 → 2 min 15 s."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24:,} d {hours % 24} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def clock(time: str) -> str:
    """An ISO time as `24 Nov 13:52:07`."""
    return datetime.fromisoformat(time).strftime("%d %b %H:%M:%S")
