"""Cleaning, one-hot, normalisation: learned from training features, the same for all that follow."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from argosy.config import UserError
from argosy.data import Cleaning, Normalization, OneHot, Preprocessing, as_arrays
from argosy.data.tables import typed

pytestmark = pytest.mark.fast
TABLE = [
    [1.0, "red", 5, None, 7],
    [None, "blue", 5, 2.0, 7],
    [3.0, None, 5, 4.0, 7],
    [float("inf"), "red", 5, 9.0, 7],
]


def test_a_table_of_everything() -> None:
    steps = Preprocessing("cleaning", "one_hot", "normalization")
    features = steps.fit(TABLE)
    # Two numeric columns that vary, and blue, missing, red.
    assert features.shape == (4, 5) and features.dtype == np.float32
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-5)
    other = steps([[2.0, "green", 1, 4.0, "ignored"]])
    cleaned = Preprocessing("cleaning", "one_hot")
    cleaned.fit(TABLE)
    assert cleaned([[None, "green", 1, 4.0, 0]]).tolist() == [[2.0, 4.0, 0.0, 0.0, 0.0]]  # median; unknown category
    restored = Preprocessing.restored(json.loads(json.dumps(steps.state())))
    assert restored.fitted and np.array_equal(restored([[2.0, "green", 1, 4.0, 0]]), other)


@given(arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.floats(-1e3, 1e3, width=16)))
def test_normalization_is_of_the_training_features_alone(train: np.ndarray) -> None:
    step = Normalization()
    step.fit(train)
    scaled = step(train)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(step(train[:1]), scaled[:1])


@given(st.integers(0, 2**32 - 1))
def test_cleaning_leaves_nothing_that_is_not_finite(seed: int) -> None:
    chance = np.random.default_rng(seed)
    train = chance.normal(size=(20, 4))
    train[chance.random((20, 4)) < 0.3] = np.nan
    step = Cleaning()
    step.fit(train)
    assert np.isfinite(step(train)).all() and np.isfinite(step(np.full((2, 4), np.nan))).all()


def test_images_are_scaled_as_one_and_channels_apart() -> None:
    chance = np.random.default_rng(0)
    grey, colour = chance.random((9, 4, 4)), chance.random((9, 3, 4, 4)) * np.array([1, 10, 100])[:, None, None]
    for images, axes in ((grey, (0, 1, 2)), (colour, (0, 2, 3))):
        step = Normalization()
        step.fit(images)
        np.testing.assert_allclose(step(images).mean(axis=axes), 0, atol=1e-5)
        np.testing.assert_allclose(step(images).std(axis=axes), 1, rtol=1e-4)


def test_numbers_beside_categories_stay_numbers() -> None:
    steps = Preprocessing("cleaning", "one_hot")
    data = as_arrays(TABLE, [0, 1, 0, 1], steps.fit)
    assert data.features.dtype == np.float32 and data.features.shape == (4, 5)
    assert typed(["1", "NA", " 3 ", ""]) == [1.0, None, 3.0, None] and typed(["1", "x"]) == ["1", "x"]


class Frame:
    """What a data frame is to us: named columns, chosen by name, read by NumPy."""

    def __init__(self, **columns: list[Any]) -> None:
        self.data, self.columns = columns, list(columns)

    def __getitem__(self, names: list[str]) -> "Frame":
        return Frame(**{name: self.data[name] for name in names})

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(list(self.data.values()), dtype=object).T


def test_columns_of_a_frame_are_found_by_name() -> None:
    steps = Preprocessing("cleaning")
    steps.fit(Frame(age=[1, 2, 3], size=[9, 8, 7]))
    assert steps(Frame(size=[5], age=[4])).tolist() == [[4, 5]]
    with pytest.raises(UserError, match=r"column 'age' is missing \(did you mean 'aged'|column 'age' is missing"):
        steps(Frame(size=[5], aged=[4]))


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: Preprocessing("normalisation"), "did you mean 'normalization'"),
        (lambda: Preprocessing("normalization").fit(TABLE), "features hold text"),
        (lambda: Preprocessing("cleaning").fit(np.ones((3, 2))), "every column is constant"),
        (lambda: Preprocessing("cleaning").fit(np.ones((3, 2, 2))), r"shape \[3, 2, 2\]: expected a table"),
        (lambda: Preprocessing(OneHot([7])).fit(TABLE), "there are columns 0 to 4"),
        (lambda: _fitted()(np.ones((1, 3))), "3 columns, expected 2"),
        (lambda: _fitted()([[1.0, "x"]]), r"\[0, 1\] is 'x', expected a number"),
    ],
)
def test_what_does_not_fit_is_named(work: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        work()


def _fitted() -> Preprocessing:
    steps = Preprocessing("cleaning")
    steps.fit(np.arange(6).reshape(3, 2))
    return steps
