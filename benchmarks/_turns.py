"""Training programs that run at once and take turns of a few steps: while one computes, the others are halted.

Halting is SIGSTOP. So what else the machine does disturbs all alike. A step counts from the end of the one before to
its own end; the step during which a halt fell is left out.
"""

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil

WARMUP_STEPS, STEPS_A_TURN = 5, 6


class ProgramEnded(Exception):
    """A program that was to train until killed ended by itself, or took too long to begin."""


@dataclass
class Contestant:
    """A program that trains until it is killed."""

    name: str
    """For the results."""
    command: Sequence[object]
    """Starts it."""
    ends: Callable[[], list[float]]
    """When each step so far ended, in seconds of any clock."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside this process's own."""


def step_times(
    contestants: Iterable[Contestant],
    *,
    turns: int,
    threads: int,
    start_limit_s: float = 900,
    between: Callable[[], object] = lambda: None,
    failed: dict[str, str] | None = None,
) -> dict[str, list[float]]:
    """Seconds of each step of each contestant; `between` is called once a round, while all of them are halted.

    They are started one after the other, each when those before have warmed up and are halted. A turn is
    `STEPS_A_TURN` steps of the slowest. Why one did not get through its warm-up is put into `failed`; without that, it
    raises `ProgramEnded`.
    """
    with contextlib.ExitStack() as stack:
        running: list[tuple[Contestant, psutil.Process]] = []
        for contestant in contestants:
            try:
                process = stack.enter_context(_started(contestant, threads, start_limit_s))
            except ProgramEnded as error:
                if failed is None:
                    raise
                failed[contestant.name] = str(error)
                continue
            running.append((contestant, process))
            _each(process, psutil.Process.suspend)
        turn_s = max((STEPS_A_TURN * statistics.median(_steps(c.ends())) for c, _ in running), default=0.0)
        for _ in range(turns):
            for _, process in running:
                _each(process, psutil.Process.resume)
                time.sleep(turn_s)
                _each(process, psutil.Process.suspend)
            between()
        halted_s = turn_s if len(running) > 1 else float("inf")
        return {
            contestant.name: [step for step in _steps(contestant.ends()) if step < halted_s]
            for contestant, _ in running
        }


@contextlib.contextmanager
def _started(contestant: Contestant, threads: int, limit_s: float) -> Iterator[psutil.Process]:
    """Start it, wait until it is warm; kill it and its children in the end."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), str(threads))
    environment = {**os.environ, **limits, **contestant.environment}
    with tempfile.TemporaryFile() as output:
        process = psutil.Popen(
            [str(part) for part in contestant.command], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            late = time.monotonic() + limit_s
            while len(contestant.ends()) <= WARMUP_STEPS + 1:
                if process.poll() is not None or time.monotonic() > late:
                    output.seek(0)
                    said = output.read()[-2000:].decode(errors="replace")
                    raise ProgramEnded(f"{contestant.name} did not get through its first steps:\n{said}")
                time.sleep(0.05)
            yield process
        finally:
            _each(process, psutil.Process.kill)
            process.wait()


def _each(process: psutil.Process, do: Callable[[psutil.Process], None]) -> None:
    """Halt, resume or kill a process and its children."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                do(one)


def _steps(ends: Sequence[float]) -> list[float]:
    """Seconds of each step after the warm-up."""
    return [after - before for before, after in pairwise(ends[WARMUP_STEPS:])]


def metrics_ends(path: Path) -> list[float]:
    """Ends of steps by a run's `metrics.jsonl`."""
    return [json.loads(line)["elapsed_s"] for line in _whole_lines(path)]


def written_ends(path: Path) -> list[float]:
    """Ends of steps by a file that has one a line."""
    return [float(line) for line in _whole_lines(path)]


def _whole_lines(path: Path) -> list[str]:
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]
