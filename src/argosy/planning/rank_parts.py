"""A rank's place in a layout, and the parts of the model that it has, counted as training divides them."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from argosy.config import Layout
from argosy.planning.rank_use import RankSetup
from argosy.planning.stages import layer_costs, split, stages_of

WIDE = 4  # bytes of float32: parameters, gradients, the residual stream


class Parameter(NamedTuple):
    """One parameter of a rank, before replicas share it."""

    name: str
    """Without the block's."""
    rows: int
    """Of this rank's part."""
    columns: int
    """1 of a vector."""
    vector: bool = False
    """A norm's weight."""


class Unit(NamedTuple):
    """Parameters that sharding gathers together: a block's, or what is outside of blocks."""

    block: bool
    """Whether they are a block's."""
    parameters: tuple[Parameter, ...]
    """Each once."""


def chunk(length: int, place: int, parts: int) -> int:
    """Length of a chunk, as `torch.chunk` divides: ⌈length / parts⌉ as long as there are."""
    size = -(-length // parts)
    return max(0, min(size, length - place * size))


class RankParts:
    """Sizes that all counts of one rank need.

    Ranks are numbered as training's mesh does, pipeline outermost, then data, shard, context, tensor.
    """

    def __init__(self, setup: RankSetup) -> None:
        self.setup, self.config, self.layout, self.execution = setup, setup.model, setup.layout, setup.execution
        layout = self.layout
        rest, self.tensor_place = divmod(setup.rank, layout.tensor)
        rest, self.context_place = divmod(rest, layout.context)
        rest, shard = divmod(rest, layout.shard)
        self.pipeline_place = rest // layout.data
        self.sharing = layout.shard * layout.context
        """Ranks that share parameters."""
        self.shard_place = shard * layout.context + self.context_place
        self.sharded = layout.data * self.sharing > 1 and not is_replicated(layout)
        """Whether FSDP holds the parameters."""
        self.rows = -(-setup.batch_size // (layout.data * layout.shard))
        self.tokens = setup.model.sequence_length // layout.context
        """Of a sequence, on this rank."""
        self.product_bytes = 2 if self.execution.precision == "bfloat16" else WIDE
        """Of a number in matrix products."""
        self.gathered_bytes = self.product_bytes if self.sharded else WIDE
        """Of a number of a block's weights as its products get them."""
        self.vocabulary = chunk(setup.model.vocabulary_size, self.tensor_place, layout.tensor)
        """Tokens whose logits this rank has."""
        self.kv_heads = max(1, setup.model.kv_heads // layout.tensor)
        """Key and value heads that it computes."""
        self.heads = setup.model.heads // layout.tensor
        self.ffn = chunk(setup.model.ffn_dim, self.tensor_place, layout.tensor)

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """Those of this rank."""
        if self.layout.pipeline == 1:
            return (0,)
        how = self.execution
        return tuple(stages_of(self.pipeline_place, self.layout.pipeline, how.schedule, how.virtual_stages))

    @property
    def stage_count(self) -> int:
        """Of all ranks."""
        return self.layout.pipeline * (self.execution.virtual_stages if self.layout.pipeline > 1 else 1)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """How many blocks each of its stages has."""
        ranges = split(layer_costs(self.config), self.stage_count)
        return tuple(len(ranges[stage]) for stage in self.stages)

    @property
    def first(self) -> bool:
        """Whether it has the embedding."""
        return 0 in self.stages

    @property
    def last(self) -> bool:
        """Whether it has the final norm and the head."""
        return self.stage_count - 1 in self.stages

    @property
    def micro_batches(self) -> list[int]:
        """Rows of each forward pass of a step."""
        size = self.execution.micro_batch
        return [min(size, self.rows - start) for start in range(0, self.rows, size)]

    def units(self) -> Iterator[Unit]:
        """What sharding gathers at once, stage by stage."""
        for stage, blocks in zip(self.stages, self.blocks, strict=True):
            outside = tuple(self._outside(stage))
            yield from [self.block] * blocks
            if outside:
                yield Unit(False, outside)

    @cached_property
    def outside(self) -> tuple[Unit, ...]:
        """Those that are not blocks."""
        return tuple(unit for unit in self.units() if not unit.block)

    @cached_property
    def block(self) -> Unit:
        """One block's parameters."""
        c, dim, head = self.config, self.config.dim, self.config.head_dim
        queries = self.heads * head
        narrow = self.kv_heads * head if c.kv_heads % self.layout.tensor == 0 else c.kv_heads * head
        norms = [Parameter(f"{name}_norm", dim, 1, True) for name in ("attention", "ffn")]
        if c.qk_norm:
            norms += [Parameter(f"{name}_norm", head, 1, True) for name in "qk"]
        return Unit(
            True,
            (
                *norms,
                Parameter("wq", queries, dim),
                Parameter("wk", narrow, dim),
                Parameter("wv", narrow, dim),
                Parameter("wo", dim, queries),
                Parameter("w1", self.ffn, dim),
                Parameter("w2", dim, self.ffn),
                Parameter("w3", self.ffn, dim),
            ),
        )

    def _outside(self, stage: int) -> Iterator[Parameter]:
        first, last = stage == 0, stage == self.stage_count - 1
        if first:
            yield Parameter("embedding", self.vocabulary, self.config.dim)
        if last:
            yield Parameter("norm", self.config.dim, 1, True)
            if not (first and self.config.tied_embeddings):
                yield Parameter("head", self.vocabulary, self.config.dim)

    def own(self, parameter: Parameter) -> int:
        """Numbers of a parameter that this rank keeps."""
        rows = chunk(parameter.rows, self.shard_place, self.sharing) if self.sharded else parameter.rows
        return rows * parameter.columns

    def owned(self, unit: Unit) -> int:
        """Numbers of a unit that this rank keeps."""
        return sum(map(self.own, unit.parameters))

    def padded(self, unit: Unit) -> int:
        """Numbers that each rank gives to a gather of a unit, or gets from its reduction."""
        return sum(math.ceil(one.rows / self.sharing) * one.columns for one in unit.parameters)

    def whole(self, unit: Unit) -> int:
        """Numbers of a unit before replicas share it."""
        return sum(one.rows * one.columns for one in unit.parameters)


def is_replicated(layout: Layout) -> bool:
    """Whether each rank has the whole model, and DDP averages gradients."""
    return layout.ranks == layout.data
