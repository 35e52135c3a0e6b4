"""Start one process for each rank on this machine and tell, when they fail, which rank and why. Torch-free."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from argosy.config import AnyVenture, RunFailed, UserError
from argosy.hardware import GLIBC_TUNABLES, usable_cores

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # linux/prctl.h


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
        ArgosyError: what the first failing rank reported, or which rank died of what.
    """
    stop_file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="argosy-") as errors:
        environment = {**os.environ, "ARGOSY_ERRORS": errors, "PYTHONUNBUFFERED": "1"}
        environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // ranks)))
        environment.setdefault("GLIBC_TUNABLES", GLIBC_TUNABLES)
        if ranks == 1:
            environment |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
            command = [sys.executable, "-m", module, *arguments]
        else:
            agent = ["-m", "argosy.parallel.agent", str(ranks), str(port or 0), module]
            command = [sys.executable, *agent, *arguments]
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        with _forward_signals(process, stop_file) as received:
            code = process.wait()
        stop_file.unlink(missing_ok=True)
        if len(received) > 1:
            raise RunFailed("killed", "stopped at once, without saving", hint="the last checkpoint is kept")
        if code != 0:
            raise _failure(Path(errors), code)
        return received[0] if received else 0


def die_with_parent() -> None:
    """Ask Linux to end this process with SIGTERM when its parent dies, so that no rank outlives the command."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def name_process(name: str) -> None:
    """Give this process the name that Linux's `ps` and `top` show, at most 15 bytes; forked ranks look alike else."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())


@contextlib.contextmanager
def _forward_signals(process: subprocess.Popen[bytes], stop_file: Path) -> Iterator[list[int]]:
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        if len(received) == 1:
            stop_file.touch()
            print("\nstopping after this step and saving; again to stop at once", file=sys.stderr, flush=True)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def report_failure(kind: str, rank: int, details: Mapping[str, Any]) -> None:
    """Leave a rank's (or the agent's) account of a failure where `launch` finds it."""
    folder = os.environ.get("ARGOSY_ERRORS")
    if folder:
        (Path(folder) / f"{kind}-{rank}.json").write_bytes(orjson.dumps({"rank": rank, **details}))


def _failure(folder: Path, code: int) -> Exception:
    reports = sorted(folder.glob("rank-*.json"), key=lambda path: path.stat().st_mtime_ns)
    deaths = [orjson.loads(path.read_bytes()) for path in folder.glob("death-*.json")]
    if code < 0:
        deaths.append({"rank": 0, "signal": -code})
    if deaths:
        rank, number = deaths[0]["rank"], deaths[0]["signal"]
        memory = "; on Linux that is often the out-of-memory killer" if number == signal.SIGKILL else ""
        return RunFailed(
            "rank-died",
            f"rank {rank} was killed by signal {number} ({signal.Signals(number).name}){memory}",
            hint="run the same command again: it goes on from the last checkpoint",
        )
    if not reports:
        return RunFailed("rank-died", f"training ended with exit status {code} and said nothing")
    first = orjson.loads(reports[0].read_bytes())
    print(first.get("traceback", ""), end="", file=sys.stderr)
    kind = UserError if first["exit_code"] == 2 else RunFailed
    return kind(first["code"], first["message"], hint=first["hint"])
