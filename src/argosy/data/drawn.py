"""Digits drawn by the project itself: strokes, distorted as handwriting is; a stand-in for MNIST that is everywhere."""

import numpy as np
import numpy.typing as npt

from argosy.data.arrays import Arrays
from argosy.data.digits import SIDE

Floats = npt.NDArray[np.float64]
CHUNK = 16  # images drawn at once: what is in between stays in the cache


def drawn_digits(train: int = 6000, test: int = 1000, *, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Return (train, test) in the form of `mnist`: features [N, 28, 28] in [0, 1], targets [N] from 0 to 9.

    Each image is one of ten drawings, shaken, slanted, turned, stretched and moved, in a pen of some width, with some
    noise. The same numbers and seed give the same images.
    """
    chance = np.random.default_rng(seed)
    targets = chance.integers(0, 10, train + test)
    features = np.empty((len(targets), SIDE, SIDE), dtype=np.float32)
    for digit, strokes in enumerate(_STROKES):
        places = np.flatnonzero(targets == digit)
        for start in range(0, len(places), CHUNK):
            some = places[start : start + CHUNK]
            features[some] = _draw(strokes, len(some), chance)
    return Arrays(features[:train], targets[:train]), Arrays(features[train:], targets[train:])


def _draw(strokes: list[Floats], count: int, chance: np.random.Generator) -> Floats:
    """Images [count, 28, 28] of strokes [P, 2], each image distorted in its own way."""
    lines = [line.astype(np.float32) for line in _distorted(strokes, count, chance)]
    x, y = np.concatenate([line[:, :-1] for line in lines], axis=1).transpose(2, 0, 1)[..., None]  # [count, S, 1]
    wide, high = np.concatenate([np.diff(line, axis=1) for line in lines], axis=1).transpose(2, 0, 1)[..., None]
    down, right = np.indices((SIDE, SIDE), dtype=np.float32).reshape(2, -1)
    share = np.clip(((right - x) * wide + (down - y) * high) / np.maximum(wide**2 + high**2, 1e-9), 0, 1)
    squared = (right - x - share * wide) ** 2 + (down - y - share * high) ** 2
    distance = np.sqrt(squared.min(axis=1))
    pen = chance.uniform(0.7, 1.6, (count, 1))
    ink = np.clip(pen + 0.5 - distance, 0, 1) * chance.uniform(0.7, 1.0, (count, 1))
    grey: Floats = np.clip(ink + chance.normal(0, 0.03, ink.shape), 0, 1)
    return grey.reshape(count, SIDE, SIDE)


def _distorted(strokes: list[Floats], count: int, chance: np.random.Generator) -> list[Floats]:
    """The strokes in pixels, [count, P, 2] each: the same slant, turn, size and place for all strokes of an image."""
    angle, slant = chance.normal(0, 0.12, count), chance.normal(0, 0.2, count)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(count, 2, 2)
    shear = np.tile(np.eye(2), (count, 1, 1))
    shear[:, 0, 1] = -slant
    size = np.stack([chance.uniform(13, 22, count), chance.uniform(17, 23, count)], axis=1)[:, None]
    place = SIDE / 2 - 0.5 + chance.normal(0, 1.2, (count, 1, 2))
    lines = []
    for stroke in strokes:
        shaken = stroke - 0.5 + chance.normal(0, 0.012, (count, *stroke.shape))
        bend = chance.normal(0, 0.03, (count, 1, 2)) * np.sin(np.pi * np.linspace(0, 1, len(stroke)))[:, None]
        lines.append((shaken + bend) * size @ (shear @ turn).transpose(0, 2, 1) + place)
    return lines


def _arc(x: float, y: float, wide: float, high: float, begin: float, end: float) -> Floats:
    """Points of an ellipse from angle `begin` to `end`, in degrees clockwise from the right; y points down."""
    angles = np.radians(np.linspace(begin, end, 14))
    return np.stack([x + wide * np.cos(angles), y + high * np.sin(angles)], axis=1)


def _line(*points: tuple[float, float]) -> Floats:
    return np.array(points)


_STROKES: tuple[list[Floats], ...] = (
    [_arc(0.5, 0.5, 0.3, 0.45, -90, 270)],
    [_line((0.36, 0.24), (0.54, 0.05), (0.54, 0.95))],
    [np.concatenate([_arc(0.5, 0.3, 0.29, 0.25, -170, 30), _line((0.2, 0.95), (0.84, 0.95))])],
    [np.concatenate([_arc(0.47, 0.28, 0.27, 0.22, -150, 90), _arc(0.47, 0.72, 0.31, 0.23, -90, 150)])],
    [_line((0.6, 0.05), (0.16, 0.62), (0.86, 0.62)), _line((0.66, 0.36), (0.64, 0.95))],
    [np.concatenate([_line((0.78, 0.06), (0.32, 0.06), (0.28, 0.46)), _arc(0.48, 0.68, 0.3, 0.27, -125, 150)])],
    [np.concatenate([_line((0.7, 0.05), (0.36, 0.38)), _arc(0.5, 0.69, 0.27, 0.26, -170, 190)])],
    [_line((0.16, 0.08), (0.82, 0.08), (0.42, 0.95))],
    [_arc(0.5, 0.27, 0.23, 0.22, 90, 450), _arc(0.5, 0.72, 0.28, 0.23, -90, 270)],
    [np.concatenate([_arc(0.48, 0.3, 0.26, 0.25, 0, -350), _line((0.74, 0.32), (0.66, 0.95))])],
)
