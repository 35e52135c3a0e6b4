"""`python -m argosy.training.probe`: how fast this machine is, one JSON line on standard output.

Alone it measures matrix products and memory; under torchrun, an all-reduce. Every figure is the best of several
tries (a machine is never faster than it is), except the all-reduce, where the median is what training meets.
"""

import statistics
import sys
import time
from typing import Any

import orjson
import torch

from argosy.config import RunConfig
from argosy.parallel import World, external_world, join
from argosy.training.precision import DTYPES, matmul_flops_per_s

CPU_SIZES, ACCELERATOR_SIZES = (256, 1024, 2048), (4096, 8192)
COPY_BYTES = 256 << 20
ALL_REDUCE_BYTES = (4 << 10, 1 << 20, 16 << 20)


def main() -> None:
    """Measure and print."""
    with join(RunConfig(preflight_timeout_s=60.0)) as world:
        result = {"all_reduce": _all_reduce(world)} if external_world() else _alone(world)
        if world.is_main:
            sys.stdout.write(orjson.dumps(result).decode() + "\n")


def _alone(world: World) -> dict[str, Any]:
    devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    where = torch.cuda.get_device_name(world.device) if world.device.type == "cuda" else "cpu"
    sizes = ACCELERATOR_SIZES if world.device.type == "cuda" else CPU_SIZES
    return {
        "devices": [{"name": d.name, "memory_gib": round(d.total_memory / 2**30, 2)} for d in devices],
        "matmul": [
            {"precision": precision, "device": where, "size": size, "tflops": rate / 1e12}
            for precision, dtype in DTYPES.items()
            for size in sizes
            for rate in [matmul_flops_per_s(dtype, world.device, size)]
        ],
        "memory_gib_per_s": _copy_gib_per_s(),
    }


def _copy_gib_per_s() -> float:
    source = torch.ones(COPY_BYTES // 4)
    target = torch.empty_like(source)
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - begun)
    return 2 * COPY_BYTES / min(times) / 2**30


def _all_reduce(world: World) -> list[dict[str, Any]]:
    rows = []
    for size in ALL_REDUCE_BYTES:
        buffer = torch.zeros(size // 4, device=world.device)
        times = []
        for _ in range(12):
            begun = time.perf_counter()
            world.all_reduce(buffer)
            buffer[0].item()
            times.append(time.perf_counter() - begun)
        rows.append({"ranks": world.size, "bytes": size, "seconds": statistics.median(times[2:])})
    return rows


if __name__ == "__main__":
    main()
