"""Putting together what ranks share: whole tensors on the first rank, in files that know nothing of layouts."""

import logging
from collections.abc import Iterator, Mapping
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor

from argosy.parallel.mesh import Mesh
from argosy.parallel.start import is_placed

# That a tensor divided twice is put together in two exchanges is as it should be.
logging.getLogger("torch.distributed.tensor._redistribute").setLevel(logging.ERROR)


@torch.no_grad()
def gathered(named: Mapping[str, Tensor], mesh: Mesh, *, copies: bool = False) -> dict[str, Tensor]:
    """All tensors of the whole model, on the CPU of rank 0; nothing on the others. Every rank calls this.

    One tensor at a time is whole on a device. With `copies`, none shares memory with those that were given.
    """
    here = _is_first_of_stage(mesh)
    whole: dict[str, Tensor] = {}
    for name, tensor in named.items():
        full = tensor.full_tensor() if is_placed(tensor) else tensor
        if here:
            whole[name] = full.detach().to("cpu", copy=copies)
    if mesh.layout.pipeline > 1 and here:
        whole = _from_stages(whole, mesh)
    return whole if mesh.world.is_main else {}


@torch.no_grad()
def told(whole: Mapping[str, Tensor], mesh: Mesh) -> Iterator[tuple[str, Tensor]]:
    """The first rank's tensors by name, one after another on each rank's device. Every rank goes through all of them.

    What the others gave is not looked at.
    """
    world = mesh.world
    described = world.broadcast_object([(name, tensor.shape, tensor.dtype) for name, tensor in whole.items()])
    for name, shape, dtype in cast(list[tuple[str, torch.Size, torch.dtype]], described):
        box = torch.empty(shape, dtype=dtype, device=world.device)
        if world.is_main:
            box.copy_(whole[name])
        if world.size > 1:
            dist.broadcast(box, 0)
        yield name, box


def _is_first_of_stage(mesh: Mesh) -> bool:
    return all(place == 0 for name, place in mesh.places.items() if name != "pipeline")


def _from_stages(own: dict[str, Tensor], mesh: Mesh) -> dict[str, Tensor]:
    """Bring the tensors of all stages to the first of them, in the order of the stages."""
    group, rank = mesh.group("pipeline"), mesh.places["pipeline"]
    described = [(name, tensor.shape, tensor.dtype) for name, tensor in own.items()]
    everyone: list[list[tuple[str, torch.Size, torch.dtype]]] = [[] for _ in range(mesh.layout.pipeline)]
    dist.all_gather_object(everyone, described, group=group)
    device = mesh.world.device
    for stage, tensors in enumerate(everyone[1:], start=1):
        peer = dist.get_global_rank(group, 0 if rank == stage else stage)
        for name, shape, dtype in tensors:
            if rank == stage:
                dist.send(own[name].to(device), peer, group=group)
            elif rank == 0:
                box = torch.empty(shape, dtype=dtype, device=device)
                dist.recv(box, peer, group=group)
                own.setdefault(name, box.cpu())
    return own
