"""Counting a rank's step on paper: exact states, FLOPs and collectives, and activations from what autograd keeps.

Nothing here is fitted but what a compiler leaves: it is Argosy's own trainer, whose every tensor is known.
`argosy train --dry-run` builds the same rank on tensors without data and sets both side by side.
"""

from argosy.config import TrainingConfig
from argosy.planning.rank_activations import activations_bytes
from argosy.planning.rank_exchanges import exchanges_of
from argosy.planning.rank_parts import WIDE, Parameter, RankParts
from argosy.planning.rank_use import RankSetup, RankUse

STEP_BYTES = 4  # of AdamW's count of steps, one for each parameter


def count_rank(setup: RankSetup) -> RankUse:
    """What one rank needs, computes and exchanges in a step; compiled, its activations are a measured share."""
    rank = RankParts(setup)
    parameters = [(one, rank.own(one)) for unit in rank.units() for one in unit.parameters]
    kept = WIDE * sum(size for _, size in parameters)
    return RankUse(
        rank=setup.rank,
        stages=rank.stages,
        parameters_bytes=kept,
        gradients_bytes=kept,
        optimizer_bytes=sum(optimizer_bytes(one, size, setup.training) for one, size in parameters),
        activations_bytes=activations_bytes(rank),
        flops=flops_of(rank),
        exchanges=exchanges_of(rank),
    )


def optimizer_bytes(parameter: Parameter, size: int, training: TrainingConfig) -> int:
    """What the optimiser keeps of so many numbers of a parameter."""
    if training.optimizer == "sgd":
        return WIDE * size if training.beta1 else 0
    if training.optimizer == "muon" and not parameter.vector and parameter.name not in ("embedding", "head"):
        return WIDE * size
    return 2 * WIDE * size + STEP_BYTES


def flops_of(rank: RankParts) -> int:
    """Products forward, and backward twice as much; attention likewise, over all pairs, masked or not.

    Of a sequence that ranks share, each rank's two chunks attend to the keys up to their ends, (2c + 1)/4c of all pairs
    (all of them where documents are masked).
    """
    config, context = rank.config, rank.layout.context
    tokens, blocks = rank.rows * rank.tokens, sum(rank.blocks)
    queries, narrow = rank.heads * config.head_dim, rank.kv_heads * config.head_dim
    into = 2 * config.dim * (2 * queries + 2 * narrow + 2 * rank.ffn)
    last = 2 * config.dim * rank.ffn
    pairs = tokens * config.sequence_length
    if context > 1 and not rank.setup.document_mask:
        pairs = pairs * (2 * context + 1) // (4 * context)
    attention = 4 * pairs * queries
    layer = 3 * (tokens * (into + last) + attention)
    if rank.execution.recompute:  # all but the last product, which nothing needs again
        layer += tokens * into + attention
    head = 6 * tokens * config.dim * rank.vocabulary if rank.last else 0
    return blocks * layer + head
