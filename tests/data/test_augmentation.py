"""Images changed at random: how far, and from which chance; and the digits drawn by the project."""

import numpy as np
import pytest
import torch

from argosy.config import UserError
from argosy.data import ImageAugmentation, drawn_digits

pytestmark = pytest.mark.fast


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centre(images: torch.Tensor) -> torch.Tensor:
    """Centre of mass, [B, 2]."""
    down, right = torch.meshgrid(torch.arange(images.shape[-2]), torch.arange(images.shape[-1]), indexing="ij")
    mass = images.sum((-2, -1))
    return torch.stack([(images * place).sum((-2, -1)) / mass for place in (down, right)], dim=1)


def test_shifts_are_of_so_many_pixels_and_turns_keep_the_middle() -> None:
    square = torch.zeros(500, 21, 31)
    square[:, 9:12, 14:17] = 1.0
    moved = centre(ImageAugmentation(shift=3)(square, chance())) - torch.tensor([10.0, 15.0])
    assert 2.9 < moved.abs().max() <= 3.001 and moved.mean(0).abs().max() < 0.3
    assert centre(ImageAugmentation(rotate=30)(square, chance())).sub(torch.tensor([10.0, 15.0])).abs().max() < 1e-3


def test_a_quarter_turn_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(1, 8, 8)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([[1.0, 0.5, 0.5]]))
    turned = ImageAugmentation(rotate=90)(image, chance())
    assert torch.allclose(turned, image.rot90(1, (1, 2)), atol=1e-5)


def test_noise_and_cut_out() -> None:
    flat = torch.ones(200, 3, 16, 16)
    noisy = ImageAugmentation(noise=0.1)(flat, chance()) - 1
    assert abs(float(noisy.std()) - 0.1) < 0.01
    cut = ImageAugmentation(cut_out=4)(flat, chance())
    zeros = (cut == 0).sum((2, 3))
    assert zeros.max() == 16 and zeros.min() >= 4 and torch.equal(zeros[:, 0], zeros[:, 2])


def test_the_chance_decides_alone() -> None:
    images, change = torch.rand(5, 9, 9), ImageAugmentation(2, 15, 0.1, 3)
    assert torch.equal(change(images, chance(1)), change(images, chance(1)))
    assert not torch.equal(change(images, chance(1)), change(images, chance(2)))


@pytest.mark.parametrize("features", [torch.rand(4, 81), torch.zeros(4, 9, 9, dtype=torch.long)])
def test_only_images_can_be_moved(features: torch.Tensor) -> None:
    with pytest.raises(UserError, match="expected images"):
        ImageAugmentation(shift=1)(features, chance())


def test_drawn_digits_are_the_same_everywhere_and_all_different() -> None:
    train, test = drawn_digits(120, 30, seed=3)
    again, _ = drawn_digits(120, 30, seed=3)
    assert train.features.shape == (120, 28, 28) and test.features.shape == (30, 28, 28)
    assert np.array_equal(train.features, again.features) and set(train.targets) == set(range(10))
    assert len(np.unique(train.features.reshape(120, -1), axis=0)) == 120
    assert train.features.min() == 0 and 0.7 < train.features.max() <= 1
    ink = train.features.mean(axis=(1, 2))
    assert ink.min() > 0.02 and ink.max() < 0.35
