"""Predicted figures: how fast a job trains, and what memory its fullest rank needs."""

from typing import Literal

from argosy.config import Record


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


Verdict = Literal["fits", "tight", "does not fit"]


def verdict_of(peak: float, high: float, capacity: float) -> Verdict:
    """Whether a peak and the high end of its interval fit."""
    return "fits" if high <= capacity else "tight" if peak <= capacity else "does not fit"


class Memory(Record):
    """What the fullest rank needs at its peak, and whether it has that."""

    peak_gib: float
    """The middle: what the allocator holds."""
    low_gib: float
    """Nine of ten need more."""
    high_gib: float
    """Nine of ten need less."""
    capacity_gib: float
    """What the accelerator leaves to it."""
    verdict: Verdict
    """`fits` if even the high end does, `tight` if the middle does."""
    correction: float
    """Times more than counting alone, by alike runs."""
    seen: bool
    """Whether runs like it were measured."""
    parts_gib: dict[str, float]
    """By component, by counting: parameters, gradients, optimiser, gathered, activations, logits, workspace, slack."""
    nearest: tuple[Nearest, ...]
    """The runs it is most like."""
