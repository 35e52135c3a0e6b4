"""Exchanges between the ranks of a group, functional so that they compile; and the same with their gradients."""

from typing import Any, cast

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as funcol
from torch import Tensor

Group = dist.ProcessGroup
_all_gather: Any = getattr(funcol, "all_gather_single", None) or funcol.all_gather_tensor  # until PyTorch 2.12
_reduce_scatter: Any = getattr(funcol, "reduce_scatter_single", None) or funcol.reduce_scatter_tensor


def all_reduce(x: Tensor, group: Group, operation: str = "sum") -> Tensor:
    """The sum (or `max`) over ranks, on each of them."""
    return _done(funcol.all_reduce(x.contiguous(), operation, group))


def all_gather(x: Tensor, dim: int, group: Group) -> Tensor:
    """The ranks' equal parts of a dimension, one after another."""
    return _done(_all_gather(x.contiguous(), dim, group))


def reduce_scatter(x: Tensor, dim: int, group: Group) -> Tensor:
    """This rank's part of a dimension of the sum over ranks."""
    return _done(_reduce_scatter(x.contiguous(), "sum", dim, group))


def _done(x: Tensor) -> Tensor:
    return cast(Tensor, funcol.wait_tensor(x))  # type: ignore[no-untyped-call]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, group: Group) -> Tensor:
        ctx.dim, ctx.group = dim, group
        return all_gather(x, dim, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return reduce_scatter(gradients[0], ctx.dim, ctx.group), None, None


class _ScatterSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, group: Group) -> Tensor:
        ctx.dim, ctx.group = dim, group
        return reduce_scatter(x, dim, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return all_gather(gradients[0], ctx.dim, ctx.group), None, None


class _Copy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return all_reduce(gradients[0], ctx.group), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        return all_reduce(x, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def gather(x: Tensor, dim: int, group: Group) -> Tensor:
    """Put the ranks' parts of `dim` together; the gradient is summed over ranks and divided again."""
    return cast(Tensor, _Gather.apply(x, dim, group))  # type: ignore[no-untyped-call]


def scatter_sum(x: Tensor, dim: int, group: Group) -> Tensor:
    """Sum over the ranks, of which each keeps its part of `dim`; the gradient is put together again."""
    return cast(Tensor, _ScatterSum.apply(x, dim, group))  # type: ignore[no-untyped-call]


def copy(x: Tensor, group: Group) -> Tensor:
    """`x`, the same on all ranks and used differently: its gradient is summed over them (Megatron's f)."""
    return cast(Tensor, _Copy.apply(x, group))  # type: ignore[no-untyped-call]


def sum_over(x: Tensor, group: Group) -> Tensor:
    """Sum over the ranks, on each of them, each of which has the whole gradient (Megatron's g)."""
    return cast(Tensor, _Sum.apply(x, group))  # type: ignore[no-untyped-call]
