"""What a failing rank leaves for whoever started it, and what that makes of it. Torch-free."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from argosy.config import ArgosyError, RunFailed, UserError

FOLDER = "ARGOSY_ERRORS"
AGENT = -1
"""In place of a rank: the process that starts them."""
LOST = {"rank-lost", "cannot-join", "missing-rank"}
"""Codes of what a rank meets when another is gone."""


class RanksLost(RunFailed):
    """Ranks died, hung or lost touch, so that starting them again may help; the venture is not at fault."""

    def __init__(self, code: str, message: str, ranks: Iterable[int], *, number: int = 0, hint: str = "") -> None:
        super().__init__(code, message, hint=hint or "run the same command again: it goes on from the last checkpoint")
        self.ranks, self.signal = tuple(ranks), number


def report_failure(kind: str, rank: int, details: Mapping[str, Any]) -> bool:
    """Leave a rank's account of a failure where `launch` finds it; False where nobody would."""
    folder = os.environ.get(FOLDER)
    if folder:
        (Path(folder) / f"{kind}-{rank}.json").write_bytes(orjson.dumps({"rank": rank, **details}))
    return bool(folder)


@contextlib.contextmanager
def accounted() -> Iterator[None]:
    """End this rank when what it does fails, after leaving its account of that."""
    rank = int(os.environ.get("RANK", "0"))
    try:
        yield
    except ArgosyError as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        report_failure("rank", rank, told)
        sys.exit(error.exit_code)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        details = {
            "code": "rank-failed",
            "message": f"rank {rank}: {type(error).__name__}: {error}",
            "hint": f"at {Path(last.filename).name}:{last.lineno}; the whole traceback is above",
            "exit_code": 1,
            "traceback": traceback.format_exc(),
        }
        report_failure("rank", rank, details)
        sys.exit(1)


def failure(folder: Path, ended: Sequence[tuple[int, int]]) -> ArgosyError:
    """Why ranks failed, from their accounts and (rank, exit status) of those that ended by themselves.

    A hang comes first, then what a rank said on purpose, deaths by signal, errors nobody foresaw, lost connections.
    """
    hung = [orjson.loads(path.read_bytes()) for path in folder.glob("hung-*.json")]
    if hung:
        return RanksLost("hung", hung[0]["message"], hung[0]["ranks"], hint=hung[0]["hint"])
    paths = sorted(folder.glob("rank-*.json"), key=lambda path: path.stat().st_mtime_ns)
    reports = [report for path in paths if (report := orjson.loads(path.read_bytes()))["message"]]
    said = [report for report in reports if report["code"] not in LOST | {"rank-failed"}]
    deaths = [(rank, -code) for rank, code in ended if code < 0]
    if deaths and not said:
        return _death(*deaths[0])
    first = next(iter([*said, *(report for report in reports if report["code"] not in LOST), *reports]), None)
    if first is None:
        return RunFailed(
            "rank-died", f"training ended with exit status {ended[0][1] if ended else '?'}, saying nothing"
        )
    if first["code"] in LOST:
        return RanksLost(first["code"], first["message"], [first["rank"]], hint=first["hint"])
    print(first.get("traceback", ""), end="", file=sys.stderr)
    kind = UserError if first["exit_code"] == 2 else RunFailed
    return kind(first["code"], first["message"], hint=first["hint"])


def _death(rank: int, number: int) -> RanksLost:
    memory = "; on Linux that is often the out-of-memory killer" if number == signal.SIGKILL else ""
    whom = "the process that starts the ranks" if rank == AGENT else f"rank {rank}"
    message = f"{whom} was killed by signal {number} ({signal.Signals(number).name}){memory}"
    return RanksLost("rank-died", message, [] if rank == AGENT else [rank], number=number)
