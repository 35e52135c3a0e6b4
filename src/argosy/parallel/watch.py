"""A watchdog in every rank: when ranks wait too long for others, it finds out for whom, and ends them all.

A thread looks every second at where the main thread is. If that stayed in one exchange with other ranks for
`run.collective_timeout_s`, it raises an alarm in the ranks' store, and every rank's thread answers with its step, its
phase and what it waits for. Who does not answer is stopped, or computes with Python's lock held; who answers but waits
for nobody is busy; else the ranks wait for different things. PyTorch's flight recorder knows the collective that a
rank waits for, with NCCL and gloo; it keeps no point-to-point receives, which the main thread's stack shows. Neither
costs anything before an alarm.
"""

import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import torch.distributed as dist

from argosy.parallel.reports import report_failure

ANSWER_S = 5.0
OWN_EXCHANGES = Path(__file__).parent
Tell = Callable[[Mapping[str, Any]], None]


class _Place:
    name, step, count = "start", 0, 0


_place = _Place()


def phase(name: str, step: int | None = None) -> None:
    """Note what this process does from now on, of which update (from 1); the last one told unless given."""
    _place.name, _place.count = name, _place.count + 1
    if step is not None:
        _place.step = step


class Watch:
    """The watchdog of one rank; `tell` hears of a hang on the rank that found its cause, before all of them end."""

    def __init__(self, store: dist.Store, rank: int, size: int, limit_s: float, tell: Tell) -> None:
        self.store, self.rank, self.size, self.limit_s, self.tell = store, rank, size, limit_s, tell
        self._main, self._ended = threading.main_thread().ident, threading.Event()
        self._seen: tuple[Any, ...] = ()
        self._since = time.monotonic()
        store.set(f"place-{rank}", f"{socket.gethostname()} {os.getpid()}")
        self._thread = threading.Thread(target=self._run, name="argosy watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; ranks that wait for this one from now on wait in vain."""
        self._ended.set()
        self._thread.join(ANSWER_S)
        with contextlib.suppress(dist.DistError):
            self.store.set(f"place-{self.rank}", "nowhere 0")  # what this process does next is not to be ended

    def _run(self) -> None:
        with contextlib.suppress(dist.DistError):  # the store is gone, and soon all ranks are
            while not self._ended.wait(min(1.0, self.limit_s / 4)):
                if self.store.check(["alarm"]):
                    self._answer()
                elif self._stuck():
                    self.store.set("alarm", "")
                    self._answer()

    def _stuck(self) -> bool:
        frame = self._frame()
        seen = (_place.count, id(frame), frame.f_lasti if frame else 0)
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since > self.limit_s and bool(self._waits_for())

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._main or 0)

    def _waits_for(self) -> str:
        """The exchange in which the main thread waits; empty when it does something else."""
        frame, parts = self._frame(), (str(Path(dist.__file__).parent), str(OWN_EXCHANGES))
        recorded = _oldest_collective()
        if recorded or frame is None or not frame.f_code.co_filename.startswith(parts):
            return recorded
        return frame.f_code.co_name.strip("_")

    def _answer(self) -> None:
        """Tell where this rank is, hear or find out whose fault it is, and end."""
        own = {"step": _place.step, "phase": _place.name, "waits": self._waits_for(), "at": _line(self._frame())}
        self.store.set(f"state-{self.rank}", orjson.dumps(own).decode())
        if self.store.add("claim", 1) == 1:
            found = judge(self._states(), self.size, self.limit_s)
            self._tell(found)
            self.store.set("verdict", orjson.dumps(found).decode())
        for _ in _until(3 * ANSWER_S):
            if self.store.check(["verdict"]):
                self._end_those(orjson.loads(self.store.get("verdict"))["silent"])
                break
        os._exit(1)

    def _states(self) -> dict[int, Any]:
        states: dict[int, Any] = {}
        for _ in _until(ANSWER_S):
            for rank in range(self.size):
                if rank not in states and self.store.check([f"state-{rank}"]):
                    states[rank] = orjson.loads(self.store.get(f"state-{rank}"))
            if len(states) == self.size:
                break
        return states

    def _tell(self, found: Mapping[str, Any]) -> None:
        hint = "look at that rank's machine; run.collective_timeout_s says how long others wait"
        with contextlib.suppress(OSError):  # of a full disk, which must not keep the ranks
            self.tell({key: found[key] for key in ("ranks", "step", "phase", "collective", "message")})
            told = {"code": "hung", "message": found["message"], "hint": hint, "exit_code": 1, "ranks": found["ranks"]}
            if not report_failure("hung", self.rank, told):
                print(f"argosy: {found['message']}\n  → {hint} [hung]", file=sys.stderr, flush=True)

    def _end_those(self, silent: list[int]) -> None:
        """Ranks of this machine that are stopped hear of no other signal."""
        for rank in silent:
            host, pid = self.store.get(f"place-{rank}").decode().split()
            if host == socket.gethostname():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _until(seconds: float) -> Iterator[None]:
    """Ten times a second; PyTorch's own waiting for a key prints warnings when it ends in vain."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def judge(states: Mapping[int, Mapping[str, Any]], size: int, limit_s: float) -> dict[str, Any]:
    """Whom the others wait for, given what those ranks that answered said of themselves."""
    silent = [rank for rank in range(size) if rank not in states]
    busy = [rank for rank, state in states.items() if not state["waits"]]
    common = Counter(state["waits"] for state in states.values() if state["waits"]).most_common(1)
    collective = common[0][0] if common else "an exchange"
    elsewhere = [rank for rank, state in states.items() if state["waits"] != collective]
    ranks = silent or busy or elsewhere
    if silent:
        why = "it gives no sign of life: stopped, or busy outside Python"
    elif ranks:
        state = states[ranks[0]]
        doing = f"in {state['waits']}" if state["waits"] else "busy"
        why = f"it is {doing} at {state['at']} ({state['phase']} of step {state['step']})"
    else:
        why = "all of them wait in it: look at the network"
    waiting = next((state for state in states.values() if state["waits"] == collective), {"step": 0, "phase": "?"})
    where = f"{collective} ({waiting['phase']} of step {waiting['step']})"
    named = f"rank {', '.join(map(str, ranks))} did not come to" if ranks else "nobody got out of"
    return {
        "ranks": ranks,
        "silent": silent,
        "step": waiting["step"],
        "phase": waiting["phase"],
        "collective": collective,
        "message": f"{named} {where} in {limit_s:g} s; {why}",
    }


def _line(frame: FrameType | None) -> str:
    """The innermost line that is not PyTorch's."""
    torch_folder = str(Path(dist.__file__).parents[1])
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(torch_folder):
        frame = frame.f_back
    return "?" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _oldest_collective() -> str:
    """What PyTorch's flight recorder has as begun and not ended, the oldest of it; empty where there is none."""
    recorder: Any = importlib.import_module("torch._C._distributed_c10d")
    dump = getattr(recorder, "_dump_fr_trace_json", None)
    if dump is None:
        return ""
    for entry in orjson.loads(dump()).get("entries", []):
        if not entry.get("retired") and entry.get("state") != "completed":
            sizes = "×".join(map(str, (entry.get("input_sizes") or [[]])[0]))
            return f"{entry['profiling_name'].partition(':')[2]}{f' of [{sizes}]' if sizes else ''}"
    return ""
