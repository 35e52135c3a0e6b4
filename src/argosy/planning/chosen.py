"""The layout of a training that leaves it to the planner."""

from collections.abc import Callable
from typing import Any

from argosy.config import Layout, Venture, resolve_recipe, transformer_config
from argosy.planning.asking import question_of
from argosy.planning.feasibility import job_of
from argosy.planning.here import accelerators_here, is_here
from argosy.planning.layouts import Candidate, search
from argosy.planning.own_trainer import degrees_of, has, training_keys_of


def choose_layout(venture: Venture, ranks: int | None, accept: Callable[[Layout, dict[str, Any]], bool]) -> Candidate:
    """The fastest layout of a venture's training on this machine's accelerators, or on `ranks` of their kind.

    Its batch stays what it is. `accept` is asked about each layout and the keys of `training` that belong to it. Raises
    `UserError` as `plan` does, `no-layout` where none is accepted.
    """
    recipe = resolve_recipe(venture, transformer_config(venture, venture.data.vocabulary_size))
    here = venture.model_copy(update={"plan": venture.plan.model_copy(update={"accelerators": None})})
    question = question_of(here, {"batch_tokens": float(recipe.tokens_per_step)})
    if ranks is not None and not is_here(accelerators_here()[0]):
        question = question.model_copy(update={"accelerators": ranks})
    asked = job_of(question)
    return search(
        asked, batch_change=0.0, accept=lambda job: has(job) and accept(degrees_of(job), training_keys_of(job))
    ).best
