"""What is refused before any process starts, by what is installed."""

from pathlib import Path

import pytest

from argosy.config import load_venture
from argosy.parallel import check, checks

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(("installed", "refused"), [("2.11.0+cu130", True), ("2.13.0+cpu", False), ("3.0.1", False)])
def test_zero_bubble_needs_a_pytorch_that_has_it(
    monkeypatch: pytest.MonkeyPatch, tiny_venture: Path, installed: str, refused: bool
) -> None:
    monkeypatch.setattr(checks, "version", lambda name: installed)
    keys = ["layout=pipeline=2", "training.pipeline_schedule=zero-bubble", "training.batch_size=8", "model.layers=4"]
    found = check(load_venture(tiny_venture, keys))
    assert [problem.key for problem in found] == ["training.pipeline_schedule"] * refused
    assert not check(load_venture(tiny_venture, [*keys, "training.pipeline_schedule=interleaved"]))
