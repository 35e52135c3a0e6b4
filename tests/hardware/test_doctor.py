"""What `argosy doctor` shows, for made-up machines and for this one."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from argosy.cli import doctor as page
from argosy.hardware import AllReduceRate, HardwareProfile, findings, system_profile
from argosy.hardware.measure import profile_path
from tests.hardware.machines import SOUND, SPEED

pytestmark = pytest.mark.fast

RATE = AllReduceRate(ranks=2, backend="gloo", bytes=4 << 20, seconds=4e-3, bandwidth_gib_per_s=1.0)


def drawn(profile: HardwareProfile, width: int = 100) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for part in page.describe(profile, findings(profile)):
            console.print(part)
    return capture.get()


def test_figures_and_advice_are_shown() -> None:
    profile = SOUND.model_copy(
        update={
            "speed": SPEED.model_copy(update={"all_reduce": (RATE,)}),
            "software": SOUND.software.model_copy(update={"compiler": None}),
        }
    )
    text = drawn(profile)
    for expected in ("Test CPU", "2048²", "300", "2100", "4 MiB", "4.0 ms", "1.0 GiB/s", "apt-get install g++"):
        assert expected in text


def test_a_machine_that_was_not_measured_is_shown_without_speeds() -> None:
    text = drawn(SOUND.model_copy(update={"speed": None}))
    assert "Test CPU" in text and "matrix product" not in text


def test_names_with_brackets_are_shown_as_they_are() -> None:
    named = SOUND.processor.model_copy(update={"model": "Odd [bold] CPU"})
    assert "Odd [bold] CPU" in drawn(SOUND.model_copy(update={"processor": named}))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HardwareProfile:
    """This machine with speeds in the cache, so that nothing is measured."""
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path))
    speed = SPEED.model_copy(update={"all_reduce": (RATE,)})
    profile = system_profile().model_copy(update={"speed": speed})
    profile_path().write_text(profile.model_dump_json())
    return profile


def test_json_is_the_profile_and_its_findings(kept: HardwareProfile, capsys: pytest.CaptureFixture[str]) -> None:
    code = page.doctor(refresh=False, as_json=True)
    result = json.loads(capsys.readouterr().out)
    found = result.pop("findings")
    assert HardwareProfile.model_validate_json(json.dumps(result)).speed == kept.speed
    assert code == int(any(finding["severity"] == "problem" for finding in found))


def test_text_fits_a_terminal(kept: HardwareProfile, capsys: pytest.CaptureFixture[str]) -> None:
    page.doctor(refresh=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) < 40
