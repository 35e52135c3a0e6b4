"""Fully sharded data parallelism: ranks share one copy of parameters, gradients and optimiser state.

PyTorch's FSDP2 (Zhao et al. 2023, arXiv:2304.11277; ZeRO-3 of Rajbhandari et al. 2020): a block's parameters are
gathered just before it computes, and its gradients summed and divided just after. With `data` > 1 the shards have
replicas, whose gradients are summed too (HSDP).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from argosy.parallel.mesh import Mesh


def shard(
    root: nn.Module, blocks: Iterable[nn.Module], mesh: Mesh, dtype: torch.dtype, *, keeps: bool = False
) -> FSDPModule:
    """Divide the parameters of `blocks`, one by one, and what else `root` has.

    Matrices of blocks are gathered in `dtype`, the type of their products; gradients are summed in float32. With
    `keeps`, what was gathered stays until the gradients are known.
    """
    over = mesh.device_mesh["data", "shard"] if mesh.layout.data > 1 else mesh.device_mesh["shard"]
    narrow = MixedPrecisionPolicy(dtype, torch.float32, cast_forward_inputs=False)
    policy = MixedPrecisionPolicy() if dtype == torch.float32 else narrow
    for block in blocks:
        fully_shard(block, mesh=over, mp_policy=policy, reshard_after_forward=not keeps)
    return fully_shard(root, mesh=over, reshard_after_forward=False)


def owners(tensor: Tensor) -> int:
    """How many ranks of a tensor's mesh have the same part of it."""
    if not isinstance(tensor, DTensor):
        return 1
    count = 1
    for index, placement in enumerate(tensor.placements):
        if placement.is_replicate():
            count *= tensor.device_mesh.size(index)
    return count
