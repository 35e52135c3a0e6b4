"""The one loss pass equals the textbook's, at the precision of the number format."""

import pytest
import torch
from torch.nn import functional

from argosy.training import loss as loss_file
from argosy.training import summed_loss

pytestmark = pytest.mark.fast


def _inputs(rows: int, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, 24, generator=generator)
    weight = torch.randn(vocabulary, 24, generator=generator) * 0.3
    targets = torch.randint(vocabulary, (rows,), generator=generator)
    targets[::5] = -100
    return hidden.requires_grad_(), weight.requires_grad_(), targets


@pytest.mark.parametrize(("rows", "compiled"), [(1, False), (37, False), (700, False), (700, True)])
def test_loss_and_gradients_equal_cross_entropy(rows: int, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_file, "CHUNK_ROWS", 64)
    monkeypatch.setattr(loss_file, "CHUNK_ELEMENTS", 1)
    hidden, weight, targets = _inputs(rows, 50)
    reference = functional.cross_entropy(hidden @ weight.T, targets, ignore_index=-100, reduction="sum")
    expected = torch.autograd.grad(reference * 0.5, (hidden, weight))
    loss = summed_loss(hidden, weight, targets, compiled=compiled)
    actual = torch.autograd.grad(loss * 0.5, (hidden, weight))
    # 24 products and up to 50 exponentials are summed: a few hundred roundings of 2^-24.
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)
    for a, b in zip(actual, expected, strict=True):
        assert torch.linalg.vector_norm(a - b) <= 1e-5 * torch.linalg.vector_norm(b) + 1e-12


def test_bfloat16_products_stay_within_their_epsilon() -> None:
    hidden, weight, targets = _inputs(300, 500)
    exact = summed_loss(hidden, weight, targets)
    rounded = summed_loss(hidden, weight, targets, torch.bfloat16)
    assert rounded.item() == pytest.approx(exact.item(), rel=4 * 2**-8)
    assert rounded.item() != exact.item()


def test_the_whole_logits_are_never_held_in_float32() -> None:
    """The largest single allocation is one chunk's, whatever the number of rows."""
    rows, vocabulary = 2048, 8192
    hidden, weight, targets = _inputs(rows, vocabulary)
    with torch.profiler.profile(profile_memory=True) as profiler:
        summed_loss(hidden, weight, targets).backward()
    largest = max(event.cpu_memory_usage for event in profiler.events())
    chunk_bytes = 4 * max(loss_file.CHUNK_ELEMENTS, loss_file.CHUNK_ROWS * vocabulary)
    assert largest <= 2 * chunk_bytes < 4 * rows * vocabulary


def test_nothing_counted_gives_zero() -> None:
    hidden, weight, targets = _inputs(10, 20)
    assert summed_loss(hidden, weight, torch.full_like(targets, -100)).item() == 0.0
