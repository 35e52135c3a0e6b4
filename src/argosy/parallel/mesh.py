"""The ranks of a layout as a grid: who shares what with whom."""

from functools import cached_property

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from argosy.config import Layout
from argosy.parallel.world import World

DIMENSIONS = ("pipeline", "data", "shard", "context", "tensor")
"""From the slowest links to the fastest: neighbours in rank share each matrix product."""


class Mesh:
    """One rank's place in a layout.

    Ranks of `context` see parts of the same sequences; they share parameters as those of `shard` do, so that the two
    together are the ranks that own a shard each (torchtitan's `dp_shard_cp`).
    """

    def __init__(self, layout: Layout, world: World) -> None:
        assert layout.ranks == world.size, f"{layout} has {layout.ranks} ranks, not {world.size}"
        self.layout, self.world = layout, world
        shape = tuple(getattr(layout, name) for name in DIMENSIONS)
        places = torch.arange(world.size).view(shape)
        here = [int(place) for place in (places == world.rank).nonzero()[0]]
        self.places = dict(zip(DIMENSIONS, here, strict=True))
        self.replicas = layout.data * layout.shard
        """Parts into which the rows of a batch are divided."""
        self.replica = self.places["data"] * layout.shard + self.places["shard"]
        """Which of them this rank sees."""
        self.averaged = self.replicas * layout.context
        """Ranks over which FSDP and DDP average gradients."""

    @cached_property
    def device_mesh(self) -> DeviceMesh:
        """PyTorch's mesh (pipeline, data, shard × context, tensor), on which parameters are placed."""
        layout = self.layout
        shape = (layout.pipeline, layout.data, layout.shard * layout.context, layout.tensor)
        return init_device_mesh(self.world.device.type, shape, mesh_dim_names=("pipeline", "data", "shard", "tensor"))

    @cached_property
    def context_group(self) -> dist.ProcessGroup:
        """Ranks that share this one's sequences."""
        shape = tuple(getattr(self.layout, name) for name in DIMENSIONS)
        whole = init_device_mesh(self.world.device.type, shape, mesh_dim_names=DIMENSIONS)
        return whole.get_group("context")

    @cached_property
    def peers(self) -> dist.ProcessGroup | None:
        """Ranks that have parts of the same parameters as this one; none where it has them alone."""
        stages, ranks = self.layout.pipeline, self.layout.ranks
        if ranks == stages:
            return None
        whole = init_device_mesh(self.world.device.type, (stages, ranks // stages), mesh_dim_names=("stages", "peers"))
        return whole.get_group("peers")

    def group(self, name: str) -> dist.ProcessGroup:
        """The ranks that differ from this one in a dimension of `device_mesh` alone."""
        return self.device_mesh.get_group(name)
