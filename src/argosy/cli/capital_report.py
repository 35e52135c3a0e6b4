"""The verbs that show the money: the page with both views, and the investor's page."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json
from argosy.cli.capital import PlanFile, capital_app
from argosy.cli.output import show


@capital_app.command(name="report")
def report_verb(
    plan: PlanFile,
    *,
    output: Annotated[Path, Parameter(help="HTML file to write.")] = Path("capital.html"),
    json: Json = False,
) -> None:
    """Write the page about money, for the investor and for the engineer; no run is needed.

    Beside a venture, `argosy run` has the same in its report. With --json, print every figure of the page too.

    Example: argosy capital report capital.toml --output capital.html
    """
    from argosy import report
    from argosy.config import UserError

    if output.suffix != ".html":
        raise UserError("bad-option", f"--output {output}: it has to end in .html")
    story = capital.capital_story(plan, advised=True)
    show(story, f"wrote {report.render_capital(story, output)}", as_json=json)


@capital_app.command
def pdf(
    plan: PlanFile,
    *,
    output: Annotated[
        Path | None, Parameter(help="File to write: investor.pdf, or investor.zh.html in Chinese, unless given.")
    ] = None,
    language: Annotated[Literal["en", "zh"], Parameter(help="en is a PDF, zh a page to print.")] = "en",
    json: Json = False,
) -> None:
    """Write one A4 page for an investor: a PDF in English, or in Chinese a page to print.

    Example: argosy capital pdf capital.toml --output investor.pdf
    """
    from argosy import report
    from argosy.config import UserError

    suffix, write = (".pdf", report.write_investor_pdf) if language == "en" else (".html", report.write_print_page)
    path = output or Path("investor.pdf" if language == "en" else "investor.zh.html")
    if path.suffix != suffix:
        raise UserError("bad-option", f"--output {path}: with --language {language} it has to end in {suffix}")
    written = write(capital.capital_story(plan), path)
    show({"page": str(written)}, f"wrote {written}", as_json=json)
