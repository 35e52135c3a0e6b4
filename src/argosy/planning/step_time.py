"""How long a training step takes: each part by its physics, with coefficients fitted to published runs.

All arithmetic is on arrays [N], one element a job, so that a search asks for thousands at once. Coefficients are fitted
by `benchmarks/fit_planner.py`; `docs/explanation/planner.md` derives every term.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from argosy.planning.job import FAMILIES, Columns

Array = npt.NDArray[np.float64]
Coefficients = Mapping[str, float]

# Of each coefficient: what it would be by a data sheet or a paper, and how far from it, as a factor e^±, is plausible.
PRIORS: Mapping[str, tuple[float, float]] = {
    **{f"product_{family}": (0.75, 0.25) for family in FAMILIES},  # share of the peak that large products reach
    "float8": (1.0, 0.15),  # of that share, in 8 bits with one scale a tensor
    "mxfp8": (1.0, 0.15),  # in 8 bits with a scale for each 32 numbers
    "nvfp4": (0.9, 0.15),  # in 4 bits
    "half_depth": (256.0, 0.7),  # inner dimension at which a 16-bit product runs at half its rate
    "product_start_s": (4e-6, 0.5),  # of each product
    "bandwidth": (0.7, 0.3),  # share of the memory's
    "attention_ampere": (0.45, 0.3),  # share of the 16-bit peak: FlashAttention-2 (Dao 2023, figure 5)
    "attention_hopper": (0.35, 0.3),  # the same kernels on a Hopper
    "attention_cudnn": (0.5, 0.3),  # Hopper's own kernels (Shah et al. 2024, figure 5)
    "attention_blackwell": (0.45, 0.3),
    "attention_tpu": (0.4, 0.4),
    "element_wise": (14.0, 0.5),  # times that the stream is read or written in a layer, forward and backward
    "compiled": (0.7, 0.4),  # of those, what a compiler leaves
    "permutation": (8.0, 1.0),  # times that each expert's tokens are moved
    "experts": (0.6, 0.5),  # of the products' rate, for many small ones
    "loss": (5.0, 0.8),  # times that the logits, in 32 bits, are read or written
    "quantization": (3.0, 0.4),  # times that inputs of products are read or written to make them small
    "selective": (0.2, 1.0),  # share of the forward pass that selective recomputation repeats
    "recomputation_unknown": (0.12, 1.0),  # the same where nobody says
    "adapters": (0.6, 0.3),  # share of the products' time where most weights have no gradient
    "link": (0.7, 0.3),  # share of the links' rate that collectives reach
    "network": (0.7, 0.3),  # share of the network's
    "exchange": (0.6, 0.3),  # share of either's, when every rank sends to every other
    "collective_start_s": (15e-6, 0.5),
    "tensor_exposed": (0.8, 0.4),  # share of tensor parallelism's communication that nothing hides
    "tensor_exposed_megatron": (0.15, 0.4),  # with its overlap
    "expert_exposed": (0.5, 1.0),
    "head_imbalance": (0.5, 0.8),  # of the output projection, on the last stage instead of spread over all
    "overlap": (3.0, 0.8),  # sharpness with which computing hides the exchange of parameters and gradients
    "kernel_start_s": (25e-6, 1.0),  # of a layer's many small kernels
    "expert_start_s": (2e-3, 1.0),  # the same of a layer with experts, which the host has to sort tokens for
    "growth": (0.004, 0.3),  # slower by this for each doubling of ranks
}
ATTENTION_BACKWARD = 2.5  # times the forward pass (Dao 2023, section 3.2)
CONTEXT_EXPOSED = 0.9  # of ring attention's exchange, over forward and backward
OPTIMIZER_BYTES = 28.0  # read and written for a parameter: two moments, master weight, gradient, weight


@dataclass(frozen=True)
class StepTime:
    """Seconds of a step [N], and of its parts as they would be alone."""

    total_s: Array
    """The step."""
    products_s: Array
    """Matrix products of the layers."""
    attention_s: Array
    """Attention."""
    element_wise_s: Array
    """Norms, activations, quantisation, moving tokens to experts."""
    head_s: Array
    """Output projection and loss."""
    recomputation_s: Array
    """Repeating parts of the forward pass."""
    tensor_s: Array
    """Exposed communication of tensor parallelism."""
    expert_s: Array
    """Exposed communication of expert parallelism."""
    context_s: Array
    """Exposed communication of context parallelism."""
    bubble_s: Array
    """Waiting of pipeline stages for one another."""
    data_s: Array
    """Exchange of parameters and gradients, most of which computing hides."""
    optimizer_s: Array
    """Updating the weights."""


def step_time(jobs: Columns, fitted: Coefficients) -> StepTime:
    """Predict the time of a step of each job."""
    x = _Sizes(jobs, fitted)
    layer = _layer(x)
    steps = x.c["layers"] / x.c["pipeline"] * x.micro_batches  # layers that a rank passes in a step
    head = _head(x) * x.micro_batches
    host = 3 * fitted["kernel_start_s"] * x.fused + np.where(x.moe, fitted["expert_start_s"], 0.0)
    busy = np.hypot(sum(layer.values()), host) * steps
    pipeline = x.c["pipeline"]
    alone = head * (1 / pipeline + fitted["head_imbalance"] * (1 - 1 / pipeline))
    bubble = (busy + alone) * (pipeline - 1) / (x.micro_batches * np.maximum(x.c["virtual_stages"], 1))
    computing = busy + alone + bubble
    data = _data(x)
    power = 1 + fitted["overlap"]
    sharded = x.c["full_sharding"] | x.c["gradient_sharding"] | x.c["optimizer_sharding"]
    optimizer = x.resident / np.where(sharded, x.replicas, 1)
    update = optimizer * OPTIMIZER_BYTES / x.bandwidth * np.where(x.c["adapters"], 0.02, 1.0)
    slower = 1 + fitted["growth"] * np.log2(x.c["ranks"])
    total = ((computing**power + data**power) ** (1 / power) + update) * slower
    parts = {f"{name}_s": value * steps for name, value in layer.items()}
    return StepTime(total_s=total, head_s=alone, bubble_s=bubble, data_s=data, optimizer_s=update, **parts)


class _Sizes:
    """What several parts need: tokens, rates, shares [N]."""

    def __init__(self, jobs: Columns, fitted: Coefficients) -> None:
        self.c, self.f = jobs, fitted
        c = jobs
        self.tokens = c["micro_batch"] * c["sequence_length"] / c["context"]  # of a rank's micro-batch
        self.replicas = c["data"] * c["context"] / c["copies"]  # that share what is sharded, or else gradients
        self.micro_batches = np.maximum(1.0, c["batch_size"] / (c["data"] * c["micro_batch"]))
        self.moe = c["experts"] > 0
        self.low = c["float8"] | c["mxfp8"] | c["nvfp4"]
        self.bandwidth = c["bandwidth"] * fitted["bandwidth"]
        share = np.array([fitted[f"product_{family}"] for family in FAMILIES])[c["family"]]
        small = _chosen(c, fitted, ("float8", "mxfp8", "nvfp4"), 1.0)
        self.rate, self.rate16 = c["peak"] * share * small, c["peak16"] * share
        self.input_bytes = np.where(c["nvfp4"], 0.5, np.where(self.low, 1.0, 2.0))
        unknown = (1 + fitted["compiled"]) / 2
        self.fused = np.where(c["compiled"], fitted["compiled"], np.where(c["compiled_unknown"], unknown, 1.0))
        self.repeated = np.where(c["recomputed"], 1.0, _chosen(c, fitted, ("selective", "recomputation_unknown"), 0.0))
        self.ups = np.where(c["gated"], 2.0, 1.0)
        # Sequence parallelism: each rank of a tensor group sends its own part of the tokens to experts.
        self.routed = np.where(self.moe, self.tokens / c["tensor"], self.tokens)
        self.resident = self._resident()

    def _resident(self) -> Array:
        """Parameters that a rank's part of the model has, before sharding over replicas."""
        c = self.c
        routed = c["layers"] * c["experts"] * (self.ups + 1) * c["dim"] * c["expert_ffn_dim"]
        routed = np.minimum(routed, 0.98 * c["parameters"])
        dense = c["parameters"] - routed
        found: Array = dense / (c["tensor"] * c["pipeline"]) + routed / (c["expert"] * c["pipeline"])
        return found

    def product(self, rows: Array, inner: Array, wide: Array, count: Any = 1.0, *, sixteen: bool = False) -> Array:
        """Seconds of `count` products [rows, inner] · [inner, wide]: arithmetic, memory, and their start.

        Short inner dimensions do not fill the pipeline of a matrix unit, the less the smaller its numbers are.
        """
        bytes_each = np.full_like(rows, 2.0) if sixteen else self.input_bytes
        rate = self.rate16 if sixteen else self.rate
        depth = 1 + self.f["half_depth"] * 2 / bytes_each / inner
        moved = bytes_each * (rows * inner + inner * wide) + 2 * rows * wide
        start = self.f["product_start_s"] * np.minimum(count, 4.0)
        seconds: Array = 2 * rows * inner * wide * count / rate * depth + moved * count / self.bandwidth + start
        return seconds

    def bus(self, ranks: Array, inside: Array | float = 1.0) -> Array:
        """Bytes a second of a collective over so many ranks, `inside` of which share a domain's network."""
        link = self.c["link"] * self.f["link"]
        outside = np.minimum(link, self.c["network"] * inside * self.f["network"])
        return np.where(ranks <= self.c["domain"], link, outside)


def _chosen(c: Columns, fitted: Coefficients, names: tuple[str, ...], otherwise: float) -> Array:
    """The coefficient of the mark that a job has."""
    return np.select(
        [c[name] for name in names], [np.full(c[names[0]].shape, fitted[name]) for name in names], otherwise
    )


def _layer(x: _Sizes) -> dict[str, Array]:
    """Seconds of one layer for one micro-batch, forward and backward."""
    c, f = x.c, x.f
    linear = _linear(x)
    attention = _attention(x)
    moved = _element_wise(x)
    trained = np.where(c["adapters"], f["adapters"], 1.0)
    tensor = _tensor(x) * (2 + x.repeated)
    exposed = np.where(c["megatron"], f["tensor_exposed_megatron"], f["tensor_exposed"])
    return {
        "products": 3 * linear * trained,
        "attention": (1 + ATTENTION_BACKWARD) * attention,
        "element_wise": moved,
        "recomputation": x.repeated * (linear + attention + moved / 3),
        "tensor": tensor * exposed,
        "expert": (2 + c["recomputed"]) * _experts(x),
        "context": CONTEXT_EXPOSED * _context(x),
    }


def _linear(x: _Sizes) -> Array:
    """Forward products of a layer: queries, keys, values, their output, the feed-forward network or experts."""
    c = x.c
    queries = c["heads"] * c["head_dim"]
    into = x.product(x.tokens, c["dim"], (queries + 2 * c["kv_heads"] * c["head_dim"]) / c["tensor"])
    out = x.product(x.tokens, queries / c["tensor"], c["dim"])
    width = np.maximum(c["ffn_dim"], 1.0) / c["tensor"]
    dense = x.product(x.tokens, c["dim"], x.ups * width) + x.product(x.tokens, width, c["dim"])
    local = np.where(x.moe, c["experts"] / c["expert"], 1.0)
    rows = np.where(x.moe, x.routed * c["experts_per_token"] * c["expert"] / np.maximum(c["experts"], 1.0), 1.0)
    hidden = np.maximum(c["expert_ffn_dim"], 1.0)
    routed = x.product(rows, c["dim"], x.ups * hidden, local) + x.product(rows, hidden, c["dim"], local)
    return (into + out + np.where(x.moe, routed / x.f["experts"], dense)) * _unlisted(x)


def _unlisted(x: _Sizes) -> Array:
    """Active parameters of a model with experts over those that its listed sizes explain (shared experts, latents)."""
    c = x.c
    queries = c["heads"] * c["head_dim"]
    attention = c["dim"] * (2 * queries + 2 * c["kv_heads"] * c["head_dim"])
    listed = c["layers"] * (attention + c["experts_per_token"] * (x.ups + 1) * c["dim"] * c["expert_ffn_dim"])
    ratio = (c["active_parameters"] - 2 * c["vocabulary_size"] * c["dim"]) / np.maximum(listed, 1.0)
    return np.where(x.moe, np.clip(ratio, 0.6, 1.8), 1.0)


def _attention(x: _Sizes) -> Array:
    """Forward attention: the half that the causal mask leaves."""
    c, f = x.c, x.f
    shares = {"ampere": "ampere", "hopper": "hopper", "blackwell": "blackwell", "tpu": "tpu"}
    share = np.array([f[f"attention_{shares.get(family, 'ampere')}"] for family in FAMILIES])[c["family"]]
    hopper = c["family"] == FAMILIES.index("hopper")
    share = np.where(hopper & c["recent_attention"], f["attention_cudnn"], share)
    flops = 4 * x.tokens * c["sequence_length"] / 2 * c["heads"] * c["head_dim"] / c["tensor"]
    seconds: Array = flops / (c["peak16"] * share)
    return seconds


def _element_wise(x: _Sizes) -> Array:
    """Forward and backward traffic of everything between products."""
    c, f = x.c, x.f
    hidden = np.where(x.moe, c["expert_ffn_dim"] * c["experts_per_token"], c["ffn_dim"])
    stream = f["element_wise"] * x.tokens * c["dim"] / c["tensor"] * 2
    inner = 4 * x.tokens * hidden * x.ups / c["tensor"]
    moved = (stream + inner) * x.fused
    moved = moved + np.where(x.moe, f["permutation"] * x.routed * c["experts_per_token"] * c["dim"] * 2, 0.0)
    rows = np.where(x.moe, x.routed * c["experts_per_token"], x.tokens)
    width = np.where(x.moe, c["expert_ffn_dim"], c["ffn_dim"] / c["tensor"])
    inputs = x.tokens * (2 * c["dim"] + c["heads"] * c["head_dim"] / c["tensor"]) + rows * (c["dim"] + width)
    return (moved + np.where(x.low, f["quantization"] * inputs, 0.0)) / x.bandwidth


def _head(x: _Sizes) -> Array:
    """Output projection and loss of a micro-batch, forward and backward, in 16 bits."""
    c = x.c
    wide = c["vocabulary_size"] / c["tensor"]
    return 3 * x.product(x.tokens, c["dim"], wide, sixteen=True) + x.f["loss"] * x.tokens * wide * 4 / x.bandwidth


def _tensor(x: _Sizes) -> Array:
    """Communication of tensor parallelism in one forward pass: two all-reduces, or their halves."""
    c, degree = x.c, x.c["tensor"]
    volume = 2 * 2 * (degree - 1) / degree * x.tokens * c["dim"] * 2
    return np.where(degree > 1, volume / x.bus(degree) + 4 * x.f["collective_start_s"], 0.0)


def _experts(x: _Sizes) -> Array:
    """Exposed communication of one forward pass: tokens to their experts and back."""
    c, f, degree = x.c, x.f, x.c["expert"]
    copies = np.minimum(c["experts_per_token"], degree)
    volume = 2 * x.routed * copies * c["dim"] * 2 * (degree - 1) / degree
    rate = np.where(c["tensor"] * degree <= c["domain"], c["link"], c["network"]) * f["exchange"]
    return np.where(degree > 1, volume / rate + 2 * f["collective_start_s"], 0.0) * f["expert_exposed"]


def _context(x: _Sizes) -> Array:
    """Communication of one forward pass of ring attention: the others' keys and values (Liu et al. 2023)."""
    c, degree = x.c, x.c["context"]
    narrow = 2 * c["kv_heads"] * c["head_dim"] / c["tensor"]
    volume = x.tokens * narrow * 2 * (degree - 1) / 2
    return np.where(degree > 1, volume / x.bus(degree * c["tensor"]), 0.0)


def _data(x: _Sizes) -> Array:
    """Exchange of a step: gradients once, and by sharding also parameters, gathered for each micro-batch."""
    c = x.c
    share = (x.replicas - 1) / x.replicas
    each = 2 * 2.0 + 2.0  # gathered for forward and backward, gradients scattered, in 16 bits
    volume = np.select(
        [c["full_sharding"], c["gradient_sharding"], c["optimizer_sharding"]],
        [x.micro_batches * each, 2.0 + 2.0 * x.micro_batches, np.full_like(share, 5.0)],
        4.0,
    )
    group = c["tensor"] * c["context"]
    inside = np.maximum(1.0, c["domain"] / group)
    among_all = x.bus(c["data"] * group, inside)
    seconds = volume * x.resident * share / x.bus(c["data"] / c["copies"] * group, inside)
    # Groups that share among themselves average the part of the gradients that each rank has, in 16 bits.
    averaged = 4.0 * x.resident / x.replicas * (c["copies"] - 1) / c["copies"]
    found: Array = (seconds + averaged / among_all) * np.where(c["adapters"], 0.7, 1.0)
    return found
