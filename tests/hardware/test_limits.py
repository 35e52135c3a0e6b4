"""Limits of control groups, read from made-up /proc and /sys trees as kernels and container engines lay them out."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from argosy.hardware import ContainerLimits, container_limits, usable_cores

pytestmark = pytest.mark.fast

V2 = "31 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "36 31 0:33 {root} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)
NO_LIMIT_V1 = "9223372036854771712\n"


def tree(root: Path, groups: str, mounts: str, files: Mapping[str, str]) -> Path:
    """Write /proc/self/{cgroup,mountinfo} and control files below /sys/fs/cgroup."""
    contents = {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts}
    for name, text in {**contents, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_version_2_in_a_container(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/\n", V2, {"cpu.max": "150000 100000\n", "memory.max": "4294967296\n"})
    assert container_limits(root) == ContainerLimits(cores=1.5, memory_bytes=4 << 30)


def test_version_2_takes_the_tightest_of_the_parents(tmp_path: Path) -> None:
    files = {
        "user.slice/cpu.max": "250000 100000\n",
        "user.slice/memory.max": "2147483648\n",
        "user.slice/job/cpu.max": "300000 100000\n",
        "user.slice/job/memory.max": "4294967296\n",
        "other/cpu.max": "10000 100000\n",
        "other/memory.max": "1\n",
    }
    root = tree(tmp_path, "0::/user.slice/job\n", V2, files)
    assert container_limits(root) == ContainerLimits(cores=2.5, memory_bytes=2 << 30)


def test_version_2_without_limits(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/job\n", V2, {"job/cpu.max": "max 100000\n", "job/memory.max": "max\n"})
    assert container_limits(root) == ContainerLimits()


def test_version_1_in_a_container_that_sees_only_its_own_group(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "1073741824\n",
    }
    groups = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:cpuset:/docker/abc\n"
    root = tree(tmp_path, groups, V1.format(root="/docker/abc"), files)
    assert container_limits(root) == ContainerLimits(cores=2.0, memory_bytes=1 << 30)


@pytest.mark.parametrize(("job", "expected"), [("3221225472\n", 3 << 30), (NO_LIMIT_V1, None)])
def test_version_1_on_the_host(tmp_path: Path, job: str, expected: int | None) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": NO_LIMIT_V1,
        "memory/job/memory.limit_in_bytes": job,
    }
    root = tree(tmp_path, "4:memory:/job\n3:cpu,cpuacct:/\n", V1.format(root="/"), files)
    assert container_limits(root) == ContainerLimits(cores=None, memory_bytes=expected)


def test_a_group_of_another_name_space_falls_back_to_the_mount(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/../../outside\n", V2, {"cpu.max": "100000 100000\n", "memory.max": "max\n"})
    assert container_limits(root) == ContainerLimits(cores=1.0)


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    assert container_limits(tmp_path) == ContainerLimits()


@pytest.mark.parametrize(("quota", "expected"), [(50_000, 1), (199_999, 1), (10**9, None)])
def test_usable_cores_are_whole_and_never_more_than_visible(tmp_path: Path, quota: int, expected: int | None) -> None:
    root = tree(tmp_path, "0::/\n", V2, {"cpu.max": f"{quota} 100000\n"})
    assert usable_cores(root) == (expected or len(os.sched_getaffinity(0)))


def test_this_machine_can_be_read() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
