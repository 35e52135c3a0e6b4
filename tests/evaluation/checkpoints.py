"""A checkpoint record around a model made by hand."""

from pathlib import Path

from argosy.config import Execution, Layout, Recipe, TransformerConfig
from argosy.data import Cursor
from argosy.training import Checkpoint


def checkpoint_of(config: TransformerConfig, folder: Path) -> Checkpoint:
    """The record of a checkpoint in `folder` that was never trained."""
    recipe = Recipe(
        steps=1,
        batch_size=1,
        sequence_length=config.sequence_length,
        learning_rate=1e-3,
        warmup_steps=0,
        decay_steps=0,
        checkpoint_every=1,
        evaluate_every=1,
    )
    return Checkpoint(
        step=1,
        tokens=1,
        loss=1.0,
        model=config,
        recipe=recipe,
        configuration={},
        layout=Layout(),
        execution=Execution(micro_batch=1, precision="float32", compile=False, recompute=False),
        cursor=Cursor(manifest_sha256="0" * 64, seed=0, batch_size=1, sequence_length=config.sequence_length, step=1),
        files={},
        folder=folder,
    )
