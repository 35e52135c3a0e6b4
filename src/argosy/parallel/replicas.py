"""Replicas must have the same parameters to the last bit; one that has not computes something else, and is named."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from argosy.config import RunFailed
from argosy.parallel.mesh import DIMENSIONS, Mesh
from argosy.parallel.start import is_placed, local

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Drifted(RunFailed):
    """Ranks whose parameters are not those of their replicas."""

    def __init__(self, ranks: Sequence[int], step: int, message: str) -> None:
        super().__init__(
            "drifted",
            message,
            hint="a device or its memory is at fault: take that machine out. The last checkpoint is from before",
        )
        self.ranks, self.step = tuple(ranks), step


def compare_replicas(parameters: Iterable[Tensor], mesh: Mesh, step: int) -> None:
    """Raise `Drifted` on every rank unless the parameters are the same on all ranks that have the same part of them.

    Each rank hashes its parts, those that ranks of tensor parallelism share by themselves; hashes are gathered.
    """
    layout, world = mesh.layout, mesh.world
    if layout.data * layout.tensor == 1:
        return
    own: list[Tensor] = []
    shared: list[Tensor] = []
    for parameter in parameters:
        (shared if _shared(parameter) else own).append(local(parameter).detach())
    everyone = world.gather(torch.stack([fingerprint(own, world.device), fingerprint(shared, world.device)])).tolist()
    kinds = (("data",), ("data", "tensor"))
    drifted: set[int] = set()
    undecided: set[int] = set()
    for kind, free in enumerate(kinds):
        for group in _groups(mesh, free):
            odd, known = outvoted({rank: everyone[rank][kind] for rank in group})
            (drifted if known else undecided).update(odd)
    if drifted or undecided:
        ranks = sorted(drifted or undecided)
        names = ", ".join(map(str, ranks))
        whom = f"rank {names} has" if drifted else f"one of ranks {names} has"
        raise Drifted(ranks, step, f"after step {step}, {whom} other parameters than its replicas have")


def fingerprint(tensors: Sequence[Tensor], device: torch.device) -> Tensor:
    """A number [] in int64 that changes with every single bit, and with the order of tensors."""
    sums = [tensor.contiguous().view(INTEGERS[tensor.element_size()]).sum(dtype=torch.int64) for tensor in tensors]
    if not sums:
        return torch.zeros((), dtype=torch.int64, device=device)
    places = 2 * torch.arange(len(sums), device=device) + 1  # odd, so that no bit is lost modulo 2⁶⁴
    return (torch.stack(sums) * places).sum()


def outvoted(values: dict[int, int]) -> tuple[list[int], bool]:
    """Ranks whose value is not that of most, and whether there are most; without, all of them."""
    counts = Counter(values.values()).most_common()
    if len(counts) == 1:
        return [], True
    if counts[0][1] == counts[1][1]:
        return list(values), False
    return [rank for rank, value in values.items() if value != counts[0][0]], True


def _shared(parameter: Tensor) -> bool:
    """Whether ranks of tensor parallelism have the same part of it."""
    if not is_placed(parameter):
        return True
    placed = dict(zip(parameter.device_mesh.mesh_dim_names or (), parameter.placements, strict=False))
    return "tensor" in placed and placed["tensor"].is_replicate()


def _groups(mesh: Mesh, free: Sequence[str]) -> list[list[int]]:
    """Ranks that differ in no dimension but the `free` ones."""
    shape = tuple(getattr(mesh.layout, name) for name in DIMENSIONS)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for rank in range(mesh.world.size):
        places = torch.unravel_index(torch.tensor(rank), shape)
        groups[tuple(int(p) for name, p in zip(DIMENSIONS, places, strict=True) if name not in free)].append(rank)
    return list(groups.values())
