"""The signature of a run: its loss as a sea floor that falls away as the model learns, with soundings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from argosy.report.metrics import smooth, thin
from argosy.report.units import count
from argosy.report.views import RunView

WIDTH, HEIGHT = 1000.0, 240.0  # of the drawing, which is stretched to the page
SHORE, DEEPEST = 16.0, 200.0  # heights of the highest and the lowest loss
CONTOURS = 5
POINTS = 300
SOUNDINGS = (0.035, 0.1, 0.2, 0.36, 0.54, 0.74, 0.93)  # shares of the run
FORGET = 0.012


@dataclass(frozen=True)
class Sounding:
    """A loss written where it was reached."""

    x: float
    """Place from the left, in percent."""
    y: float
    """Place from the top, in percent."""
    value: str
    """Training loss, nats a token."""


@dataclass(frozen=True)
class Signature:
    """Paths of the drawing (`WIDTH` × `HEIGHT`), and what is written on it."""

    floor: str
    """The loss curve."""
    ground: str
    """What lies below it."""
    waters: tuple[str, ...]
    """What lies above it, below each contour."""
    soundings: tuple[Sounding, ...]
    """Losses along the way."""
    words: str
    """What it shows."""
    end: str
    """Tokens at the right edge."""


def signature(view: RunView) -> Signature | None:
    """Draw the run; None before the third step."""
    loss = view.metrics["loss"]
    tokens, values = thin(view.metrics["tokens"], smooth(loss, FORGET * len(loss)), POINTS)
    if len(values) < 3 or max(values) <= min(values) or tokens[-1] <= tokens[0]:
        return None
    high, low = max(values), min(values)
    points = [
        (WIDTH * (a - tokens[0]) / (tokens[-1] - tokens[0]), SHORE + (DEEPEST - SHORE) * (high - b) / (high - low))
        for a, b in zip(tokens, values, strict=True)
    ]
    line = _line(points)
    contours = [DEEPEST * place / CONTOURS for place in range(CONTOURS)]
    return Signature(
        floor=f"M{line}",
        ground=f"M{line} L{WIDTH:.0f},{HEIGHT:.0f} L0,{HEIGHT:.0f} Z",
        waters=tuple(
            f"M0,{depth:.1f} L{_line([(x, max(depth, y)) for x, y in points])} L{WIDTH:.0f},{depth:.1f} Z"
            for depth in contours
        ),
        soundings=tuple(_sounding(points, values, share) for share in SOUNDINGS),
        words=f"The training loss drawn as a sea floor: it falls from {values[0]:.2f} to {values[-1]:.2f} nats a token "
        f"over {count(tokens[-1])} tokens.",
        end=count(tokens[-1]),
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _sounding(points: Sequence[tuple[float, float]], values: Sequence[float], share: float) -> Sounding:
    place = min(range(len(points)), key=lambda i: math.fabs(points[i][0] - share * WIDTH))
    x, y = points[place]
    return Sounding(100 * x / WIDTH, 100 * y / HEIGHT, f"{values[place]:.2f}")
