"""From a step of a run back to the documents of its batch. Torch-free."""

from argosy.config import UserError, Venture, resolve_recipe, transformer_config
from argosy.data import BatchPlan, TracedRow, open_dataset
from argosy.data import trace as trace_batch
from argosy.storage import Run
from argosy.training.manifest import latest_checkpoint


def trace(venture: Venture, run: Run, step: int, row: int | None) -> list[TracedRow]:
    """The documents behind the batch of training step `step` (from 1), as it was trained if it was.

    Raises:
        UserError: the run has no such step or row, or its data are not what the checkpoint was trained on.
    """
    store = open_dataset(run.data, verify=False)
    latest = latest_checkpoint(run.checkpoints)
    if latest is not None:
        numbers, seed, skipped = latest.recipe, latest.cursor.seed, latest.cursor.skipped
    else:
        numbers = resolve_recipe(venture, transformer_config(venture, store.index.vocabulary_size))
        seed, skipped = venture.training.seed, ()
    if not 1 <= step <= numbers.steps:
        raise UserError("bad-step", f"step {step} is not one of this run's steps 1 to {numbers.steps}")
    plan = BatchPlan(store, numbers.batch_size, numbers.sequence_length, seed, skipped)
    if latest is not None:
        plan.check_cursor(latest.cursor)
    rows = trace_batch(store, plan, step - 1, row)
    return [traced.model_copy(update={"step": step, "batch": traced.batch + 1}) for traced in rows]
