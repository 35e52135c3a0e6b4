"""Predicting throughput: physics, corrected by alike runs, with an interval that was held against left-out runs."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

import numpy as np

from argosy.config import Record
from argosy.planning.fitting import log_rates
from argosy.planning.job import Job, columns
from argosy.planning.residual import Kernel, Known, covariance, known, posterior
from argosy.planning.step_time import step_time

NOMINAL_COVERAGE = 0.8
NEAREST = 3
FAR = 0.5  # of the variance that alike runs leave: more is outside what has been seen


class Fitted(Record):
    """What `benchmarks/fit_planner.py` made of measured runs; kept as `fitted.json`."""

    fitted_on: str
    """Date."""
    coefficients: dict[str, float]
    """Of the physics."""
    kernel: Kernel
    """Of what the physics leaves."""
    width: float
    """Standard deviations on either side that hold 80 % of left-out runs."""
    rows: tuple[Known, ...]
    """The runs."""


class Parts(Record):
    """Seconds of the parts of a step; exposed communication only."""

    products_s: float
    """Matrix products of the layers."""
    attention_s: float
    """Attention."""
    element_wise_s: float
    """Norms, activations, quantisation, moving tokens to experts."""
    head_s: float
    """Output projection and loss."""
    recomputation_s: float
    """Repeating parts of the forward pass."""
    tensor_s: float
    """Communication of tensor parallelism."""
    expert_s: float
    """Communication of expert parallelism."""
    context_s: float
    """Communication of context parallelism."""
    bubble_s: float
    """Waiting of pipeline stages."""
    data_s: float
    """Exchange of parameters and gradients; computing hides most of it."""
    optimizer_s: float
    """Updating the weights."""


class Nearest(Record):
    """A measured run that is like the job."""

    name: str
    """Of the row."""
    source: str
    """Where it was published."""
    likeness: float
    """Correlation with the job, 0 to 1."""


class Throughput(Record):
    """How fast a job trains."""

    tokens_per_s_per_accelerator: float
    """The middle."""
    low: float
    """Nine of ten are faster."""
    high: float
    """Nine of ten are slower."""
    step_time_s: float
    """Of the middle."""
    mfu: float
    """PaLM's, of the 16-bit peak; causal attention counted whole."""
    correction: float
    """Times faster than physics alone, by alike runs."""
    seen: bool
    """Whether runs like it were measured; if not, the interval says how little is known."""
    parts: Parts
    """Of the step, by physics."""
    nearest: tuple[Nearest, ...]
    """The runs it is most like."""


@cache
def fitted() -> Fitted:
    """The constants that came with this version."""
    return Fitted.model_validate_json(resources.files("argosy.planning").joinpath("fitted.json").read_bytes())


def predict_throughput(
    jobs: Sequence[Job],
    *,
    framework: str = "",
    constants: Fitted | None = None,
    besides: Iterable[Known] = (),
    group: str = "",
) -> list[Throughput]:
    """Predict each job, as trained by `framework`.

    `besides` are runs to learn from beyond the known ones. Of the jobs' own `group`, the known ones are left out, so
    that a prediction never knows its own answer.
    """
    constants = constants or fitted()
    figures = columns(jobs)
    times = step_time(figures, constants.coefficients)
    rates = log_rates(figures, constants.coefficients)
    alike = [*(row for row in constants.rows if row.group != group), *besides]
    found = []
    for number, job in enumerate(jobs):
        asked = known("", group, "", framework, job, 0.0)
        mean, variance = (float(value[0]) for value in posterior(constants.kernel, alike, [asked]))
        prior = float(covariance(constants.kernel, [asked], [asked])[0, 0])
        middle, spread = float(rates[number]) + mean, constants.width * math.sqrt(variance)
        rate = math.exp(middle)
        flops = job.shape.train_flops_per_token(job.sequence_length)
        found.append(
            Throughput(
                tokens_per_s_per_accelerator=rate,
                low=math.exp(middle - spread),
                high=math.exp(middle + spread),
                step_time_s=job.tokens_per_step / rate / job.ranks,
                mfu=rate * flops / float(figures["peak16"][number]),
                correction=math.exp(mean),
                seen=variance - constants.kernel.noise**2 < FAR * prior,
                parts=Parts(**{name: float(getattr(times, name)[number]) for name in Parts.model_fields}),
                nearest=_nearest(constants.kernel, alike, asked),
            )
        )
    return found


def _nearest(kernel: Kernel, rows: Sequence[Known], asked: Known) -> tuple[Nearest, ...]:
    if not rows:
        return ()
    between = covariance(kernel, [asked], rows)[0] / covariance(kernel, [asked], [asked])[0, 0]
    first = np.argsort(-between, kind="stable")[:NEAREST]
    return tuple(
        Nearest(name=rows[place].name, source=rows[place].source, likeness=round(float(between[place]), 3))
        for place in first.tolist()
    )
