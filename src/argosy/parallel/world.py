"""Joining the ranks of a run: who is here, who is missing, and which device each one uses."""

import contextlib
import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from argosy.config import RunConfig, RunFailed, UserError
from argosy.parallel.meeting import aside, meet
from argosy.parallel.watch import ANSWER_S, Tell, Watch, phase


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

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over all ranks, in float64."""
        if self.size == 1:
            return values.cpu().double()  # Apple's device has no float64
        total = values.to(self.device, torch.float64)
        dist.all_reduce(total)
        return total

    def broadcast_object(self, value: object) -> object:
        """Return rank 0's `value` on every rank."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        """Each rank's `values` [N], by rank [ranks, N], on the CPU."""
        if self.size == 1:
            return values[None].cpu()
        everyone = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(everyone, values)
        return torch.stack(everyone).cpu()

    def agree(self, **claims: object) -> None:
        """Raise `UserError` on every rank unless each claim is the same on all of them; rank 0's names who differs."""
        if self.size == 1:
            return
        heard: list[dict[str, object]] = [{} for _ in range(self.size)]
        dist.all_gather_object(heard, claims)
        told = [dict(_leaves(each)) for each in heard]
        for name in sorted({name for each in told for name in each}):
            values = [each.get(name) for each in told]
            others = [rank for rank, theirs in enumerate(values) if theirs != values[0]]
            if others:
                message = (
                    f"rank {', '.join(map(str, others))} has another {name} than rank 0: {values[others[0]]!r}, "
                    f"not {values[0]!r}"
                )
                raise UserError(
                    "ranks-disagree",
                    message if self.is_main else "",
                    hint="start every rank with the same command and program, on the same run folder",
                )

    def barrier(self) -> None:
        """Wait for every rank."""
        if self.size > 1:
            dist.barrier()


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted names and what is there, so that what differs has the name that a user gave it."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def compute_device() -> torch.device:
    """This rank's GPU of NVIDIA or AMD, else a TPU where `torch_xla` is there for one, Apple's, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    if os.environ.get("PJRT_DEVICE") == "TPU" and importlib.util.find_spec("torch_xla"):
        return torch.device(importlib.import_module("torch_xla").device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def join(run: RunConfig, tell: Tell = lambda hang: None) -> Iterator[World]:
    """Join the ranks named by the torchrun environment variables; one rank without them.

    While they are together, a watchdog ends them when one keeps the others waiting too long; `tell` hears of that.

    Raises:
        UserError: two ranks would share a GPU.
        RunFailed: some ranks did not arrive in `run.preflight_timeout_s`, naming them, or could not talk.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = compute_device()
    if dist.is_initialized():  # joined already, further out
        yield World(rank, size, device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    world = World(rank, size, device)
    if size == 1:
        yield world
        return
    store = meet(run.preflight_timeout_s)
    watch = Watch(aside(run.preflight_timeout_s), rank, size, run.collective_timeout_s, tell)
    try:
        _connect(world, run, store)
        _preflight(world)
        yield world
    finally:
        watch.stop()
        if dist.is_initialized():
            dist.destroy_process_group()


def _connect(world: World, run: RunConfig, store: dist.Store) -> None:
    phase("joining")
    on_gpu = world.device.type == "cuda"
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=dist.PrefixStore("group", store),
            rank=world.rank,
            world_size=world.size,
            timeout=timedelta(seconds=run.collective_timeout_s + 4 * ANSWER_S),  # the watchdog knows more, if it can
            device_id=world.device if on_gpu else None,
        )
    except dist.DistBackendError as error:
        if "Duplicate GPU" not in str(error):  # NCCL's words
            raise
        raise UserError(
            "too-few-gpus",
            f"rank {world.rank} shares its GPU with another; this machine has {torch.cuda.device_count()} of them",
            hint="as many ranks as GPUs (layout.data), or CUDA_VISIBLE_DEVICES= (nothing) to compute on the CPU",
        ) from None


def _preflight(world: World) -> None:
    """Sum the ranks on the training device, so that the first collective that can hang is one with a name."""
    total = int(world.sum(torch.tensor([world.rank])).item())
    expected = world.size * (world.size - 1) // 2
    if total != expected:
        raise RunFailed("bad-preflight", f"an all-reduce over {world.size} ranks gave {total}, not {expected}")
