"""A layout of any size tried out on paper and without data, on no accelerator at all."""

import sys
import time

from argosy import parallel as parallel_room
from argosy import training as training_room
from argosy.config import (
    AnyVenture,
    Precision,
    VentureError,
    execution_of,
    language_venture,
    resolve_recipe,
    transformer_config,
)
from argosy.planning import DryRun, RankSetup, compare, count_rank, ranks_to_count
from argosy.progress import progress
from argosy.workflow import language


def dry_run(venture: AnyVenture) -> DryRun:
    """Build the fullest ranks of a venture's layout without data, and count a step of each beside the plan of it.

    No text is needed: the vocabulary is `data.vocabulary_size`. Where precision is `auto` it is bfloat16, as on
    accelerators, and nothing is compiled. Raises `VentureError` for a layout that training refuses, `RunFailed`.
    """
    started = time.perf_counter()
    venture = language_venture(venture)
    if problems := language.check(venture, prepared=True, evaluated=True):
        raise VentureError(str(venture.folder / "venture.toml"), problems)
    setups = setups_of(venture)
    found = []
    with progress("counting", len(setups), "ranks") as advance:
        for setup, used in zip(setups, training_room.dry_run(setups), strict=True):
            found.append(compare(used, count_rank(setup)))
            advance(1)
            print(f"dry run: rank {setup.rank} of {setup.layout.ranks} counted", file=sys.stderr)
    first = setups[0]
    return DryRun(
        layout=first.layout,
        execution=first.execution,
        parameters=first.model.parameter_count(),
        batch_size=first.batch_size,
        sequence_length=first.model.sequence_length,
        ranks=tuple(found),
        seconds=time.perf_counter() - started,
    )


def setups_of(venture: AnyVenture) -> list[RankSetup]:
    """The ranks to count: the first of each stage, which have the most of what does not divide."""
    venture = language_venture(venture)
    config = transformer_config(venture, venture.data.vocabulary_size)
    recipe, layout, training = resolve_recipe(venture, config), venture.layout, venture.training
    parallel_room.refuse_layout(layout, training, config, recipe)
    precision: Precision = "bfloat16" if training.precision == "auto" else training.precision
    execution = execution_of(training, recipe, layout, precision=precision, compiled=False)
    setup = RankSetup(
        model=config,
        layout=layout,
        execution=execution,
        training=training,
        batch_size=recipe.batch_size,
        document_mask=venture.data.document_mask,
    )
    return [setup.model_copy(update={"rank": rank}) for rank in ranks_to_count(layout)]
