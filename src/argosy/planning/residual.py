"""What the physics leaves: how far alike runs were from it, and so how far this one may be. A Gaussian process.

Rows are alike that share a chip, a number format or a trainer, or that are of like size (Rasmussen & Williams 2006,
chapter 2). Its mean is a correction, which is nought far from all data; its variance is what the interval is made of,
and grows with the distance from what was measured.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from argosy.config import Record
from argosy.planning.job import Job, columns, family_of

Array = npt.NDArray[np.float64]
CLIP = 0.5  # of a residual, so that a misread row moves its neighbours no further


class Kernel(Record):
    """Standard deviations of the logarithm that rows have in common, and what makes them alike."""

    all: float
    """Of all rows."""
    family: float
    """Of rows of one generation of chips, in 16 bits or below."""
    chip: float
    """Of rows of one accelerator."""
    low: float
    """Of rows in 16 bits, or of rows below."""
    framework: float
    """Of rows of one trainer."""
    framework_family: float
    """Of rows of one trainer on one generation, in 16 bits or below."""
    alike: float
    """Of rows of the same size and layout."""
    distance: float
    """In doublings, at which they are no longer the same."""
    noise: float
    """Of a row alone: two runs of one configuration."""
    release: float = 0.0
    """Of rows of one trainer that were released near one another, all dense or all with experts."""
    months: float = 3.0
    """Between releases, at which they are no longer near."""
    run: float = 0.14
    """Of runs of one model by one team, of the same size and layout; what a first measured run tells of the next."""


class Known(Record):
    """One measured run as later predictions see it."""

    name: str
    """Of the row."""
    group: str
    """Rows of one model and publisher."""
    source: str
    """Where it was published."""
    family: str
    """Generation of chips."""
    chip: str
    """Accelerator."""
    low: bool
    """Whether products are below 16 bits."""
    framework: str
    """Whose trainer."""
    place: tuple[float, ...]
    """Logarithms of sizes and degrees, and marks."""
    experts: bool
    """Whether the model has them."""
    release: int
    """Month of the trainer's release; 0 if not known."""
    residual: float
    """Logarithm of what was measured over what physics gives."""


def place_of(jobs: Sequence[Job]) -> Array:
    """Where jobs lie among one another [N, P]: sizes and degrees in doublings, marks worth a few of them."""
    c = columns(jobs)
    logs = [c[name] for name in ("dim", "sequence_length", "ranks", "tensor", "pipeline", "context", "expert")]
    logs += [
        c["vocabulary_size"],
        np.maximum(c["experts"], 1),
        c["micro_batch"] * c["sequence_length"] / c["context"],
        np.maximum(1, c["batch_size"] / c["data"] / c["micro_batch"]),
    ]
    marks = [4.0 * c["recomputed"], 2.0 * c["recomputation_unknown"], 3.0 * (c["experts"] > 0)]
    return np.stack([*np.log2(logs), *marks], axis=1)


def known(name: str, group: str, source: str, framework: str, job: Job, residual: float) -> Known:
    """A row to learn from."""
    return Known(
        name=name,
        group=group,
        source=source,
        family=family_of(job.accelerator),
        chip=job.accelerator.name,
        low=job.arithmetic in ("float8", "mxfp8", "nvfp4"),
        framework=framework,
        place=tuple(place_of([job])[0].round(4).tolist()),
        experts=job.shape.experts > 0,
        release=job.release or 0,
        residual=residual,
    )


def covariance(kernel: Kernel, rows: Sequence[Known], others: Sequence[Known]) -> Array:
    """Covariance of rows with others [N, M], their own noise left out."""

    def same(name: str) -> Array:
        one, two = (np.array([getattr(row, name) for row in some]) for some in (rows, others))
        equal: Array = (one[:, None] == two[None, :]).astype(np.float64)
        return equal

    family, low, framework = same("family"), same("low"), same("framework")
    places = [np.array([row.place for row in some]) for some in (rows, others)]
    apart = ((places[0][:, None] - places[1][None]) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * kernel.distance**2)) * (0.5 + 0.5 * framework)
    months = [np.array([row.release for row in some], dtype=np.float64) for some in (rows, others)]
    then = np.exp(-((months[0][:, None] - months[1][None]) ** 2) / (2 * kernel.months**2))
    own = same("group") * np.exp(-apart / 2) * then  # a doubling away little is left
    found: Array = (
        kernel.all**2
        + kernel.family**2 * family * low
        + kernel.chip**2 * same("chip")
        + kernel.low**2 * low
        + kernel.framework**2 * framework
        + kernel.framework_family**2 * framework * family * low
        + kernel.release**2 * framework * same("experts") * then
        + kernel.alike**2 * near
        + kernel.run**2 * own
    )
    return found


class Learned:
    """What some rows tell of others; made once, asked often."""

    def __init__(self, kernel: Kernel, rows: Sequence[Known]) -> None:
        self.kernel, self.rows = kernel, rows
        residuals = np.clip([row.residual for row in rows], -CLIP, CLIP)
        self._precision = np.linalg.inv(covariance(kernel, rows, rows) + np.eye(len(rows)) * kernel.noise**2)
        self._pull = self._precision @ residuals

    def of(self, asked: Sequence[Known]) -> tuple[Array, Array, Array]:
        """Mean and variance [M] of the residuals of what is asked, its noise included; correlation with rows [M, N]."""
        prior = float(covariance(self.kernel, asked[:1], asked[:1])[0, 0])  # the same for all
        if not self.rows:
            return np.zeros(len(asked)), np.full(len(asked), prior + self.kernel.noise**2), np.zeros((len(asked), 0))
        between = covariance(self.kernel, asked, self.rows)
        noise = self.kernel.noise**2
        variance = prior + noise - np.einsum("mn,nk,mk->m", between, self._precision, between, optimize=True)
        return between @ self._pull, np.maximum(variance, noise), between / prior
