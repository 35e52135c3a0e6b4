"""How each rank carries out its part of a step, as far as it follows from the venture and its layout."""

from argosy.config.layout import Execution, Layout, Precision
from argosy.config.recipe import Recipe
from argosy.config.venture import TrainingConfig


def execution_of(
    training: TrainingConfig, recipe: Recipe, layout: Layout, *, precision: Precision, compiled: bool
) -> Execution:
    """The execution of a step in a layout, when precision and compilation have been decided."""
    piped, passes = layout.pipeline > 1, training.accumulation or 1
    rows = -(-recipe.batch_size // (layout.data * layout.shard))
    usual = pipeline_micro_batch(rows, passes, layout.pipeline) if piped else -(-rows // passes)
    return Execution(
        micro_batch=min(training.micro_batch or usual, rows),
        precision=precision,
        compile=compiled and not (piped and training.pipeline_schedule == "zero-bubble"),
        recompute=training.recompute,
        accumulation=passes if piped else 1,
        schedule=training.pipeline_schedule,
        virtual_stages=virtual_stages(training) if piped else 1,
    )


def virtual_stages(training: TrainingConfig) -> int:
    """Stages of one rank of a pipeline."""
    usual = 1 if training.pipeline_schedule in ("gpipe", "1f1b") else 2
    return training.virtual_stages or usual


def pipeline_micro_batch(rows: int, passes: int, stages: int) -> int:
    """The largest micro-batch with which there are twice as many as stages, else as many, else 1."""
    each = rows // passes
    for least in (2 * stages, stages):
        sizes = [size for size in range(1, each // least + 1) if each % size == 0 and (each // size) % stages == 0]
        if sizes:
            return sizes[-1]
    return 1
