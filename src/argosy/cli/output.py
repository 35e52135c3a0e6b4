"""How results and errors are shown: the result on standard output, everything else on standard error."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from argosy.config.errors import ArgosyError, VentureError

if TYPE_CHECKING:
    from argosy.config import Record


def show(result: "Record | Any", text: str, *, as_json: bool) -> None:
    """Print `result` as JSON or `text`; of several ranks started from outside, the first alone does."""
    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        import orjson

        value = result.model_dump(mode="json") if hasattr(result, "model_dump") else result
        sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")
    else:
        print(text)


def show_error(error: ArgosyError, *, as_json: bool) -> None:
    """Print an error for people, and as JSON on standard output where that was asked for.

    One without a message is told by another rank.
    """
    if not error.message:
        return
    if as_json:
        import json

        details: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if isinstance(error, VentureError):
            details["problems"] = [vars(problem) for problem in error.problems]
        print(json.dumps({"error": details}, default=str))
    print(f"argosy: {error} [{error.code}]", file=sys.stderr)


def table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
    """Lay out rows in aligned columns."""
    cells = [tuple(header), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])
