"""The investor's page in Chinese, as HTML that prints on one A4 page: the reader's machine has the fonts."""

from pathlib import Path
from xml.sax.saxutils import escape

from argosy.capital import CapitalStory
from argosy.report.chinese import CHINESE
from argosy.report.one_page import one_page
from argosy.report.scene import estimated, svg
from argosy.storage import atomic_write

STYLE = """
@page { size: A4; margin: 0; }
html, body { margin: 0; background: #fff; }
svg { display: block; width: 210mm; height: 297mm; }
@media screen {
  body { background: #eef2f3; }
  svg { margin: 24px auto; background: #fff; box-shadow: 0 1px 6px #0003; }
}
"""


def write_print_page(story: CapitalStory, path: Path) -> Path:
    """Write the page; returns its path."""
    title = f"{story.company}, {story.start}"
    page = svg(one_page(story, estimated, CHINESE), title)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    html = (
        f'<!doctype html>\n<html lang="zh-CN">\n<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{policy}">\n<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n{page}\n</body>\n</html>\n'
    )
    with atomic_write(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path
