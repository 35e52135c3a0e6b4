"""The report in a real browser."""

import shutil
from collections.abc import Iterator

import pytest

from argosy.report import render
from argosy.storage import Run
from tests.report.browser import Page, browser

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")

DRAWN = "[...document.querySelectorAll('.canvas')].every(canvas => canvas.querySelector('svg.main-svg'))"
LINE_COLOUR = "getComputedStyle(document.querySelector('#plot-learning-rate .scatterlayer .js-line')).stroke"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAPER = "getComputedStyle(document.body).backgroundColor"
TOO_WIDE = """[...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, nav, svg, pre, .hidden'))
    .map(e => e.tagName + '.' + e.className)"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A browser for the tests of this file."""
    with browser() as opened:
        yield opened


def show(page: Page, run: Run, width: int, *, dark: bool = False) -> None:
    page.messages.clear()
    page.view(width, dark=dark)
    page.open(render(run))
    page.wait_for(DRAWN)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_draws_every_plot_without_errors_requests_or_overflow(page: Page, run: Run, width: int, dark: bool) -> None:
    show(page, run, width, dark=dark)
    assert page.value("document.querySelectorAll('.canvas').length") == 6
    assert page.errors() == []
    assert page.requests() == [run.report.resolve().as_uri()]
    assert page.value(OVERFLOW) == 0
    assert page.value(TOO_WIDE) == []


def test_the_theme_button_recolours_page_and_plots(page: Page, run: Run) -> None:
    show(page, run, 1280)
    light = page.value(PAPER), page.value(LINE_COLOUR)
    page.value("document.getElementById('theme').click()")
    page.wait_for(f"{LINE_COLOUR} !== {light[1]!r}")
    dark = page.value(PAPER), page.value(LINE_COLOUR)
    assert light[0] != dark[0]
    page.value("document.getElementById('theme').click()")
    page.wait_for(f"{LINE_COLOUR} === {light[1]!r}")
    show(page, run, 1280, dark=True)
    page.value("localStorage.clear()")
    show(page, run, 1280, dark=True)
    assert (page.value(PAPER), page.value(LINE_COLOUR)) == dark


def test_a_curve_can_be_hidden(page: Page, run: Run) -> None:
    show(page, run, 1280)
    lines = "document.querySelectorAll('#plot-loss .scatterlayer .trace').length"
    before = page.value(lines)
    page.value("document.querySelector('[data-plot=loss]').click()")
    page.wait_for(f"{lines} === {before - 1}")
    assert page.value("document.querySelector('[data-plot=loss]').getAttribute('aria-pressed')") == "false"


def test_a_script_that_is_not_the_page_s_own_does_not_run(page: Page, run: Run) -> None:
    """Negative control of the policy, and of what `errors` and `requests` see."""
    path = render(run)
    strange = "<script>document.title = 'run'</script><img src='https://example.org/pixel.png'>"
    path.write_text(path.read_text(encoding="utf-8").replace("<main", f"{strange}<main", 1), encoding="utf-8")
    page.messages.clear()
    page.view(1280)
    page.open(path)
    page.wait_for(DRAWN)
    assert page.value("document.title") == "A small model of the sea"
    assert len(page.errors()) >= 2  # the script and the picture were refused


def test_a_run_without_anything_is_still_a_page(page: Page, run: Run) -> None:
    shutil.rmtree(run.path)
    run.path.mkdir()
    show(page, run, 390)
    assert page.errors() == []
    assert page.value(OVERFLOW) == 0
