"""The global norm of gradients that several ranks share, and clipping by it."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from argosy.parallel.mesh import Mesh
from argosy.parallel.sharding import owners
from argosy.parallel.start import local


def total_norm(parameters: Iterable[nn.Parameter], mesh: Mesh) -> float:
    """Euclidean norm of all gradients of the whole model, the same on every rank.

    Each rank adds the squares of what it has, divided by the number of ranks that have the same.
    """
    by_owners: dict[int, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_owners.setdefault(owners(parameter.grad), []).append(local(parameter.grad))
    square = torch.zeros((), dtype=torch.float64, device=mesh.world.device)
    for count, gradients in by_owners.items():
        norms = torch.stack(torch._foreach_norm(gradients))
        square += norms.double().square().sum() / count
    return math.sqrt(float(mesh.world.sum(square)))


def clip(parameters: Sequence[nn.Parameter], norm: float, limit: float) -> None:
    """Scale the gradients so that their `norm` is at most `limit`, as `clip_grad_norm_` does."""
    gradients = [local(parameter.grad) for parameter in parameters if parameter.grad is not None]
    factor = min(1.0, limit / (norm + 1e-6))
    if gradients and factor < 1:
        torch._foreach_mul_(gradients, factor)
