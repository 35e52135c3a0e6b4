"""Work on whole matrices whose parts several ranks have: each matrix goes to one rank, its result to all.

What distributed Muon needs (Liu et al. 2025, arXiv:2502.16982, algorithm 1), except that no rank does the work of
another: of n ranks, each holds and computes an n-th, and two exchanges a step move everything.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from argosy.parallel.start import area

Slices = tuple[slice, ...]


class WholeMatrices:
    """Where the parts of some parameters are among the ranks of `group`, and which rank works on which of them.

    Every rank of the group has a part of every parameter, or all of it, and calls everything in the same order.
    """

    def __init__(self, parameters: Sequence[Tensor], group: dist.ProcessGroup | None) -> None:
        self.group = group if group is not None and dist.get_world_size(group) > 1 else None
        self.shapes = [parameter.shape for parameter in parameters]
        members = dist.get_process_group_ranks(self.group) if self.group is not None else [0]
        self.me = dist.get_rank(self.group) if self.group is not None else 0
        self.areas: list[list[Slices]] = [[area(p, rank) for rank in members] for p in parameters]
        self.workers = _shared_out([_newton_schulz_cost(shape) for shape in self.shapes], len(members))
        self.givers = [_givers(areas, worker) for areas, worker in zip(self.areas, self.workers, strict=True)]

    def map(self, parts: Sequence[Tensor], function: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """`function` of each whole matrix; what comes back is this rank's part of each result, as `parts` are.

        Parts are of one type, that of the results.
        """
        if self.group is None or not parts:
            return [function(part) for part in parts]
        mine = [number for number, worker in enumerate(self.workers) if worker == self.me]
        results = {number: function(whole) for number, whole in self._brought(parts, mine).items()}
        return self._handed_back(results, parts)

    def _brought(self, parts: Sequence[Tensor], mine: Sequence[int]) -> dict[int, Tensor]:
        """The whole of the matrices that are `mine`."""
        ranks = range(len(self.areas[0]))
        outgoing: list[list[Tensor]] = [[] for _ in ranks]
        for number, part in enumerate(parts):
            if self.me in self.givers[number]:
                outgoing[self.workers[number]].append(part)
        expected = [[number for number in mine if rank in self.givers[number]] for rank in ranks]
        shapes = [[_shape(self.areas[number][rank]) for number in numbers] for rank, numbers in enumerate(expected)]
        wholes = {number: parts[number].new_empty(self.shapes[number]) for number in mine}
        for rank, pieces in enumerate(self._exchanged(outgoing, shapes, parts[0])):
            for number, piece in zip(expected[rank], pieces, strict=True):
                wholes[number][self.areas[number][rank]] = piece
        return wholes

    def _handed_back(self, results: dict[int, Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
        """This rank's part of every result."""
        ranks = range(len(self.areas[0]))
        outgoing = [[result[self.areas[number][rank]] for number, result in results.items()] for rank in ranks]
        by_worker = [[number for number, worker in enumerate(self.workers) if worker == rank] for rank in ranks]
        shapes = [[parts[number].shape for number in numbers] for numbers in by_worker]
        own: dict[int, Tensor] = {}
        for numbers, pieces in zip(by_worker, self._exchanged(outgoing, shapes, parts[0]), strict=True):
            own |= zip(numbers, pieces, strict=True)
        return [own[number] for number in range(len(parts))]

    def _exchanged(
        self, outgoing: Sequence[Sequence[Tensor]], shapes: Sequence[Sequence[torch.Size]], like: Tensor
    ) -> list[list[Tensor]]:
        """Send tensors to each rank, and get from each rank tensors of these shapes."""
        flat = [like.new_empty(0), *(tensor.reshape(-1) for tensors in outgoing for tensor in tensors)]
        sent = [sum(tensor.numel() for tensor in tensors) for tensors in outgoing]
        sizes = [[shape.numel() for shape in some] for some in shapes]
        got = like.new_empty(sum(map(sum, sizes)))
        dist.all_to_all_single(got, torch.cat(flat), [sum(some) for some in sizes], sent, group=self.group)
        pieces = iter(got.split([size for some in sizes for size in some]))  # type: ignore[no-untyped-call]
        return [[next(pieces).view(shape) for shape in some] for some in shapes]


def _newton_schulz_cost(shape: torch.Size) -> int:
    """Of products XXᵀ and (XXᵀ)X, up to a factor."""
    return math.prod(shape) * min(shape)


def _shared_out(costs: Sequence[int], ranks: int) -> list[int]:
    """A rank for each cost: the dearest first, each to the rank that has least to do (Graham 1969)."""
    loads, chosen = [0] * ranks, [0] * len(costs)
    for number in sorted(range(len(costs)), key=lambda number: -costs[number]):
        chosen[number] = loads.index(min(loads))
        loads[chosen[number]] += costs[number]
    return chosen


def _givers(areas: Sequence[Slices], worker: int) -> set[int]:
    """Ranks whose parts make the whole: of those that have the same, one, and the worker's own where it can be."""
    first: dict[tuple[tuple[int, int], ...], int] = {}
    for rank in (worker, *range(len(areas))):
        first.setdefault(tuple((part.start, part.stop) for part in areas[rank]), rank)
    return set(first.values())


def _shape(slices: Slices) -> torch.Size:
    return torch.Size([part.stop - part.start for part in slices])
