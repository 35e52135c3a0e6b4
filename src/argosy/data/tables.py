"""Tables with named columns: CSV with a header, and Parquet."""

import csv
from pathlib import Path
from typing import Any

from argosy.config import UserError

Columns = dict[str, list[Any]]
NOT_THERE = {"", "NA", "N/A", "n/a", "NULL", "null", "?"}
"""What stands for a number that is missing."""


def read_table(path: Path) -> Columns:
    """The columns of a `.parquet` or CSV file by name; of a CSV, all text.

    Raises:
        UserError: `bad-examples` for a row of another length or two columns of one name, `damaged-source`,
            `missing-package`.
    """
    names, columns = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError("bad-examples", f"{path}: two columns are called {twice[0]!r}")
    return dict(zip(names, columns, strict=True))


def typed(column: list[Any]) -> list[Any]:
    """Numbers where every value that is there is one: a column of a CSV has no type."""
    try:
        return [
            value if not isinstance(value, str) else None if value.strip() in NOT_THERE else float(value)
            for value in column
        ]
    except ValueError:
        return column


def _csv(path: Path) -> tuple[list[str], list[list[Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            names, rows = next(reader, []), []
            for row in filter(None, reader):  # blank lines say nothing
                if len(row) != len(names):
                    raise UserError(
                        "bad-examples",
                        f"{path}:{reader.line_num}: {len(row)} values, expected {len(names)} as in the header",
                    )
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError("damaged-source", f"{path} is not a CSV table: {error}") from None
    return names, [[row[place] for row in rows] for place in range(len(names))]


def _parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import read_table
    except ImportError:
        hint = "pip install 'argosy[parquet]'"
        raise UserError("missing-package", "reading Parquet needs pyarrow", hint=hint) from None
    try:
        table = read_table(path)
    except (ArrowInvalid, OSError) as error:
        raise UserError("damaged-source", f"{path} is not Parquet: {str(error).splitlines()[0]}") from None
    return list(table.column_names), [column.to_pylist() for column in table.columns]
