"""Tensor parallelism: ranks share each matrix product, and between products each sequence.

Shoeybi et al. 2019 (Megatron-LM, arXiv:1909.08053) divide the columns of one matrix and the rows of the next, so that
what lies between needs no communication; Korthikanti et al. 2022 (arXiv:2205.05198) also divide the sequence where
each token is treated alone: norms and residuals. A module becomes its parallel form in place: parameters turn into
DTensors, which tell sharding, clipping and checkpoints what this rank holds; products are those of the local part.

Dimensions in comments: B batch, T sequence, D model, V vocabulary; `t` and `v` are this rank's parts of them.
"""

from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Placement, Replicate, Shard, distribute_tensor
from torch.nn import functional

from argosy.models import RMSNorm
from argosy.parallel.collectives import copy, gather, scatter_sum, sum_over
from argosy.parallel.start import first_row, local

SEQUENCE = 1  # the dimension of states [B, T, D] that is divided between products


class _Parallel(nn.Module):
    """What the parallel forms share: the ranks that share products."""

    ranks: dist.ProcessGroup


class ColumnLinear(_Parallel, nn.Linear):
    """A linear layer whose outputs are divided: [.., D] whole to [.., d], this rank's rows of the weight."""

    copies, gathers = True, False

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the local part."""
        x = copy(x, self.ranks) if self.copies else x
        y = functional.linear(x, local(self.weight), None if self.bias is None else local(self.bias))
        return _gather_outputs(y, self.out_features, self.ranks) if self.gathers else y


class GatheredColumnLinear(ColumnLinear):
    """The same, its outputs put together again."""

    gathers = True


class SequenceColumnLinear(ColumnLinear):
    """The same behind a `SequenceNorm`, whose gather sums the gradients already."""

    copies = False


class SharedHeadsLinear(_Parallel, nn.Linear):
    """Keys or values of fewer heads than ranks: every rank has all, and computes the one head its queries share."""

    head_dim: int

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the rows of one head."""
        rank, size = dist.get_rank(self.ranks), dist.get_world_size(self.ranks)
        head = rank * (self.out_features // self.head_dim) // size
        weight = copy(local(self.weight), self.ranks)
        return functional.linear(x, weight[head * self.head_dim : (head + 1) * self.head_dim])


class RowLinear(_Parallel, nn.Linear):
    """A linear layer whose inputs are divided: [.., d] to the sum over ranks [.., D], on each of them."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the local part and add up."""
        y = sum_over(functional.linear(x, local(self.weight)), self.ranks)
        return y if self.bias is None else y + local(self.bias)


class SequenceRowLinear(_Parallel, nn.Linear):
    """The same, of whose sum each rank keeps its part of the sequence: [B, T, d] to [B, t, D]."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the local part and add up."""
        return scatter_sum(functional.linear(x, local(self.weight)), SEQUENCE, self.ranks)


class SequenceNorm(_Parallel, RMSNorm):
    """A norm of this rank's part of the sequence, put together for what follows: [B, t, D] to [B, T, D]."""

    gathers = True

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        y = copy(local(self.weight), self.ranks) * functional.rms_norm(x.float(), self.weight.shape, eps=self.eps).to(
            x.dtype
        )
        return gather(y, SEQUENCE, self.ranks) if self.gathers else y


class HeadNorm(SequenceNorm):
    """A norm of this rank's heads, with a weight that all heads share."""

    gathers = False


class VocabularyEmbedding(_Parallel, nn.Embedding):
    """An embedding of which each rank has some tokens: [B, T] to this rank's part of the sequence [B, t, D]."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up the local tokens and add up."""
        rows = local(self.weight)
        first = first_row(self.weight)
        here = (tokens >= first) & (tokens < first + rows.shape[0])
        found = functional.embedding((tokens - first) * here, rows) * here[..., None]
        return scatter_sum(found, SEQUENCE, self.ranks)


@cache
def _same_on_all(kind: type[nn.Module]) -> type[nn.Module]:
    """A kind of module that every rank computes alike: what it finds of its own parameters are the local parts."""

    def forward(self: nn.Module, *args: Any, **options: Any) -> Any:
        self.__dict__["computes"] = True
        try:
            return kind.forward(self, *args, **options)
        finally:
            self.__dict__["computes"] = False

    def find(self: nn.Module, name: str) -> Any:
        found = kind.__getattr__(self, name)
        return local(found) if isinstance(found, Tensor) and self.__dict__.get("computes") else found

    return type(kind.__name__, (kind,), {"forward": forward, "__getattr__": find})


def _gather_outputs(y: Tensor, length: int, group: dist.ProcessGroup) -> Tensor:
    """Chunks [.., d] of the last dimension together, those that are shorter padded meanwhile."""
    size = -(-length // dist.get_world_size(group))
    padded = functional.pad(y, (0, size - y.shape[-1]))
    # Every rank goes on with the same values, so that each has the whole gradient already: the sum counts it often.
    whole = gather(padded, y.ndim - 1, group)[..., :length]
    return _scale_gradient(whole, 1 / dist.get_world_size(group))


def _scale_gradient(x: Tensor, factor: float) -> Tensor:
    return x * factor + (x * (1 - factor)).detach()


KINDS: Mapping[str, tuple[type[_Parallel] | None, Mapping[str, Placement]]] = {
    "column": (ColumnLinear, {"weight": Shard(0), "bias": Shard(0)}),
    "column, gathered": (GatheredColumnLinear, {"weight": Shard(0), "bias": Shard(0)}),
    "row": (RowLinear, {"weight": Shard(1), "bias": Replicate()}),
    "column of a sequence": (SequenceColumnLinear, {"weight": Shard(0)}),
    "row of a sequence": (SequenceRowLinear, {"weight": Shard(1)}),
    "shared heads": (SharedHeadsLinear, {"weight": Replicate()}),
    "norm of a sequence": (SequenceNorm, {"weight": Replicate()}),
    "norm of heads": (HeadNorm, {"weight": Replicate()}),
    "vocabulary": (VocabularyEmbedding, {"weight": Shard(0)}),
    "vocabulary of the loss": (None, {"weight": Shard(0)}),
}
"""What a module can become, and how its parameters are placed."""

TRANSFORMER_PLAN: Mapping[str, str] = {
    "embedding": "vocabulary",
    "blocks.*.attention_norm": "norm of a sequence",
    "blocks.*.attention.w[qkv]": "column of a sequence",
    "blocks.*.attention.[qk]_norm": "norm of heads",
    "blocks.*.attention.wo": "row of a sequence",
    "blocks.*.ffn_norm": "norm of a sequence",
    "blocks.*.feed_forward.w[13]": "column of a sequence",
    "blocks.*.feed_forward.w2": "row of a sequence",
    "norm": "norm of a sequence",
    "head": "vocabulary of the loss",
}


def tensor_parallel(model: nn.Module, mesh: DeviceMesh, plan: Mapping[str, str]) -> None:
    """Let modules of `model` become what `plan` says, by patterns of names; all else is the same on every rank.

    `mesh` has one dimension. Every parameter becomes a DTensor on it, so that all are on one mesh.
    """
    done: dict[int, nn.Parameter] = {}  # tied ones stay tied
    for name, module in model.named_modules():
        kind = next((kind for pattern, kind in plan.items() if fnmatch(name, pattern)), None)
        form, placements = KINDS[kind] if kind else (None, {})
        for key, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in done:
                done[id(parameter)] = placed(parameter, mesh, placements.get(key, Replicate()))
            setattr(module, key, done[id(parameter)])
        if form is not None and next(module.parameters(recurse=False), None) is not None:
            module.__class__ = form
            module.ranks = mesh.get_group()
        elif kind is None and next(module.parameters(recurse=False), None) is not None:
            module.__class__ = _same_on_all(type(module))  # type: ignore[arg-type]
        if form is SharedHeadsLinear:
            module.head_dim = model.get_submodule(name.rpartition(".")[0]).head_dim


def placed(parameter: nn.Parameter, mesh: DeviceMesh, placement: Placement) -> nn.Parameter:
    """The parameter as a DTensor, each rank keeping its part of what all of them have."""
    shared = distribute_tensor(parameter.detach(), mesh, [placement], src_data_rank=None)
    return nn.Parameter(shared, requires_grad=parameter.requires_grad)
