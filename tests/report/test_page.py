"""The report: one file that loads nothing, says everything in words too, and cannot be broken by what it shows."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.report import render
from argosy.storage import Run, file_digest
from tests.report.conftest import MakeRun, metric_line, write_metrics
from tests.report.html import Page

PARTS = ["venture.toml", "data/index.json", "metrics.jsonl", "evaluation.json", "events.jsonl", "receipts/train.json"]
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&amp;{{ 7*7 }} \u2028"


def rendered(run: Run) -> Page:
    return Page(render(run).read_text(encoding="utf-8"))


@pytest.fixture
def page(run: Run) -> Page:
    return rendered(run)


def test_parses_and_every_element_is_closed(page: Page) -> None:
    assert page.open == []
    assert page.all("html")[0]["lang"] == "en"
    assert "A small model of the sea" in page.text


def test_loads_nothing_from_outside(page: Page) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "poster", "action", "data", "background"):
            assert attributes.get(name, "#").startswith("#"), f"<{tag} {name}={attributes[name]!r}>"
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    (style,) = page.content["style"]
    assert "@import" not in style and "url(" not in style and "@font-face" not in style
    theme, _figures, plotly, plots = (page.content["script"][place] for place in (1, 0, 2, 3))
    assert len(plotly) > 1_000_000
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket|sendBeacon", theme + plots)


def test_policy_allows_these_scripts_and_no_request(page: Page) -> None:
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data: blob:"
    run_by_browser = [
        text
        for text, attributes in zip(page.content["script"], page.all("script"), strict=True)
        if attributes.get("type") != "application/json"
    ]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in run_by_browser}
    assert set(rules["script-src"].split()) == hashes
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_every_picture_is_told_in_words_and_every_plot_in_numbers(page: Page) -> None:
    pictures = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    plots = [attributes["id"] for attributes in pictures if attributes.get("id", "").startswith("plot-")]
    figures = json.loads(page.content["script"][0])
    assert plots == [
        f"plot-{name}" for name in ("loss", "learning-rate", "gradient-norm", "throughput", "step-time", "lengths")
    ]
    assert {f"plot-{name}" for name in figures} == set(plots)
    assert len(pictures) == len(plots) + 1  # the sea floor of the head
    assert all(len(attributes["aria-label"]) > 40 for attributes in pictures)
    for plot in plots:
        after = page.source.split(f'id="{plot}"', 1)[1].split("</figure>", 1)[0]
        assert "<details>" in after and after.count("<tr>") > 2, plot


def test_figures_are_what_plotly_understands(page: Page) -> None:
    from plotly.graph_objects import Figure

    for name, figure in json.loads(page.content["script"][0]).items():
        assert len(Figure(figure).data) == len(figure["data"]), name


def test_text_of_any_kind_stays_text(make_run: MakeRun) -> None:
    page = rendered(make_run(title=NASTY, sample=NASTY, reason=NASTY, licence=NASTY))
    assert page.open == []
    assert len(page.all("script")) == 4 and page.all("img") == []
    assert "<script>alert(1)" not in page.source and "<img src=x" not in page.source
    assert page.text.count("<img src=x onerror=alert(2)>") >= 4
    assert "{{ 7*7 }}" in page.text


def test_headline_figures_name_their_file_and_its_hash(run: Run, page: Page) -> None:
    for file, figure in (
        ("evaluation.json", "1.234"),
        ("evaluation.json", "7.768"),
        ("metrics.jsonl", "205\N{NO-BREAK SPACE}k"),
        ("checkpoints/step-00000400/manifest.json", "parameters"),
    ):
        digest = file_digest(run.path / file)
        after = page.source.split('id="result"', 1)[1].split(figure, 1)[1]
        assert f'title="SHA-256 {digest}"' in after.split("</dd>", 1)[0].split("</strong>", 1)[-1], (file, figure)


def test_a_file_that_changed_after_its_receipt_is_marked(run: Run, page: Page) -> None:
    assert "✗" not in page.text and page.text.count("✓ by the receipt of") == 4
    run.metrics.write_bytes(run.metrics.read_bytes().replace(b'"mfu":0', b'"mfu":1'))
    assert rendered(run).text.count("✗ changed since the receipt of train") == 1


def test_the_same_files_give_the_same_page(run: Run) -> None:
    first = render(run).read_bytes()
    run.event("stage", stage="report", state="completed", wall_s=1.0)  # the workflow tells of the report, too
    assert render(run).read_bytes() == first


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_named_with_its_command(run: Run, part: str) -> None:
    (run.path / part).unlink()
    page = rendered(run)
    assert page.open == []
    commands = {"data/index.json": "prepare", "metrics.jsonl": "train", "evaluation.json": "evaluate"}
    if part in commands:
        assert f"argosy {commands[part]} voyage makes this part" in page.text


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe"], ids=["empty", "cut", "list", "null", "bytes"]
)
def test_a_damaged_part_does_not_break_the_page(run: Run, part: str, content: bytes) -> None:
    (run.path / part).write_bytes(content)
    page = rendered(run)
    assert page.open == []
    if not part.endswith(".jsonl") and not (part.endswith(".toml") and content == b""):
        assert f"{part} cannot be read." in page.text


def test_missing_and_strange_fields_do_not_break_the_page(run: Run) -> None:
    """Every field of every JSON file in turn, absent and of another type: none may raise."""
    for part in (
        "data/index.json",
        "evaluation.json",
        "receipts/train.json",
        "checkpoints/step-00000400/manifest.json",
    ):
        path = run.path / part
        whole = json.loads(path.read_text())
        for field in whole:
            for changed in ({k: v for k, v in whole.items() if k != field}, {**whole, field: ["?", None, {"a": True}]}):
                path.write_text(json.dumps(changed))
                render(run)
        path.write_text(json.dumps(whole))


def test_a_run_with_nothing_and_one_with_a_single_step(tmp_path: Path) -> None:
    run = Run(tmp_path / "empty")
    run.path.mkdir()
    page = rendered(run)
    assert page.text.count("makes this part") >= 6
    assert "plotly" not in page.source  # four megabytes that nothing would use
    run.metrics.write_text(json.dumps(metric_line(1)) + "\n" + '{"step": 2, "lo')
    page = rendered(run)
    assert page.open == [] and "512 tokens" in page.text


def test_many_steps_keep_the_page_small(run: Run) -> None:
    before = len(render(run).read_bytes())
    write_metrics(run, steps=20_000)
    for step in range(1, 5001):
        run.event("checkpoint", step=step, seconds=0.1)
    page = rendered(run)
    for name, figure in json.loads(page.content["script"][0]).items():
        assert all(len(trace["x"]) <= 2000 for trace in figure["data"]), name
    assert len(page.source.encode()) < before + 1_000_000


@pytest.mark.fast
def test_the_door_and_comparison_import_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "plotly", "jinja2", "pyarrow", "pandas")
    code = (
        f"import sys, argosy.report as r; r.compare_runs; sys.exit(str([m for m in {heavy} if m in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "", done.stderr


def test_rendering_does_not_import_torch(run: Run) -> None:
    code = (
        "import sys; from argosy.report import render; from argosy.storage import Run;"
        f"render(Run({str(run.path)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def colours(style: str) -> tuple[dict[str, str], dict[str, str]]:
    """The named colours of the light and of the dark theme."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", style)
    return {name: light for name, light, _ in pairs}, {name: dark for name, _, dark in pairs}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_is_legible_in_both_themes(page: Page) -> None:
    for theme in colours(page.content["style"][0]):
        for name in ("ink", "muted", "sea", "magenta"):
            assert contrast(theme[name], theme["paper"]) >= 4.5, name
        for name in ("plot-third", "plot-quiet"):
            assert contrast(theme[name], theme["paper"]) >= 2.5, name


def test_contrast_knows_black_from_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1
