"""Muon in any type, on one rank or on many that share its matrices."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from argosy.parallel import WholeMatrices, is_placed, local


class Muon(torch.optim.Muon):
    """`torch.optim.Muon` whose Newton–Schulz iteration runs in `dtype`, and once for all ranks.

    Where a processor has no bfloat16 arithmetic, PyTorch's takes most of a step (measured: 50 times as long as in
    float32). Updates are scaled to AdamW's root mean square, 0.2·√max(rows, columns) (Liu et al. 2025,
    arXiv:2502.16982, equation 4). The ranks of `peers` have parts of the same parameters, or all of them: each
    orthogonalises some whole matrices and gives the others their parts, so that the update is that of one process.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        dtype: torch.dtype,
        peers: dist.ProcessGroup | None = None,
        **options: Any,
    ) -> None:
        super().__init__(parameters, adjust_lr_fn="match_rms_adamw", **options)
        self.dtype, self.peers = dtype, peers
        self._known: dict[tuple[int, ...], WholeMatrices] = {}

    def share(self, peers: dist.ProcessGroup | None) -> None:
        """From now on the ranks of `peers` have parts of what is updated."""
        self.peers, self._known = peers, {}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient; `closure` is not supported."""
        assert closure is None
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            parts = [self._momentum(parameter, group["momentum"]).to(self.dtype) for parameter in parameters]
            settings = {"coefficients": group["ns_coefficients"], "steps": group["ns_steps"], "eps": group["eps"]}
            directions = self._matrices(parameters).map(parts, partial(newton_schulz, **settings))
            for parameter, direction in zip(parameters, directions, strict=True):
                part = local(parameter)
                part.mul_(1 - group["lr"] * group["weight_decay"])
                part.add_(direction, alpha=-group["lr"] * 0.2 * max(parameter.shape) ** 0.5)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """This rank's part of Nesterov's momentum."""
        assert parameter.grad is not None
        state, gradient = self.state[parameter], local(parameter.grad)
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        buffer = local(state["momentum_buffer"]).lerp_(gradient, 1 - momentum)
        return gradient.lerp(buffer, momentum)

    def _matrices(self, parameters: list[nn.Parameter]) -> WholeMatrices:
        """Where they are, worked out once."""
        key = tuple(map(id, parameters))
        if key not in self._known:
            if self.peers is None and any(map(is_placed, parameters)):
                raise ValueError("matrices whose parts other ranks have are orthogonalised with those ranks: `share`")
            self._known[key] = WholeMatrices(parameters, self.peers)
        return self._known[key]


def newton_schulz(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Bring the singular values of a matrix near 1: X ← aX + (bA + cA²)X with A = XXᵀ (Jordan et al. 2024).

    Same type as `matrix`, whose Frobenius norm is made 1 first.
    """
    a, b, c = coefficients
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x: Tensor = wide / wide.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if matrix.shape[0] <= matrix.shape[1] else x.T
