"""Most that a rank's forward and backward need beyond its states: every tensor that autograd keeps, counted.

The peak is at one of a few moments: the loss, the first block on the way back, and the exchange of what is outside of
blocks at the end. Kernels of attention that store no matrix. `docs/explanation/planner.md` has the table.

Letters in names: `N` tokens of a forward pass on this rank, `n` those of its part of the sequence between products.
"""

from functools import cached_property

from argosy.planning.rank_exchanges import keeps, loss_chunks
from argosy.planning.rank_parts import WIDE, RankParts, is_replicated

# Of what autograd keeps of a block, what a compiler leaves and the allocator holds: 0.55, 0.60 and 0.59 in runs of
# 100 M, 300 M and 1 B parameters on an H100 (benchmarks/results/gpu_training.json, PyTorch 2.11).
COMPILED = 0.58
NORM_BACKWARD = 5  # float32 states in the backward pass of the last norm, its output among them


def activations_bytes(rank: RankParts) -> int:
    """The largest of all passes: the first finds no gradients of others, later ones do."""
    passes = {(rows, place > 0) for place, rows in enumerate(rank.micro_batches)}
    return max(RankActivations(rank, rows, later=later).peak for rows, later in passes)


class RankActivations:
    """Bytes of a pass over so many rows, moment by moment."""

    def __init__(self, rank: RankParts, rows: int, *, later: bool = False) -> None:
        self.rank, self.config, self.tensor, self.rows, self.later = rank, rank.config, rank.layout.tensor, rows, later
        self.tokens = rows * rank.tokens
        self.states = self.tokens / self.tensor * rank.config.dim * WIDE
        """Of the residual stream, once."""
        self.width = rank.product_bytes
        self.blocks = sum(rank.blocks)
        self.micro_batches = len(rank.micro_batches) // (rank.execution.accumulation if rank.layout.pipeline > 1 else 1)
        self.block_numbers = sum(one.rows * one.columns for one in rank.block.parameters)
        self.outside_numbers = sum(rank.whole(unit) for unit in rank.outside)
        self.head_numbers = rank.vocabulary * rank.config.dim if rank.last else 0

    @property
    def peak(self) -> int:
        """Most beyond parameters and the gradients that are left in the end."""
        ends = {done for done in (0, 1, self.blocks - 2, self.blocks - 1) if 0 <= done < self.blocks}
        moments = [self.end, *map(self.on_the_way_back, sorted(ends))]  # between them, each block changes as much
        moments += [self.loss, self.last_norm] if self.rank.last else []
        return round(max(moments))

    @cached_property
    def layer(self) -> float:
        """What autograd keeps of one block."""
        rank, config, N, w = self.rank, self.config, self.tokens, self.width
        n, whole = N / self.tensor, N * rank.layout.context
        queries, narrow = rank.heads * config.head_dim, rank.kv_heads * config.head_dim
        keys = queries if rank.heads > rank.kv_heads else narrow  # each head's own copy
        norms = 4 * self.states + 2 * WIDE * n  # inputs, normalised values, and one factor for each token
        inputs = (5 * w if w < WIDE else 2 * w) * config.dim * N  # one copy for each product that casts
        outputs = queries * N * (2 if rank.layout.context > 1 else 1)
        attention = w * (queries * N + 2 * keys * whole + outputs) + WIDE * rank.heads * N
        if config.qk_norm:
            attention += (WIDE + w) * (queries + narrow) * N + WIDE * (rank.heads + rank.kv_heads) * N
        found: float = norms + inputs + attention + 4 * w * rank.ffn * N
        return COMPILED * found if rank.execution.compile else found

    @property
    def kept(self) -> float:
        """What it keeps of all blocks for one micro-batch, with the states that come out of its stages."""
        block = self.states if self.rank.execution.recompute else self.layer
        return self.blocks * block + len(self.rank.stages) * self.states

    @cached_property
    def in_flight(self) -> float:
        """Micro-batches whose activations are there at once; pieces of them where a rank has several stages.

        1F1B and interleaved: Narayanan et al. 2021 (arXiv:2104.04473), section 2.2; the V of zero bubble: Qi et al.
        2024 (arXiv:2401.10241), section 6.
        """
        rank, pieces, ranks = self.rank, len(self.rank.stages), self.rank.layout.pipeline
        if ranks == 1:
            return 1
        held = {
            "gpipe": self.micro_batches * pieces,
            "1f1b": ranks - rank.pipeline_place,
            "interleaved": (pieces - 1) * ranks + 2 * (ranks - 1 - rank.pipeline_place) + 1,
            "zero-bubble": 2 * ranks,
        }[rank.execution.schedule]
        most = self.micro_batches * pieces
        return (held if held < most else most - self.later) / pieces

    @cached_property
    def resident(self) -> float:
        """What is there at every peak: other micro-batches and their mail, parameters that sharding gathered."""
        rank = self.rank
        found = self.kept * (self.in_flight - 1)
        if rank.layout.pipeline > 1:  # mail boxes, in which what goes into a stage stays
            stages = len(rank.stages)
            found += self.states * self.micro_batches * (2 * stages - rank.first - rank.last)
            found -= self.states * self.in_flight * (stages - rank.first)
        if rank.sharded:
            found += WIDE * self.outside_numbers
        return found + self.gradients_before

    @cached_property
    def gradients_before(self) -> float:
        """Gradients of earlier passes, whole where ranks share them, less those that are left in the end."""
        rank = self.rank
        own = WIDE * (self.blocks * rank.owned(rank.block) + sum(map(rank.owned, rank.outside)))
        if is_replicated(rank.layout) and rank.layout.ranks > 1:
            # DDP has room for all from the start, and accumulates beside it before it averages.
            return own if self.later else 0.0
        left = own if rank.layout.pipeline > 1 and rank.execution.accumulation > 1 else 0  # by the pass before
        if not self.later:
            return left - own
        whole = self.blocks * self.block_numbers + self.outside_numbers
        return WIDE * whole + left - own if rank.sharded else 0.0

    def weights(self, done: int, *, loss: bool = False) -> float:
        """Copies of weights for products, when so many blocks have been passed on the way back.

        Sharded, those that stay, else the current and the next; of a rank's own in float32, autocast's.
        """
        rank = self.rank
        if rank.sharded:
            some = 1 if loss or done == self.blocks - 1 else 2
            return rank.gathered_bytes * self.block_numbers * (self.blocks + loss if keeps(rank) else some)
        matrices = sum(one.rows * one.columns for one in rank.block.parameters if not one.vector)
        return self.width * matrices * (self.in_flight * self.blocks - done) if self.width < WIDE else 0.0

    def gradients(self, done: int) -> float:
        """Gradients of so many blocks since the loss, and the input of the last one's reduction."""
        rank = self.rank
        found = float(WIDE * self.head_numbers)
        if self.gradients_before < 0 or rank.sharded:
            found += WIDE * done * rank.owned(rank.block)
        return found + (WIDE * self.block_numbers if rank.sharded and done else 0.0)

    @property
    def loss(self) -> float:
        """While logits exist: float32 gradients of the last states and of the head, and a copy of the head."""
        rank, w, dim = self.rank, self.width, self.config.dim
        chunks, V = loss_chunks(rank, self.rows), rank.vocabulary
        chunk = chunks[0]
        copy = 0 if w == WIDE else w
        logits = w + 2 * WIDE + (copy if self.tensor > 1 else 0) if w < WIDE else 2 * WIDE
        logits += w if len(chunks) > 1 else 0  # gradients of the chunk before
        products = w * V * chunk + max(3 * w * dim * chunk, w * dim * chunk + copy * V * dim)
        meanwhile = max(logits * V * chunk + copy * dim * chunk, products)
        around = self.states + 2 * WIDE * dim * self.tokens + (WIDE + copy) * self.head_numbers
        return self.kept + self.resident + around + meanwhile + self.weights(0, loss=True)

    @property
    def last_norm(self) -> float:
        """The norm's backward pass."""
        around = NORM_BACKWARD * self.states + self.gradients(0)
        return self.kept + self.resident + around + self.weights(0, loss=True)

    def on_the_way_back(self, done: int) -> float:
        """A block's backward pass, after so many others: in its feed-forward network, or when it ends."""
        rank, w = self.rank, self.width
        each = self.states if rank.execution.recompute else self.layer
        below = self.kept - (done + 1) * each
        # Feed-forward: the gradient of its hidden values with that of the last matrix, then those of both factors.
        hidden, last = w * rank.ffn * self.tokens, rank.ffn * self.config.dim
        new = rank.gathered_bytes if rank.sharded else WIDE if self.gradients_before < 0 else 0
        stream = self.states * rank.last + w * self.config.dim * self.tokens
        inside = self.layer + stream + max(hidden + w * last, 2 * hidden + new * last)
        ending = 3 * self.states + max(new, w) * self.block_numbers
        ending -= 0 if rank.sharded else self.weights(done) - self.weights(done + 1)  # its own copies are gone by then
        return below + self.resident + max(inside, ending) + self.weights(done) + self.gradients(done)

    @property
    def end(self) -> float:
        """What is outside of blocks is about to be reduced: gathered, and its gradients, beside the last reduction."""
        rank = self.rank
        if not rank.sharded:
            return 0.0
        own = sum(map(rank.owned, rank.outside))
        return self.states + WIDE * (2 * self.outside_numbers + self.block_numbers - own)
