"""A page as a list of shapes in millimetres from its top left corner, which a PDF and an SVG draw alike."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

WIDTH_MM, HEIGHT_MM = 210.0, 297.0  # A4
MM_A_POINT = 25.4 / 72
INK, MUTED, LINE, SEA, MAGENTA, BUFF, QUIET, FAINT, PALE = (
    "#0f2029",
    "#546771",
    "#d5dfe1",
    "#0b5a7a",
    "#a8195f",
    "#b98212",
    "#8a989e",
    "#b9d7e2",
    "#e1eef3",
)
CLOSING = "，。；：、！？）》”"  # no line begins with one
FONTS = """
text { font-family: Helvetica, Arial, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
.serif { font-family: Times, "Times New Roman", "Songti SC", "Noto Serif CJK SC", SimSun, serif; }
.bold { font-weight: 700; }
"""
Face = Literal["serif", "sans", "bold"]
Align = Literal["left", "middle", "right"]
Point = tuple[float, float]
Measure = Callable[[str, float, Face], float]  # text, points, face → millimetres


@dataclass(frozen=True)
class Shape:
    """A polygon with a fill, or a line along its points."""

    points: tuple[Point, ...]
    fill: str = ""
    stroke: str = ""
    width: float = 0.0
    """Of the line, in mm."""
    dash: float = 0.0
    """Length of a dash, in mm; 0 is a whole line."""


@dataclass(frozen=True)
class Text:
    """A line of text; `x` and `y` are of its baseline's end that `align` names."""

    x: float
    y: float
    words: str
    size: float
    """In points."""
    face: Face
    colour: str
    align: Align


@dataclass
class Scene:
    """What is on the page so far."""

    measure: Measure
    shapes: list[Shape] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle."""
        corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
        self.shapes.append(Shape(corners, fill=fill))

    def line(self, points: Sequence[Point], colour: str, width: float = 0.2, dash: float = 0.0) -> None:
        """A line along points."""
        self.shapes.append(Shape(tuple(points), stroke=colour, width=width, dash=dash))

    def area(self, points: Sequence[Point], fill: str) -> None:
        """A filled polygon."""
        self.shapes.append(Shape(tuple(points), fill=fill))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 7.5,
        face: Face = "sans",
        colour: str = INK,
        align: Align = "left",
        room: float = WIDTH_MM,
        tail: str = "",
    ) -> None:
        """Text and its tail; where they take more than `room` mm the text is cut with an ellipsis, the tail is not."""
        if self.measure(f"{words}{tail}", size, face) > room:
            while words and self.measure(f"{words}…{tail}", size, face) > room:
                words = words[:-1]
            words = f"{words.rstrip()}…"
        self.texts.append(Text(x, y, f"{words}{tail}", size, face, colour, align))

    def paragraph(
        self, x: float, y: float, words: str, room: float, lines: int, size: float = 7.5, colour: str = INK
    ) -> None:
        """Text in at most that many lines, the last one cut."""
        left = words
        for number in range(lines):
            taken = left if number == lines - 1 else self._line(left, room, size)
            self.text(x, y + number * size * MM_A_POINT * 1.32, taken, size, colour=colour, room=room)
            left = left[len(taken) :].lstrip()
            if not left:
                return

    def _line(self, words: str, room: float, size: float) -> str:
        """As much of the text as a line takes, up to a space or, in Chinese, up to any character."""
        fits = 0
        for end in range(1, len(words) + 1):
            if self.measure(words[:end].rstrip(), size, "sans") > room:
                break
            between = _is_wide(words[end - 1 : end]) or _is_wide(words[end : end + 1])
            if end == len(words) or words[end] == " " or (between and words[end] not in CLOSING):
                fits = end
        return words[: fits or len(words)]


def estimated(words: str, size: float, face: Face) -> float:
    """Width of text: CJK characters are square, others as wide as Helvetica's (Adobe's metrics of the core fonts).

    An SVG's text is set to it, so that lines end where they should in whatever font the reader's machine has.
    """
    ems = sum(1.0 if _is_wide(one) else _HELVETICA.get(one, 556) / 1000 for one in words)
    return ems * size * MM_A_POINT * {"sans": 1.0, "bold": 1.06, "serif": 0.92}[face]


_HELVETICA = dict(
    zip(
        map(chr, range(32, 127)),
        (
            *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
            *(556,) * 10,
            *(278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833),
            *(722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333),
            *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278),
            *(556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
        ),
        strict=True,
    )
) | {"\u00a0": 278, "±": 584, "×": 584, "’": 222, "…": 1000, "—": 1000}


def _is_wide(character: str) -> bool:
    return character != "" and unicodedata.east_asian_width(character) in "WF"


def svg(scene: Scene, title: str) -> str:
    """The page as an SVG."""
    anchors = {"left": "start", "middle": "middle", "right": "end"}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_MM:g} {HEIGHT_MM:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{FONTS}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for shape in scene.shapes:
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
        if shape.fill:
            parts.append(f'<polygon points="{points}" fill="{shape.fill}"/>')
        else:
            dash = f' stroke-dasharray="{shape.dash:g}"' if shape.dash else ""
            pen = f'fill="none" stroke="{shape.stroke}" stroke-width="{shape.width:g}"{dash}'
            parts.append(f'<polyline points="{points}" {pen}/>')
    for text in scene.texts:
        place = f'x="{text.x:.2f}" y="{text.y:.2f}" font-size="{text.size * MM_A_POINT:.3f}"'
        look = f'class="{text.face}" fill="{text.colour}" text-anchor="{anchors[text.align]}"'
        wide = scene.measure(text.words, text.size, text.face)
        fit = f'textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs"'
        parts.append(f"<text {place} {look} {fit}>{escape(text.words)}</text>")
    return "\n".join([*parts, "</svg>"])
