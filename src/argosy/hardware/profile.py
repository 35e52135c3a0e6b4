"""What this machine has and how fast it really is."""

import os
import platform
import shutil
import sys
from datetime import UTC, datetime
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import psutil

from argosy.config import Record

GIB = 2**30


class Device(Record):
    """An accelerator PyTorch sees."""

    name: str
    """As the driver reports it."""
    memory_gib: float
    """Total memory."""


class Matmul(Record):
    """A measured matrix product."""

    precision: str
    """Number format."""
    device: str
    """`cpu`, or the accelerator's name."""
    size: int
    """Side of the square matrices."""
    tflops: float
    """Best rate seen, in TFLOP/s."""


class AllReduce(Record):
    """A measured all-reduce between processes of this machine."""

    ranks: int
    """Processes."""
    bytes: int
    """Size of the buffer."""
    seconds: float
    """Median duration."""


class HardwareProfile(Record):
    """One machine."""

    host: str
    """Its name."""
    cpu: str
    """Processor model."""
    cores: int
    """Cores this process may use, container limits included."""
    memory_gib: float
    """Memory this process may use, container limits included."""
    disk_free_gib: float
    """Free space in the working folder."""
    python: str
    """Version."""
    torch: str
    """Version, or `not installed`."""
    compiler: str | None
    """C++ compiler that torch.compile can use, or null."""
    packages: dict[str, str | None]
    """Optional packages and their versions; null where missing."""
    devices: tuple[Device, ...] = ()
    """Accelerators."""
    matmul: tuple[Matmul, ...] = ()
    """Measured matrix products; empty until the probe has run."""
    memory_gib_per_s: float | None = None
    """Measured bandwidth of copying main memory, reads and writes counted."""
    all_reduce: tuple[AllReduce, ...] = ()
    """Measured all-reduces of two processes."""
    measured_at: str | None = None
    """Time of the measurement, ISO 8601, UTC."""

    def best_tflops(self, precision: str) -> float | None:
        """Best measured rate in a precision over all sizes and devices, or None."""
        return max((m.tflops for m in self.matmul if m.precision == precision), default=None)


OPTIONAL_PACKAGES = ("pyarrow", "tensorboard")


def system_profile() -> HardwareProfile:
    """What can be told at once, without torch and without measuring."""
    return HardwareProfile(
        host=platform.node(),
        cpu=_cpu_model(),
        cores=usable_cores(),
        memory_gib=round(usable_memory_bytes() / GIB, 2),
        disk_free_gib=round(shutil.disk_usage(Path.cwd()).free / GIB, 2),
        python=platform.python_version(),
        torch=_version("torch") or "not installed",
        compiler=next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None),
        packages={name: _version(name) for name in OPTIONAL_PACKAGES},
    )


def _version(package: str) -> str | None:
    return metadata.version(package) if util.find_spec(package) else None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores this process may use: its affinity, less a container's CPU quota (cgroup v2, then v1)."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota, period = 0, 1
    if (cgroup / "cpu.max").is_file():
        words = (cgroup / "cpu.max").read_text().split()
        if words[0] != "max":
            quota, period = int(words[0]), int(words[1])
    elif (cgroup / "cpu/cpu.cfs_quota_us").is_file():
        quota = int((cgroup / "cpu/cpu.cfs_quota_us").read_text())
        period = int((cgroup / "cpu/cpu.cfs_period_us").read_text())
    return max(1, min(cores, quota // period)) if quota > 0 else cores


def usable_memory_bytes(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory this process may use: the machine's, or a container's limit where that is lower."""
    total = psutil.virtual_memory().total
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        if (cgroup / name).is_file():
            text = (cgroup / name).read_text().strip()
            return total if text == "max" else min(total, int(text))
    return total


class Finding(Record):
    """Something about this machine worth knowing."""

    severity: Literal["note", "warning", "problem"]
    """How much it matters."""
    what: str
    """What was found."""
    mend: str
    """What to do about it."""


def findings(profile: HardwareProfile) -> list[Finding]:
    """What is missing or odd, and how to mend it; the worst first."""
    found = []

    def add(severity: Literal["note", "warning", "problem"], what: str, mend: str) -> None:
        found.append(Finding(severity=severity, what=what, mend=mend))

    if profile.torch == "not installed":
        add("problem", "PyTorch is not installed", "make setup, or pip install torch")
    if profile.disk_free_gib < 2:
        add("problem", f"only {profile.disk_free_gib:.1f} GiB free on disk", "free some space before training")
    if profile.memory_gib < 4:
        add("warning", f"only {profile.memory_gib:.1f} GiB of memory", "keep to models below 30M parameters")
    if profile.compiler is None:
        add("warning", "no C++ compiler: torch.compile falls back on CPUs", "apt-get install g++ (or your system's)")
    slow, fast = profile.best_tflops("float32"), profile.best_tflops("bfloat16")
    if slow and fast and fast < 1.2 * slow:
        add("note", "bfloat16 is not faster than float32 here", 'training.precision = "auto" chooses float32')
    if profile.packages.get("pyarrow") is None:
        add("note", "Parquet sources cannot be read", "pip install 'argosy[parquet]'")
    if profile.packages.get("tensorboard") is None:
        add("note", "TensorBoard is not installed; events are written all the same", "pip install tensorboard")
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdigit() and int(threads) > profile.cores:
        add("warning", f"OMP_NUM_THREADS={threads} with {profile.cores} usable cores", "unset OMP_NUM_THREADS")
    order = ("problem", "warning", "note")
    return sorted(found, key=lambda finding: order.index(finding.severity))


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
