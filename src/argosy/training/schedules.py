"""Learning-rate schedules: the share of the peak rate at each step, a pure function of the step."""

import math
from typing import NamedTuple, get_args

from argosy.config import Recipe, Schedule

SCHEDULES: tuple[str, ...] = get_args(Schedule)
COSINE_FLOOR = 0.1  # of the peak, as in Hoffmann et al. 2022


class Length(NamedTuple):
    """How long training is, and the parts of it that a schedule knows; as in `Recipe`."""

    steps: int
    """Optimiser updates."""
    warmup_steps: int
    """Steps over which the learning rate rises."""
    decay_steps: int
    """Steps over which `wsd` decays."""


def learning_rate_factor(schedule: str, step: int, recipe: Recipe | Length) -> float:
    """Share of the peak learning rate for update `step`, counted from 0.

    Linear warm-up, then `cosine` to a tenth of the peak (Loshchilov & Hutter 2017), `wsd`: constant, then linear to
    zero over the last `decay_steps` (Hu et al. 2024, MiniCPM; linear as in Hägele et al. 2024), or `constant`.
    """
    if step < recipe.warmup_steps:
        return (step + 1) / (recipe.warmup_steps + 1)
    if schedule == "constant":
        return 1.0
    if schedule == "wsd":
        remaining = recipe.steps - step
        return min(1.0, remaining / (recipe.decay_steps + 1))
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return COSINE_FLOOR + (1 - COSINE_FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
