"""Images changed at random during training, so that a model sees more than there are."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from argosy.config import UserError


@dataclass(frozen=True)
class ImageAugmentation:
    """Shift, turn, disturb and cut images [B, H, W] or [B, C, H, W], each in a way of its own.

    What a shift or a turn uncovers continues the border.
    """

    shift: float = 0.0
    """Pixels at most, to any side."""
    rotate: float = 0.0
    """Degrees at most, either way."""
    noise: float = 0.0
    """Standard deviation of what is added to each pixel."""
    cut_out: int = 0
    """Side, in pixels, of a square set to 0 (DeVries & Taylor 2017)."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed copies; the changes come from `generator` alone."""
        if images.ndim not in (3, 4) or not images.is_floating_point():
            raise UserError(
                "bad-augmentation",
                f"augmentation of {images.dtype} features of shape {list(images.shape[1:])}: expected images of "
                "floating point, [H, W] or [C, H, W]",
            )
        channels = images if images.ndim == 4 else images[:, None]
        if self.shift or self.rotate:
            channels = self._moved(channels, generator)
        if self.noise:
            channels = channels + self.noise * torch.randn(channels.shape, generator=generator).to(images.device)
        if self.cut_out:
            channels = channels.masked_fill(self._square(channels, generator), 0.0)
        return channels.reshape(images.shape)

    def _moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        batch, _, height, width = images.shape
        chance = 2 * torch.rand((batch, 3), generator=generator) - 1
        angle = chance[:, 0] * math.radians(self.rotate)
        sine, cosine = angle.sin(), angle.cos()
        theta = torch.zeros(batch, 2, 3)
        # Of coordinates from -1 to 1, so that a turn of what is not square needs its ratio.
        theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = cosine, -sine * height / width, chance[:, 1] * self.shift
        theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = sine * width / height, cosine, chance[:, 2] * self.shift
        theta[:, :, 2] *= 2 / torch.tensor([width, height])
        grid = functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _square(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """True inside each image's square, [B, 1, H, W]; its centre is anywhere."""
        inside = []
        for size in images.shape[2:]:
            first = torch.randint(size, (len(images), 1), generator=generator) - self.cut_out // 2
            place = torch.arange(size)
            inside.append((place >= first) & (place < first + self.cut_out))
        rows, columns = inside
        return (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
