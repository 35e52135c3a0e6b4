"""What a rank exchanges with others in a step, counted call by call.

Bytes are those of whole tensors; a ring moves (n − 1)/n of them for a gather or a reduction to shards among n ranks,
and twice that for a reduction to all (Thakur et al. 2005), which is what `step_time` charges a link for.
"""

from collections import defaultdict

from argosy.planning.rank_parts import WIDE, RankParts, is_replicated
from argosy.planning.rank_use import Exchange
from argosy.planning.stages import rank_of

CHUNK_ELEMENTS, CHUNK_ROWS = 1 << 27, 256  # of logits at once, on accelerators
DOUBLE = 8  # bytes of float64, in which ranks add up losses and norms


class _Ledger:
    def __init__(self) -> None:
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.bytes: defaultdict[str, int] = defaultdict(int)

    def add(self, kind: str, size: int, calls: int = 1) -> None:
        """So many calls with tensors of `size` bytes each."""
        if calls:
            self.calls[kind] += calls
            self.bytes[kind] += calls * size


def exchanges_of(rank: RankParts) -> dict[str, Exchange]:
    """Every collective of a step, from the first forward pass to the loss that all ranks are told."""
    ledger = _Ledger()
    if rank.layout.ranks == 1:
        return {}
    _shards(rank, ledger)
    for rows in rank.micro_batches:
        if rank.layout.tensor > 1:
            _products(rank, ledger, rows)
        if rank.layout.context > 1:
            _sequences(rank, ledger, rows)
        if rank.layout.pipeline > 1:
            _stages(rank, ledger, rows)
    _tied(rank, ledger)
    replicated = is_replicated(rank.layout)
    if replicated:
        ledger.add("all_reduce", WIDE * sum(rank.whole(unit) for unit in rank.units()))
    else:
        ledger.add("all_reduce", DOUBLE)  # the gradient norm
    ledger.add("all_reduce", 2 * DOUBLE)  # loss, and whether to stop
    return {kind: Exchange(calls=ledger.calls[kind], bytes=ledger.bytes[kind]) for kind in sorted(ledger.calls)}


def passes_of(rank: RankParts) -> int:
    """How often sharded parameters are gathered from scratch in a step."""
    return rank.execution.accumulation if rank.layout.pipeline > 1 else len(rank.micro_batches)


def keeps(rank: RankParts) -> bool:
    """Whether gathered blocks stay from forward to backward."""
    reshard = rank.setup.training.reshard
    return rank.layout.pipeline > 1 if reshard == "auto" else not reshard


def _shards(rank: RankParts, ledger: _Ledger) -> None:
    """FSDP: parameters gathered, gradients reduced in float32, and summed over replicas of shards.

    Accumulating without a pipeline, only the last pass reduces.
    """
    if not rank.sharded:
        return
    passes, reductions = passes_of(rank), rank.execution.accumulation if rank.layout.pipeline > 1 else 1
    for unit in rank.units():
        size, each = rank.padded(unit), rank.gathered_bytes if unit.block else WIDE
        gathers = passes * (2 if unit.block and not keeps(rank) else 1)
        if rank.sharing > 1:
            ledger.add("all_gather", rank.sharing * size * each, gathers)
            ledger.add("reduce_scatter", rank.sharing * size * WIDE, reductions)
        if rank.layout.data > 1:
            ledger.add("all_reduce", size * WIDE, reductions)


def _products(rank: RankParts, ledger: _Ledger, rows: int) -> None:
    """Tensor parallelism with sequence parallelism: the residual stream is in float32 between products."""
    states, blocks = rows * rank.tokens * rank.config.dim, sum(rank.blocks)
    wide, narrow = states * WIDE, states * rank.product_bytes
    again = blocks if rank.execution.recompute else 0  # all but the last sum, which nothing needs again
    ledger.add("all_gather", wide, 2 * blocks + 2 * again)
    ledger.add("reduce_scatter", wide, 2 * blocks)
    ledger.add("reduce_scatter", narrow, 2 * blocks + again)
    ledger.add("all_gather", narrow, 2 * blocks)
    for one in rank.block.parameters:
        if one.vector or (one.name in ("wk", "wv") and rank.config.kv_heads % rank.layout.tensor):
            ledger.add("all_reduce", one.rows * one.columns * rank.gathered_bytes, blocks)
    if rank.first:
        ledger.add("reduce_scatter", wide)
        ledger.add("all_gather", wide)
    if rank.last:
        ledger.add("all_gather", wide)
        ledger.add("reduce_scatter", wide)
        ledger.add("all_reduce", rank.config.dim * WIDE)
        for tokens in loss_chunks(rank, rows):
            ledger.add("all_reduce", tokens * WIDE)  # the largest logit
            ledger.add("all_reduce", 2 * tokens * WIDE)  # the sum of exponentials, the target's logit


def loss_chunks(rank: RankParts, rows: int) -> list[int]:
    """Tokens whose logits exist at once, chunk by chunk."""
    tokens = rows * rank.tokens
    size = max(CHUNK_ROWS, CHUNK_ELEMENTS // -(-rank.config.vocabulary_size // rank.layout.tensor))
    return [min(size, tokens - start) for start in range(0, tokens, size)]


def _sequences(rank: RankParts, ledger: _Ledger, rows: int) -> None:
    """Context parallelism: keys and values of the whole sequence, and their gradients back to their owners."""
    size = rows * rank.kv_heads * rank.config.sequence_length * rank.config.head_dim * rank.product_bytes
    blocks = sum(rank.blocks)
    ledger.add("all_gather", size, (4 if rank.execution.recompute else 2) * blocks)
    ledger.add("reduce_scatter", size, 2 * blocks)


def _stages(rank: RankParts, ledger: _Ledger, rows: int) -> None:
    """States to the next stage and their gradients to the one before, unless the rank has that itself."""
    size = rows * rank.tokens // rank.layout.tensor * rank.config.dim * WIDE
    owner = [rank_of(stage, rank.layout.pipeline, rank.execution.schedule) for stage in range(rank.stage_count)]
    for stage in rank.stages:
        links = [other for other in (stage - 1, stage + 1) if 0 <= other < rank.stage_count]
        away = sum(owner[other] != owner[stage] for other in links)
        ledger.add("send", size, away)
        ledger.add("receive", size, away)


def _tied(rank: RankParts, ledger: _Ledger) -> None:
    """The gradient of an embedding that is the head of another rank."""
    if rank.config.tied_embeddings and rank.first != rank.last:
        size = WIDE * max(rank.own(one) for unit in rank.units() if not unit.block for one in unit.parameters)
        ledger.add("send", size)
        ledger.add("receive", size)
