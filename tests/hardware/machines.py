"""Made-up machines to judge."""

from pathlib import Path

from argosy.hardware import HardwareProfile, MatmulRate, Speed
from argosy.hardware.profile import Disk, Memory, Processor, Software

PROCESSOR = Processor(model="Test CPU", logical_cores=8, physical_cores=4, usable_cores=8, quota_cores=None)
MEMORY = Memory(total_gib=32.0, usable_gib=32.0, swap_used_gib=0.0, swap_gib=8.0, shared_gib=16.0)
DISK = Disk(folder=Path("/work"), free_gib=200.0)
SOFTWARE = Software(
    system="Linux 6.1 x86_64",
    python="3.11.7",
    torch="2.13.0",
    compiler=Path("/usr/bin/g++"),
    python_headers=True,
    nvidia_driver=None,
    missing=(),
    omp_num_threads=None,
    open_files_limit=65536,
)


def products(float32: float, bfloat16: float, device: str = "cpu") -> tuple[MatmulRate, ...]:
    """Rates at one size, in TFLOP/s."""
    return (
        MatmulRate(device=device, precision="float32", size=2048, tflops=float32),
        MatmulRate(device=device, precision="bfloat16", size=2048, tflops=bfloat16),
    )


SPEED = Speed(measured_at="2026-11-24T12:00:00+00:00", busy_cores=0.1, matmul=products(0.3, 2.1))

SOUND = HardwareProfile(hostname="sound", processor=PROCESSOR, memory=MEMORY, disk=DISK, software=SOFTWARE, speed=SPEED)
"""A machine with nothing to complain about."""
