"""The profile of this machine: read, measured once for real, kept, and forgotten when the machine changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.config import RunFailed, UserError
from argosy.hardware import HardwareProfile, load_profile, measure_profile, system_profile
from argosy.hardware import measure as measuring
from tests.hardware.machines import SPEED


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[HardwareProfile, Path]:
    """A quick measurement of this machine and the cache it was kept in."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARGOSY_CACHE", str(cache))
        patch.setenv("RANK", "3")  # as under torchrun: the probe must not take itself for one of those ranks
        patch.setenv("WORLD_SIZE", "4")
        patch.chdir(cache)
        return measure_profile(quick=True), cache


def test_everything_is_measured(measured: tuple[HardwareProfile, Path]) -> None:
    profile, _ = measured
    speed = profile.speed
    assert speed is not None
    assert {(rate.precision, rate.size) for rate in speed.matmul} >= {("float32", 256), ("bfloat16", 256)}
    assert {rate.kind for rate in speed.memory} == {"copy", "triad"}
    assert all(rate.ranks == 2 for rate in speed.all_reduce)
    assert [rate.bytes for rate in speed.all_reduce] == sorted({rate.bytes for rate in speed.all_reduce})
    rates = [r.tflops for r in speed.matmul] + [r.bandwidth_gib_per_s for r in (*speed.memory, *speed.all_reduce)]
    assert min(rates) > 0
    assert max(r.tflops for r in speed.matmul) < 1e4  # ten thousand TFLOP/s: a unit was mistaken
    for rate in speed.all_reduce:  # two ranks each send the buffer once
        assert rate.bandwidth_gib_per_s == pytest.approx(rate.bytes / rate.seconds / 2**30)


def test_a_measurement_is_kept_with_the_machine_read_anew(
    measured: tuple[HardwareProfile, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile, cache = measured
    monkeypatch.setenv("ARGOSY_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    again = load_profile()
    assert again is not None
    assert again.speed == profile.speed
    assert (again.disk.folder, again.software.omp_num_threads) == (tmp_path, "7")


@pytest.mark.fast
def test_nothing_is_loaded_where_nothing_was_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path / "absent"))
    assert load_profile() is None


@pytest.mark.fast
@pytest.mark.parametrize("change", ["hostname", "processor", "torch", "damage", "nothing"])
def test_a_measurement_of_another_machine_is_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path))
    here = system_profile()
    kept = here.model_copy(
        update={
            "speed": SPEED,
            "hostname": "elsewhere" if change == "hostname" else here.hostname,
            "processor": here.processor.model_copy(update={"model": "other"} if change == "processor" else {}),
            "software": here.software.model_copy(update={"torch": "1.0"} if change == "torch" else {}),
        }
    )
    text = kept.model_dump_json()
    (tmp_path / "profile.json").write_text(text[:-40] if change == "damage" else text)
    assert (load_profile() is not None) == (change == "nothing")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ARGOSY_CACHE": "/a", "XDG_CACHE_HOME": "/x"}, "/a/profile.json"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/argosy/profile.json"),
        ({"HOME": "/home/me"}, "/home/me/.cache/argosy/profile.json"),
    ],
)
def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("ARGOSY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert measuring.profile_path() == Path(expected)


@pytest.mark.fast
def test_a_probe_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real failure: the probe's PyTorch is hidden behind a broken one."""
    (tmp_path / "torch.py").write_text("raise ImportError('this PyTorch is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RunFailed) as error:
        measure_profile(quick=True)
    assert error.value.code == "probe-failed"
    assert "this PyTorch is broken" in error.value.message
    assert "argosy.training.probe" in error.value.hint
    assert not (tmp_path / "cache").exists()


def test_ranks_that_cannot_talk_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ranks wrote, not torchrun's account of it."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no-such-interface")
    with pytest.raises(RunFailed) as error:
        measuring._probe(ranks=2, quick=True, accelerators=False)
    assert error.value.code == "probe-failed"
    assert "no-such-interface" in error.value.message
    assert "argosy.parallel.agent --once 2" in error.value.hint


@pytest.mark.fast
def test_a_cache_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot be written") as error:
        measuring.keep_profile(system_profile())
    assert error.value.code == "not-writable" and "ARGOSY_CACHE" in error.value.hint
    assert load_profile() is None


@pytest.mark.fast
def test_fewer_cores_or_other_devices_are_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path))
    here = system_profile().model_copy(update={"speed": SPEED})
    measuring.keep_profile(here)
    assert load_profile() is not None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert load_profile() is None
    monkeypatch.undo()
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path))
    processor = here.processor.model_copy(update={"usable_cores": here.processor.usable_cores + 1})
    measuring.keep_profile(here.model_copy(update={"processor": processor}))
    assert load_profile() is None


@pytest.mark.fast
def test_the_system_profile_agrees_with_the_system() -> None:
    profile = system_profile()
    assert 1 <= profile.processor.usable_cores <= profile.processor.logical_cores == os.cpu_count()
    assert 0 < profile.memory.usable_gib <= profile.memory.total_gib
    assert profile.software.python == ".".join(map(str, sys.version_info[:3]))
    code = "import torch; print(torch.__version__)"
    version = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert profile.software.torch is not None and version.startswith(profile.software.torch.partition("+")[0])
