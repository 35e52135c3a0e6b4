"""`python -m argosy.training.probe [--json] [--quick]`: how fast this machine really is, as a `HardwareProfile`.

Alone it measures matrix products and memory bandwidth; under torchrun, an all-reduce, and rank 0 prints. Threads are
those of OMP_NUM_THREADS. A machine is never faster than it is, so rates are the best of several tries; an all-reduce
waits for the slowest rank each time, so there the median counts.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import torch
import torch.distributed as dist

from argosy.config import ArgosyError, RunConfig
from argosy.hardware import (
    Accelerator,
    AllReduceRate,
    HardwareProfile,
    MatmulRate,
    MemoryRate,
    Speed,
    system_profile,
)
from argosy.parallel import World, join
from argosy.training.precision import DTYPES

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
SIZES = {"cpu": (256, 768, 2048), "cuda": (1024, 4096, 8192)}
TOO_SLOW_S = 2.0  # a product expected to take longer is left out: bfloat16 without hardware for it
ALL_REDUCE_BYTES = {4 * KIB: 40, 256 * KIB: 20, 4 * MIB: 10, 32 * MIB: 5}  # tries, the same on every rank


def main() -> None:
    """Measure, and print the profile on standard output."""
    parser = argparse.ArgumentParser(prog="argosy.training.probe", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of indented JSON")
    parser.add_argument("--quick", action="store_true", help="fewer sizes and tries")
    options = parser.parse_args()
    try:
        with join(RunConfig(preflight_timeout_s=60.0)) as world:
            profile = measure(world, quick=options.quick)
    except ArgosyError as error:
        print(f"argosy: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    if world.is_main:
        print(profile.model_dump_json(indent=None if options.json else 2))


def measure(world: World, *, quick: bool) -> HardwareProfile:
    """This machine with the speeds that can be measured in `world`: all-reduce among several ranks, the rest alone."""
    speed = Speed(measured_at=datetime.now(UTC).isoformat(timespec="seconds"))
    if world.size > 1:
        speed = speed.model_copy(update={"all_reduce": tuple(_all_reduce(world, quick))})
    else:
        rates = {"matmul": tuple(_matmul(world.device, quick)), "memory": tuple(_memory(world.device, quick))}
        speed = speed.model_copy(update=rates)
    return system_profile().model_copy(update={"accelerators": _accelerators(), "speed": speed})


def _accelerators() -> tuple[Accelerator, ...]:
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    kinds = Counter((device.name, device.total_memory) for device in devices)
    native = bool(devices) and torch.cuda.is_bf16_supported(including_emulation=False)
    return tuple(
        Accelerator(name=name, count=count, memory_gib=round(memory / GIB, 2), bfloat16=native)
        for (name, memory), count in kinds.items()
    )


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _matmul(device: torch.device, quick: bool) -> Iterator[MatmulRate]:
    """Each precision at each size, the precisions taking turns so that other programs disturb them alike."""
    sizes = SIZES[device.type][: 2 if quick else 3]
    pace_s = dict.fromkeys(DTYPES, 0.0)  # best time for one element of the result and one term of its sum
    for size in sizes:
        precisions = [name for name in DTYPES if pace_s[name] * size**3 < TOO_SLOW_S]
        works = [_product(size, DTYPES[name], device) for name in precisions]
        for name, best_s in zip(precisions, _best_s(works, device, 0.3 if quick else 0.8), strict=True):
            yield MatmulRate(device=_name(device), precision=name, size=size, tflops=2e-12 * size**3 / best_s)
            pace_s[name] = best_s / size**3


def _product(size: int, dtype: torch.dtype, device: torch.device) -> Callable[[], object]:
    # Elements of order 1/√size keep products of order one; larger ones would meet slow denormals or infinities.
    a = torch.randn(size, size, device=device).div_(size**0.5).to(dtype)
    out = torch.empty_like(a)
    return lambda: torch.mm(a, a, out=out)


def _memory(device: torch.device, quick: bool) -> Iterator[MemoryRate]:
    """STREAM's copy and triad over arrays well above the caches."""
    array_bytes = (128 if quick else 256) * MIB * (4 if device.type == "cuda" else 1)
    b = torch.ones(array_bytes // 4, device=device)
    a, c = torch.empty_like(b), torch.ones_like(b)
    works = [lambda: a.copy_(b), lambda: torch.add(b, c, alpha=0.5, out=a)]
    copy_s, triad_s = _best_s(works, device, 0.3 if quick else 0.8)
    name = _name(device)
    yield MemoryRate(device=name, kind="copy", bandwidth_gib_per_s=2 * array_bytes / copy_s / GIB)
    yield MemoryRate(device=name, kind="triad", bandwidth_gib_per_s=3 * array_bytes / triad_s / GIB)


def _best_s(works: Sequence[Callable[[], object]], device: torch.device, budget_s: float) -> list[float]:
    """Least time of each of `works`, which take turns at least twice after a warm-up, until the budget is spent."""
    best_s = [float("inf")] * len(works)
    for work in works:
        work()
    turns, begun = 0, time.perf_counter()
    while turns < 2 or time.perf_counter() - begun < budget_s:
        best_s = [min(best, _time_s(work, device)) for best, work in zip(best_s, works, strict=True)]
        turns += 1
    return best_s


def _time_s(work: Callable[[], object], device: torch.device) -> float:
    in_a_row = 10 if device.type == "cuda" else 1  # launching a kernel costs microseconds
    _synchronise(device)
    start = time.perf_counter()
    for _ in range(in_a_row):
        work()
    _synchronise(device)
    return (time.perf_counter() - start) / in_a_row


def _all_reduce(world: World, quick: bool) -> Iterator[AllReduceRate]:
    for size, tries in list(ALL_REDUCE_BYTES.items())[: 3 if quick else 4]:
        buffer = torch.zeros(size // 4, device=world.device)
        seconds = statistics.median([_exchange_s(world, buffer) for _ in range(tries + 2)][2:])
        sent = 2 * (world.size - 1) / world.size * size
        yield AllReduceRate(
            ranks=world.size,
            backend="nccl" if world.device.type == "cuda" else "gloo",
            bytes=size,
            seconds=seconds,
            bandwidth_gib_per_s=sent / seconds / GIB,
        )


def _exchange_s(world: World, buffer: torch.Tensor) -> float:
    _synchronise(world.device)
    start = time.perf_counter()
    dist.all_reduce(buffer)
    _synchronise(world.device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
