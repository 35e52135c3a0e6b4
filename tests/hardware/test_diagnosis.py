"""Findings about made-up machines: each fault is found, named and mended; a sound machine has none."""

from pathlib import Path
from typing import Any

import pytest

from argosy.hardware import Accelerator, Finding, HardwareProfile, Speed, findings
from tests.hardware.machines import DISK, MEMORY, PROCESSOR, SOFTWARE, SOUND, SPEED, products

pytestmark = pytest.mark.fast

H100 = Accelerator(name="NVIDIA H100 80GB HBM3", count=2, memory_gib=79.2, bfloat16=True)


def processor(**changes: Any) -> dict[str, Any]:
    return {"processor": PROCESSOR.model_copy(update=changes)}


def memory(**changes: Any) -> dict[str, Any]:
    return {"memory": MEMORY.model_copy(update=changes)}


def software(**changes: Any) -> dict[str, Any]:
    return {"software": SOFTWARE.model_copy(update=changes)}


def disk(**changes: Any) -> dict[str, Any]:
    return {"disk": DISK.model_copy(update=changes)}


def speed(**changes: Any) -> dict[str, Any]:
    return {"speed": SPEED.model_copy(update=changes)}


def complaints(profile: HardwareProfile) -> list[Finding]:
    return [finding for finding in findings(profile) if finding.severity != "ok"]


def test_a_sound_machine_gets_no_complaint() -> None:
    assert complaints(SOUND) == []
    assert {finding.severity for finding in findings(SOUND)} == {"ok"}


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        (software(torch=None), "problem", "PyTorch"),
        (software(nvidia_driver="580.65.06"), "warning", "sees no GPU"),
        (software(compiler=None), "note", "no C++ compiler"),
        (software(python_headers=False), "note", "Python.h"),
        (software(missing=("pyarrow",)), "note", "Parquet"),
        (software(missing=("tensorboard",)), "note", "TensorBoard"),
        (software(omp_num_threads="64"), "warning", "OMP_NUM_THREADS=64"),
        (software(omp_num_threads="1"), "note", "OMP_NUM_THREADS=1"),
        (software(omp_num_threads="four"), "warning", "OMP_NUM_THREADS=four"),
        (software(open_files_limit=256), "warning", "256 files"),
        (disk(free_gib=1.0), "problem", "1.0 GiB free"),
        (disk(free_gib=5.0), "warning", "5.0 GiB free"),
        (memory(usable_gib=2.0), "warning", "2.0 of 32.0 GiB"),
        (memory(total_gib=3.0, usable_gib=3.0), "warning", "3.0 GiB of memory"),
        (memory(usable_gib=16.0), "note", "16.0 of 32.0 GiB"),
        (memory(swap_used_gib=6.0), "warning", "swapped out"),
        (processor(usable_cores=2, quota_cores=2.5), "note", "2.5 of 8 cores"),
        (speed(matmul=products(1.0, 0.4)), "note", "float32"),
        (speed(matmul=products(1.0, 1.1)), "note", "float32"),
        (speed(busy_cores=6.0), "note", "6.0 cores were busy"),
        ({"accelerators": (H100.model_copy(update={"name": "NVIDIA X1"}),)}, "note", "not in the catalogue"),
    ],
)
def test_each_fault_is_found_and_mended(change: dict[str, Any], severity: str, words: str) -> None:
    (found,) = complaints(SOUND.model_copy(update=change))
    assert found.severity == severity
    assert words in found.what
    assert found.how_to_mend or "float32" in found.what  # a choice made for the user needs no mending


def test_a_throttled_accelerator_is_found_and_a_healthy_one_is_not() -> None:
    slow = speed(matmul=products(40.0, 300.0, H100.name))
    healthy = speed(matmul=products(40.0, 700.0, H100.name))
    (found,) = complaints(SOUND.model_copy(update={"accelerators": (H100,), **slow}))
    assert found.severity == "warning" and "300 of its 989" in found.what
    assert complaints(SOUND.model_copy(update={"accelerators": (H100,), **healthy})) == []


def test_little_shared_memory_matters_between_accelerators_only() -> None:
    small = {**memory(shared_gib=0.0625), **speed(matmul=products(40.0, 700.0, H100.name))}
    assert complaints(SOUND.model_copy(update=small)) == []
    (found,) = complaints(SOUND.model_copy(update={"accelerators": (H100,), **small}))
    assert "64 MiB" in found.what and "--shm-size" in found.how_to_mend


def test_what_was_not_measured_is_not_judged() -> None:
    unmeasured = SOUND.model_copy(update={"speed": None, **software(nvidia_driver="580.65.06")})
    assert complaints(unmeasured) == []
    assert not any("bfloat16" in finding.what for finding in findings(unmeasured))


def test_the_worst_comes_first() -> None:
    many = SOUND.model_copy(update={**software(compiler=None, open_files_limit=10), **disk(free_gib=0.5)})
    assert [finding.severity for finding in findings(many)] == ["problem", "warning", "note", "ok"]


def test_gain_compares_like_with_like() -> None:
    """Sizes that only one precision was measured at do not count, however fast."""
    rates = products(1.0, 2.0)
    large = rates[0].model_copy(update={"size": 8192, "tflops": 100.0})
    small = [rate.model_copy(update={"size": 256, "tflops": 0.1}) for rate in rates]
    assert Speed(measured_at="", matmul=(*small, *rates, large)).bfloat16_gain() == 2.0
    assert Speed(measured_at="", matmul=(large,)).bfloat16_gain() is None


def test_profiles_round_trip() -> None:
    full = SOUND.model_copy(update={"accelerators": (H100,)})
    assert HardwareProfile.model_validate_json(full.model_dump_json()) == full
    assert full.disk.folder == Path("/work")
