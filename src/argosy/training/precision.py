"""Choosing the number format and the compiler by what this machine really does, with a reason to print."""

import time

import torch
from torch import Tensor, nn

from argosy.config import Precision
from argosy.hardware import BFLOAT16_WORTHWHILE

ROUNDS = 6
DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def matmul_flops_per_s(dtype: torch.dtype, device: torch.device, size: int = 512, tries: int = 8) -> float:
    """Best rate of a square matrix product on this rank's threads, in FLOP/s."""
    size = 4096 if device.type == "cuda" else size
    a = torch.randn(size, size, device=device).div_(size**0.5).to(dtype)
    best = float("inf")
    for _ in range(tries):
        _synchronise(device)
        start = time.perf_counter()
        _ = a @ a
        _synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def choose_precision(device: torch.device) -> tuple[Precision, str]:
    """Return bfloat16 where its matrix product is worth the casts, else float32, and why."""
    rates = dict.fromkeys(DTYPES, 0.0)
    for _ in range(ROUNDS):  # in turn, so that other programs disturb both alike
        for name, dtype in DTYPES.items():
            rates[name] = max(rates[name], matmul_flops_per_s(dtype, device, tries=2))
    gain = rates["bfloat16"] / rates["float32"]
    chosen: Precision = "bfloat16" if gain >= BFLOAT16_WORTHWHILE else "float32"
    return chosen, f"a bfloat16 matrix product runs at {gain:.2g} × float32 here"


def compile_blocks(model: nn.Module, device: torch.device) -> str:
    """Compile every transformer block; return the reason when the compiler does not work here, else nothing.

    One block at a time: they are alike, so the compiler's work is done once.
    """
    try:
        probe = torch.compile(_probe, fullgraph=True)
        probe(torch.ones(8, device=device, requires_grad=True)).sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
    for block in model.blocks:  # type: ignore[union-attr]
        block.compile(fullgraph=True)
    return ""


def _probe(x: Tensor) -> Tensor:
    return torch.sin(x) * 2
