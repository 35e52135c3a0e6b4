"""What is missing or odd about a machine, and how to mend it."""

from collections.abc import Callable, Iterator
from typing import Literal

from argosy.config import Record
from argosy.hardware.catalogue import accelerator_peak_flops
from argosy.hardware.profile import HardwareProfile

Severity = Literal["problem", "warning", "note", "ok"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note", "ok")

BFLOAT16_WORTHWHILE = 1.2
"""Autocast's casts eat gains of the matrix product below this."""
TIGHT_DISK_GIB, FULL_DISK_GIB = 10.0, 2.0
TIGHT_MEMORY_GIB = 4.0
SMALL_SHARED_GIB = 1.0
FEW_OPEN_FILES = 1024
BUSY_SHARE = 0.25
THROTTLED_SHARE = 0.5
PACKAGES = {
    "pyarrow": ("Parquet sources cannot be read", "pip install pyarrow"),
    "tensorboard": (
        "TensorBoard cannot be opened here; its events are written all the same",
        "pip install tensorboard",
    ),
}


class Finding(Record):
    """Something about this machine worth knowing."""

    severity: Severity
    """`problem` prevents work, `warning` costs time or a run, `note` is good to know, `ok` needs nothing."""
    what: str
    """What was found."""
    how_to_mend: str = ""
    """What to do about it; empty when nothing is to be done."""


def findings(profile: HardwareProfile) -> tuple[Finding, ...]:
    """Everything worth saying about a machine, the worst first; judged by the profile alone."""
    found = [finding for check in CHECKS for finding in check(profile)]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def _pytorch(profile: HardwareProfile) -> Iterator[Finding]:
    driver, version = profile.software.nvidia_driver, profile.software.torch
    if version is None:
        yield Finding(severity="problem", what="PyTorch is not installed", how_to_mend="make setup")
    elif driver and profile.speed and not profile.accelerators:
        yield Finding(
            severity="warning",
            what=f"NVIDIA driver {driver} is here, but PyTorch {version} sees no GPU",
            how_to_mend="install the CUDA build that fits the driver: https://pytorch.org/get-started/locally",
        )


def _precision(profile: HardwareProfile) -> Iterator[Finding]:
    gain = profile.speed.bfloat16_gain() if profile.speed else None
    if gain is None:
        return
    if gain >= BFLOAT16_WORTHWHILE:
        yield Finding(severity="ok", what=f"bfloat16 multiplies {gain:.1f} × as fast as float32: training chooses it")
    else:
        yield Finding(
            severity="note", what=f"bfloat16 multiplies {gain:.1f} × as fast as float32: training chooses float32"
        )


def _accelerators(profile: HardwareProfile) -> Iterator[Finding]:
    best = profile.speed.best_tflops("bfloat16") if profile.speed else None
    for accelerator in profile.accelerators:
        peak = accelerator_peak_flops(accelerator.name, "bfloat16")
        if accelerator_peak_flops(accelerator.name, "float32") is None and peak is None:
            yield Finding(
                severity="note",
                what=f"{accelerator.name} is not in the catalogue of peaks: MFU will be empty",
                how_to_mend="add its data sheet's dense figures to argosy/hardware/catalogue.py",
            )
        elif peak and best and best * 1e12 < THROTTLED_SHARE * peak:
            yield Finding(
                severity="warning",
                what=f"{accelerator.name} reaches {best:.0f} of its {peak / 1e12:.0f} bfloat16 TFLOP/s",
                how_to_mend="nvidia-smi -q -d PERFORMANCE,POWER tells who shares it or what holds its clock down",
            )


def _compiler(profile: HardwareProfile) -> Iterator[Finding]:
    software = profile.software
    if software.compiler is None:
        what, mend = "no C++ compiler", "apt-get install g++"
    elif not software.python_headers:
        what, mend = "no Python headers (Python.h)", "apt-get install python3-dev"
    else:
        yield Finding(severity="ok", what=f"torch.compile has a compiler: {software.compiler}")
        return
    yield Finding(severity="note", what=f"{what}: torch.compile falls back to eager, the rest works", how_to_mend=mend)


def _packages(profile: HardwareProfile) -> Iterator[Finding]:
    for name in profile.software.missing:
        what, mend = PACKAGES[name]
        yield Finding(severity="note", what=what, how_to_mend=mend)


def _disk(profile: HardwareProfile) -> Iterator[Finding]:
    free, folder = profile.disk.free_gib, profile.disk.folder
    if free < TIGHT_DISK_GIB:
        yield Finding(
            severity="problem" if free < FULL_DISK_GIB else "warning",
            what=f"{free:.1f} GiB free in {folder}: little room for shards and checkpoints",
            how_to_mend="free some space, or name a run folder on another disk: --run DIR",
        )


def _memory(profile: HardwareProfile) -> Iterator[Finding]:
    memory = profile.memory
    limited = memory.usable_gib < memory.total_gib
    limit = f"a container limit leaves {memory.usable_gib:.1f} of {memory.total_gib:.1f} GiB of memory"
    if memory.usable_gib < TIGHT_MEMORY_GIB:
        yield Finding(
            severity="warning",
            what=limit if limited else f"{memory.total_gib:.1f} GiB of memory",
            how_to_mend="keep to small models, or " + ("raise the limit" if limited else "use a larger machine"),
        )
    elif limited:
        yield Finding(
            severity="note",
            what=f"{limit}; the kernel kills what goes beyond",
            how_to_mend="docker run --memory, or resources.limits.memory in Kubernetes",
        )
    if memory.swap_used_gib > memory.usable_gib / 10:
        yield Finding(
            severity="warning",
            what=f"{memory.swap_used_gib:.1f} GiB of memory is swapped out to disk: steps that touch it crawl",
            how_to_mend="stop other programs, or lower training.micro_batch",
        )


def _shared_memory(profile: HardwareProfile) -> Iterator[Finding]:
    shared, accelerators = profile.memory.shared_gib, sum(a.count for a in profile.accelerators)
    if shared is not None and shared < SMALL_SHARED_GIB and accelerators > 1:
        yield Finding(
            severity="warning",
            what=f"/dev/shm holds {1024 * shared:.0f} MiB: too little for {accelerators} accelerators to talk (NCCL)",
            how_to_mend="docker run --shm-size=8g, or an emptyDir of medium Memory on /dev/shm in Kubernetes",
        )


def _cores(profile: HardwareProfile) -> Iterator[Finding]:
    processor, threads = profile.processor, profile.software.omp_num_threads
    usable = processor.usable_cores
    if processor.quota_cores is not None and processor.quota_cores < processor.logical_cores:
        yield Finding(
            severity="note",
            what=f"a container quota leaves {processor.quota_cores:g} of {processor.logical_cores} cores",
            how_to_mend="docker run --cpus, or resources.limits.cpu in Kubernetes",
        )
    if threads is None:
        return
    if not threads.isdigit() or int(threads) > usable:
        yield Finding(
            severity="warning",
            what=f"OMP_NUM_THREADS={threads} with {usable} usable cores: threads get in each other's way",
            how_to_mend="unset OMP_NUM_THREADS",
        )
    elif int(threads) < usable:
        yield Finding(
            severity="note",
            what=f"OMP_NUM_THREADS={threads} holds every rank to {threads} of {usable} cores",
            how_to_mend="unset OMP_NUM_THREADS, unless there are as many ranks as cores",
        )


def _open_files(profile: HardwareProfile) -> Iterator[Finding]:
    limit = profile.software.open_files_limit
    if 0 <= limit < FEW_OPEN_FILES:
        yield Finding(
            severity="warning",
            what=f"a process may open only {limit} files and sockets; many ranks or shards need more",
            how_to_mend="ulimit -n 65536",
        )


def _busy(profile: HardwareProfile) -> Iterator[Finding]:
    busy = profile.speed.busy_cores if profile.speed else None
    if busy is not None and busy > BUSY_SHARE * profile.processor.logical_cores:
        yield Finding(
            severity="note",
            what=f"{busy:.1f} cores were busy with other programs: the rates are too low",
            how_to_mend="argosy doctor --refresh, when they are done",
        )


CHECKS: tuple[Callable[[HardwareProfile], Iterator[Finding]], ...] = (
    _pytorch,
    _precision,
    _accelerators,
    _compiler,
    _packages,
    _disk,
    _memory,
    _shared_memory,
    _cores,
    _open_files,
    _busy,
)
