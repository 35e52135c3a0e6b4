"""What the operating system lets this process use: in a container, less than the machine seems to have."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

UNLIMITED_BYTES = 2**60  # cgroup v1 writes "no limit" as the largest multiple of a page
# What a step frees stays with the process, in huge pages: faulting it in anew takes 1 to 8 % of a step on a CPU.
GLIBC_TUNABLES = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"hugetlb": 1, "mmap_max": 0, "trim_threshold": 1 << 40, "top_pad": 64 << 20}.items()
)


@dataclass(frozen=True)
class ContainerLimits:
    """Ceilings set by control groups (Docker, Kubernetes, Slurm, systemd); None where there is none."""

    cores: float | None = None
    """Processor time in units of one core."""
    memory_bytes: int | None = None
    """Memory beyond which the kernel kills processes."""


def container_limits(root: Path = Path("/")) -> ContainerLimits:
    """The tightest limits on this process among its control groups and their parents, cgroup v1 and v2."""
    cores: list[float] = []
    memory: list[int] = []
    for folder in _groups(root, "cpu"):
        cores += _quota(_words(folder / "cpu.max"))
        cores += _quota(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))
    for folder in _groups(root, "memory"):
        memory += [int(word) for name in ("memory.max", "memory.limit_in_bytes") for word in _words(folder / name)]
    memory = [size for size in memory if size < UNLIMITED_BYTES]
    return ContainerLimits(min(cores, default=None), min(memory, default=None))


def usable_cores(root: Path = Path("/")) -> int:
    """Whole cores this process may use at once: its affinity, or a container's quota where that is lower."""
    quota = container_limits(root).cores
    return visible_cores() if quota is None else max(1, min(visible_cores(), int(quota)))


def visible_cores() -> int:
    """Logical cores this process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _words(path: Path) -> list[str]:
    """The figures in a control file; empty when it is absent or says "max"."""
    try:
        return [word for word in path.read_text().split() if word != "max"]
    except OSError:
        return []


def _quota(words: list[str]) -> list[float]:
    """Microseconds of processor time per period, as cores; a lone figure is the period of no quota, -1 is none."""
    if len(words) != 2 or int(words[0]) <= 0:
        return []
    return [int(words[0]) / int(words[1])]


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's control groups that know `controller`, each with its parents up to the mount.

    Lines of mountinfo(5) are `id parent device root point options … - type source options`; those of cgroups(7)
    are `number:controllers:path`, without controllers for version 2.
    """
    paths: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    for line in _lines(root / "proc/self/mountinfo"):
        fields, _, kind = line.partition(" - ")
        kind, *_, options = kind.split()
        key = "" if kind == "cgroup2" else controller
        if key in paths and (kind == "cgroup2" or (kind == "cgroup" and controller in options.split(","))):
            mounted, point = fields.split()[3:5]
            inside = PurePosixPath(_below(paths[key], mounted))
            yield from (root / point.lstrip("/") / folder for folder in (inside, *inside.parents))


def _below(path: str, mounted: str) -> str:
    """`path` as seen from the mount; the mount itself when the path belongs to another name space."""
    inside, base = PurePosixPath(path), PurePosixPath(mounted)
    return str(inside.relative_to(base)) if inside.is_relative_to(base) else "."


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
