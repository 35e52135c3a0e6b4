"""`python -m argosy.parallel.agent ANSWERS PORT MODULE`: starts the ranks of one machine, as often as it is told.

With `--once RANKS MODULE [ARG…]` it starts them once; its exit status is 1 when one fails.

It reads orders, one a line, and writes for each to the file descriptor ANSWERS which ranks failed. Ranks without an
accelerator are forked from this process, which has imported everything already: two seconds of every start, and of
every restart. CUDA does not survive a fork; with it, ranks are processes of their own as under torchrun. Ranks meet at
this process's store, as under torchrun, which PyTorch's own agent is not used for because it gives a stopped rank 30
seconds, and because ours may start another number of them the next time.
"""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import orjson

from argosy.parallel.launcher import die_with_parent, name_process
from argosy.parallel.reports import FOLDER, report_failure

REPORT_S, FAREWELL_S = 3.0, 30.0
Start = Callable[[Mapping[str, str], Sequence[str]], int]


def main() -> None:
    """Carry out orders until there are no more, or until the command that gives them dies."""
    name_process("argosy agent")
    if sys.argv[1] == "--once":
        _once(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    answers, module = int(sys.argv[1]), sys.argv[3]
    start = _starter(module, answers)
    store = _store(int(sys.argv[2]))
    while line := sys.stdin.buffer.readline():
        order = orjson.loads(line)
        os.environ[FOLDER] = order["errors"]
        if isinstance(store, Exception):
            hint = "run.master_port names a port that is taken: choose another, or none"
            details = {"code": "no-port", "message": str(store), "hint": hint, "exit_code": 2}
            report_failure("rank", 0, details)
            failed = [(0, 2)]
        else:
            failed = _Ranks(start, order, store.port).wait()
        with contextlib.suppress(BrokenPipeError):
            os.write(answers, orjson.dumps(failed) + b"\n")
    os._exit(0)  # tearing down what was imported takes a while


def _once(ranks: int, module: str, arguments: Sequence[str]) -> NoReturn:
    start, store = _starter(module, os.open(os.devnull, os.O_WRONLY)), _store(0)
    failed = _Ranks(start, {"ranks": ranks, "arguments": arguments, "attempt": 0}, store.port).wait()
    os._exit(1 if failed else 0)


def _store(port: int) -> Any:
    """The store where ranks meet, or why there is none."""
    import torch.distributed as dist

    try:
        return dist.TCPStore("localhost", port, is_master=True, wait_for_workers=False)
    except dist.DistError as error:
        return error


class _Ranks:
    """Ranks at work."""

    def __init__(self, start: Start, order: Mapping[str, Any], port: int) -> None:
        size = order["ranks"]
        place = {
            "WORLD_SIZE": str(size),
            "LOCAL_WORLD_SIZE": str(size),
            "MASTER_ADDR": "localhost",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": str(order["attempt"]),
        }
        self.failed: list[tuple[int, int]] = []
        self._deadline: float | None = None
        self._running: dict[int, int] = {}
        signal.signal(signal.SIGTERM, self._leave)
        for rank in range(size):
            self._running[start({**place, "RANK": str(rank), "LOCAL_RANK": str(rank)}, order["arguments"])] = rank

    def wait(self) -> list[tuple[int, int]]:
        """Wait for all; (rank, exit status) of those that failed by themselves, the others are killed then."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in self._running:
                self._ended(self._running.pop(pid), os.waitstatus_to_exitcode(status))
            elif self._deadline is not None and time.monotonic() > self._deadline:
                self._signal(signal.SIGKILL)
                while self._running:
                    self._running.pop(os.wait()[0], None)
            else:
                time.sleep(0.02)
        return self.failed

    def _ended(self, rank: int, code: int) -> None:
        if code == 0:
            return
        self.failed.append((rank, code))
        # Of a death nobody else knows more; before an exit status, the others get time to tell what they met.
        patience = 0.0 if code < 0 else REPORT_S
        self._deadline = min(self._deadline or float("inf"), time.monotonic() + patience)

    def _leave(self, _number: int, _frame: object) -> None:
        """The command is gone: ranks stop after their step and save."""
        self._signal(signal.SIGTERM)
        self._deadline = time.monotonic() + FAREWELL_S

    def _signal(self, number: int) -> None:
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _starter(module: str, answers: int) -> Start:
    """What starts a rank in an environment, with arguments, and returns its process."""
    import torch

    if torch.version.cuda is not None or torch.version.hip is not None:

        def spawn(environment: Mapping[str, str], arguments: Sequence[str]) -> int:
            command = [sys.executable, "-u", "-m", module, *arguments]
            environment = {**os.environ, **environment}
            return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent).pid

        return spawn
    importlib.import_module("torch._dynamo")  # which the first optimiser would import
    function: Callable[[], Any] = importlib.import_module(module).main

    def fork(environment: Mapping[str, str], arguments: Sequence[str]) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that other threads do not survive, as they need not
            pid = os.fork()
        if pid == 0:
            os.close(answers)
            os.environ.update(environment)
            sys.argv = [module, *arguments]
            _be_rank(function)
        return pid

    return fork


def _be_rank(function: Callable[[], Any]) -> None:
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        name_process(f"argosy rank {os.environ['RANK']}")
        function()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
