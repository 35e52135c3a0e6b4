"""Peak memory of one rank, by component, of many jobs at once: counted from the shape, a few constants fitted.

What autograd keeps is counted as Korthikanti et al. 2022 (arXiv:2205.05198) do, for kernels that never store the matrix
of attention. Coefficients are fitted by `benchmarks/fit_planner.py`; `docs/explanation/planner.md` derives every term.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from argosy.planning.job import Columns

Array = npt.NDArray[np.float64]
Coefficients = Mapping[str, float]
Stage = Literal["first", "last"]

# Of each coefficient: what it would be by counting, and how far from it, as a factor e^±, is plausible.
PRIORS: Mapping[str, tuple[float, float]] = {
    "activations": (1.0, 0.25),  # what a layer keeps, of what is counted
    "activations_megatron": (1.0, 0.2),
    "compiled": (0.75, 0.2),  # of that, what a compiler leaves
    "selective": (0.45, 0.3),  # of that, what selective recomputation keeps; all of it with Megatron's
    "nvfp4": (0.64, 0.2),  # of that, where inputs of products are kept in 4 bits
    "adapters": (1.0, 0.3),  # of that, where most weights have no gradient
    "attention_matrix": (3.0, 0.2),  # bytes of a score, where a kernel stores them
    "logits": (10.0, 0.3),  # bytes of a logit: in 16 and in 32 bits, and its gradient
    "logits_megatron": (7.0, 0.2),
    "chunked": (0.15, 0.5),  # of the logits, where they exist in chunks
    "gathered": (1.0, 0.4),  # layers and tables gathered from shards, and their gradients, of what is counted
    "workspace_bytes": (2.5e8, 0.6),  # of libraries
    "reserved": (1.04, 0.03),  # what the allocator holds over what is in use
}
FOUR_BITS = 0.56  # bytes of a weight in NF4 with its scales (Dettmers et al. 2023, section 3)
ADAPTER_BYTES = 16.0  # float32 weight, gradient and two moments
GATHERED_BYTES = 10.0  # 16-bit copies of two units, one's gradient in 16 bits and in the 32 of its reduction
COMPONENTS = ("parameters", "gradients", "optimizer", "gathered", "activations", "logits", "workspace", "slack")


@dataclass(frozen=True)
class MemoryUse:
    """Bytes at the peak of a rank of one pipeline stage [N], by component."""

    parameters: Array
    """Weights that are kept."""
    gradients: Array
    """Their gradients."""
    optimizer: Array
    """Moments, and wider copies of weights."""
    gathered: Array
    """Layers and tables that sharding gathers for a while."""
    activations: Array
    """What the backward pass needs."""
    logits: Array
    """Output and loss."""
    workspace: Array
    """Of libraries."""
    slack: Array
    """Held by the allocator, not in use."""

    @property
    def in_use(self) -> Array:
        """All but the allocator's slack."""
        return self.reserved - self.slack

    @property
    def reserved(self) -> Array:
        """All of it."""
        found: Array = np.sum([getattr(self, name) for name in COMPONENTS], axis=0)
        return found


def memory_use(jobs: Columns, fitted: Coefficients, stage: Stage) -> MemoryUse:
    """Predict the peak on a rank of the first or last pipeline stage, which are the fullest."""
    resident = _Resident(jobs)
    weights, gradients, optimizer = _states(jobs, resident)
    layer = _layer(jobs, fitted)
    tokens = jobs["micro_batch"] * jobs["sequence_length"] / jobs["context"]
    activations = tokens * _kept(jobs, fitted, layer) * _in_flight(jobs, stage)
    activations = activations + np.where(jobs["recomputed"], tokens * layer, 0.0)
    logits = _logits(jobs, fitted, tokens) * ((jobs["pipeline"] == 1) | (stage == "last"))
    parts = {
        "parameters": weights,
        "gradients": gradients,
        "optimizer": optimizer,
        "gathered": fitted["gathered"] * _gathered(jobs, resident),
        "activations": activations,
        "logits": logits,
        "workspace": np.full_like(tokens, fitted["workspace_bytes"]),
    }
    slack = (fitted["reserved"] - 1) * np.sum(list(parts.values()), axis=0)
    return MemoryUse(**parts, slack=slack)


def fullest(jobs: Columns, fitted: Coefficients) -> MemoryUse:
    """The stage that needs most, job by job."""
    stages = [memory_use(jobs, fitted, stage) for stage in get_args(Stage)]
    first = stages[0].reserved >= stages[1].reserved
    return MemoryUse(**{name: np.where(first, *(getattr(one, name) for one in stages)) for name in COMPONENTS})


class _Resident:
    """Scalars that a rank of one stage holds before replicas share them [N]: layers, experts, tables."""

    def __init__(self, c: Columns) -> None:
        table = c["vocabulary_size"] * c["dim"]
        tables = np.where(c["tied_embeddings"], 1.0, 2.0)
        ups = np.where(c["gated"], 2.0, 1.0)
        routed = c["layers"] * c["experts"] * (ups + 1) * c["dim"] * c["expert_ffn_dim"]
        routed = np.minimum(routed, 0.98 * c["parameters"])
        dense = np.maximum(c["parameters"] - routed - table * tables, 0.0)
        self.layers = dense / (c["tensor"] * c["pipeline"])
        self.experts = routed / (c["expert"] * c["pipeline"])
        self.tables = table * np.where(c["pipeline"] > 1, 1.0, tables) / c["tensor"]
        self.all = self.layers + self.experts + self.tables
        self.replicas = c["data"] * c["context"] / c["copies"]
        self.layer = (self.layers + self.experts) * c["pipeline"] / c["layers"]

    def shared(self, bytes_each: Array, among_replicas: npt.NDArray[np.bool_], c: Columns) -> Array:
        """Bytes of so many for each scalar, which replicas may share; those of an expert are fewer."""
        dense = np.where(among_replicas, self.replicas, 1.0)
        of_experts = np.where(among_replicas, np.maximum(1.0, self.replicas / c["expert"]), 1.0)
        found: Array = bytes_each * ((self.layers + self.tables) / dense + self.experts / of_experts)
        return found


def _states(c: Columns, resident: _Resident) -> tuple[Array, Array, Array]:
    """Weights, gradients and what the optimiser keeps."""
    full, gradients = c["full_sharding"], c["gradient_sharding"]
    adapters = c["adapters"]
    some = ADAPTER_BYTES / 4 * c["layers"] / c["pipeline"] * c["adapter_rank"] * _projections(c)
    frozen = np.where(c["four_bits"], FOUR_BITS, 2.0)
    in_layers = resident.layers + resident.experts
    held = (frozen * in_layers + 2.0 * resident.tables) / np.where(full, resident.replicas, 1.0)
    held = held + np.where(c["held_whole"], frozen * in_layers + 2.0 * resident.tables, 0.0)
    weights = np.where(adapters, held + some, resident.shared(c["weights_bytes"], full, c))
    of_gradients = np.where(adapters, some, resident.shared(c["gradients_bytes"], full | gradients, c))
    sharded = full | gradients | c["optimizer_sharding"]
    kept = resident.shared(c["master_bytes"] + c["moments_bytes"], sharded, c)
    return weights, of_gradients, np.where(adapters, 2 * some, kept)


def _projections(c: Columns) -> Array:
    """Sum of both widths of the four projections of attention."""
    queries, narrow = c["heads"] * c["head_dim"], c["kv_heads"] * c["head_dim"]
    found: Array = 2 * (c["dim"] + queries) + 2 * (c["dim"] + narrow)
    return found


def _gathered(c: Columns, resident: _Resident) -> Array:
    """Bytes that full sharding brings together for a while; of frozen weights, two layers."""
    trained = GATHERED_BYTES * resident.layer + GATHERED_BYTES / 2 * resident.tables
    alone = resident.replicas == 1
    frozen = 2 * np.where(c["four_bits"], FOUR_BITS, 2.0) * resident.layer
    return np.where(c["full_sharding"] & ~alone, np.where(c["adapters"], frozen, trained), 0.0)


def _layer(c: Columns, fitted: Coefficients) -> Array:
    """Bytes that autograd keeps of one layer for each token of a rank, nothing recomputed.

    In 16 bits: both norms' inputs and outputs, queries, keys and values (half again before the rotation), the
    attention's sum, the feed-forward network's hidden values; experts' for each copy of a token. Products with frozen
    weights do not keep their inputs, so that adapters spare the second norm's output and the last hidden values.
    """
    queries, narrow = c["heads"] * c["head_dim"], c["kv_heads"] * c["head_dim"]
    hidden = np.where(c["gated"], 4.0, 2.0) - c["adapters"]
    attention = (4.0 - c["adapters"]) * c["dim"] + 1.5 * (queries + 2 * narrow) + queries
    dense = hidden * np.where(c["experts"] > 0, c["shared_ffn_dim"], c["ffn_dim"])
    routed = c["experts_per_token"] * (hidden * c["expert_ffn_dim"] + 2 * c["dim"])
    scale = np.where(c["megatron"], fitted["activations_megatron"], fitted["activations"])
    unknown = (1 + fitted["compiled"]) / 2
    scale = scale * np.where(c["compiled"], fitted["compiled"], np.where(c["compiled_unknown"], unknown, 1.0))
    scale = scale * np.where(c["nvfp4"], fitted["nvfp4"], 1.0) * np.where(c["adapters"], fitted["adapters"], 1.0)
    scores = c["heads"] * c["sequence_length"] / c["context"] * fitted["attention_matrix"]
    found: Array = (2 * scale * (attention + dense + routed) + np.where(c["stored_attention"], scores, 0)) / c["tensor"]
    return found


def _kept(c: Columns, fitted: Coefficients, layer: Array) -> Array:
    """Bytes of one layer for each token between its forward and its backward pass."""
    inputs = np.where(c["offloaded"], 0.0, 2 * c["dim"] / c["tensor"])
    some = np.where(c["megatron"], 1.0, fitted["selective"])
    partly = c["selective"] | c["recomputation_unknown"]
    return np.where(c["recomputed"], inputs, np.where(partly, some, 1.0) * layer)


def _in_flight(c: Columns, stage: Stage) -> Array:
    """Layers times micro-batches whose activations a rank holds under 1F1B (Narayanan et al. 2021, section 2.2)."""
    pipeline, pieces = c["pipeline"], np.maximum(c["virtual_stages"], 1.0)
    steps = np.maximum(1.0, c["batch_size"] / (c["data"] * c["micro_batch"]))
    piece: Array = c["layers"] / (pipeline * pieces)
    if stage == "last":
        held: Array = np.minimum((pieces - 1) * pipeline + 1, steps * pieces)
    else:
        whole = np.where(pieces > 1, pieces * pipeline + pipeline - 1, pipeline)
        held = np.minimum(whole, steps * pieces)
    found: Array = piece * held
    return found


def _logits(c: Columns, fitted: Coefficients, tokens: Array) -> Array:
    """Bytes of the output and its loss; interleaved, the last rank has two micro-batches' of them."""
    each = np.where(c["megatron"], fitted["logits_megatron"], fitted["logits"])
    each = each * np.where(c["chunked_loss"], fitted["chunked"], 1.0)
    twice = np.where((c["pipeline"] > 1) & (c["virtual_stages"] > 1), 2.0, 1.0)
    found: Array = each * twice * tokens * c["vocabulary_size"] / c["tensor"]
    return found
