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
    """Sequences in one step, over all ranks."""
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


class RankComparison(Record):
    """One rank by both ways of counting."""

    counted: RankUse
    """By a dry run: the rank that training would start, on tensors without data."""
    planned: RankUse
    """On paper."""
    ratios: dict[str, float]
    """Planned over counted, by what is compared."""


class DryRun(Record):
    """The fullest ranks of a layout, none of which has run."""

    layout: Layout
    """How the model is laid out."""
    execution: Execution
    """How each rank carries out its part; never compiled."""
    parameters: int
    """Of the whole model."""
    batch_size: int
    """Sequences of a step, over all ranks."""
    sequence_length: int
    """Tokens of each."""
    ranks: tuple[RankComparison, ...]
    """The first rank of each stage of a pipeline; of many stages the first, the middle and the last."""
    seconds: float
    """That the dry run took."""


def compare(counted: RankUse, planned: RankUse) -> RankComparison:
    """Set both side by side; what neither has is left out."""
    pairs = {name: (getattr(planned, name), getattr(counted, name)) for name in COMPARED}
    for kind in sorted({*counted.exchanges, *planned.exchanges}):
        nothing = Exchange(calls=0, bytes=0)
        pairs[kind] = planned.exchanges.get(kind, nothing).bytes, counted.exchanges.get(kind, nothing).bytes
    ratios = {name: ours / theirs for name, (ours, theirs) in pairs.items() if theirs}
    return RankComparison(counted=counted, planned=planned, ratios=ratios)


COMPARED = ("parameters_bytes", "gradients_bytes", "optimizer_bytes", "activations_bytes", "peak_bytes", "flops")
