"""Charts of who does what when, as SVG files that stand alone, in light and in dark."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, MARGIN, LANE, GAP, TOP, FOOT = 960, 96, 26, 8, 34, 30
NARROWEST = 0.4  # of a bar, in pixels
TEXT = 7.2  # width of a character of a bar's words, in pixels

STYLE = """
text{font:12px system-ui,sans-serif;fill:#546771}.title{font-size:14px;font-weight:600;fill:#0f2029}
.in{font-size:11px;fill:#fff;text-anchor:middle}.end{text-anchor:end}.axis{stroke:#d5dfe1}
.compute,.F{fill:#0b5a7a}.communication{fill:#a8195f}.waiting{fill:#b98212}.host{fill:#b9d7e2}
.B,.I{fill:#4d7a3a}.W{fill:#6b4fa0}
.F,.B,.I,.W{stroke:#fff;stroke-width:.7}.odd{opacity:.72}
@media (prefers-color-scheme:dark){text{fill:#91a6af}.title{fill:#e6eef0}.axis{stroke:#223740}.in{fill:#0a151b}
.compute,.F{fill:#6cc5e4}.communication{fill:#f27ab3}.waiting{fill:#e0b65a}.host{fill:#1f4f63}
.B,.I{fill:#9cc98a}.W{fill:#b9a3e8}
.F,.B,.I,.W{stroke:#0a151b}}
""".replace("\n", "")


class Bar(NamedTuple):
    """One thing that was done."""

    start: float
    """Along the axis."""
    end: float
    """Likewise."""
    role: str
    """Class of its colour; `F odd` is a paler F."""
    words: str = ""
    """Inside it, where there is room."""


def gantt_svg(
    title: str, lanes: Sequence[tuple[str, Sequence[Bar]]], legend: Mapping[str, str], unit: str, words: str = ""
) -> str:
    """An SVG of lanes (name, bars) over one axis in `unit`; `legend` has the name of each role. A nameless lane belongs
    to the one above it. `words` say what it shows to those who do not see it.
    """
    end = max((bar.end for _, bars in lanes for bar in bars), default=1.0)
    start = min((bar.start for _, bars in lanes for bar in bars), default=0.0)
    scale = (WIDTH - MARGIN - 12) / ((end - start) or 1.0)
    parts, y = [_legend(title, legend)], TOP + GAP
    for name, bars in lanes:
        y += GAP if name else 1 - GAP
        if name:
            parts.append(f'<text class="end" x="{MARGIN - 10}" y="{y + LANE * 0.68:.1f}">{escape(name)}</text>')
        parts += [_bar(bar, MARGIN + (bar.start - start) * scale, y, (bar.end - bar.start) * scale) for bar in bars]
        y += LANE + GAP
    height = y + FOOT
    axis = f'<path class="axis" d="M{MARGIN} {y}H{WIDTH - 12}"/><text x="{MARGIN}" y="{y + 18}">0</text>'
    axis += f'<text class="end" x="{WIDTH - 12}" y="{y + 18}">{end - start:,.4g} {escape(unit)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">'
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(words)}</desc><style>{STYLE}</style>'
        + "\n".join([*parts, axis])
        + "</svg>\n"
    )


def _legend(title: str, legend: Mapping[str, str]) -> str:
    parts, x = [f'<text class="title" x="12" y="20">{escape(title)}</text>'], float(WIDTH - 12)
    for role, name in reversed(list(legend.items())):
        x -= len(name) * 6.6 + 26
        parts.append(f'<rect class="{role}" x="{x:.0f}" y="9" width="12" height="12"/>')
        parts.append(f'<text x="{x + 17:.0f}" y="20">{escape(name)}</text>')
    return "".join(parts)


def _bar(bar: Bar, x: float, y: float, width: float) -> str:
    box = f'<rect class="{bar.role}" x="{x:.2f}" y="{y}" width="{max(width, NARROWEST):.2f}" height="{LANE}"/>'
    if not bar.words or width < TEXT * len(bar.words):
        return box
    return f'{box}<text class="in" x="{x + width / 2:.1f}" y="{y + 17}">{escape(bar.words)}</text>'
