"""The investor's page as a PDF: one A4 page, drawn with the fonts that every reader has, the same bytes each time."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.capital import CapitalStory
from argosy.config import UserError
from argosy.report.one_page import one_page
from argosy.report.scene import HEIGHT_MM, WIDTH_MM, Face, Scene
from argosy.storage import atomic_write

if TYPE_CHECKING:
    from fpdf import FPDF

FACES: dict[Face, tuple[str, str]] = {"serif": ("Times", ""), "sans": ("Helvetica", ""), "bold": ("Helvetica", "B")}
ENCODING = "cp1252"


def write_investor_pdf(story: CapitalStory, path: Path) -> Path:
    """Write the page; returns its path.

    Raises `UserError`: `missing-package` without fpdf2, `no-letters` for names that Western fonts cannot write.
    """
    try:
        from fpdf import FPDF
    except ImportError:
        raise UserError("missing-package", "a PDF needs fpdf2", hint="pip install 'argosy[capital]'") from None
    pdf = FPDF(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
    pdf.core_fonts_encoding = ENCODING
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(f"{story.company or 'Investor page'}, {story.start}")
    pdf.set_creator("Argosy")
    pdf.set_producer("Argosy")
    pdf.creation_date = datetime.combine(story.start, time(), UTC)
    pdf.add_page()

    def measure(words: str, size: float, face: Face) -> float:
        family, style = FACES[face]
        pdf.set_font(family, style, size)
        return float(pdf.get_string_width(_writable(words)))

    _draw(one_page(story, measure), pdf)
    with atomic_write(path) as temporary:
        temporary.write_bytes(bytes(pdf.output()))
    return path


def _draw(scene: Scene, pdf: "FPDF") -> None:
    for shape in scene.shapes:
        if shape.fill:
            pdf.set_fill_color(shape.fill)
            pdf.polygon(shape.points, style="F")
            continue
        pdf.set_draw_color(shape.stroke)
        pdf.set_line_width(shape.width)
        pdf.set_dash_pattern(dash=shape.dash, gap=shape.dash)
        pdf.polyline(shape.points)
    for text in scene.texts:
        family, style = FACES[text.face]
        pdf.set_font(family, style, text.size)
        pdf.set_text_color(text.colour)
        words = _writable(text.words)
        shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[text.align] * pdf.get_string_width(words)
        pdf.text(text.x - shift, text.y, words)


def _writable(words: str) -> str:
    """The same text, if the fonts that every PDF reader has can write it."""
    try:
        words.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise UserError(
            "no-letters",
            f"the PDF's fonts have no {words[error.start]!r}, which is in {words!r}",
            hint="write it in Latin letters, or make the print page: --language zh",
        ) from None
    return words
