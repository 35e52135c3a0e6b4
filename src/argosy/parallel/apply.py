"""Parallelism applied to a finished module; the module knows nothing of it."""

import time
from typing import cast

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from argosy.parallel.world import World


class ExposedCommunication:
    """How long the backward pass waited for the network after its last gradient was ready.

    What overlaps with computation costs nothing and is not counted. On an accelerator the host does not see the
    wait, and `seconds` stays None.
    """

    def __init__(self, world: World) -> None:
        self._last_gradient: float | None = None
        self._measures = world.size > 1 and world.device.type == "cpu"

    def all_reduce(self, group: dist.ProcessGroup, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
        """DDP communication hook: the default mean, with the time of the last call kept."""
        self._last_gradient = time.perf_counter()
        buffer = bucket.buffer().div_(group.size())
        future = dist.all_reduce(buffer, group=group, async_op=True).get_future()
        return cast(torch.futures.Future[torch.Tensor], future.then(lambda _: buffer))

    def seconds(self) -> float | None:
        """Seconds since the last gradient was handed over; call it when the backward pass has returned."""
        if not self._measures or self._last_gradient is None:
            return None
        elapsed, self._last_gradient = time.perf_counter() - self._last_gradient, None
        return elapsed


def replicate(module: nn.Module, world: World) -> tuple[nn.Module, ExposedCommunication]:
    """Give every rank a replica whose gradients are averaged over all ranks; one rank keeps the module itself."""
    communication = ExposedCommunication(world)
    if world.size == 1:
        return module, communication
    replica = DistributedDataParallel(
        module,
        device_ids=[world.device] if world.device.type == "cuda" else None,
        gradient_as_bucket_view=True,
    )
    if world.device.type == "cpu":
        replica.register_comm_hook(dist.group.WORLD, communication.all_reduce)
    return replica, communication
