"""A trainer's model, optimisers and average, divided among ranks while it is trained and whole before and after.

Whole, they are what a user knows: the module that was given, on every rank. Replicas compute with it as it is.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from argosy.config import UserError
from argosy.parallel import Engine, Manner, Mesh, as_placed, gathered, is_placed, local_part, parallelize, told
from argosy.training.muon import Muon
from argosy.training.optimizers import load_optimizer_state, optimizer_state
from argosy.training.tasks import Task

if TYPE_CHECKING:
    from argosy.training.trainer import Trainer

FUSED_PLACED = torch.optim.Adam, torch.optim.AdamW  # what PyTorch fuses where parameters are divided
PROOF_ROWS, PROOF_LIMIT = 8, 1e-3  # of ‖g − g₀‖ / ‖g₀‖; a plan that is wrong is wrong by far


class Whole:
    """Replicas, or one process: nothing is divided."""

    def __init__(self, trainer: "Trainer", task: Task, mesh: Mesh) -> None:
        self.trainer, self.mesh = trainer, mesh
        self.engine = parallelize(task.objective, mesh, Manner())

    def take(self) -> None:
        """Go on from the weights of the whole model."""

    def average(self) -> None:
        """Move the average of the weights after an update."""
        if self.trainer.average is not None:
            self.trainer.average.update_parameters(self.trainer.model)

    def give(self) -> None:
        """Put the weights of the whole model together, on every rank."""

    def optimizer_state(self) -> dict[str, Tensor]:
        """The optimisers' tensors of the whole model, on the first rank at least."""
        return optimizer_state(self.trainer.model.named_parameters(), self.trainer.optimizers)

    def close(self) -> None:
        """Have optimisers of the whole model again."""


class Divided:
    """Ranks that have a part each; see `Whole`. Every rank calls everything."""

    def __init__(self, trainer: "Trainer", task: Task, mesh: Mesh, rows: int) -> None:
        self.trainer, self.mesh = trainer, mesh
        self.whole = _tensors(trainer.model)
        for name, tensor in told(self.whole, mesh):  # as replicas begin with the weights of the first
            _copy(self.whole[name], tensor)
        self.engine = _divided(trainer, task, mesh, rows)
        buffers = {name: value for model in self.engine.models for name, value in model.named_buffers()}
        self.parts: dict[str, Tensor] = {**self.engine.stored_parameters(), **buffers}
        self.take()
        self.averaged: AveragedModel | None = None
        if trainer.average is not None:
            self.averaged = _averaged(trainer.average, self.parts)
        self._groups = [dict(group) for group in trainer.groups]
        self._hand_over()

    def _hand_over(self) -> None:
        """Let the optimisers update this rank's parts, with their part of what they keep of each parameter."""
        trainer, own = self.trainer, self.engine.stored_parameters()
        names = {id(p): name for name, p in trainer.model.named_parameters()}
        foreign = [list(p.shape) for group in trainer.groups for p in group["params"] if id(p) not in names]
        if foreign:
            raise UserError("bad-option", f"the optimiser has a parameter {foreign[0]} that is not the model's")
        kept = optimizer_state(trainer.model.named_parameters(), trainer.optimizers)
        counts = self.mesh.world.broadcast_object(_counts(trainer.model.named_parameters(), trainer.optimizers))
        for group in trainer.groups:
            group["params"] = [own[names[id(p)]] for p in group["params"] if names[id(p)] in own]
        for optimizer in trainer.optimizers:
            optimizer.state.clear()
            if isinstance(optimizer, Muon):
                optimizer.share(self.mesh.peers)
            if not isinstance(optimizer, FUSED_PLACED) and any(map(is_placed, own.values())):
                for group in optimizer.param_groups:
                    group.update({"fused": False} if group.get("fused") else {})
        state: dict[str, Tensor] = {}
        for name, value in told(kept, self.mesh):
            if (parameter := own.get(name.rpartition(".")[0])) is not None:
                same = value.shape == parameter.shape
                state[name] = as_placed(local_part(value, parameter).clone(), parameter) if same else value.cpu()
        load_optimizer_state(own.items(), trainer.optimizers, state)
        _put_counts(cast(Counts, counts), own, trainer.optimizers)

    @torch.no_grad()
    def take(self) -> None:
        """See `Whole`."""
        for name, part in self.parts.items():
            _local(part).copy_(local_part(self.whole[name], part))

    def average(self) -> None:
        """See `Whole`."""
        if self.averaged is not None:
            self.averaged.update_parameters(_Bag(self.parts))

    def give(self) -> None:
        """See `Whole`."""
        self._put_together(self.parts, self.whole)
        if self.averaged is not None and (average := self.trainer.average) is not None:
            parts = zip(self.parts.items(), self.averaged.module.buffers(), strict=True)
            placed = {name: as_placed(value, part) for (name, part), value in parts}
            self._put_together(placed, _tensors(average.module))
            average.n_averaged.copy_(self.averaged.n_averaged)

    def _put_together(self, parts: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> None:
        for name, tensor in told(gathered(parts, self.mesh), self.mesh):
            _copy(whole[name], tensor)

    def optimizer_state(self) -> dict[str, Tensor]:
        """See `Whole`; on the first rank only."""
        return gathered(optimizer_state(self.engine.stored_parameters().items(), self.trainer.optimizers), self.mesh)

    def close(self) -> None:
        """See `Whole`; what the optimisers keep of each parameter is on the first rank, which saves it."""
        model, optimizers, world = self.trainer.model, self.trainer.optimizers, self.mesh.world
        state, counts = self.optimizer_state(), _counts(self.engine.stored_parameters().items(), optimizers)
        heard: list[Counts] = [{} for _ in range(world.size)]
        dist.all_gather_object(heard, counts)
        self.abandon()
        if world.is_main:
            load_optimizer_state(model.named_parameters(), optimizers, state)
            _put_counts({key: value for some in heard for key, value in some.items()}, _tensors(model), optimizers)

    def abandon(self) -> None:
        """The same without what they keep: for a run that fails."""
        for group, before in zip(self.trainer.groups, self._groups, strict=True):
            group.update({key: before[key] for key in ("params", "fused") if key in before})
        for optimizer in self.trainer.optimizers:
            optimizer.state.clear()
            if isinstance(optimizer, Muon):
                optimizer.share(None)


Counts = dict[tuple[str, str], Any]


def _counts(named: Iterable[tuple[str, nn.Parameter]], optimizers: Iterable[Optimizer]) -> Counts:
    """What optimisers keep of each parameter that is no tensor."""
    names = {id(p): name for name, p in named}
    return {
        (names[id(parameter)], key): value
        for optimizer in optimizers
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
        if id(parameter) in names and not isinstance(value, Tensor)
    }


def _put_counts(counts: Counts, named: Mapping[str, Tensor], optimizers: Iterable[Optimizer]) -> None:
    owners = {id(p): optimizer for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    for (name, key), value in counts.items():
        if name in named and (owner := owners.get(id(named[name]))) is not None:
            owner.state[named[name]][key] = value


class _Bag(nn.Module):
    """This rank's parts of tensors as a module, which can be averaged."""

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        super().__init__()
        for place, part in enumerate(parts.values()):
            self.register_buffer(str(place), _local(part))


@torch.no_grad()
def _averaged(average: AveragedModel, parts: Mapping[str, Tensor]) -> AveragedModel:
    """This rank's part of an average."""
    own, whole = (
        AveragedModel(_Bag(parts), multi_avg_fn=average.multi_avg_fn, use_buffers=True),
        _tensors(average.module),
    )
    own.n_averaged.copy_(average.n_averaged)
    for (name, part), value in zip(parts.items(), own.module.buffers(), strict=True):
        value.copy_(local_part(whole[name], part))
    return own


@contextlib.contextmanager
def laid_out(trainer: "Trainer", task: Task, mesh: Mesh, batch_size: int) -> Iterator[Whole | Divided]:
    """Divide what belongs to a trainer as the mesh says; afterwards everything is whole again."""
    if mesh.layout.ranks == mesh.layout.data:
        yield Whole(trainer, task, mesh)
        return
    divided = Divided(trainer, task, mesh, -(-batch_size // mesh.replicas))
    try:
        yield divided
    except BaseException:
        divided.abandon()
        raise
    divided.close()


def _divided(trainer: "Trainer", task: Task, mesh: Mesh, rows: int) -> Engine:
    plan, stages = trainer.plan if mesh.layout.tensor > 1 else None, mesh.layout.pipeline
    objective: Any = task.objective
    model = deepcopy(objective.model)
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()  # as FSDP demands
    size = max(1, -(-rows // (2 * stages)))
    micro_batches = max(stages, -(-rows // size))
    manner = Manner(micro_batch=size, rows=size * micro_batches, plan=plan) if stages > 1 else Manner(plan=plan)
    engine = parallelize(objective.of(model), mesh, manner)
    if plan is not None:
        _prove(engine, objective, task, trainer.model)
    return engine


def _prove(engine: Engine, objective: Any, task: Task, whole: nn.Module) -> None:
    """Compare the gradients of a few examples with those of the whole model; `UserError` for a plan that is wrong."""
    mesh = engine.mesh
    inputs, targets = task.some(PROOF_ROWS)
    single = objective.of(deepcopy(whole))
    for module in (single, *engine.models):
        module.eval()  # without chance
    loss, _ = single(inputs, targets)
    (loss / len(inputs)).backward()
    expected = {name: p.grad for name, p in single.model.named_parameters() if p.grad is not None}
    try:
        engine.backward(inputs[mesh.replica :: mesh.replicas], targets[mesh.replica :: mesh.replicas], len(inputs))
    except RuntimeError as error:
        raise _wrong(f"the parts do not fit each other: {str(error).strip().splitlines()[0][:200]}") from None
    found = gathered({n: p.grad for n, p in engine.stored_parameters().items() if p.grad is not None}, mesh)
    floor = 1e-6 * max((float(g.norm()) for g in expected.values()), default=0.0)
    wrong = [
        name
        for name, gradient in (expected.items() if mesh.world.is_main else ())
        if name not in found
        or float((found[name] - gradient.cpu()).norm()) > PROOF_LIMIT * float(gradient.norm()) + floor
    ]
    for parameter in engine.parameters:
        parameter.grad = None
    if first := mesh.world.broadcast_object("".join(wrong[:1])):
        raise _wrong(f"with it the gradient of {first!r} is another than without")


def _wrong(message: str) -> UserError:
    return UserError(
        "bad-plan",
        f"plan: {message}",
        hint="a 'column' layer gives each rank some of its outputs, which a 'row' layer takes; between them only what "
        "looks at one value at a time, without parameters; 'column, gathered' gives every rank all outputs",
    )


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _local(tensor: Tensor) -> Tensor:
    """This rank's part, in the memory of the tensor itself."""
    part: Tensor = tensor.to_local() if is_placed(tensor) else tensor
    return part.detach()


@torch.no_grad()
def _copy(target: Tensor, source: Tensor) -> None:
    target.copy_(source)
