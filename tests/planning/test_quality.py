"""Scaling laws: published figures, optima against grids, and the loss of runs the constants were not fitted on."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import UserError
from argosy.planning import BESIROGLU, HOFFMANN, compute_optimal, effective_tokens, inference_aware, predict_loss

pytestmark = pytest.mark.fast


@given(st.floats(1e17, 1e27))
def test_the_optimum_is_the_best_of_a_grid(flops: float) -> None:
    found = compute_optimal(flops)
    assert found.flops == pytest.approx(flops)
    for change in (0.5, 0.9, 1.1, 2.0):
        parameters = change * found.parameters
        assert BESIROGLU.loss(parameters, flops / 6 / parameters) > found.loss


def test_chinchilla_has_about_twenty_tokens_for_each_parameter() -> None:
    """Besiroglu et al. 2024, figure 5: near 20 at Chinchilla's budget; the published constants give about 70."""
    ours, theirs = compute_optimal(5.76e23), compute_optimal(5.76e23, HOFFMANN)
    assert 15 < ours.tokens / ours.parameters < 30
    assert 50 < theirs.tokens / theirs.parameters < 100


@given(st.floats(2.0, 3.5), st.floats(0, 1e14))
def test_serving_much_makes_smaller_models_cheaper(loss: float, served: float) -> None:
    found = inference_aware(loss, served)
    assert found.loss == pytest.approx(loss, rel=1e-6)
    alone = inference_aware(loss, 0.0)
    assert found.parameters <= alone.parameters * (1 + 1e-4) and found.tokens >= alone.tokens * (1 - 1e-3)
    optimal = compute_optimal(alone.flops)
    assert optimal.loss == pytest.approx(loss, rel=1e-4), "serving nothing, it is the compute-optimal model"


def test_a_loss_that_nothing_reaches() -> None:
    with pytest.raises(UserError, match="cannot be reached") as caught:
        inference_aware(1.8, 0.0)
    assert caught.value.code == "unreachable-loss"


@given(st.floats(1e8, 1e13), st.floats(1, 1000))
def test_repeated_text_is_worth_less_and_never_nothing(unique: float, epochs: float) -> None:
    worth = effective_tokens(unique * epochs, unique)
    assert unique <= worth * (1 + 1e-12) and worth <= unique * epochs * (1 + 1e-12)
    assert worth <= unique * (1 + 15.387756)


def test_four_epochs_are_nearly_as_good_as_new_text() -> None:
    """Muennighoff et al. 2023: up to four epochs cost almost nothing; forty are worth little more than sixteen."""
    assert effective_tokens(4e9, 1e9) == pytest.approx(4e9, rel=0.1)
    assert effective_tokens(40e9, 1e9) < 0.4 * 40e9


def test_the_interval_says_whose_text_and_widens_away_from_the_fit() -> None:
    near, far = predict_loss(1e9, 2e10), predict_loss(1e12, 2e13)
    assert near.low < near.nats_per_token < near.high and "MassiveText" in near.text
    assert far.high - far.low >= near.high - near.low
    assert abs(near.hoffmann - near.nats_per_token) < 0.2 and near.epochs == 1
    assert predict_loss(1e9, 2e10, unique_tokens=1e9).nats_per_token > near.nats_per_token


def test_published_losses_lie_in_the_interval(data_folder: Path) -> None:
    """Points read off Hoffmann's figure, of more compute than nine tenths of them."""
    with (data_folder / "planner" / "loss.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"].startswith("epoch-research/analyzing-chinchilla")]
    runs = [(float(row["params"]), float(row["tokens"]), float(row["loss"])) for row in rows if row["params"]]
    large = sorted(runs, key=lambda run: -run[0] * run[1])[: len(runs) // 10]
    found = [predict_loss(parameters, tokens) for parameters, tokens, _ in large]
    inside = [one.low <= loss <= one.high for one, (_, _, loss) in zip(found, large, strict=True)]
    assert len(large) >= 20 and np.mean(inside) >= 0.85
    assert max(abs(math.log(one.nats_per_token / loss)) for one, (_, _, loss) in zip(found, large, strict=True)) < 0.05
