"""`argosy capital report`: the page of a plan that has no run yet."""

from pathlib import Path

from argosy.capital import CapitalStory
from argosy.report.money import money_of
from argosy.report.money_text import title_of
from argosy.report.page import write_page


def render_capital(story: CapitalStory, path: Path) -> Path:
    """Write both views of the money; returns the page's path."""
    money = money_of(story)
    return write_page(path, "capital.html", money.plots, money=money, title=title_of(story), traces={})
