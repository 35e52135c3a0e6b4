"""Engines of models that ranks share: sharded, tensor, context and pipeline parallelism, and any product of them."""

import contextlib
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Several
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from argosy.models import Perceptron, Transformer
from argosy.parallel.context import Sequence, context_parallel
from argosy.parallel.engine import Engine, Manner, accumulated, named_blocks
from argosy.parallel.gradients import clip, total_norm
from argosy.parallel.mesh import Mesh
from argosy.parallel.part import parts
from argosy.parallel.pipeline import Pipeline, Stage, split, stages_of
from argosy.parallel.sharding import shard
from argosy.parallel.start import Source, materialise
from argosy.parallel.tensor import TRANSFORMER_PLAN, local, tensor_parallel


class SharedEngine(Engine):
    """A model whose parameters, products or sequences are shared among ranks (FSDP, tensor, context)."""

    def __init__(self, objective: Any, mesh: Mesh, manner: Manner) -> None:
        super().__init__(mesh, [objective], speaks=mesh.places["tensor"] == 0)
        self.micro_batch = manner.micro_batch
        self.sequence = _sequence(mesh)
        self.averages = mesh.device_mesh["data"].size() * mesh.device_mesh["shard"].size()

    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """See `Engine`."""
        (module,) = self.objectives
        mine = _own_targets(targets, self.sequence)
        sums = accumulated(module, inputs, mine, self.micro_batch, self.averages / count, self._synchronised)
        return self.said(sums), 0.0

    @contextlib.contextmanager
    def _synchronised(self, last: bool) -> Iterator[None]:
        (module,) = self.objectives
        if isinstance(module, FSDPModule):
            module.set_requires_gradient_sync(last)
        yield

    @torch.no_grad()
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `Engine`."""
        loss, metrics = self.objectives[0](inputs, _own_targets(targets, self.sequence))
        return self.said(torch.cat([loss[None], metrics]))


class PipelineEngine(Engine):
    """Some layers on each rank."""

    def __init__(self, objectives: Several[Any], stages: Several[Stage], mesh: Mesh, manner: Manner) -> None:
        self.manner, self.stages, self.sequence = manner, stages, _sequence(mesh)
        self.averages = mesh.device_mesh["data"].size() * mesh.device_mesh["shard"].size()
        self._pipeline: Pipeline | None = None
        self.tied = getattr(getattr(objectives[0].model, "config", None), "tied_embeddings", False)
        has_last = any(stage.last for stage in stages)
        super().__init__(mesh, objectives, speaks=has_last and mesh.places["tensor"] == 0)

    def pipeline(self, rows: int) -> Pipeline:
        """The stages, for steps of so many rows."""
        if self._pipeline is None:
            manner = self.manner
            size = manner.micro_batch or max(1, rows // (manner.accumulation * self.mesh.layout.pipeline))
            count = rows // (manner.accumulation * size)
            self._pipeline = Pipeline(self.stages, self.mesh, manner.schedule, manner.virtual_stages, count)
        return self._pipeline

    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """See `Engine`; every step has as many rows as the first."""
        pipeline, mine = self.pipeline(inputs.shape[0]), _own_targets(targets, self.sequence)
        passes = zip(inputs.chunk(self.manner.accumulation), mine.chunk(self.manner.accumulation), strict=True)
        sums = [pipeline.backward(*some, self.averages / count) for some in passes]
        if self.tied:
            pipeline.sum_tied(*(None if p is None or p.grad is None else local(p.grad) for p in self._tied()))
        return self._summed(sums), 0.0

    def stored_parameters(self) -> dict[str, nn.Parameter]:
        """See `Engine`."""
        named = super().stored_parameters()
        if self.tied and "head.weight" in named:
            head = named.pop("head.weight")
            named.setdefault("embedding.weight", head)
        return named

    def copies(self) -> tuple[nn.Parameter, nn.Parameter] | None:
        """See `Engine`."""
        embedding, head = self._tied()
        return (embedding, head) if self.tied and embedding is not None and head is not None else None

    def _tied(self) -> list[nn.Parameter | None]:
        """This rank's copies of the embedding and of the head that is the same."""
        named = dict(self.named_parameters())
        return [named.get(name) for name in ("embedding.weight", "head.weight")]

    def clip(self, limit: float | None) -> float:
        """See `Engine`; of two copies of a parameter, the norm counts one."""
        parameters = self.parameters
        head = self._tied()[1] if self.tied else None
        norm = total_norm([parameter for parameter in parameters if parameter is not head], self.mesh)
        if limit is not None:
            clip(parameters, norm, limit)
        return norm

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `Engine`."""
        pipeline = self._pipeline or Pipeline(
            self.stages, self.mesh, self.manner.schedule, self.manner.virtual_stages, 1
        )
        return self._summed([pipeline.forward(inputs, _own_targets(targets, self.sequence))])

    def _summed(self, sums: Several[Tensor | None]) -> Tensor:
        """Of this rank; how many metrics there are is known to the last stage only, which all others hear."""
        found = [some for some in sums if some is not None]
        metrics = len(self.objectives[0].metrics)
        whole = torch.stack(found).sum(0) if found else torch.zeros(1 + metrics, device=self.mesh.world.device)
        return self.said(whole)


def _sequence(mesh: Mesh) -> Sequence:
    return Sequence(mesh.context_group) if mesh.layout.context > 1 else Sequence()


def _own_targets(targets: Tensor, sequence: Sequence) -> Tensor:
    """Those of this rank's tokens."""
    if sequence.ranks == 1:
        return targets
    return targets[:, sequence.positions(targets.shape[1], targets.device)]


def lay_out(objective: Any, mesh: Mesh, manner: Manner, source: Source | None) -> Engine:
    """See `parallelize`."""
    layout, world = mesh.layout, mesh.world
    sequence = _sequence(mesh)
    pieces = parts(objective.model, _ranges(objective.model, mesh, manner), sequence)
    for piece in pieces:
        if layout.tensor > 1:
            tensor_parallel(piece, mesh.device_mesh["tensor"], manner.plan or plan_of(objective.model, layout.tensor))
        if layout.context > 1:
            context_parallel(piece, sequence)
    objectives = [objective.of(piece) for piece in pieces]
    roots: list[Any] = objectives
    if layout.pipeline > 1:
        roots = [Stage(each, first=each.model.first, last=each.model.last) for each in objectives]
    keeps = layout.pipeline > 1 if manner.keeps is None else manner.keeps
    for root, piece in zip(roots, pieces, strict=True):
        blocks = named_blocks(piece)
        for name, block in {**blocks, "": piece}.items():
            if source is not None:
                materialise(block, name, world.device, _tied_source(objective.model, source))
        if layout.data * layout.shard * layout.context > 1:
            shard(root, blocks.values(), mesh, manner.dtype, keeps=keeps)
    if layout.pipeline > 1:
        return PipelineEngine(objectives, roots, mesh, manner)
    return SharedEngine(objectives[0], mesh, manner)


def _tied_source(model: nn.Module, source: Source) -> Source:
    """A head that is the embedding begins as it, also where another rank has the embedding."""
    if not getattr(getattr(model, "config", None), "tied_embeddings", False):
        return source
    return lambda name, shape: source("embedding.weight" if name == "head.weight" else name, shape)


def _ranges(model: nn.Module, mesh: Mesh, manner: Manner) -> list[range]:
    """Which layers this rank has."""
    costs = layer_costs(model)
    ranges = split(costs, mesh.layout.pipeline * manner.virtual_stages)
    own = stages_of(mesh.places["pipeline"], mesh.layout.pipeline, manner.schedule, manner.virtual_stages)
    return [ranges[stage] for stage in own]


def layer_costs(model: nn.Module) -> list[float]:
    """FLOPs of each block or layer for a token, forward; those of the head are the last block's."""
    if isinstance(model, Transformer):
        config = model.config
        narrow = 2 * config.dim * config.kv_heads * config.head_dim
        products = 2 * config.dim**2 + narrow + 3 * config.dim * config.ffn_dim
        block = 2.0 * products + 2.0 * config.sequence_length * config.dim
        costs = [block] * config.layers
        costs[-1] += 2.0 * config.dim * config.vocabulary_size
        return costs
    if isinstance(model, nn.Sequential):
        return [2.0 * sum(p.numel() for p in layer.parameters()) for layer in model]
    return [1.0]


def plan_of(model: nn.Module, ranks: int) -> Mapping[str, str]:
    """The tensor-parallel plan of a model that Argosy knows."""
    if isinstance(model, Transformer):
        if model.config.kv_heads % ranks == 0:
            return TRANSFORMER_PLAN
        shared = {f"blocks.*.attention.w{name}": "shared heads" for name in "kv"}
        return {**shared, **TRANSFORMER_PLAN}
    if isinstance(model, Perceptron):
        linear = [name for name, layer in model.named_children() if isinstance(layer, nn.Linear)]
        plan = {name: "row" if place % 2 else "column" for place, name in enumerate(linear)}
        if len(linear) % 2:
            plan[linear[-1]] = "column, gathered"
        return plan
    return {}
