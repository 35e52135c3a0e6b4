"""A perceptron, layers in a row and a user's module, through the trainer on any layout: what one process computes.

Float32, ten steps: loss within 1e-5, each tensor's gradient within 1e-4 of its norm, weights within 1e-4. Where
momentum is orthogonalised or only its sign is used, a last digit can turn a weight: there the losses and the gradients
of the first step count.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import argosy
from argosy.config import Layout
from argosy.models import perceptron
from argosy.parallel import launch
from tests.parity.modules_rank import CELLS, CLASSES, FEATURES, TEXT_LAYOUTS, examples, layout_of, run_cell, run_text
from tests.training.test_trainer import text

UNSTEADY = ("muon", "Lion")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modules")


@cache
def _run(folder: Path, ranks: int) -> None:
    launch("tests.parity.modules_rank", [str(folder), str(ranks)], ranks=ranks, stop_file=folder / "stop")


def _apart(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """The largest ‖g − g₀‖ / ‖g₀‖."""
    assert found.keys() == expected.keys()
    return max(float((found[name] - whole).norm() / whole.norm()) for name, whole in expected.items())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CELLS)
def test_what_one_process_computes(folder: Path, name: str) -> None:
    layout = layout_of(name)
    _run(folder, layout.ranks)
    place = list(CELLS).index(name)
    first, *others = (torch.load(folder / f"{place}-{rank}.pt") for rank in range(layout.ranks))
    alone = run_cell(name, Layout())
    if "control" in name:
        assert _apart(first["gradients"][0], alone["gradients"][0]) > 1e-2
        return
    for figure, values in alone["history"].items():
        assert first["history"][figure] == pytest.approx(values, abs=1e-5), figure
    counted = 1 if name.endswith(UNSTEADY) else None
    for found, expected in list(zip(first["gradients"], alone["gradients"], strict=True))[:counted]:
        assert _apart(found, expected) <= 1e-4
    if counted is None:
        for key, weight in alone["weights"].items():
            assert (first["weights"][key] - weight).abs().max() <= 1e-4, key
    assert first["state"].keys() == alone["state"].keys() and first["counts"] == alone["counts"]
    _are_whole(first, others)


def _are_whole(first: dict[str, Any], others: list[dict[str, Any]]) -> None:
    """Every rank has the whole model, and says the same of it."""
    for other in others:
        assert other["judged"] == first["judged"] and other["history"] == first["history"]
        assert torch.equal(other["predicted"], first["predicted"])
        assert all(torch.equal(other["weights"][name], weight) for name, weight in first["weights"].items())


@pytest.mark.timeout(600)
def test_a_saved_trainer_goes_on_on_any_layout(folder: Path) -> None:
    _run(folder, 2)
    first, second = (torch.load(folder / f"on-{rank}.pt") for rank in range(2))
    assert first["histories"] == second["histories"] and torch.equal(first["predicted"], second["predicted"])
    other, straight, stopped = first["histories"]
    assert straight == stopped, "the same layout goes on in the same bits, chance and statistics too"
    torch.manual_seed(0)
    alone = argosy.Trainer(perceptron(FEATURES, 9, 7, CLASSES), ema_decay=0.8)
    assert other["loss"] == pytest.approx(alone.fit(examples(), epochs=4, batch_size=10)["loss"], abs=1e-5)
    loaded = argosy.Trainer.load(folder / "other").predict(examples().features)
    torch.testing.assert_close(torch.from_numpy(loaded), first["predicted"], rtol=0, atol=1e-6)


@pytest.mark.timeout(600)
def test_a_plan_that_changes_what_is_computed_is_refused(folder: Path) -> None:
    _run(folder, 2)
    for rank in range(2):
        misfit, another = torch.load(folder / f"wrong-{rank}.pt")
        assert "do not fit each other" in misfit and "[bad-plan]" in misfit
        assert "gradient of '1.weight' is another" in another and "[bad-plan]" in another


@pytest.mark.timeout(600)
def test_a_language_model_through_the_trainer(tmp_path: Path) -> None:
    text(tmp_path)
    arguments = [str(tmp_path), "2", "text"]
    launch("tests.parity.modules_rank", arguments, ranks=2, stop_file=tmp_path / "stop")
    alone = run_text(tmp_path / "run", Layout())
    for name in TEXT_LAYOUTS:
        first, second = (torch.load(tmp_path / f"text-{name}-{rank}.pt") for rank in range(2))
        assert first == second, name
        for figure, values in alone["history"].items():
            assert first["history"][figure] == pytest.approx(values, abs=1e-5, rel=1e-5), (name, figure)
