"""Metrics as columns: what thinning, smoothing and averaging keep."""

import math
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.report.metrics import Metrics, binned, read_metrics, smooth, thin

pytestmark = pytest.mark.fast
NUMBERS = st.floats(-1e6, 1e6) | st.just(math.nan)


def written(path: Path, *lines: object) -> Metrics:
    path.write_bytes(b"".join(line if isinstance(line, bytes) else orjson.dumps(line) + b"\n" for line in lines))
    return read_metrics(path)


@given(st.lists(NUMBERS, max_size=300), st.integers(4, 60))
def test_thinning_keeps_the_ends_the_extremes_and_the_order(y: list[float], limit: int) -> None:
    xs, ys = thin(range(len(y)), y, limit)
    known = [(place, value) for place, value in enumerate(y) if math.isfinite(value)]
    assert len(xs) == len(ys) <= limit
    assert set(zip(xs, ys, strict=True)) <= set(known)
    assert list(xs) == sorted(set(xs))
    if known:
        assert (xs[0], ys[0]) == known[0] and (xs[-1], ys[-1]) == known[-1]
        assert max(ys) == max(value for _, value in known) and min(ys) == min(value for _, value in known)


@given(st.lists(NUMBERS, max_size=50), st.floats(0.1, 20))
def test_smoothing_stays_between_the_extremes_and_keeps_a_constant(y: list[float], half_life: float) -> None:
    known = [value for value in y if math.isfinite(value)]
    means = [value for value in smooth(y, half_life) if math.isfinite(value)]
    rounding = 1e-9 * max((abs(value) for value in known), default=0) + sys.float_info.min
    assert all(min(known) - rounding <= mean <= max(known) + rounding for mean in means)
    assert smooth([3.5] * 7, half_life) == pytest.approx([3.5] * 7)


def test_smoothing_forgets_half_after_its_half_life() -> None:
    assert smooth([1.0] * 1000 + [0.0] * 10, 10)[-1] == pytest.approx(0.5, abs=1e-6)


def test_bins_are_means() -> None:
    assert binned([1.0, 3.0, 5.0, math.nan], 2) == [2.0, 5.0]
    assert binned([], 5) == []


def test_a_rate_is_weighted_by_time(tmp_path: Path) -> None:
    metrics = written(
        tmp_path / "m",
        {"step": 1, "tokens_per_s": 100.0, "step_s": 3.0},
        {"step": 2, "tokens_per_s": 500.0, "step_s": 1.0},
    )
    assert metrics.weighted("tokens_per_s") == 200.0  # 800 tokens in 4 seconds
    assert metrics.weighted("mfu") is None


def test_unknown_values_and_cut_lines_are_passed_over(tmp_path: Path) -> None:
    metrics = written(
        tmp_path / "m",
        {"step": 1, "loss": None, "tokens": 10, "skipped": True},
        {"step": 2, "loss": 2.5, "tokens": 20, "mfu": True},
        [1, 2],
        b'{"step": 3, "lo',
    )
    assert len(metrics) == 2 and metrics.skipped == 1 and metrics.unreadable == 1
    assert metrics.last("loss") == 2.5 and metrics.last("mfu") is None
    assert metrics.tokens_at(2) == 20 and metrics.tokens_at(3) is None


def test_no_file_is_no_steps(tmp_path: Path) -> None:
    metrics = read_metrics(tmp_path / "none")
    assert len(metrics) == 0 and metrics.last("loss") is None and metrics.most("loss") is None
