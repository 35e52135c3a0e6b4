"""Many processes compute what one does: losses, gradients and weights (ARCHITECTURE, exactness).

AdamW, not Muon: torch's Muon orthogonalises in bfloat16, where a gradient that differs in its last float32 digit can
give a weight update that differs by a tenth, so that only losses can be compared.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from argosy.parallel import launch


def train(folder: Path, ranks: int, *, control: str = "none", micro_batch: int = 99) -> dict[str, Any]:
    """Run the parity ranks and return what rank 0 wrote."""
    out = folder / f"{ranks}-{control}-{micro_batch}.pt"
    arguments = [str(out), control, str(micro_batch)]
    launch("tests.parity.rank", arguments, ranks=ranks, stop_file=folder / "stop")
    return torch.load(out)


def worst_gradient(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Largest ‖g − g₀‖ / ‖g₀‖ over all tensors of the first update."""
    pairs = zip(a["gradients"][0].values(), b["gradients"][0].values(), strict=True)
    return max(float((g - g0).norm() / g0.norm()) for g, g0 in pairs)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same updates in one process and one micro-batch."""
    return train(tmp_path_factory.mktemp("alone"), 1)


@pytest.mark.parametrize(("ranks", "micro_batch"), [(1, 2), (2, 99), (3, 2)])
def test_same_computation(tmp_path: Path, alone: dict[str, Any], ranks: int, micro_batch: int) -> None:
    result = train(tmp_path, ranks, micro_batch=micro_batch)
    assert max(abs(a - b) for a, b in zip(result["losses"], alone["losses"], strict=True)) <= 1e-5
    assert worst_gradient(result, alone) <= 1e-4
    for name, weight in result["weights"].items():
        assert (weight - alone["weights"][name]).abs().max() <= 1e-4, name


@pytest.mark.parametrize("control", ["no-sync", "doubled"])
def test_broken_on_purpose_is_noticed(tmp_path: Path, alone: dict[str, Any], control: str) -> None:
    result = train(tmp_path, 2, control=control)
    assert worst_gradient(result, alone) > 1e-2
