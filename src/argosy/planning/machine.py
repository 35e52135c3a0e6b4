"""How long a training step takes on this machine's processors and what memory a rank needs: physics and its own runs.

Each part of a step, and of memory, is counted from the shape and divided by what the probe measured; how far from that
each part is (no product reaches the best rate, an element-wise operation reads and writes more often than it must) is
fitted to the training steps that `argosy calibrate` measures, from priors that were fitted on one machine so.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from argosy.config import Precision, TransformerConfig, UserError
from argosy.hardware import HardwareProfile, MeasuredStep, StepSetup
from argosy.planning.least_squares import Fitted, robust_fit

Array = npt.NDArray[np.float64]
GIB = 2.0**30
NOMINAL_COVERAGE = 0.8
Z80 = 1.2816  # of a normal distribution, between whose negative and itself lie 80 %
CHUNK_ELEMENTS, CHUNK_ROWS = 1 << 21, 256  # of the loss: argosy.training.loss
NEWTON_SCHULZ_STEPS = 5
# Of a scalar: read and written by its update; kept as weight, gradient and moments.
OPTIMIZER_BYTES = {"adamw": 28.0, "muon": 24.0, "sgd": 20.0}
STATE_BYTES = {"adamw": 16.0, "muon": 12.0, "sgd": 12.0}
NOISE, OUTLYING = 0.06, 0.2  # of the logarithm: between two runs of the same, and where a run counts as an outlier
MEMORY_NOISE = 0.03
TIME_PRIORS: Mapping[str, tuple[float, float]] = {
    "products_float32": (1.1, 0.3),  # times the time at the best measured rate
    "products_bfloat16": (1.1, 0.3),
    "shared_float32": (1.1, 0.3),  # the same, where processes share the cores
    "shared_bfloat16": (1.1, 0.4),  # not every library has threads for it
    "narrow": (0.1, 0.7),  # of that time again, where matrices are 256 wide
    "attention_float32": (3.0, 0.5),
    "attention_bfloat16": (3.0, 0.5),
    "element_wise_float32": (3.0, 0.6),  # times that what must be read and written is
    "element_wise_bfloat16": (4.0, 1.0),
    "element_wise_compiled": (1.5, 0.6),
    "logits": (6.0, 0.6),
    "casts": (1.0, 0.6),
    "optimizer": (1.2, 0.5),
    "exchange": (1.0, 0.5),
    "layer_start": (1.5e-3, 0.8),
    "step_start": (3e-3, 0.8),
    "whole": (1.0, 0.3),  # times all of it: what this machine has in common in everything
}
MEMORY_PRIORS: Mapping[str, tuple[float, float]] = {
    "states": (1.0, 0.03),  # of weights, gradients and two moments
    "buckets": (1.0, 0.4),  # of gradients, where ranks exchange them
    "head": (1.5, 0.5),  # times the head's gradient
    "logits": (3.0, 0.4),  # times a chunk of them
    "casts": (1.0, 0.3),  # of weights in bfloat16
    "activations_float32": (1.0, 0.3),
    "activations_bfloat16": (1.0, 0.3),
    "compiled": (0.7, 0.4),  # of those
    "workspace_bytes": (1e8, 1.0),
    "threads_bytes": (5e7, 1.0),  # where a rank has more than one
    "compiler_bytes": (3e8, 0.7),
    "ranks_bytes": (3e7, 0.8),
    "whole": (1.0, 0.05),
}


@dataclass(frozen=True)
class Prediction:
    """A figure with the interval in which it is in eight of ten cases."""

    middle: float
    low: float
    high: float
    parts: Mapping[str, float]
    """What it is the sum of."""


class Machine:
    """Predictions for this machine; raises `UserError` `not-measured` for a profile without speeds."""

    def __init__(self, profile: HardwareProfile) -> None:
        if profile.speed is None or not profile.speed.memory or not profile.speed.matmul:
            raise UserError("not-measured", "this machine was never measured", hint="argosy calibrate")
        self.profile, self.measured = profile, profile.speed.training
        self._time, self._time_width = _fit(self._seconds, TIME_PRIORS, self.measured, "step_time_s", NOISE)
        self._memory, self._memory_width = _fit(
            self._bytes, MEMORY_PRIORS, self.measured, "peak_memory_gib", MEMORY_NOISE
        )

    def step_time_s(self, setup: StepSetup) -> Prediction:
        """Of a step."""
        return _predict(self._seconds(setup), TIME_PRIORS, self._time, NOISE * self._time_width)

    def peak_memory_gib(self, setup: StepSetup) -> Prediction:
        """High-water mark of a rank, over what it has before the model is built."""
        return _predict(self._bytes(setup), MEMORY_PRIORS, self._memory, MEMORY_NOISE * self._memory_width)

    def peak_flops_per_s(self, precision: Precision) -> float:
        """Best measured rate of matrix products on all cores."""
        assert self.profile.speed is not None
        return 1e12 * (self.profile.speed.best_tflops(precision) or self.profile.speed.best_tflops("float32") or 0.0)

    def _flops_per_s(self, precision: Precision, side: float) -> float:
        """Measured rate of square products of a side, between those that were measured."""
        assert self.profile.speed is not None
        rates = sorted((rate.size, rate.tflops) for rate in self.profile.speed.matmul if rate.precision == precision)
        if not rates:
            return self.peak_flops_per_s(precision)
        sizes, tflops = np.log(np.array(rates)).T
        return 1e12 * math.exp(float(np.interp(math.log(side), sizes, tflops)))

    def _bytes(self, setup: StepSetup) -> dict[str, float]:
        return _bytes(setup, self.profile.processor.usable_cores)

    def _seconds(self, setup: StepSetup) -> dict[str, float]:
        """Time of each part of a step, in units of its coefficient."""
        speed = self.profile.speed
        assert speed is not None
        model, ranks, precision = setup.model, setup.ranks, setup.precision
        tokens = setup.tokens / ranks
        micro_batches = math.ceil(setup.batch_size / ranks / setup.micro_batch)
        rows = float(setup.micro_batch * model.sequence_length)
        bandwidth = GIB * max(one.bandwidth_gib_per_s for one in speed.memory) / ranks
        table = model.vocabulary_size * model.dim
        blocks = model.parameter_count() - table * (1 if model.tied_embeddings else 2)
        passes = 4 if setup.recompute else 3
        square = (rows * model.dim * model.ffn_dim) ** (1 / 3)  # side of a square product with as much work
        products = 2 * tokens * (passes * blocks + 3 * table) * ranks / self._flops_per_s(precision, square)
        products += _orthogonalisation_flops(setup) * ranks / self._flops_per_s(precision, model.dim)
        scores = 2 * 2 * tokens * model.sequence_length * model.dim * model.layers  # forward, nothing left out
        fastest = max(self.peak_flops_per_s("float32"), self.peak_flops_per_s(precision))
        wide = 4 if precision == "float32" else 2
        moved = tokens * model.layers * (20 * model.dim + 8 * model.ffn_dim) * wide * passes / 3 / bandwidth
        gradients = 4 * model.parameter_count()
        exchange = 0.0
        if ranks > 1 and speed.all_reduce:
            slowest = max(speed.all_reduce, key=lambda one: one.bytes).bandwidth_gib_per_s * GIB
            exchange = gradients * 2 * (ranks - 1) / ranks / slowest
        element_wise = "element_wise_compiled" if setup.compile else f"element_wise_{precision}"
        return {
            f"{'shared' if ranks > 1 else 'products'}_{precision}": products,
            "narrow": products * 256 / model.dim,
            f"attention_{precision}": scores * (passes + 0.5) * ranks / fastest,
            element_wise: moved,
            "logits": tokens * model.vocabulary_size * 4 / bandwidth,
            "casts": 0.0 if precision == "float32" else 6.0 * blocks * micro_batches / bandwidth,
            "optimizer": _of_each(setup, OPTIMIZER_BYTES) / bandwidth,
            "exchange": exchange,
            "layer_start": float(model.layers * micro_batches) * passes / 3,
            "step_start": float(micro_batches),
        }


def _bytes(setup: StepSetup, cores: int) -> dict[str, float]:
    """GiB of each part of a rank's memory, in units of its coefficient."""
    model, precision = setup.model, setup.precision
    table = model.vocabulary_size * model.dim
    count = model.parameter_count()
    tokens = setup.micro_batch * model.sequence_length
    narrow = model.kv_heads * model.head_dim
    wide = 4 if precision == "float32" else 2
    layer = tokens * (6 * model.dim + 2.5 * (model.dim + 2 * narrow) + 4 * model.ffn_dim) * wide
    stream = tokens * model.dim * 4
    kept = layer + model.layers * stream if setup.recompute else model.layers * layer
    rows = min(tokens, max(CHUNK_ROWS, CHUNK_ELEMENTS // model.vocabulary_size))
    found = {
        "states": _of_each(setup, STATE_BYTES),
        "buckets": 4.0 * count if setup.ranks > 1 else 0.0,
        "head": 4.0 * table,
        "logits": 4.0 * rows * model.vocabulary_size,
        "casts": 0.0 if precision == "float32" else 2.0 * (count - table),
        "compiled" if setup.compile else f"activations_{precision}": kept,
        "workspace_bytes": 1.0,
        "compiler_bytes": float(setup.compile),
        "threads_bytes": float(cores > setup.ranks),
        "ranks_bytes": float(setup.ranks > 1),
    }
    return {name: value / GIB for name, value in found.items()}


def _matrices(model: TransformerConfig) -> list[tuple[int, int]]:
    """Both sides, the shorter first, of the matrices of a block, which are Muon's."""
    narrow = model.kv_heads * model.head_dim
    sides = [(model.dim, model.dim)] * 2 + [(model.dim, narrow)] * 2 + [(model.dim, model.ffn_dim)] * 3
    return [(min(pair), max(pair)) for pair in sides]


def _of_each(setup: StepSetup, bytes_of: Mapping[str, float]) -> float:
    """Bytes of all scalars, by what updates each."""
    model, count = setup.model, setup.model.parameter_count()
    if setup.optimizer != "muon":
        return count * bytes_of[setup.optimizer]
    hidden = model.layers * sum(short * long for short, long in _matrices(model))
    return hidden * bytes_of["muon"] + (count - hidden) * bytes_of["adamw"]


def _orthogonalisation_flops(setup: StepSetup) -> float:
    """Of Muon's Newton–Schulz iteration, which each rank does whole: X·Xᵀ, its square, and that times X."""
    if setup.optimizer != "muon":
        return 0.0
    each = (4.0 * short**2 * long + 2.0 * short**3 for short, long in _matrices(setup.model))
    return NEWTON_SCHULZ_STEPS * setup.model.layers * sum(each)


def _units(parts: Sequence[Mapping[str, float]], names: Sequence[str]) -> Array:
    """Parts [N, P - 1], in the order of the coefficients but for the last, which is of their sum."""
    return np.array([[one.get(name, 0.0) for name in names[:-1]] for one in parts])


def _fit(
    units: Callable[[StepSetup], Mapping[str, float]],
    priors: Mapping[str, tuple[float, float]],
    measured: Sequence[MeasuredStep],
    figure: str,
    noise: float,
) -> tuple[Fitted, float]:
    """Coefficients, and how many times the noise leaves four fifths of left-out steps in the interval."""
    mean = np.log([value for value, _ in priors.values()])
    deviation = np.array([width for _, width in priors.values()])
    if not measured:
        return Fitted(mean, np.diag(deviation**2)), 1.0
    matrix = _units([units(one) for one in measured], list(priors))
    truth = np.log([getattr(one, figure) for one in measured])

    def miss(at: Array) -> Array:
        found: Array = np.log(matrix @ np.exp(at[:-1])) + at[-1] - truth
        return found

    fitted = robust_fit(miss, mean, deviation, spread=noise, outlying=OUTLYING)
    each = matrix * np.exp(fitted.point[:-1] + fitted.point[-1])
    slopes = np.column_stack([each / each.sum(axis=1, keepdims=True), np.ones(len(each))])
    return fitted, _width(miss(fitted.point), np.einsum("np,pq,nq->n", slopes, fitted.covariance, slopes), noise)


def _width(misses: Array, variances: Array, noise: float) -> float:
    """Noise, in units of what was thought, with which four fifths of the steps are held when each is left out.

    Leaving one out of a linear fit divides its miss and its variance by 1 - leverage (Cook & Weisberg 1982).
    """
    left = 1 - np.minimum(variances / noise**2, 0.99)
    beyond = np.sort((np.abs(misses / left) / Z80) ** 2 - variances / left)
    needed = beyond[min(len(beyond) - 1, math.ceil(NOMINAL_COVERAGE * (len(beyond) + 1)) - 1)]
    return max(1.0, math.sqrt(max(0.0, float(needed))) / noise)


def _predict(
    parts: Mapping[str, float], priors: Mapping[str, tuple[float, float]], fitted: Fitted, noise: float
) -> Prediction:
    names = list(priors)
    each = _units([parts], names)[0] * np.exp(fitted.point[:-1] + fitted.point[-1])
    middle = float(each.sum())
    slopes = np.append(each / middle, 1.0)  # of the logarithm
    spread = Z80 * math.sqrt(float(slopes @ fitted.covariance @ slopes) + noise**2)
    return Prediction(
        middle=middle,
        low=middle * math.exp(-spread),
        high=middle * math.exp(spread),
        parts={name: float(value) for name, value in zip(names[:-1], each, strict=True) if value > 0},
    )
