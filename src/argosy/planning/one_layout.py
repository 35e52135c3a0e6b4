"""One layout as it is given: how fast, and whether it fits."""

from argosy.config import Execution, Layout, TrainingConfig, TransformerConfig, UserError
from argosy.hardware import AcceleratorSpec
from argosy.hardware import accelerator as find
from argosy.planning.job import Job, stack_of
from argosy.planning.layouts import Candidate, judge
from argosy.planning.shape import ModelShape, shape_of


def predict(
    shape: ModelShape | TransformerConfig,
    layout: Layout,
    execution: Execution,
    accelerator: AcceleratorSpec | str,
    *,
    batch_size: float,
    sequence_length: int | None = None,
    training: TrainingConfig | None = None,
) -> Candidate:
    """Predict throughput and memory of steps of `batch_size` sequences, laid out so.

    `sequence_length` is the configuration's unless given; `training` says what the optimiser keeps. Raises `UserError`:
    `unknown-accelerator`, and `bad-option` for degrees that do not divide the heads, the layers or the sequence, or a
    batch that has no sequence for some rank.
    """
    if isinstance(shape, TransformerConfig):
        sequence_length, shape = sequence_length or shape.sequence_length, shape_of(shape)
    if sequence_length is None:
        raise UserError("bad-option", "say how long a sequence is (sequence_length)")
    spec = find(accelerator) if isinstance(accelerator, str) else accelerator
    replicas = layout.data * layout.shard
    for what, size, name in (
        ("heads", shape.heads, "tensor"),
        ("key and value heads", shape.kv_heads, "tensor"),
        ("layers", shape.layers, "pipeline"),
        ("tokens of a sequence", sequence_length, "context"),
    ):
        if size % getattr(layout, name):
            raise UserError("bad-option", f"{name} = {getattr(layout, name)} does not divide {size:,} {what}")
    if batch_size < replicas:
        raise UserError("bad-option", f"{replicas} replicas cannot share a batch of {batch_size:g} sequences")
    return judge(
        Job(
            shape=shape,
            sequence_length=sequence_length,
            batch_size=batch_size,
            micro_batch=execution.micro_batch,
            accelerator=spec,
            ranks=layout.ranks,
            tensor=layout.tensor,
            pipeline=layout.pipeline,
            context=layout.context,
            virtual_stages=execution.virtual_stages,
            copies=layout.data if layout.shard > 1 else 1,
            sharding="full" if layout.shard > 1 else "none",
            arithmetic=execution.precision,
            recomputation="full" if execution.recompute else "none",
            compiled=execution.compile,
            stack=stack_of(spec),
            chunked_loss=True,
            recent_attention=True,
        ),
        execution,
        training,
    )
