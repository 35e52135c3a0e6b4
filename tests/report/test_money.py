"""The pages about money: every number on them is a figure of `capital.json`, and both languages have the same ones."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from argosy.capital import CapitalStory, capital_story
from argosy.config import UserError
from argosy.report import render, render_capital, write_investor_pdf, write_print_page
from argosy.report.chinese import CHINESE
from argosy.report.one_page import one_page
from argosy.report.scene import HEIGHT_MM, WIDTH_MM, estimated
from argosy.storage import Run
from tests.capital.conftest import EXAMPLES
from tests.report.html import Page

pytestmark = pytest.mark.fast
FOUNDERS = EXAMPLES / "founders"
NUMBER = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)(?:[ \xa0](k|M|B|T|%|×|months|d|h|min)(?![a-z]))?")
LETTERS = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@pytest.fixture(scope="module")
def story() -> CapitalStory:
    return capital_story(FOUNDERS, paths=1000, advised=True)


def texts(pdf: Path) -> list[str]:
    """The lines of text in a PDF, in order."""
    found = []
    for stream in re.findall(rb"stream\n(.*?)endstream", pdf.read_bytes(), re.DOTALL):
        content = zlib.decompress(stream)
        found += re.findall(rb"\((.*?)(?<!\\)\) Tj", content, re.DOTALL)
    return [re.sub(rb"\\(.)", rb"\1", line).decode("cp1252") for line in found]


def pages(pdf: Path) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf.read_bytes()))


def numbers(lines: list[str]) -> list[tuple[str, str]]:
    """Every number with its unit; one that an ellipsis may have cut is left out."""
    whole = (re.sub(r"\S*…$|\b[0-9a-f]{12}\b", "", line) for line in lines)
    return [(number, unit) for line in whole for number, unit in NUMBER.findall(line)]


def leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, item in tree.items():
            yield "name", name
            yield from leaves(item, f"{key}.{name}")
    elif isinstance(tree, list):
        for item in tree:
            yield from leaves(item, key)
    else:
        yield key, tree


def compact(value: float) -> Iterator[tuple[str, str]]:
    """Three digits and a letter, or whole."""
    for letter, size in LETTERS.items():
        if abs(value) >= (1e4 if letter == "k" else size):
            yield f"{value / size:.3g}", letter
    yield f"{value:,.0f}", ""
    yield f"{value:.3g}", ""


def allowed(tree: Any) -> set[tuple[str, str]]:
    """Each figure of the JSON as its kind is written: money, shares, probabilities, multiples, months, times."""
    found: set[tuple[str, str]] = {("0", "")}
    for key, value in leaves(tree):
        name = key.rpartition(".")[2]
        if isinstance(value, str) and re.fullmatch(r"-?\d+/\d+", value):
            value = float(Fraction(value))
        if isinstance(value, str):
            found |= {(number, unit) for number, unit in NUMBER.findall(value)}
            found |= {(number, "") for number, _ in NUMBER.findall(value)}
            continue
        if isinstance(value, bool) or value is None:
            continue
        value = abs(value)
        if "cents" in key:
            found |= set(compact(value / 100)) | {(f"{value / 100:,.0f}", "")}
        elif name in ("value", "standard_error"):
            found |= {(f"{100 * value:.1f}", unit) for unit in ("", "%")}
        elif name in ("share", "probability", "parts", "xirr", "new_investors", "founders_after") or ".parts." in key:
            found |= {(f"{100 * value:.{places}f}", "%") for places in (0, 1)}
        elif name == "multiple":
            found |= {(f"{value:.2f}", "×")}
        elif name in ("runway_months", "months", "raising_months"):
            found |= {(f"{value:.1f}", "months"), (str(value), "months"), (str(value), "")}
        elif ".wall_h" in key:
            days, hours = divmod(round(value * 60) // 60, 24)
            found |= {(str(days), "d"), (str(hours), "h")}
        else:
            found |= set(compact(value))
    return found


def test_no_number_of_the_pdf_is_typed(story: CapitalStory, tmp_path: Path) -> None:
    pdf = write_investor_pdf(story, tmp_path / "a.pdf")
    found = numbers(texts(pdf))
    assert len(found) > 80
    tree = json.loads(story.model_dump_json())
    assert not {one for one in found if one not in allowed(tree)}
    # Were the plan another, these would not be: the check can fail.
    del tree["outlook"], tree["trainings"]
    assert len({one for one in found if one not in allowed(tree)}) > 10


def test_the_figures_that_decide_are_there(story: CapitalStory, tmp_path: Path) -> None:
    said = " ".join(texts(write_investor_pdf(story, tmp_path / "a.pdf"))).replace("\xa0", " ")
    signed, solvent = story.outlook.signed, story.chances.simulated.solvent
    assert signed.runway_months is not None and story.ownership is not None
    for figure in (
        f"{signed.opening_cents / 1e5:.3g} k USD",
        f"{signed.runway_months:.1f} months",
        str(story.outlook.raise_from),
        f"{100 * solvent.value:.1f} ± {100 * solvent.standard_error:.1f} %",
        f"{100 * float(story.ownership.rounds[-1].founders_after):.1f} %",
        story.plan_sha256[:12],
    ):
        assert figure in said, figure


def test_a_long_name_is_cut_and_its_figures_are_not(tmp_path: Path) -> None:
    """ "bought for the team, 2028, 4…" was 40 % likely."""
    lines = texts(write_investor_pdf(capital_story(EXAMPLES / "capital", paths=1000), tmp_path / "page.pdf"))
    lines = [line.replace("\xa0", " ") for line in lines]
    for cut, tail in (
        ("bought for the", ", 2029, 20 %"),
        ("bought for the", ", 2028, 40 %"),
        ("no sale", ", 2029, 40 %"),
    ):
        assert any(line.startswith(cut) and line.endswith(tail) for line in lines)


def test_one_page_and_the_same_bytes(story: CapitalStory, tmp_path: Path) -> None:
    first, again = (write_investor_pdf(story, tmp_path / name) for name in ("a.pdf", "b.pdf"))
    assert first.read_bytes() == again.read_bytes() and pages(first) == 1
    assert b"D:20270101" in first.read_bytes(), "the day is the plan's, not today's"
    assert len(first.read_bytes()) < 30_000


def stretched(folder: Path) -> Path:
    """A plan of twenty years with names and lists as long as they come."""
    text = (FOUNDERS / "capital.toml").read_text(encoding="utf-8").replace("months = 18", "months = 240")
    for name in ("Fadian Intelligence", "Municipal AI grant", "first paying firms", "grown up", "Harbour Angels"):
        text = text.replace(name, f"{name} " * 40)
    text = text.replace("A Chinese legal", "word " * 200 + "A Chinese legal")
    milestone = '[[milestones]]\nname = "goal {}"\nmonth = "2028-{:02d}"\n'
    text += "\n".join(milestone.format(number, 1 + number % 12) for number in range(40))
    head, _, rest = text.partition("[[exits]]")
    sales = '[[exits]]\nname = "sale {}"\nprice = {}\ndate = "2033-01-01"\nprobability = 0.05\n'
    text = head + "\n".join(sales.format(n, 10**6 * (n + 1)) for n in range(20)) + rest[rest.index("[uncertainty]") :]
    (folder / "capital.toml").write_text(text, encoding="utf-8")
    (folder / "venture.toml").write_text((FOUNDERS / "venture.toml").read_text())
    return folder


@pytest.mark.parametrize("words", [None, CHINESE], ids=["en", "zh"])
def test_everything_stays_on_the_page_whatever_the_plan(tmp_path: Path, words: Any) -> None:
    long = capital_story(stretched(tmp_path), paths=200)
    assert pages(write_investor_pdf(long, tmp_path / "a.pdf")) == 1
    scene = one_page(long, estimated, words)
    for shape in scene.shapes:
        for x, y in shape.points:
            assert -0.01 <= x <= WIDTH_MM + 0.01 and 0 <= y <= HEIGHT_MM, shape
    for text in scene.texts:
        wide = estimated(text.words, text.size, text.face)
        left = text.x - {"left": 0.0, "middle": 0.5, "right": 1.0}[text.align] * wide
        assert left > 5 and left + wide < WIDTH_MM - 4 and 0 < text.y < HEIGHT_MM, text
    assert any(text.words.endswith("…") for text in scene.texts)


def test_chinese_has_the_same_numbers(story: CapitalStory, tmp_path: Path) -> None:
    source = write_print_page(story, tmp_path / "investor.zh.html").read_text(encoding="utf-8")
    chinese = [unescape(line) for line in re.findall(r"<text[^>]*>(.*?)</text>", source)]
    english = texts(write_investor_pdf(story, tmp_path / "a.pdf"))

    def counted(lines: list[str]) -> Counter[str]:
        return Counter(number for number, _ in numbers(lines))

    assert counted(chinese) == counted(english)
    assert "@page { size: A4" in source and 'lang="zh-CN"' in source and "现金跑道" in source
    assert source.count("<svg") == 1 and "http" not in source.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(
        'http-equiv="Content', ""
    )


def test_every_phrase_has_its_translation() -> None:
    assert all(set(re.findall(r"{\w+}", one)) == set(re.findall(r"{\w+}", other)) or one == "{about}"
               for one, other in CHINESE.items())  # fmt: skip


def test_letters_no_pdf_font_has_are_refused(story: CapitalStory, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        write_investor_pdf(story.model_copy(update={"company": "法典智能"}), tmp_path / "a.pdf")
    assert caught.value.code == "no-letters" and "--language zh" in str(caught.value)
    assert not (tmp_path / "a.pdf").exists()


def test_a_plan_of_little_has_its_pages(tmp_path: Path) -> None:
    (tmp_path / "capital.toml").write_text(
        "start = 2027-01-01\nmonths = 1\ncash = 5\n"
        '[[costs]]\nname = "x"\nkind = "office"\namount = 0\nstart = "2027-01"\n'
    )
    bare = capital_story(tmp_path, paths=100)
    assert pages(write_investor_pdf(bare, tmp_path / "a.pdf")) == 1
    assert "for ever" in " ".join(texts(tmp_path / "a.pdf"))
    page = Page(render_capital(bare, tmp_path / "a.html").read_text())
    assert page.open == [] and "For the engineer" in page.text


def test_the_page_names_the_key_of_each_figure(story: CapitalStory, tmp_path: Path) -> None:
    page = Page(render_capital(story, tmp_path / "a.html").read_text())
    assert page.open == []
    tree = json.loads(story.model_dump_json())
    keys = set(re.findall(r"capital\.json ([a-z_]+(?:\.[a-z_]+)*)", page.text))
    assert len(keys) >= 15
    for key in keys:
        node = tree
        for part in key.split("."):
            node = node[0] if isinstance(node, list) else node
            assert part in node, f"{key} is no key of capital.json"
            node = node[part]
    for said in ("For the investor", "For the engineer", "What investors get back", "The way", "Training of 7B"):
        assert said in page.text
    assert story.advice is not None and len({one.head for one in story.advice.advice}) >= 3
    for piece in story.advice.advice:
        assert " ".join(piece.what.split())[1:] in page.text
        assert all(figure.source in page.text for figure in piece.figures)


def test_names_are_text(story: CapitalStory, tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script>"
    changed = story.model_copy(update={"company": nasty, "about": nasty, "about_zh": nasty})
    for page in (render_capital(changed, tmp_path / "a.html"), write_print_page(changed, tmp_path / "b.html")):
        assert "<script>alert" not in page.read_text(encoding="utf-8")


def test_a_report_has_the_money_and_its_hash(run: Run, story: CapitalStory) -> None:
    without = render(run).read_text(encoding="utf-8")
    assert 'id="investor"' not in without
    run.write_result("capital", story)
    page = Page(render(run).read_text(encoding="utf-8"))
    assert page.open == [] and {"investor", "engineer"} <= {one.get("id") for one in page.all("section")}
    (run.path / "capital.json").write_text("{}")
    assert "capital.json cannot be read" in Page(render(run).read_text(encoding="utf-8")).text
