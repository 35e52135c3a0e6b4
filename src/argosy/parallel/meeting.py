"""Where ranks find each other before they have a process group: a key-value store with a name for who is missing."""

import contextlib
import itertools
import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import torch.distributed as dist

from argosy.config import RunConfig, RunFailed

FOR_EVER = timedelta(days=365)  # rank 0 may prepare for hours; should it die, the store goes with it
FAREWELL_S = 10.0
_meetings, _asides = itertools.count(), itertools.count()
_opened: list[dist.Store] = []


def _store(timeout_s: float) -> dist.Store:
    """The one store of this process, opened in `timeout_s`."""
    if not _opened:
        _opened.append(_open(timeout_s))
    return _opened[0]


def aside(timeout_s: float) -> dist.Store:
    """Another connection to the store of the last meeting, for a thread that shall not wait for the first one."""
    return dist.PrefixStore(f"aside-{next(_asides)}", _open(timeout_s, again=True))


def _open(timeout_s: float, *, again: bool = False) -> dist.Store:
    """Torchrun's store where it has one, else rank 0's own."""
    rank = int(os.environ["RANK"])
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    agent_holds_store = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    try:
        store = dist.TCPStore(
            address,
            port,
            is_master=rank == 0 and not agent_holds_store and not again,
            timeout=timedelta(seconds=timeout_s),
            wait_for_workers=False,
        )
    except dist.DistError as error:
        raise RunFailed(
            "cannot-join",
            f"rank {rank} on {socket.gethostname()} could not reach rank 0 at {address}:{port}: {error}",
            hint="check that the address is reachable from this machine and the port is open",
        ) from None
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"argosy-{attempt}", store)


def meet(timeout_s: float) -> dist.Store:
    """Return a store that all ranks share, when all of them are there.

    Raises:
        RunFailed: `missing-rank` names those that did not come in `timeout_s`; `cannot-join`.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = dist.PrefixStore(f"meeting-{next(_meetings)}", _store(timeout_s))
    try:
        store.set(f"rank-{rank}", socket.gethostname())
        if rank == 0:
            store.set("verdict", _roll_call(store, size, timeout_s))
        store.wait(["verdict"], timedelta(seconds=timeout_s + FAREWELL_S))
        verdict = store.get("verdict").decode()
    except dist.DistError as error:
        raise RunFailed(
            "cannot-join", f"rank {rank} on {socket.gethostname()} lost touch with rank 0: {error}"
        ) from None
    if verdict:
        raise RunFailed("missing-rank", verdict, hint="look at the missing ranks' own output and machines")
    return store


def _roll_call(store: dist.Store, size: int, timeout_s: float) -> str:
    deadline = time.monotonic() + timeout_s
    missing = []
    for rank in range(size):
        remaining = max(0.05, deadline - time.monotonic())
        try:
            store.wait([f"rank-{rank}"], timedelta(seconds=remaining))
        except dist.DistStoreError:
            missing.append(rank)
    if not missing:
        return ""
    names = ", ".join(map(str, missing))
    here = sorted({store.get(f"rank-{r}").decode() for r in range(size) if r not in missing})
    return f"rank {names} of {size} did not arrive in {timeout_s:g} s; the others are on {', '.join(here)}"


class Crew:
    """All ranks of an external launcher: rank 0 says what is to be done together, the others wait for its word."""

    def __init__(self, store: dist.Store) -> None:
        self.is_main = os.environ["RANK"] == "0"
        self._store, self._words = store, itertools.count()

    def tell(self, word: str) -> None:
        """Rank 0: give the next word."""
        self._store.set(f"word-{next(self._words)}", word)

    def hear(self) -> str:
        """The others: wait for the next word, however long; raises `RunFailed` when rank 0 failed or is gone."""
        name = f"word-{next(self._words)}"
        try:
            self._store.wait([name], FOR_EVER)
            word = self._store.get(name).decode()
        except dist.DistError:
            word = "failed: it is gone"
        if word.startswith("failed"):
            raise RunFailed("rank-0-failed", f"rank 0 {word}", hint="look at the output of rank 0")
        return word


@contextlib.contextmanager
def crew(run: RunConfig) -> Iterator[Crew]:
    """Gather the ranks that somebody else started; when rank 0 leaves, however it does, the others are told.

    Raises `RunFailed` as `meet` does.
    """
    store = meet(run.preflight_timeout_s)
    gathered = Crew(store)
    try:
        yield gathered
        word = "end"
    except BaseException as error:
        word = f"failed: {error}"
        raise
    finally:
        with contextlib.suppress(dist.DistError):
            store.set(f"left-{os.environ['RANK']}", "")
            if gathered.is_main:
                gathered.tell(word)
                everyone = [f"left-{rank}" for rank in range(int(os.environ["WORLD_SIZE"]))]
                store.wait(everyone, timedelta(seconds=FAREWELL_S))
