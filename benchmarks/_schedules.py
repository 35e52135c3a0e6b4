"""Pipeline schedules as they are carried out: the order of each rank's actions, and a replay of timed actions.

The order is recorded from `argosy.parallel.pipeline` itself, one rank after another in a process group that sends
nothing. The replay knows who needs whose result, and no more.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.pipelining import PipelineStage
from torch.testing._internal.distributed.fake_pg import FakeStore

from argosy.config import Layout, PipelineSchedule
from argosy.parallel import Mesh, World, pipeline


class Action(NamedTuple):
    """A rank's F or B of a micro-batch in a stage, or of a divided backward pass I (inputs) or W (weights)."""

    kind: str
    micro_batch: int
    stage: int


class Done(NamedTuple):
    """An action and when it was done."""

    action: Action
    start: float
    end: float


def parsed(mark: str) -> Action:
    """The action that a mark of the pipeline names."""
    first, _, stage = mark.partition(" of stage ")
    return Action(first[0], int(first[1:]), int(stage))


def orders(schedule: PipelineSchedule, ranks: int, virtual_stages: int, micro_batches: int) -> list[list[Action]]:
    """What each rank does, in its order."""
    return [_order(rank, schedule, ranks, virtual_stages, micro_batches) for rank in range(ranks)]


def _order(rank: int, schedule: PipelineSchedule, ranks: int, virtual: int, micro_batches: int) -> list[Action]:
    done: list[Action] = []
    dist.init_process_group("fake", rank=rank, world_size=ranks, store=FakeStore())
    try:
        mesh = Mesh(Layout(pipeline=ranks), World(rank, ranks, torch.device("cpu")))
        own = pipeline.stages_of(rank, ranks, schedule, virtual)
        running = pipeline.Pipeline([nn.Identity()] * len(own), mesh, schedule, virtual)  # type: ignore[list-item]
        some = torch.zeros(micro_batches, 1)
        with (
            mock.patch.object(pipeline, "_LinkedStage", partial(_Idle, done)),
            mock.patch.object(running, "_shapes", lambda *_: dict.fromkeys(own, (some, some))),
        ):
            running.backward(some, some, 1.0, micro_batches)
    finally:
        dist.destroy_process_group()
    return done


class _Idle(PipelineStage):
    """A stage that notes what it is told to do, and neither computes nor sends."""

    def __init__(self, done: list[Action], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.done = done
        self.args_recv_info = defaultdict(
            tuple
        )  # PyTorch 2.13 looks for links to stages that are not next to each other

    def forward_one_chunk(self, fwd_chunk_id: int, *args: Any, **options: Any) -> Any:
        self.done.append(Action("F", fwd_chunk_id, self.stage_index))
        return torch.zeros(1)

    def backward_one_chunk(self, bwd_chunk_id: int, *args: Any, **options: Any) -> None:
        kind = "B" if options.get("full_backward", True) else "I"
        self.done.append(Action(kind, bwd_chunk_id, self.stage_index))

    def backward_weight_one_chunk(self, bwd_chunk_id: int, *args: Any, **options: Any) -> None:
        self.done.append(Action("W", bwd_chunk_id, self.stage_index))


def _nothing(*_: Any, **__: Any) -> list[Any]:
    return []


for _name in (
    "_get_init_p2p_neighbors_ops",
    "_prepare_backward_infra",
    "_prepare_forward_infra",
    "get_bwd_recv_ops",
    "get_bwd_send_ops",
    "get_fwd_recv_ops",
    "get_fwd_send_ops",
    "get_local_bwd_output",
    "perform_reduce_grad",
    "scale_grads",
    "set_local_bwd_input",
    "set_local_fwd_input",
):
    setattr(_Idle, _name, _nothing)


def needs(action: Action, stages: int) -> list[Action]:
    """Whose results an action waits for."""
    kind, micro_batch, stage = action
    if kind == "F":
        return [Action("F", micro_batch, stage - 1)] if stage else []
    if kind == "W":
        return [Action("I", micro_batch, stage)]
    after = [Action(other, micro_batch, stage + 1) for other in "BI"] if stage + 1 < stages else []
    return [Action("F", micro_batch, stage), *after]


def replayed(order: Sequence[Sequence[Action]], seconds: Sequence[Mapping[Action, float]]) -> list[list[Done]]:
    """When each action is done if it takes its `seconds` on its rank, begins when it can, and sending takes no time."""
    stages = 1 + max(action.stage for actions in order for action in actions)
    known = {action for actions in order for action in actions}
    ended: dict[Action, float] = {}
    done: list[list[Done]] = [[] for _ in order]
    while any(len(some) < len(actions) for some, actions in zip(done, order, strict=True)):
        before = len(ended)
        for rank, actions in enumerate(order):
            while len(done[rank]) < len(actions):
                action = actions[len(done[rank])]
                awaited = [need for need in needs(action, stages) if need in known]
                if any(need not in ended for need in awaited):
                    break
                free = done[rank][-1].end if done[rank] else 0.0
                start = max([free, *(ended[need] for need in awaited)])
                ended[action] = start + seconds[rank][action]
                done[rank].append(Done(action, start, ended[action]))
        assert len(ended) > before, "the ranks wait for each other"
    return done


def bubble(done: Sequence[Sequence[Done]]) -> float:
    """Share of the time from the first action to the last in which ranks have none."""
    start, end = min(some[0].start for some in done), max(some[-1].end for some in done)
    busy = sum(one.end - one.start for some in done for one in some)
    return 1 - busy / (len(done) * (end - start))


def formula(schedule: str, ranks: int, virtual: int, micro_batches: int) -> float | None:
    """Share of the time that is bubble, with stages that cost the same; null where nobody says.

    GPipe (Huang et al. 2019, arXiv:1811.06965, section 2.3) and 1F1B (Narayanan et al. 2021, arXiv:2104.04473, section
    2.2): (p − 1) / (m + p − 1). Interleaved (the same, section 2.2): (p − 1) / (v·m + p − 1). ZB-V (Qi et al. 2024,
    arXiv:2401.10241, section 6) has none from m = 2p on if all ranks need not end together; here they do, for the norm
    of the gradient, and the last begins p − 1 passes of a half stage after the first. With forward, input and weight
    passes that take the same, of which a rank does 6·m, that is (p − 1) / (6·m + p − 1).
    """
    if schedule == "zero-bubble":
        return (ranks - 1) / (6 * micro_batches + ranks - 1) if micro_batches >= 2 * ranks else None
    return (ranks - 1) / (virtual * micro_batches + ranks - 1)
