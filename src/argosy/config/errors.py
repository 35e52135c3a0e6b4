"""Errors for people: what was wrong, where, what was expected, and what to do next."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


class ArgosyError(Exception):
    """An error whose message is the whole story; the command line prints it without a traceback.

    `code` names its section in docs/reference/errors.md; `exit_code` is 1 for a failed run, 2 for the user's mistake.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class RunFailed(ArgosyError):
    """A run that could not go on although what was asked for made sense."""


class UserError(ArgosyError):
    """Something the user can mend: a key, a path, a file."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One mistake in a venture: the dotted key, the value found there, what was expected instead."""

    key: str
    expected: str
    value: object = None
    code: str = "bad-value"

    def __str__(self) -> str:
        said = str(self.value) if isinstance(self.value, date) else repr(self.value)  # as the file has it
        found = "" if self.value is None else f" = {said}"
        return f"{self.key}{found}: {self.expected} [{self.code}]"


class VentureError(UserError):
    """All the problems of one venture, found in one pass."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("bad-venture", f"{count} in {source}\n" + "\n".join(f"  {p}" for p in self.problems))


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest of `choices`, or the empty string when none is close."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
