"""Pipeline parallelism: ranks have some of the layers each, and micro-batches go through them one after another.

The schedules are PyTorch's (`torch.distributed.pipelining`): GPipe (Huang et al. 2019), 1F1B (Narayanan et al. 2019),
interleaved 1F1B (Narayanan et al. 2021) and zero bubble, whose V shape gives the first rank the last stage too
(Qi et al. 2024, ZB-V, arXiv:2401.10241).
"""

from collections.abc import Sequence as Several
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe, ScheduleInterleaved1F1B
from torch.distributed.pipelining.schedules import PipelineScheduleMulti, PipelineScheduleSingle, ScheduleZBVZeroBubble
from torch.profiler import record_function

from argosy.config import PipelineSchedule
from argosy.parallel.mesh import Mesh

SINGLE: dict[PipelineSchedule, type[PipelineScheduleSingle]] = {"gpipe": ScheduleGPipe, "1f1b": Schedule1F1B}
SEVERAL: dict[PipelineSchedule, type[PipelineScheduleMulti]] = {
    "interleaved": ScheduleInterleaved1F1B,
    "zero-bubble": ScheduleZBVZeroBubble,
}


def split(costs: Several[float], stages: int) -> list[range]:
    """Divide layers among stages, at least one each, so that the costliest stage costs least.

    Dynamic programming over (stages, layers); of equally good ways, the one whose last stages have most layers.
    """
    count = len(costs)
    sums = [0.0]
    for cost in costs:
        sums.append(sums[-1] + cost)
    best = {(0, 0): (0.0, 0)}
    for stage in range(1, stages + 1):
        for end in range(stage, count - stages + stage + 1):
            tries = [
                (max(best[stage - 1, start][0], sums[end] - sums[start]), start)
                for start in range(stage - 1, end)
                if (stage - 1, start) in best
            ]
            best[stage, end] = min(tries)
    ranges, end = [], count
    for stage in range(stages, 0, -1):
        start = best[stage, end][1]
        ranges.append(range(start, end))
        end = start
    return ranges[::-1]


def stages_of(rank: int, ranks: int, schedule: PipelineSchedule, virtual_stages: int) -> list[int]:
    """The stages that a rank has, in order: one; every `ranks`-th; or one from each end."""
    if schedule == "zero-bubble":
        return [rank, 2 * ranks - 1 - rank]
    return list(range(rank, ranks * virtual_stages, ranks))


def rank_of(stage: int, ranks: int, schedule: PipelineSchedule) -> int:
    """The rank that has a stage."""
    return min(stage, 2 * ranks - 1 - stage) if schedule == "zero-bubble" else stage % ranks


class Stage(nn.Module):
    """One stage with its share of the objective: states to states, in the last to summed loss and metrics [1 + M]."""

    def __init__(self, objective: nn.Module, *, first: bool, last: bool) -> None:
        super().__init__()
        self.objective, self.first, self.last = objective, first, last

    def forward(self, x: Tensor, inputs: Tensor, targets: Tensor, real: Tensor | None = None) -> Tensor:
        """`x` is `inputs` in the first stage, else the states of the stage before; only `real` [B] rows are judged."""
        outputs: Tensor = self.objective.outputs(inputs, None if self.first else x)  # type: ignore[operator]
        if not self.last:
            return outputs
        if real is not None:
            outputs, targets = outputs[real], targets[real]
        loss, metrics = self.objective.judge(outputs, targets)  # type: ignore[operator]
        return torch.cat([loss[None], metrics])


class _LinkedStage(PipelineStage):
    """Links to other ranks alone: in a V, PyTorch 2.11 would have a rank connect to itself. Marks for the profiler."""

    def forward_one_chunk(self, fwd_chunk_id: int, *args: Any, **options: Any) -> Any:
        """Forward of one micro-batch."""
        with record_function(f"F{fwd_chunk_id} of stage {self.stage_index}"):
            return super().forward_one_chunk(fwd_chunk_id, *args, **options)

    def backward_one_chunk(self, bwd_chunk_id: int, *args: Any, **options: Any) -> Any:
        """Backward of one micro-batch; for its inputs alone without `full_backward`."""
        kind = "B" if options.get("full_backward", True) else "I"
        with record_function(f"{kind}{bwd_chunk_id} of stage {self.stage_index}"):
            return super().backward_one_chunk(bwd_chunk_id, *args, **options)

    def backward_weight_one_chunk(self, bwd_chunk_id: int, *args: Any, **options: Any) -> Any:
        """The rest of it, for the weights."""
        with record_function(f"W{bwd_chunk_id} of stage {self.stage_index}"):
            return super().backward_weight_one_chunk(bwd_chunk_id, *args, **options)

    def _get_init_p2p_neighbors_ops(self) -> list[dist.P2POp]:
        return [op for op in super()._get_init_p2p_neighbors_ops() if op.peer != dist.get_rank()]


class Pipeline:
    """This rank's stages, and the ways through all of them."""

    def __init__(self, stages: Several[Stage], mesh: Mesh, schedule: PipelineSchedule, virtual_stages: int) -> None:
        self.group, self.device = mesh.group("pipeline"), mesh.world.device
        self.rank, self.ranks = mesh.places["pipeline"], mesh.layout.pipeline
        self.schedule, self.count = schedule, self.ranks * virtual_stages
        self.stages = dict(zip(stages_of(self.rank, self.ranks, schedule, virtual_stages), stages, strict=True))
        self.scale = 1.0
        self._running: Any = None
        self._sums: list[Tensor] = []

    @property
    def has_last(self) -> bool:
        """Whether this rank has the last stage."""
        return self.count - 1 in self.stages

    def backward(
        self, inputs: Tensor, targets: Tensor, scale: float, micro_batches: int, real: Tensor | None = None
    ) -> Tensor | None:
        """Forward and backward over micro-batches; the summed loss and metrics [1 + M] on the rank of the last stage.

        Gradients are those of the summed loss of the `real` [B] rows, or all, times `scale`. Rows must divide by the
        number of micro-batches, and every call has as many of both as the first.
        """
        if self._running is None:
            self._running = self._built(inputs, targets, micro_batches)
        self.scale, self._sums = scale, []
        first = (inputs,) if 0 in self.stages else ()
        more = {"target": targets} if self.has_last else {}
        more |= {} if real is None else {"real": real}
        self._running.step(*first, inputs=inputs, targets=targets, return_outputs=False, **more)
        return torch.stack(self._sums).sum(0) if self._sums else None

    def sum_tied(self, embedding: Tensor | None, head: Tensor | None) -> None:
        """Add the gradients of an embedding in the first stage and a head in the last, which are one parameter.

        Both copies get the same sum, so that they stay alike.
        """
        if embedding is None and head is None:
            return
        if embedding is not None and head is not None:
            embedding.add_(head)
            head.copy_(embedding)
            return
        own = embedding if embedding is not None else head
        assert own is not None
        other = rank_of(self.count - 1 if head is None else 0, self.ranks, self.schedule)
        peer, theirs = dist.get_global_rank(self.group, other), torch.empty_like(own)
        exchange = [dist.P2POp(dist.isend, own.clone(), peer, self.group)]
        exchange.append(dist.P2POp(dist.irecv, theirs, peer, self.group))
        for work in dist.batch_isend_irecv(exchange):
            work.wait()
        own.add_(theirs)

    def _loss(self, output: Tensor, _target: Tensor) -> Tensor:
        self._sums.append(output.detach())
        return output[0] * self.scale

    def _built(self, inputs: Tensor, targets: Tensor, micro_batches: int) -> Any:
        """The schedule, for micro-batches like the first of these."""
        rows = inputs.shape[0] // micro_batches
        shapes = self._shapes(inputs[:rows], targets[:rows])
        made: list[Any] = []
        for number, module in self.stages.items():
            given, got = shapes[number]
            made.append(
                _LinkedStage(
                    module, number, self.count, self.device, input_args=given, output_args=got, group=self.group
                )
            )
        options: dict[str, Any] = {"loss_fn": self._loss, "scale_grads": False}
        if self.schedule in SINGLE:
            return SINGLE[self.schedule](made[0], micro_batches, **options)
        return SEVERAL[self.schedule](made, micro_batches, **options)

    def _shapes(self, inputs: Tensor, targets: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """What goes into and comes out of each stage here, on the meta device; chance is left as it was."""
        found: dict[int, tuple[Tensor, Tensor]] = {}
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            self.forward(inputs, targets, found)
        return {number: (_like(given), _like(got)) for number, (given, got) in found.items()}

    @torch.no_grad()
    def forward(
        self, inputs: Tensor, targets: Tensor, seen: dict[int, tuple[Tensor, Tensor]] | None = None
    ) -> Tensor | None:
        """All stages once; the summed loss and metrics [1 + M] on the rank of the last. `seen` gets ins and outs."""
        x = inputs
        for number in range(self.count):
            owner = rank_of(number, self.ranks, self.schedule)
            before = rank_of(number - 1, self.ranks, self.schedule) if number else owner
            if before == self.rank != owner:
                self._send(x, owner)
            if owner == self.rank:
                given = x if before == owner else self._receive(before)
                x = self.stages[number](given, inputs, targets)
                if seen is not None:
                    seen[number] = given, x
        return x if self.has_last else None

    def _send(self, x: Tensor, to: int) -> None:
        peer = dist.get_global_rank(self.group, to)
        header = torch.tensor([x.ndim, *x.shape, *[0] * (7 - x.ndim)], device=self.device)
        dist.send(header, peer, group=self.group)
        dist.send(x.contiguous(), peer, group=self.group)

    def _receive(self, source: int) -> Tensor:
        peer = dist.get_global_rank(self.group, source)
        header = torch.zeros(8, dtype=torch.long, device=self.device)
        dist.recv(header, peer, group=self.group)
        ndim, *shape = header.tolist()
        x = torch.empty(shape[:ndim], device=self.device)
        dist.recv(x, peer, group=self.group)
        return x


def _like(x: Tensor) -> Tensor:
    """Its shape and type; what has a gradient says so."""
    return torch.empty_like(x, device="meta").requires_grad_(x.is_floating_point())
