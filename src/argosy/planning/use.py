"""What a rank's step uses: the same figures whether counted on paper or in a dry run."""

from argosy.config import Record


class Exchange(Record):
    """One kind of collective in a step."""

    calls: int
    """How often."""
    bytes: int
    """Of the whole tensors: what is gathered, reduced, or sent, on this rank, summed over the calls."""


class RankUse(Record):
    """A rank's share of one step."""

    rank: int
    """Which."""
    stages: tuple[int, ...]
    """Stages of the pipeline that it has."""
    parameters_bytes: int
    """Its part of the weights."""
    gradients_bytes: int
    """Its part of the gradients."""
    optimizer_bytes: int
    """What the optimiser keeps of them."""
    activations_bytes: int
    """The peak of forward and backward beyond weights and their gradients: activations, what sharding gathers, logits,
    and what kernels need meanwhile."""
    flops: int
    """Floating-point operations of matrix products and attention, masked pairs counted."""
    exchanges: dict[str, Exchange]
    """By kind of collective."""

    @property
    def states_bytes(self) -> int:
        """What stays from step to step, and the gradients."""
        return self.parameters_bytes + self.gradients_bytes + self.optimizer_bytes

    @property
    def peak_bytes(self) -> int:
        """All of it."""
        return self.states_bytes + self.activations_bytes
