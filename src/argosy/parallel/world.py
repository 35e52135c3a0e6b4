"""Joining the ranks of a run: who is here, who is missing, and which device each one uses."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from argosy.config import RunConfig, RunFailed


@dataclass(frozen=True)
class World:
    """This process among the ranks."""

    rank: int
    """Index of this process, from 0."""
    size: int
    """Number of processes."""
    device: torch.device
    """Where this process computes."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def all_reduce(self, values: torch.Tensor) -> torch.Tensor:
        """Sum `values` over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def broadcast_object(self, value: object) -> object:
        """Return rank 0's `value` on every rank."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def barrier(self) -> None:
        """Wait for every rank."""
        if self.size > 1:
            dist.barrier()


@contextlib.contextmanager
def join(run: RunConfig) -> Iterator[World]:
    """Join the ranks named by the torchrun environment variables; one rank without them.

    Raises:
        RunFailed: some ranks did not arrive in `run.preflight_timeout_s`, naming them, or could not talk.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        device = torch.device("cuda", local_rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
    else:
        device = torch.device("cpu")
    world = World(rank, size, device)
    if size == 1:
        yield world
        return
    store = _meet(world, run.preflight_timeout_s)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        store=dist.PrefixStore("argosy", store),
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=run.collective_timeout_s),
        device_id=device if device.type == "cuda" else None,
    )
    try:
        _preflight(world)
        yield world
    finally:
        dist.destroy_process_group()


def _meet(world: World, timeout_s: float) -> dist.Store:
    """Have every rank report to a store; rank 0 names those that do not in time."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    agent_holds_store = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    timeout = timedelta(seconds=timeout_s)
    try:
        store: dist.Store = dist.TCPStore(
            address,
            port,
            is_master=world.is_main and not agent_holds_store,
            timeout=timeout,
            wait_for_workers=False,
        )
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = dist.PrefixStore(f"argosy-preflight-{attempt}", store)
        store.set(f"rank-{world.rank}", socket.gethostname())
        if world.is_main:
            store.set("verdict", _roll_call(store, world.size, timeout_s))
        store.wait(["verdict"], timeout + timedelta(seconds=10))
        verdict = store.get("verdict").decode()
    except dist.DistError as error:
        raise RunFailed(
            "cannot-join",
            f"rank {world.rank} on {socket.gethostname()} could not reach rank 0 at {address}:{port}: {error}",
            hint="check that the address is reachable from this machine and the port is open",
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


def _preflight(world: World) -> None:
    """Sum the ranks on the training device, so that the first collective that can hang is one with a name."""
    total = int(world.all_reduce(torch.tensor([world.rank], device=world.device)).item())
    expected = world.size * (world.size - 1) // 2
    if total != expected:
        raise RunFailed("bad-preflight", f"an all-reduce over {world.size} ranks gave {total}, not {expected}")
