"""Values for parameters that are on the meta device yet: each rank takes its own part of them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor, nn

Source = Callable[[str, torch.Size], Tensor]
"""(name, shape) to the whole value of a parameter."""


def is_placed(tensor: Tensor) -> "TypeGuard[Any]":
    """Whether a tensor is a DTensor, found out without importing what makes them."""
    return hasattr(tensor, "placements")


def chunk_of(length: int, rank: int, ranks: int) -> tuple[int, int]:
    """First and end of a rank's chunk, as `torch.chunk` and DTensor divide: ⌈length / ranks⌉ as long as there are."""
    size = -(-length // ranks)
    return min(rank * size, length), min((rank + 1) * size, length)


def first_row(weight: Tensor) -> int:
    """Index of the first row that this rank has of a parameter divided by rows."""
    if not is_placed(weight):
        return 0
    mesh = weight.device_mesh
    return chunk_of(weight.shape[0], mesh.get_local_rank(), mesh.size())[0]


def local(parameter: Tensor) -> Tensor:
    """This rank's part of a parameter, itself where there is no other."""
    return cast(Tensor, parameter.to_local()) if is_placed(parameter) else parameter


def local_part(whole: Tensor, like: Tensor) -> Tensor:
    """What this rank has of a parameter whose value is `whole`."""
    return whole[_area(like, like.device_mesh.get_coordinate())] if is_placed(like) else whole


def area(parameter: Tensor, rank: int) -> tuple[slice, ...]:
    """What a rank of its mesh has of a parameter; all of one that is not placed."""
    if not is_placed(parameter):
        return tuple(slice(0, size) for size in parameter.shape)
    return _area(parameter, (parameter.device_mesh.mesh == rank).nonzero()[0].tolist())


def _area(like: Any, place: Sequence[int]) -> tuple[slice, ...]:
    """Products are divided before shards are, so the last dimension of a mesh comes first."""
    spans = [(0, size) for size in like.shape]
    for index in reversed(range(like.device_mesh.ndim)):
        placement = like.placements[index]
        if not placement.is_replicate():
            first, end = spans[placement.dim]
            chunk = chunk_of(end - first, place[index], like.device_mesh.size(index))
            spans[placement.dim] = first + chunk[0], first + chunk[1]
    return tuple(slice(*span) for span in spans)


def materialise(module: nn.Module, prefix: str, device: torch.device, source: Source) -> None:
    """Give every parameter below `module` that is on the meta device its value; tied ones stay tied."""
    done: dict[int, nn.Parameter] = {}
    for name, owner in module.named_modules(prefix=prefix):
        for key, parameter in list(owner.named_parameters(recurse=False)):
            if not parameter.is_meta:
                continue
            if id(parameter) not in done:
                whole = source(f"{name}.{key}" if name else key, parameter.shape)
                part = local_part(whole, parameter).to(device, copy=True)
                done[id(parameter)] = nn.Parameter(as_placed(part, parameter))
            setattr(owner, key, done[id(parameter)])


def as_placed(part: Tensor, like: Tensor) -> Tensor:
    """This rank's part as a tensor placed as `like` is."""
    if not is_placed(like):
        return part
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
