"""Reading a disk: real files, and folders that cannot be written."""

from pathlib import Path

import pytest

from argosy.hardware.disk import disk_rates

pytestmark = pytest.mark.fast


def test_both_ways_of_reading_are_measured_and_nothing_is_left(tmp_path: Path) -> None:
    rates = disk_rates(tmp_path, 2 << 20)
    assert [rate.kind for rate in rates] == ["sequential", "random"]
    assert all(rate.bandwidth_gib_per_s > 0 for rate in rates)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_gives_no_rate(tmp_path: Path) -> None:
    assert disk_rates(tmp_path / "absent", 1 << 20) == ()
