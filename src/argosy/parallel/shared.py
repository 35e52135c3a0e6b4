"""Engines of models that ranks share: sharded, tensor, context and pipeline parallelism, and any product of them."""

import contextlib
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Several
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from argosy.config import pipeline_micro_batch
from argosy.models import Perceptron, Transformer, has_tied_head
from argosy.parallel.context import Sequence, context_parallel
from argosy.parallel.engine import Engine, Manner, accumulated, named_blocks
from argosy.parallel.mesh import Mesh
from argosy.parallel.part import is_sequential, parts
from argosy.parallel.pipeline import Pipeline, Stage, split, stages_of
from argosy.parallel.sharding import shard
from argosy.parallel.start import Source, local, materialise
from argosy.parallel.tensor import TRANSFORMER_PLAN, tensor_parallel


class SharedEngine(Engine):
    """A model whose parameters, products or sequences are shared among ranks (FSDP, tensor, context)."""

    def __init__(self, objective: Any, sequence: Sequence, mesh: Mesh, manner: Manner) -> None:
        super().__init__(mesh, [objective], speaks=mesh.places["tensor"] == 0)
        self.micro_batch, self.sequence = manner.micro_batch, sequence

    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """See `Engine`."""
        (module,) = self.objectives
        mine, scale = self.sequence.own(targets), self.mesh.averaged / count
        return self.said(accumulated(module, inputs, mine, self.micro_batch, scale, self._synchronised)), 0.0

    @contextlib.contextmanager
    def _synchronised(self, last: bool) -> Iterator[None]:
        (module,) = self.objectives
        if isinstance(module, FSDPModule):
            module.set_requires_gradient_sync(last)
        yield

    @torch.no_grad()
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `Engine`."""
        loss, metrics = self.objectives[0](inputs, self.sequence.own(targets))
        return self.said(torch.cat([loss[None], metrics]))


class PipelineEngine(Engine):
    """Some layers on each rank."""

    def __init__(
        self, objectives: Several[Any], stages: Several[Stage], sequence: Sequence, mesh: Mesh, manner: Manner
    ) -> None:
        self.manner, self.sequence = manner, sequence
        self.pipeline = Pipeline(stages, mesh, manner.schedule, manner.virtual_stages)
        super().__init__(mesh, objectives, speaks=self.pipeline.has_last and mesh.places["tensor"] == 0)
        named = dict(self.named_parameters()) if has_tied_head(objectives[0].model) else {}
        self.embedding, self.head = named.get("embedding.weight"), named.get("head.weight")
        """This rank's copies of what is one parameter; none where the head is not the embedding."""
        self._spare: tuple[Tensor, Tensor] | None = None  # rows to fill up with, of no weight

    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """See `Engine`."""
        inputs, targets, real = self._filled(inputs, targets)
        passes, rows = self.manner.accumulation, inputs.shape[0]
        size = self.manner.micro_batch or pipeline_micro_batch(rows, passes, self.mesh.layout.pipeline)
        each, scale = rows // (passes * size), self.mesh.averaged / count
        counted = [None] * passes if real is None else real.chunk(passes)
        pieces = zip(inputs.chunk(passes), self.sequence.own(targets).chunk(passes), counted, strict=True)
        sums = [self.pipeline.backward(x, y, scale, each, some) for x, y, some in pieces]
        copies = (self.embedding, self.head)
        self.pipeline.sum_tied(*(None if p is None or p.grad is None else local(p.grad) for p in copies))
        return self._summed(sums), 0.0

    def _filled(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """As many rows as every step has, and which of them count; all do where none had to be added."""
        missing = (self.manner.rows or 0) - inputs.shape[0]
        self._spare = (inputs[:1], targets[:1]) if len(inputs) else self._spare
        if missing <= 0:
            return inputs, targets, None
        spare = self._spare or (inputs.new_zeros(1, *inputs.shape[1:]), targets.new_zeros(1, *targets.shape[1:]))
        more = (one.expand(missing, *one.shape[1:]) for one in spare)
        inputs, targets = (torch.cat(rows) for rows in zip((inputs, targets), more, strict=True))
        return inputs, targets, torch.arange(len(inputs), device=inputs.device) < len(inputs) - missing

    def stored_parameters(self) -> dict[str, nn.Parameter]:
        """See `Engine`."""
        named = super().stored_parameters()
        if self.head is not None:
            named.setdefault("embedding.weight", named.pop("head.weight"))
        return named

    def copies(self) -> tuple[nn.Parameter, nn.Parameter] | None:
        """See `Engine`."""
        return None if self.embedding is None or self.head is None else (self.embedding, self.head)

    @property
    def counted(self) -> list[nn.Parameter]:
        """See `Engine`; of two copies of a parameter, one."""
        return [parameter for parameter in self.parameters if parameter is not self.head]

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `Engine`."""
        return self._summed([self.pipeline.forward(inputs, self.sequence.own(targets))])

    def _summed(self, sums: Several[Tensor | None]) -> Tensor:
        """What passes gave on the rank of the last stage; nothing on the others."""
        found = [some for some in sums if some is not None]
        metrics = len(self.objectives[0].metrics)
        whole = torch.stack(found).sum(0) if found else torch.zeros(1 + metrics, device=self.mesh.world.device)
        return self.said(whole)


def lay_out(objective: Any, mesh: Mesh, manner: Manner, source: Source | None) -> Engine:
    """See `parallelize`."""
    layout, world = mesh.layout, mesh.world
    sequence = Sequence(mesh.context_group if layout.context > 1 else None)
    pieces = parts(objective.model, _ranges(objective.model, mesh, manner), sequence)
    for piece in pieces:
        if layout.tensor > 1:
            tensor_parallel(piece, mesh.device_mesh["tensor"], manner.plan or plan_of(objective.model, layout.tensor))
        if layout.context > 1:
            context_parallel(piece, sequence)
    objectives = [objective.of(piece) for piece in pieces]
    roots: list[Any] = objectives
    if layout.pipeline > 1:
        last = layout.pipeline * manner.virtual_stages - 1
        numbered = zip(_stages(mesh, manner), objectives, strict=True)
        roots = [Stage(each, first=number == 0, last=number == last) for number, each in numbered]
    keeps = layout.pipeline > 1 if manner.keeps is None else manner.keeps
    for root, piece in zip(roots, pieces, strict=True):
        blocks = named_blocks(piece)
        for name, block in {**blocks, "": piece}.items():
            if source is not None:
                materialise(block, name, world.device, _tied_source(objective.model, source))
        if mesh.averaged > 1:
            shard(root, blocks.values(), mesh, manner.dtype, keeps=keeps)
    if layout.pipeline > 1:
        return PipelineEngine(objectives, roots, sequence, mesh, manner)
    return SharedEngine(objectives[0], sequence, mesh, manner)


def _tied_source(model: nn.Module, source: Source) -> Source:
    """A head that is the embedding begins as it, also where another rank has the embedding."""
    if not has_tied_head(model):
        return source
    return lambda name, shape: source("embedding.weight" if name == "head.weight" else name, shape)


def _ranges(model: nn.Module, mesh: Mesh, manner: Manner) -> list[range]:
    """Which layers this rank has."""
    layers, costs = indivisible(model), layer_costs(model)
    ranges = split(costs, mesh.layout.pipeline * manner.virtual_stages)
    own = [ranges[stage] for stage in _stages(mesh, manner)]
    return [range(layers[some[0]].start, layers[some[-1]].stop) for some in own]


def _stages(mesh: Mesh, manner: Manner) -> list[int]:
    """Which stages this rank has."""
    return stages_of(mesh.places["pipeline"], mesh.layout.pipeline, manner.schedule, manner.virtual_stages)


def indivisible(model: nn.Module) -> list[range]:
    """What one stage has at least: a block; of layers, one with parameters and those that follow without."""
    if isinstance(model, Transformer):
        return [range(block, block + 1) for block in range(model.config.layers)]
    if not is_sequential(model):
        return [range(1)]
    begins = [number for number, layer in enumerate(model) if any(True for _ in layer.parameters())]
    bounds = [0, *begins[1:], len(model)]
    return [range(start, end) for start, end in pairwise(bounds)]


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
    if is_sequential(model):
        return [
            2.0 * sum(p.numel() for number in some for p in model[number].parameters()) for some in indivisible(model)
        ]
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
