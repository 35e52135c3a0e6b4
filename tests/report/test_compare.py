"""Runs side by side."""

import shutil
from pathlib import Path

import pytest

from argosy.report import Comparison, compare_runs
from argosy.storage import Run
from tests.report.conftest import metric_line, write_metrics


@pytest.fixture
def other(run: Run, tmp_path: Path) -> Run:
    """A copy of the run."""
    return Run(shutil.copytree(run.path, tmp_path / "other"))


def test_equal_runs_do_not_differ(run: Run, other: Run) -> None:
    comparison = compare_runs([run, other])
    assert comparison.differences == {}
    assert comparison.runs == (str(run.path), str(other.path))
    assert all(len(set(values)) == 1 for values in comparison.figures.values())
    assert comparison.figures["bits_per_byte"] == (1.234, 1.234)


def test_differing_keys_and_figures_are_named(run: Run, other: Run) -> None:
    venture = other.path / "venture.toml"
    venture.write_text(venture.read_text().replace("layers = 2", "layers = 3").replace("gradient_clip = 1.0\n", ""))
    (other.path / "evaluation.json").unlink()
    comparison = compare_runs([run, other])
    assert comparison.differences == {"model.layers": ("2", "3"), "training.gradient_clip": ("1", None)}
    assert comparison.figures["perplexity"] == (7.7679, None)


def test_runs_of_different_length_meet_at_the_end_of_the_shorter(run: Run, other: Run) -> None:
    write_metrics(run, steps=400)
    lines = run.metrics.read_bytes().splitlines(keepends=True)
    other.metrics.write_bytes(b"".join(lines[:100]))
    comparison = compare_runs([run, other])
    assert comparison.equal_tokens == metric_line(100)["tokens"]
    longer, shorter = comparison.figures["loss_at_equal_tokens"]
    assert longer == pytest.approx(shorter, abs=0.1)  # the same steps, smoothed over 4 and over 1
    final_longer, final_shorter = comparison.figures["training_loss"]
    assert final_longer is not None and final_shorter is not None and final_longer < final_shorter - 0.1


def test_a_run_without_anything_has_no_figures(run: Run, tmp_path: Path) -> None:
    empty = Run(tmp_path / "empty")
    empty.path.mkdir()
    comparison = compare_runs([run, empty])
    assert comparison.equal_tokens is None
    assert {values[1] for values in comparison.figures.values()} == {None}
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison
