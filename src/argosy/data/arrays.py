"""Examples that fit in memory: what a user hands over, checked, and batches of it that are a function of the step."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.config import UserError
from argosy.data.order import row_order

Array = npt.NDArray[Any]


class Arrays(NamedTuple):
    """Examples: `features` [N, …] and `targets` [N] or [N, …]; unpacks as `x, y`."""

    features: Array
    """One row an example; floating point, or integers that a model looks up."""
    targets: Array
    """What is to be predicted: class numbers, one-hot rows, or values."""


def as_arrays(examples: Any, targets: Any = None, prepare: Callable[[Any], Any] = lambda features: features) -> Arrays:
    """Return what a user has as `Arrays`: NumPy arrays, tensors, lists, data frames, a pair of them, or a `Dataset`.

    `prepare` is applied to the features. A `torch.utils.data.Dataset` of (features, target) pairs is read once.
    Floating point becomes float32 and class numbers int64.

    Raises:
        UserError: `bad-examples` for no examples, lengths that differ, text, or values that are not finite.
    """
    if targets is None:
        if isinstance(examples, tuple | list) and len(examples) == 2:
            examples, targets = examples
        elif hasattr(examples, "__getitem__") and hasattr(examples, "__len__") and not hasattr(examples, "shape"):
            rows = [examples[number] for number in range(len(examples))]
            examples, targets = ([row[place] for row in rows] for place in (0, 1)) if rows else ([], [])
        else:
            raise UserError(
                "bad-examples", "targets are missing", hint="give (features, targets), or features, targets"
            )
    pair = Arrays(_array(prepare(examples), "features"), _array(targets, "targets"))
    if len(pair.features) != len(pair.targets):
        raise UserError("bad-examples", f"{len(pair.features):,} features and {len(pair.targets):,} targets")
    if not len(pair.features):
        raise UserError("bad-examples", "there are no examples")
    return pair


def _array(values: Any, name: str) -> Array:
    if isinstance(values, list) and values and hasattr(values[0], "numpy"):
        values = [value.numpy() for value in values]  # tensors
    array = np.asarray(values)
    if array.dtype == object or array.dtype.kind in "USMm":
        raise UserError(
            "bad-examples", f"{name} are {array.dtype}, not numbers", hint="turn text and dates into numbers"
        )
    if array.dtype.kind == "f":
        refuse_not_finite(array, name)
        return array.astype(np.float32, copy=False)
    return array.astype(np.int64) if array.dtype.kind in "bui" else array


def refuse_not_finite(array: Array, name: str) -> None:
    """`UserError` telling how many values are not finite, and where."""
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        place = ", ".join(map(str, bad[0]))
        raise UserError(
            "bad-examples",
            f"{name}: {len(bad):,} values are not finite, the first ({array[tuple(bad[0])]}) at [{place}]",
            hint="leave those examples out, put numbers there, or clean a table with 'cleaning'",
        )


class ArrayPlan:
    """Which examples are trained on at which step: every one once an epoch, each epoch in an order of its own.

    The batch of a step is a pure function of (number of examples, batch size, seed, step) on any number of processes;
    the last batch of an epoch has what is left. With `seed` None, in the order as they lie.
    """

    def __init__(self, size: int, batch_size: int, seed: int | None) -> None:
        self.size, self.batch_size = size, batch_size
        self.steps_per_epoch = -(-self.size // batch_size)
        self._order = row_order([self.size], None, seed)
        self._epoch = lru_cache(maxsize=2)(lambda epoch: self._order.rows(epoch * self.size, self.size)[1])

    def count(self, step: int) -> int:
        """Examples of a step, over all ranks; known without the order."""
        return min(self.batch_size, self.size - step % self.steps_per_epoch * self.batch_size)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The examples of a step, over all ranks."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[place * self.batch_size : (place + 1) * self.batch_size]
