"""Start one process for each rank on this machine and tell, when they fail, which rank and why. Torch-free."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson

from argosy.config import AnyVenture, RunFailed
from argosy.hardware import GLIBC_TUNABLES, usable_cores
from argosy.parallel.reports import AGENT, FOLDER, failure

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # linux/prctl.h
AGENT_LEAVES_S = 2.0


def external_world() -> bool:
    """Whether somebody else (torchrun, Slurm, Kubernetes) already started this process as one of several ranks."""
    if int(os.environ.get("SLURM_NTASKS", "1")) > 1 and "SLURM_PROCID" in os.environ:
        _adopt_slurm()
    return {"RANK", "WORLD_SIZE"} <= os.environ.keys()


def world_size(venture: AnyVenture) -> int:
    """Ranks that will train: those that somebody else started, else those of the venture's layout."""
    return int(os.environ["WORLD_SIZE"]) if external_world() else venture.layout.ranks


def _adopt_slurm() -> None:
    os.environ.setdefault("RANK", os.environ["SLURM_PROCID"])
    os.environ.setdefault("WORLD_SIZE", os.environ["SLURM_NTASKS"])
    os.environ.setdefault("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0"))
    os.environ.setdefault("MASTER_PORT", str(20_000 + int(os.environ.get("SLURM_JOB_ID", "0")) % 10_000))
    if "MASTER_ADDR" not in os.environ:
        nodes = os.environ.get("SLURM_JOB_NODELIST", "localhost")
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            listing = subprocess.run(["scontrol", "show", "hostnames", nodes], check=True, capture_output=True)
            nodes = listing.stdout.decode().split()[0]
        os.environ["MASTER_ADDR"] = nodes


def launch(
    module: str,
    arguments: Sequence[str],
    *,
    ranks: int,
    stop_file: Path,
    port: int | None = None,
) -> int:
    """Run `python -m module arguments` on `ranks` processes and wait for all of them.

    The first Ctrl-C or SIGTERM creates `stop_file`, which the ranks watch for; the second kills them. Returns the
    signal that asked for the stop, or 0.

    Raises:
        ArgosyError: what the first failing rank reported; `RanksLost`, when a rank died or hung.
    """
    with Ranks(module, stop_file, port) as started:
        started.run(arguments, ranks)
        return started.signal


class Ranks:
    """One process for each rank, started as often as need be; several are forked by an agent that stays.

    `signal` is the first that asked for a stop, or 0.
    """

    def __init__(self, module: str, stop_file: Path, port: int | None) -> None:
        self.module, self.stop_file, self.port = module, stop_file, port
        self.signal, self._killed, self._attempts = 0, False, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: BinaryIO | None = None

    def __enter__(self) -> Self:
        self.stop_file.unlink(missing_ok=True)
        self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        self._end_agent()
        for number, old in self._previous.items():
            signal.signal(number, old)
        self.stop_file.unlink(missing_ok=True)

    def run(self, arguments: Sequence[str], ranks: int) -> None:
        """Start them and wait; raises as `launch` does."""
        with tempfile.TemporaryDirectory(prefix="argosy-") as folder:
            ended = self._alone(folder, arguments) if ranks == 1 else self._several(folder, arguments, ranks)
            self._attempts += 1
            if self._killed:
                raise RunFailed("killed", "stopped at once, without saving", hint="the last checkpoint is kept")
            if ended:
                raise failure(Path(folder), ended)

    def _alone(self, folder: str, arguments: Sequence[str]) -> list[tuple[int, int]]:
        self._end_agent()
        place = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
        command = [sys.executable, "-m", self.module, *arguments]
        self._process = self._start(
            command, {**self._environment(1), **place, FOLDER: folder}, stdin=subprocess.DEVNULL
        )
        code = self._process.wait()
        self._process = None
        return [(0, code)] if code else []

    def _several(self, folder: str, arguments: Sequence[str], ranks: int) -> list[tuple[int, int]]:
        if self._process is None:
            self._start_agent(ranks)
        assert self._process is not None and self._process.stdin is not None and self._answers is not None
        order = {"ranks": ranks, "arguments": arguments, "errors": folder, "attempt": self._attempts}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            self._process.stdin.flush()
        if answer := self._answers.readline():
            return [(rank, code) for rank, code in orjson.loads(answer)]
        code = self._end_agent()
        return [] if self._killed else [(AGENT, code or 1)]

    def _start_agent(self, ranks: int) -> None:
        reading, writing = os.pipe()
        agent = ["-m", "argosy.parallel.agent", str(writing), str(self.port or 0), self.module]
        self._process = self._start(
            [sys.executable, *agent], self._environment(ranks), stdin=subprocess.PIPE, pass_fds=(writing,)
        )
        os.close(writing)
        self._answers = os.fdopen(reading, "rb")

    def _end_agent(self) -> int:
        """Let the agent go, and what ranks it left; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, self._answers):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        self._answers = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(AGENT_LEAVES_S)
        deadline = time.monotonic() + AGENT_LEAVES_S
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:  # nobody may write to the run any more
                os.killpg(process.pid, signal.SIGKILL)
                process.poll()
                time.sleep(0.02)
        return process.wait()

    def _environment(self, ranks: int) -> dict[str, str]:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // ranks)))
        environment.setdefault("GLIBC_TUNABLES", GLIBC_TUNABLES)
        return environment

    def _start(self, command: list[str], environment: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=die_with_parent, **options)

    def _handle(self, number: int, _frame: object) -> None:
        if not self.signal:
            self.signal = number
            self.stop_file.touch()
            print("\nstopping after this step and saving; again to stop at once", file=sys.stderr, flush=True)
            return
        self._killed = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Ask Linux to end this process with SIGTERM when its parent dies, so that no rank outlives the command."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def name_process(name: str) -> None:
    """Give this process the name that Linux's `ps` and `top` show, at most 15 bytes; forked ranks look alike else."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
