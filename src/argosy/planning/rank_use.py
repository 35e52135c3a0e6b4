"""What a rank's step takes: the same figures whether counted on paper or by a dry run."""

from argosy.config import Execution, Layout, Record, TrainingConfig, TransformerConfig


class RankSetup(Record):
    """A rank whose step is to be counted."""

    model: TransformerConfig
    """Shape of the model."""
    layout: Layout
    """How it is laid out."""
    execution: Execution
    """How each rank carries out its part."""
    training: TrainingConfig
    """Optimiser and reshard policy."""
    batch_size: int
    """Sequences in one step, over all ranks; data × shard divides it."""
    document_mask: bool = False
    """Whether attention stops at the bounds of documents."""
    rank: int = 0
    """Which rank."""


class Exchange(Record):
    """One kind of collective in a step."""

    calls: int
    """How often."""
    bytes: int
    """Of whole tensors, summed over the calls: what a gather brings together, what this rank puts into a reduction,
    what it sends or receives."""


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
    """Most that forward and backward need beyond those: what autograd keeps, what sharding gathers and is about to
    reduce, logits, and results on their way."""
    flops: int
    """Floating-point operations of matrix products and attention, as MFU counts them, recomputation included."""
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
