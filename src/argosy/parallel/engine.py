"""One way to a gradient on any layout: an objective goes in, an engine comes out, and training knows no more."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from argosy.config import PipelineSchedule
from argosy.parallel.apply import replicate
from argosy.parallel.mesh import Mesh
from argosy.parallel.start import Source, materialise


class Objective(Protocol):
    """A model with its loss: what the engine asks of it. It is a module too."""

    model: nn.Module
    """What is trained."""

    def of(self, model: nn.Module) -> Self:
        """The same objective of another model."""
        ...

    def outputs(self, inputs: Tensor, states: Tensor | None = None) -> Tensor:
        """What the model makes of the inputs, or of the states that the part before made of them."""
        ...

    def judge(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Summed loss [] and metrics [M]."""
        ...

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both in one."""
        ...


@dataclass(frozen=True)
class Manner:
    """How the parts of a layout are carried out."""

    dtype: torch.dtype = torch.float32
    """Type of the matrix products."""
    micro_batch: int | None = None
    """Rows in one forward pass of one rank; all of them unless given."""
    accumulation: int = 1
    """Passes of a pipeline in one step."""
    rows: int | None = None
    """Rows of one rank in every step of a pipeline; where there are fewer, some that do not count are added."""
    schedule: PipelineSchedule = "1f1b"
    """Order of a pipeline's micro-batches."""
    virtual_stages: int = 1
    """Stages of one rank of a pipeline."""
    keeps: bool | None = None
    """Whether gathered parameters stay until the gradients are known; in a pipeline unless given."""
    plan: Mapping[str, str] | None = None
    """What modules become under tensor parallelism; transformers and perceptrons have their own."""


class Engine(ABC):
    """This rank's part of an objective, and how its gradients come about."""

    def __init__(self, mesh: Mesh, objectives: Sequence[Any], speaks: bool) -> None:
        self.mesh, self.objectives, self._speaks = mesh, objectives, speaks

    @property
    def models(self) -> list[nn.Module]:
        """The parts of the model that this rank has."""
        return [objective.model for objective in self.objectives]

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """This rank's parameters under the names that they have in the whole model."""
        for objective in self.objectives:
            yield from objective.model.named_parameters()

    def stored_parameters(self) -> dict[str, nn.Parameter]:
        """The same under the names that files have them by, each once: a head that is the embedding is that."""
        return dict(self.named_parameters())

    def copies(self) -> tuple[nn.Parameter, nn.Parameter] | None:
        """Two parameters of this rank that stand for one in files, the second of which they do not name."""
        return None

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """The same without names."""
        return [parameter for _, parameter in self.named_parameters()]

    @property
    def counted(self) -> list[nn.Parameter]:
        """Those that the gradient norm counts."""
        return self.parameters

    @abstractmethod
    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """Gradients of the summed loss of all ranks divided by `count`, from this rank's rows.

        Returns summed loss and metrics [1 + M], which add up over all ranks to the whole, and seconds of waiting for
        others, where they are known.
        """

    @abstractmethod
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Summed loss and metrics [1 + M], which add up over all ranks; without gradients."""

    def clip(self, limit: float | None) -> float:
        """The global norm of the gradients, which is at most `limit` afterwards."""
        from argosy.parallel.gradients import clip, total_norm

        norm = total_norm(self.counted, self.mesh)
        if limit is not None:
            clip(self.parameters, norm, limit)
        return norm

    unsettled = False
    """Whether the first backward pass sums in another order than later ones."""

    def said(self, sums: Tensor) -> Tensor:
        """What this rank adds to the sum over all: nothing where another says the same."""
        return sums if self._speaks else torch.zeros_like(sums)


class ReplicaEngine(Engine):
    """The whole model on each rank, whose gradients are averaged (DDP); one rank has them at once."""

    def __init__(self, objective: Any, mesh: Mesh, manner: Manner) -> None:
        super().__init__(mesh, [objective], speaks=True)
        self.micro_batch = manner.micro_batch
        self.module, self.communication = replicate(objective, mesh.world)
        self.unsettled = mesh.world.size > 2

    def backward(self, inputs: Tensor, targets: Tensor, count: float) -> tuple[Tensor, float]:
        """See `Engine`; ranks may have different numbers of rows, and none."""
        # Replicas average their gradients, so each one's sum is scaled to make that average the global mean.
        scale = self.mesh.averaged / count
        sums = accumulated(self.module, inputs, targets, self.micro_batch, scale, self._synchronised)
        return sums, self.communication.seconds() or 0.0

    def _synchronised(self, last: bool) -> contextlib.AbstractContextManager[None]:
        if last or not isinstance(self.module, DistributedDataParallel):
            return contextlib.nullcontext()
        return self.module.no_sync()

    @torch.no_grad()
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See `Engine`."""
        loss, metrics = self.objectives[0](inputs, targets)
        return torch.cat([loss[None], metrics])

    def clip(self, limit: float | None) -> float:
        """See `Engine`; by PyTorch's own."""
        if limit is None:
            return float(torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None]))
        return float(torch.nn.utils.clip_grad_norm_(self.parameters, limit))


def accumulated(
    module: Any, inputs: Tensor, targets: Tensor, micro_batch: int | None, scale: float, synchronised: Any
) -> Tensor:
    """Summed loss and metrics [1 + M] of `module`, after backward passes over micro-batches of its loss times `scale`.

    `synchronised(last)` is entered around each.
    """
    sums: Tensor | None = None
    size = micro_batch or max(1, inputs.shape[0])
    split_rows = (tensor.split(size) for tensor in (inputs, targets))  # type: ignore[no-untyped-call]
    pieces = list(zip(*split_rows, strict=True))  # one, of no rows, where there are none
    for number, piece in enumerate(pieces, 1):
        with synchronised(number == len(pieces)):
            loss, metrics = module(*piece)
            torch.autograd.backward(loss, torch.full_like(loss, scale))
        some = torch.cat([loss.detach()[None], metrics])
        sums = some if sums is None else sums + some
    assert sums is not None
    return sums


def parallelize(objective: Any, mesh: Mesh, manner: Manner, source: Source | None = None) -> Engine:
    """Lay an objective out over the ranks of a mesh.

    Parameters on the meta device get their values from `source`; all others are the same on every rank already.
    """
    layout, world = mesh.layout, mesh.world
    if layout.ranks == layout.data:
        if source is not None:
            materialise(objective.model, "", world.device, source)
        return ReplicaEngine(objective, mesh, manner)
    from argosy.parallel.shared import lay_out

    return lay_out(objective, mesh, manner, source)


def named_blocks(model: nn.Module) -> dict[str, nn.Module]:
    """What a model has many of: blocks of a transformer, layers of anything else; none where they share parameters."""
    blocks = getattr(model, "blocks", None)
    found = dict(_layers(blocks, "blocks.") if isinstance(blocks, nn.Module) else _layers(model, ""))
    owned = [id(p) for block in found.values() for p in block.parameters()]
    return found if len(set(owned)) == len(owned) else {}


def _layers(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    """Children that have parameters; of a list or mapping of modules, which computes nothing itself, what is in it."""
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _layers(child, f"{prefix}{name}.")
        elif any(True for _ in child.parameters()):
            yield f"{prefix}{name}", child


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """The same without names."""
    return list(named_blocks(model).values())
