"""Calibration: what is trained, what is kept, and what happens where something does not work."""

import math
from pathlib import Path

import pytest

from argosy.config import RunFailed, UserError
from argosy.hardware import Accelerator, HardwareProfile, MeasuredStep, StepSetup
from argosy.hardware import calibration as calibrating
from tests.hardware.machines import SOUND

pytestmark = pytest.mark.fast


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[HardwareProfile]:
    """What was kept; nothing is measured."""
    found: list[HardwareProfile] = []
    monkeypatch.setattr(calibrating, "measure_profile", lambda: SOUND)
    monkeypatch.setattr(calibrating, "keep_profile", found.append)
    return found


def trained(monkeypatch: pytest.MonkeyPatch, *, compiles: bool = True) -> list[StepSetup]:
    """The setups that a made-up probe was given; each takes less time than the one before."""
    given: list[StepSetup] = []

    def probe(module: str, words: list[str], **_: object) -> str:
        given.append(StepSetup.model_validate_json(words[0]))
        if given[-1].compile and not compiles:
            raise RunFailed("probe-failed", "the model does not compile")
        fields = given[-1].model_dump()
        return MeasuredStep(**fields, step_time_s=1 / len(given), peak_memory_gib=0.1).model_dump_json()

    monkeypatch.setattr(calibrating, "run_probe", probe)
    return given


def test_two_rounds_are_averaged(monkeypatch: pytest.MonkeyPatch, kept: list[HardwareProfile]) -> None:
    given = trained(monkeypatch)
    speed = calibrating.calibrate().speed
    assert speed is not None and speed.calibrated_at is not None and kept[-1].speed == speed
    half = len(given) // 2
    assert given[:half] == given[half:] == list(calibrating.reference_steps(SOUND))
    means = [1 / math.sqrt((place + 1) * (half + place + 1)) for place in range(half)]
    assert [one.step_time_s for one in speed.training] == pytest.approx(means)


def test_a_model_that_does_not_compile_is_left_out(
    monkeypatch: pytest.MonkeyPatch, kept: list[HardwareProfile]
) -> None:
    trained(monkeypatch, compiles=False)
    speed = calibrating.calibrate().speed
    assert speed is not None and speed.training and not any(one.compile for one in speed.training)


def test_a_probe_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch, kept: list[HardwareProfile]) -> None:
    def probe(*_: object, **__: object) -> str:
        raise RunFailed("probe-failed", "killed")

    monkeypatch.setattr(calibrating, "run_probe", probe)
    with pytest.raises(RunFailed, match="killed"):
        calibrating.calibrate()


def test_accelerators_are_not_trained_on(monkeypatch: pytest.MonkeyPatch, kept: list[HardwareProfile]) -> None:
    given = trained(monkeypatch)
    gpu = Accelerator(name="NVIDIA H100 80GB HBM3", count=1, memory_gib=79.1, bfloat16=True)
    monkeypatch.setattr(calibrating, "measure_profile", lambda: SOUND.model_copy(update={"accelerators": (gpu,)}))
    assert calibrating.calibrate().accelerators == (gpu,) and not given and len(kept) == 1


def test_it_is_told_at_once_that_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(calibrating, "measure_profile", lambda: SOUND)
    (tmp_path / "file").touch()
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path / "file"))
    given = trained(monkeypatch)
    with pytest.raises(UserError, match="cannot be written"):
        calibrating.calibrate()
    assert not given
