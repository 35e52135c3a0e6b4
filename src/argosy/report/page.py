"""`report.html`: one self-contained page; every figure says which file it came from, and that file's hash is on it.

The page loads nothing: its content security policy forbids every request and every script but the ones written here,
which it names by their hashes. So a title or a sample with markup in it could not run even if it were not escaped.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import argosy
from argosy.capital import CapitalStory
from argosy.report import units
from argosy.report.configuration import choices, configuration, environment, versions
from argosy.report.datacard import data_card
from argosy.report.headline import bars, facts, summary
from argosy.report.money import money_of
from argosy.report.money_text import title_of
from argosy.report.planned import planned
from argosy.report.plots import Plot, data_plots, training_plots
from argosy.report.provenance import stage_cards, traces
from argosy.report.signature import signature
from argosy.report.story import story
from argosy.report.tasks import task_plots, task_tables
from argosy.report.timelines import timeline_plot, timeline_svg
from argosy.report.tree import branches, number, text
from argosy.report.views import RunView, view_run
from argosy.storage import Run, atomic_write


def render(run: Run) -> Path:
    """Write the report of a run and return its path; parts that are missing say which command makes them.

    The same files give the same page, byte for byte. Raises `RunFailed` when the disk is full.
    """
    view = view_run(run)
    content = _content(view)
    plots = {**training_plots(view), **data_plots(view), **task_plots(view), **timeline_plot(view)}
    plots |= content["money"].plots if content["money"] else {}
    if "timeline" in plots:
        with atomic_write(run.path / "timeline" / "timeline.svg") as temporary:
            temporary.write_text(timeline_svg(view.timeline), encoding="utf-8")
    return write_page(run.report, "page.html", plots, **content)


def render_capital(story: CapitalStory, path: Path) -> Path:
    """Write the page of a plan without a run, both views of its money; returns the page's path."""
    money = money_of(story)
    return write_page(path, "capital.html", money.plots, money=money, title=title_of(story), traces={})


def write_page(path: Path, template: str, plots: Mapping[str, Plot], **content: Any) -> Path:
    """Write a page of the frame that all pages share, with its plots and all it needs; returns `path`."""
    scripts = [_asset("theme.js"), *([_plotly(), _asset("plots.js")] if plots else [])]
    html = (
        _templates()
        .get_template(template)
        .render(
            **content,
            plots=plots,
            figures={name: plot.figure for name, plot in plots.items()},
            version=argosy.__version__,
            style=Markup(_asset("page.css")),
            scripts=[Markup(script) for script in scripts],
            script_hashes=" ".join(f"'sha256-{_script_hash(script)}'" for script in scripts),
        )
    )
    with atomic_write(path) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="replace")
    return path


def _content(view: RunView) -> dict[str, Any]:
    return {
        **shared_content(view),
        "summary": summary(view),
        "facts": facts(view),
        "bars": bars(view),
        "card": data_card(view),
        "tasks": task_tables(view),
        "planned": planned(view),
        "samples": _samples(view),
    }


def shared_content(view: RunView) -> dict[str, Any]:
    """What the reports of all goals show: the opening, the configuration, the story, the proof."""
    return {
        "view": view,
        "title": view.title,
        "date": _date(view),
        "signature": signature(view),
        "configuration": configuration(view),
        "toml": _source(view.run.path / "venture.toml"),
        "environment": environment(view),
        "choices": choices(view),
        "versions": versions(view),
        "story": story(view.events),
        "traces": traces(view),
        "stages": stage_cards(view),
        "money": None if view.money is None else money_of(view.money),
    }


@functools.cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("argosy.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "duration": units.duration,
        "size": units.size,
        "share": units.share,
        "code": _code,
        "dated": _dated,
    }
    return templates


def _asset(name: str) -> str:
    return (resources.files("argosy.report") / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _script_hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _code(sentence: str) -> Markup:
    """Escape a docstring sentence and set its `names` as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def _dated(words: str) -> Markup:
    """Escape words, and keep each month and day in them on one line."""
    kept = r'<span class="day">\g<0></span>'
    return Markup(re.sub(r"(?<![\w-])\d{4}-\d\d(-\d\d)?(?![\w-])", kept, str(escape(words))))


def _date(view: RunView) -> str:
    """The day of the last event, so that rendering again changes nothing."""
    times = [time for event in view.events if (time := units.moment(text(event, "time") or ""))]
    return units.day(times[-1]) if times else ""


def _samples(view: RunView) -> list[tuple[str, str, float | None]]:
    """(prompt, continuation, tokens per second)."""
    return [
        (text(sample, "prompt") or "", text(sample, "text") or "", number(sample, "tokens_per_s"))
        for sample in branches(view.evaluation, "samples")
    ]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
