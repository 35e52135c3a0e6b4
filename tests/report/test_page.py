"""The report: one file, no outside loads, every plot in words, nothing in the data can break out."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from argosy.report import compare_runs, render
from argosy.report.views import MAX_POINTS, thin
from argosy.storage import Run
from tests.report.conftest import NASTY, metric_line


class _Page(HTMLParser):
    """Tags with their attributes, and what is open when."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "img", "input"):
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag, f"</{tag}> closes something else"


@pytest.fixture
def text(finished_run: Run) -> str:
    return render(finished_run).read_text(encoding="utf-8")


def test_it_parses_and_every_tag_is_closed(text: str) -> None:
    page = _Page(text)
    assert page.unclosed == []
    assert {"h1", "h2", "table", "figure", "time"} <= {tag for tag, _ in page.tags}


def test_one_file_without_outside_loads(text: str) -> None:
    for tag, attributes in _Page(text).tags:
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), f"<{tag} {name}={value!r}>"
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
    assert "@import" not in style and "url(" not in style
    own_script = text[text.rindex("<script>") :]
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", own_script)


def test_every_picture_is_told_in_words(text: str) -> None:
    pictures = [attributes for _, attributes in _Page(text).tags if attributes.get("role") == "img"]
    assert len(pictures) >= 7  # five plots, the bars, a histogram
    assert all(attributes.get("aria-label", "").strip() for attributes in pictures)


def test_data_cannot_break_out_of_the_page(text: str) -> None:
    assert NASTY not in text
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text
    scripts = [tag for tag, _ in _Page(text).tags if tag == "script"]
    assert len(scripts) == 3


def test_figures_name_their_files(text: str) -> None:
    for needle in ("1.250", "1.900", "43.9 k", "evaluation.json", "metrics.jsonl", "CC0-1.0", "not finite"):
        assert needle in text, needle


@pytest.mark.parametrize(
    "missing", ["metrics.jsonl", "evaluation.json", "data/index.json", "events.jsonl", "venture.toml"]
)
def test_a_part_that_is_missing_is_said_to_be(finished_run: Run, missing: str) -> None:
    (finished_run.path / missing).unlink()
    text = render(finished_run).read_text(encoding="utf-8")
    _Page(text)
    if missing in ("metrics.jsonl", "evaluation.json", "data/index.json"):
        assert re.search(r"<code>argosy (train|evaluate|prepare) ", text)


def test_a_run_with_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "receipts").mkdir()
    _Page(render(Run(tmp_path)).read_text(encoding="utf-8"))


@pytest.mark.fast
def test_thinning_keeps_spikes_and_ends() -> None:
    lines = [metric_line(step) for step in range(1, 100_001)]
    lines[54_321]["loss"] = 99.0
    kept = thin(lines, "loss")
    assert len(kept) <= MAX_POINTS
    assert max(line["loss"] for line in kept) == 99.0
    assert kept[0]["step"] == 1 and [k["step"] for k in kept] == sorted(k["step"] for k in kept)
    assert kept[-1]["step"] == 100_000


def test_comparison_names_what_differs(finished_run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(finished_run.path, other.path)
    text = (other.path / "venture.toml").read_text()
    (other.path / "venture.toml").write_text(text.replace("layers = 2", "layers = 3"))
    comparison = compare_runs([finished_run, other])
    assert comparison.differences == {"model.layers": ("2", "3")}
    assert comparison.figures["bits_per_byte"] == (1.25, 1.25)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_a_browser_draws_it(finished_run: Run, tmp_path: Path, width: int, theme: str) -> None:
    """After its scripts ran, the page has its plots, no error, and does not scroll sideways."""
    page = tmp_path / "page.html"
    watch = "<script>window.onerror = (m) => { document.title = 'ERROR ' + m }</script>"
    measure = (
        "<script>addEventListener('load', () => setTimeout(() => { document.body.dataset.overflow = "
        "document.documentElement.scrollWidth - document.documentElement.clientWidth }, 500))</script>"
    )
    text = render(finished_run).read_text(encoding="utf-8")
    # headless windows are not narrower than 500 pixels; a frame is as narrow as it is told to be
    page.write_text(text.replace("<head>", f"<head>{watch}", 1).replace("</body>", f"{measure}</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(
        f"<body><iframe src='page.html#theme={theme}' width={width} height=900></iframe><script>"
        "addEventListener('load', () => setTimeout(() => { const d = document.querySelector('iframe').contentDocument;"
        "document.body.dataset.plots = d.querySelectorAll('.main-svg').length;"
        "document.body.dataset.title = d.title;"
        "document.body.dataset.overflow = d.body.dataset.overflow }, 1500))</script>"
    )
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=10000", "--dump-dom", frame.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = dict(re.findall(r'data-(plots|title|overflow)="([^"]*)"', dom))
    assert int(found["plots"]) >= 5, found
    assert not found["title"].startswith("ERROR"), found["title"]
    assert int(found["overflow"]) == 0, f"{found['overflow']} pixels too wide"
