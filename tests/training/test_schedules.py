"""Learning-rate schedules: bounds, ends and monotone parts for any length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import Recipe
from argosy.training.schedules import COSINE_FLOOR, learning_rate_factor

pytestmark = pytest.mark.fast


def _recipe(steps: int, warmup: int, decay: int) -> Recipe:
    return Recipe(
        steps=steps,
        batch_size=1,
        sequence_length=8,
        learning_rate=1.0,
        warmup_steps=warmup,
        decay_steps=decay,
        checkpoint_every=1,
        evaluate_every=1,
    )


@given(st.sampled_from(["cosine", "wsd", "constant"]), st.integers(1, 300), st.floats(0, 0.5), st.floats(0, 0.5))
def test_shape(schedule: str, steps: int, warmup: float, decay: float) -> None:
    recipe = _recipe(steps, int(warmup * steps), int(decay * steps))
    factors = [learning_rate_factor(schedule, step, recipe) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    rising, falling = factors[: recipe.warmup_steps + 1], factors[recipe.warmup_steps :]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert max(factors) == 1.0 or (schedule == "wsd" and recipe.warmup_steps + recipe.decay_steps >= steps)


def test_ends() -> None:
    recipe = _recipe(1000, 10, 300)
    assert learning_rate_factor("constant", 999, recipe) == 1.0
    assert learning_rate_factor("cosine", 999, recipe) == pytest.approx(COSINE_FLOOR, abs=1e-4)
    assert learning_rate_factor("wsd", 699, recipe) == 1.0
    assert learning_rate_factor("wsd", 999, recipe) == pytest.approx(1 / 301)
