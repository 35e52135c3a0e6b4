"""Choosing the number format and the compiler by what this machine really does, with a reason to print."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from argosy.config import Precision
from argosy.hardware import BFLOAT16_WORTHWHILE

ROUNDS = 6
CLEAR = 4  # times off the threshold: more rounds would not change the choice, and slow arithmetic makes them long
DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def matmul_flops_per_s(dtype: torch.dtype, device: torch.device, size: int = 512, tries: int = 8) -> float:
    """Best rate of a square matrix product on this rank's threads, in FLOP/s; draws from no shared generator."""
    size = 4096 if device.type == "cuda" else size
    own = torch.Generator(device).manual_seed(0)
    a = torch.randn(size, size, device=device, generator=own).div_(size**0.5).to(dtype)
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
    rates, gain = dict.fromkeys(DTYPES, 0.0), 1.0
    for number in range(ROUNDS):  # in turn, so that other programs disturb both alike
        for name, dtype in DTYPES.items():
            rates[name] = max(rates[name], matmul_flops_per_s(dtype, device, tries=2))
        gain = rates["bfloat16"] / rates["float32"]
        if number > 0 and not 1 / CLEAR < gain / BFLOAT16_WORTHWHILE < CLEAR:
            break
    chosen: Precision = "bfloat16" if gain >= BFLOAT16_WORTHWHILE else "float32"
    return chosen, f"a bfloat16 matrix product runs at {gain:.2g} × float32 here"


def compile_blocks(blocks: Sequence[nn.Module], attempt: Callable[[], object]) -> str:
    """Compile every one of these; where that does not work, undo it and return the reason, else nothing.

    One block at a time: they are alike, so the compiler's work is done once. `attempt` uses the model as training will.
    """
    for block in blocks:
        block.compile(fullgraph=True)
    try:
        attempt()
    except Exception as error:
        for block in blocks:
            block._compiled_call_impl = None
        torch.compiler.reset()
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
    return ""
