"""Preparing features: cleaning, one-hot, normalisation; learned from the training examples, applied alike to all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from argosy.config import UserError, nearest
from argosy.data.arrays import refuse_not_finite

Array = npt.NDArray[Any]
MISSING = "missing"  # the category of text that is not there


class Step(Protocol):
    """One transformation of features [N, …]."""

    def fit(self, features: Array) -> None:
        """Learn from the training features."""

    def __call__(self, features: Array) -> Array:
        """Transform features like those."""


@dataclass
class Cleaning:
    """Of a table [N, D]: what is missing becomes its column's median, or a category of its own; constant columns go.

    Missing are None, empty text, and numbers that are not finite.
    """

    medians: list[float | None] = field(default_factory=list)
    """Of each column; None for text."""
    kept: list[int] = field(default_factory=list)
    """Columns that are not constant."""

    def fit(self, features: Array) -> None:
        """Learn the medians, and which columns are constant."""
        self.medians, self.kept = [], []
        for place, column in enumerate(_columns(features)):
            numbers = _numbers(column)
            finite = numbers[np.isfinite(numbers)] if numbers is not None else np.zeros(0)
            self.medians.append(None if numbers is None else float(np.median(finite)) if len(finite) else 0.0)
            if len(np.unique(self._filled(place, column))) > 1:
                self.kept.append(place)
        if not self.kept:
            raise UserError("bad-examples", "features: every column is constant, so nothing can be learned from them")

    def __call__(self, features: Array) -> Array:
        """Fill and select."""
        columns = _columns(features)
        if len(columns) != len(self.medians):
            raise _wrong_width(len(columns), len(self.medians))
        return _table([self._filled(place, columns[place]) for place in self.kept])

    def _filled(self, place: int, column: Array) -> Array:
        median = self.medians[place]
        if median is None:
            return np.array([MISSING if _is_missing(value) else str(value) for value in column], dtype=object)
        numbers = _numbers(column)
        if numbers is None:
            row = next(row for row, value in enumerate(column) if isinstance(value, str) and value)
            raise UserError("bad-examples", f"features: [{row}, {place}] is {column[row]!r}, expected a number")
        return np.where(np.isfinite(numbers), numbers, median)


@dataclass
class OneHot:
    """Of a table [N, D]: each of `columns` (those of text unless given) becomes a column for each of its categories.

    The others stay before them. A category that was not in the training features is all zeros.
    """

    columns: list[int] | None = None
    """Places of the columns."""
    categories: list[list[Any]] = field(default_factory=list)
    """Of each of them, sorted."""

    def fit(self, features: Array) -> None:
        """Learn the categories."""
        columns = _columns(features)
        if self.columns is None:
            self.columns = [place for place, column in enumerate(columns) if _numbers(column) is None]
        for place in self.columns:
            if not 0 <= place < len(columns):
                raise UserError("bad-examples", f"one-hot column {place}: there are columns 0 to {len(columns) - 1}")
        self.categories = [sorted(set(columns[place].tolist())) for place in self.columns]

    def __call__(self, features: Array) -> Array:
        """Replace the columns by zeros and ones."""
        columns, chosen = _columns(features), self.columns or []
        others = [column for place, column in enumerate(columns) if place not in chosen]
        rest = [column if (numbers := _numbers(column)) is None else numbers for column in others]
        ones = [
            (columns[place] == category).astype(np.float32)
            for place, categories in zip(chosen, self.categories, strict=True)
            for category in categories
        ]
        return _table([*rest, *ones])


@dataclass
class Normalization:
    """To mean 0 and deviation 1: each column of a table [N, D], each channel of images [N, C, H, W], all of [N, H, W].

    What does not vary becomes 0.
    """

    mean: Any = None
    """In a shape that broadcasts over features."""
    deviation: Any = None
    """Likewise; 1 where it is 0."""

    def fit(self, features: Array) -> None:
        """Learn mean and deviation."""
        own = None if features.ndim == 3 else 1
        axes = tuple(axis for axis in range(features.ndim) if axis != own)
        wide = _numeric(features)
        refuse_not_finite(wide, "features")
        mean = wide.mean(axis=axes, dtype=np.float64, keepdims=True)[0]
        deviation = wide.std(axis=axes, dtype=np.float64, keepdims=True)[0]
        self.mean, self.deviation = mean.tolist(), np.where(deviation > 0, deviation, 1.0).tolist()

    def __call__(self, features: Array) -> Array:
        """Scale."""
        mean, deviation = (np.array(value, dtype=np.float32) for value in (self.mean, self.deviation))
        if features.ndim == 2 and features.shape[1] != len(mean):
            raise _wrong_width(features.shape[1], len(mean))
        scaled: Array = (_numeric(features) - mean) / deviation
        return scaled


STEPS: Mapping[str, Callable[..., Step]] = {
    "cleaning": Cleaning,
    "one_hot": OneHot,
    "normalization": Normalization,
}


class Preprocessing:
    """Steps in order, by name (`cleaning`, `one_hot`, `normalization`) or as objects with `fit` and a call.

    Raises:
        UserError: an unknown name, with the nearest one; from `fit` and calls, features that do not fit.
    """

    def __init__(self, *steps: str | Step) -> None:
        self.steps = [_named(step) for step in steps]
        self.names: list[str] | None = None
        self.fitted = False

    def fit(self, features: Any, names: list[str] | None = None) -> Array:
        """Learn from training features (an array, lists, or a data frame) and return them transformed.

        `names` are those of an array's columns.
        """
        self.names = names or _names(features)
        array = _raw(features)
        for step in self.steps:
            step.fit(array)
            array = step(array)
        self.fitted = True
        return array

    def __call__(self, features: Any) -> Array:
        """Transform features like those; a data frame's columns are found by their names."""
        array = _raw(features if self.names is None else self._ordered(features))
        for step in self.steps:
            array = step(array)
        return array

    def _ordered(self, features: Any) -> Any:
        names = _names(features)
        if names is None or names == self.names:
            return features
        missing = [name for name in self.names or () if name not in names]
        if missing:
            raise UserError("bad-examples", f"features: column {missing[0]!r} is missing{nearest(missing[0], names)}")
        return features[self.names]

    def state(self) -> dict[str, Any]:
        """What was learned, as JSON can hold it; steps of one's own are only named."""
        known = {kind: name for name, kind in STEPS.items()}
        steps = [
            {"step": known[type(step)], **asdict(step)} if type(step) in known else {"step": type(step).__name__}  # type: ignore[call-overload]
            for step in self.steps
        ]
        return {"steps": steps, "names": self.names, "fitted": self.fitted}

    def take_over(self, state: Mapping[str, Any]) -> None:
        """Let the steps know what theirs in `state` had learned; those of one's own, and what is fitted, stay."""
        if self.fitted or [tree["step"] for tree in state["steps"]] != [s["step"] for s in self.state()["steps"]]:
            return
        for step, tree in zip(self.steps, state["steps"], strict=True):
            for name, value in tree.items():
                if name != "step":
                    setattr(step, name, value)
        self.names, self.fitted = state["names"], state["fitted"]

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Preprocessing":
        """The steps that `state` came from."""
        steps = []
        for tree in state["steps"]:
            known = dict(tree)
            name = known.pop("step")
            if name not in STEPS:
                raise UserError(
                    "unknown-preprocessing",
                    f"the saved preprocessing has a step of its own, {name}",
                    hint="give it: Trainer.load(folder, preprocessing=…)",
                )
            steps.append(STEPS[name](**known))
        restored = cls(*steps)
        restored.names, restored.fitted = state["names"], state["fitted"]
        return restored


def as_preprocessing(given: "Preprocessing | Iterable[str | Step]") -> Preprocessing:
    """A `Preprocessing`, of its steps where it is none."""
    return given if isinstance(given, Preprocessing) else Preprocessing(*([given] if isinstance(given, str) else given))


def _named(step: str | Step) -> Step:
    if not isinstance(step, str):
        return step
    if step not in STEPS:
        known = f"{', '.join(STEPS)}, or an object with `fit` and a call{nearest(step, STEPS)}"
        raise UserError("unknown-preprocessing", f"preprocessing = {step!r}: expected {known}")
    return STEPS[step]()


def _names(features: Any) -> list[str] | None:
    columns = getattr(features, "columns", None)
    return None if columns is None else [str(name) for name in columns]


def _raw(features: Any) -> Array:
    array = np.asarray(features)
    if array.dtype.kind in "US" and not hasattr(features, "dtype"):  # lists of both: NumPy would make all of it text
        return np.array(features, dtype=object)
    return array


def _columns(features: Array) -> Array:
    if features.ndim != 2:
        raise UserError("bad-examples", f"features of shape {list(features.shape)}: expected a table [N, D]")
    return features.T


def _is_missing(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or str(value) in ("", "<NA>", "NaT")  # pandas' own, which compare to nothing


def _numbers(column: Array) -> npt.NDArray[np.float64] | None:
    """A column as numbers, NaN where missing; None where there is text."""
    if column.dtype.kind in "bfiu":
        return column.astype(np.float64)
    present = np.array([not _is_missing(value) for value in column], dtype=bool)
    if any(not isinstance(value, int | float | np.number | np.bool_) for value in column[present]):
        return None
    numbers = np.full(len(column), np.nan)
    numbers[present] = column[present].astype(np.float64)
    return numbers


def _numeric(features: Array) -> Array:
    try:
        return features.astype(np.float32)
    except (TypeError, ValueError):
        raise UserError(
            "bad-examples",
            "features hold text",
            hint="put 'one_hot' before 'normalization', and 'cleaning' before both",
        ) from None


def _table(columns: Sequence[Array]) -> Array:
    kind = object if any(column.dtype.kind not in "bfiu" for column in columns) else np.float32
    return np.stack([column.astype(kind) for column in columns], axis=1)


def _wrong_width(found: int, expected: int) -> UserError:
    return UserError("bad-examples", f"features have {found} columns, expected {expected} as in training")
