"""Muon in float32, for processors without bfloat16 arithmetic."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Muon


class Float32Muon(Muon):
    """`torch.optim.Muon` whose Newton–Schulz iteration runs in float32 instead of bfloat16.

    Where a processor has no bfloat16 arithmetic, PyTorch's takes most of a step (measured: 50 times as long as this
    one). Updates are scaled to AdamW's root mean square, 0.2·√max(rows, columns) (Liu et al. 2025, arXiv:2502.16982,
    equation 4).
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient; `closure` is not supported."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                momentum = group["momentum"]
                buffer = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
                nesterov = parameter.grad.lerp(buffer, momentum)
                direction = newton_schulz(nesterov, group["ns_coefficients"], group["ns_steps"], group["eps"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(direction, alpha=-group["lr"] * 0.2 * max(parameter.shape) ** 0.5)


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
