"""What can be told about this machine at once, without PyTorch and without measuring."""

import contextlib
import os
import platform
import resource
import shutil
import sysconfig
from importlib import metadata, util
from pathlib import Path

import psutil

from argosy.hardware.limits import container_limits, usable_cores
from argosy.hardware.profile import GIB, Disk, HardwareProfile, Memory, Processor, Software

OPTIONAL_PACKAGES = ("pyarrow", "tensorboard")


def system_profile(folder: Path | None = None) -> HardwareProfile:
    """What this machine has; `folder` (the working folder by default) says which disk is meant."""
    folder = folder or Path.cwd()
    return HardwareProfile(
        hostname=platform.node(),
        processor=_processor(),
        memory=_memory(),
        disk=Disk(folder=folder, free_gib=_gib(shutil.disk_usage(folder).free)),
        software=_software(),
    )


def _gib(size: float) -> float:
    return round(size / GIB, 2)


def _processor() -> Processor:
    return Processor(
        model=_processor_model(),
        logical_cores=os.cpu_count() or 1,
        physical_cores=psutil.cpu_count(logical=False),
        usable_cores=usable_cores(),
        quota_cores=container_limits().cores,
    )


def _processor_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> Memory:
    total, limit = psutil.virtual_memory().total, container_limits().memory_bytes
    swap, shared = psutil.swap_memory(), Path("/dev/shm")
    return Memory(
        total_gib=_gib(total),
        usable_gib=_gib(min(total, limit or total)),
        swap_gib=_gib(swap.total),
        swap_used_gib=_gib(swap.used),
        shared_gib=_gib(shutil.disk_usage(shared).total) if shared.is_dir() else None,
    )


def _software() -> Software:
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    return Software(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        torch=_version("torch"),
        compiler=Path(compiler) if compiler else None,
        python_headers=(Path(sysconfig.get_path("include")) / "Python.h").is_file(),
        nvidia_driver=_nvidia_driver(),
        missing=tuple(name for name in OPTIONAL_PACKAGES if util.find_spec(name) is None),
        visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        omp_num_threads=os.environ.get("OMP_NUM_THREADS"),
        open_files_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _nvidia_driver() -> str | None:
    """Version in the kernel module's first line, `NVRM version: … Kernel Module  580.65.06  …`."""
    with contextlib.suppress(OSError):
        words = Path("/proc/driver/nvidia/version").read_text().splitlines()[0].split()
        return next((word for word in words if word[0].isdigit() and "." in word), "unknown")
    return None
