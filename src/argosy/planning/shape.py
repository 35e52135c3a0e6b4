"""The shape of any published decoder: what its parameters, floating-point operations and memory follow from."""

from typing import Any

from pydantic import Field, ValidationError

from argosy.config import Record, TransformerConfig

OWN_FIELDS = ("layers", "dim", "heads", "kv_heads", "ffn_dim", "vocabulary_size", "tied_embeddings", "qk_norm")


class LatentAttention(Record):
    """Keys and values through a narrow latent (DeepSeek-AI 2024, arXiv:2405.04434, section 2.1)."""

    query_rank: int | None
    """Width of the queries' latent; null where queries come straight from the stream."""
    key_value_rank: int
    """Width of the latent that keys and values share."""
    rotary_dim: int
    """Width of a head's rotary part, whose key all heads share."""
    value_dim: int
    """Width of a head's values."""


class ModelShape(Record):
    """A decoder-only transformer, dense or with experts."""

    layers: int = Field(ge=1)
    """Transformer blocks."""
    dim: int = Field(ge=1)
    """Width of the residual stream."""
    heads: int = Field(ge=1)
    """Query heads."""
    kv_heads: int = Field(ge=1)
    """Key and value heads."""
    head_dim: int = Field(ge=1)
    """Width of a head's queries and keys; of latent attention, without the rotary part."""
    ffn_dim: int = Field(ge=0)
    """Hidden width of the feed-forward network of a dense layer."""
    vocabulary_size: int = Field(ge=1)
    """Rows of the embedding."""
    gated: bool = True
    """Whether the feed-forward network has a gate, that is three matrices instead of two."""
    tied_embeddings: bool = False
    """Whether the output projection is the embedding itself."""
    experts: int = 0
    """Routed experts of a layer; 0 for a dense model."""
    experts_per_token: int = 0
    """Routed experts that each token is sent to."""
    expert_ffn_dim: int = 0
    """Hidden width of one expert."""
    shared_ffn_dim: int = 0
    """Hidden width of what every token passes besides, all shared experts together."""
    shared_gate: bool = False
    """Whether a learned gate weighs the shared experts."""
    dense_layers: int = 0
    """Layers of a model with experts that have none."""
    router_bias: bool = False
    """Whether the router adds a number to each expert's score."""
    latent: LatentAttention | None = None
    """Latent attention instead of heads for keys and values."""
    window: int | None = None
    """Tokens that a windowed layer looks back on."""
    windowed_layers: int = 0
    """Layers with that window; the others see everything."""
    positions: int = 0
    """Rows of a learned table of positions."""
    query_bias: bool = False
    """Whether queries, keys and values have biases."""
    output_bias: bool = False
    """Whether the projection out of attention has one."""
    ffn_bias: bool = False
    """Whether the feed-forward matrices have biases."""
    norm_bias: bool = False
    """Whether norms have biases besides weights."""
    layer_norms: int = 2
    """Norms of the width of the stream in each layer."""
    qk_norm: bool = False
    """Whether each head's queries and keys are normalised."""
    sinks: bool = False
    """Whether each query head has a learned attention sink."""

    @property
    def expert_layers(self) -> int:
        """Layers with experts."""
        return self.layers - self.dense_layers if self.experts else 0

    def attention_parameters(self) -> int:
        """Scalars in the attention of one layer that multiply."""
        if self.latent is None:
            narrow = self.kv_heads * self.head_dim
            return 2 * self.dim * self.heads * self.head_dim + 2 * self.dim * narrow
        latent, whole = self.latent, self.head_dim + self.latent.rotary_dim
        queries = self.heads * whole
        query = self.dim * queries if latent.query_rank is None else latent.query_rank * (self.dim + queries)
        down = self.dim * (latent.key_value_rank + latent.rotary_dim)
        up = latent.key_value_rank * self.heads * (self.head_dim + latent.value_dim)
        return query + down + up + self.heads * latent.value_dim * self.dim

    def ffn_parameters(self, hidden: int) -> int:
        """Scalars that multiply in a feed-forward network of a hidden width."""
        return (3 if self.gated else 2) * self.dim * hidden

    def multiplying_parameters(self, *, active: bool) -> int:
        """Scalars that multiply, output projection included; with `active`, those that each token meets."""
        experts = self.experts_per_token if active else self.experts
        routed = experts * self.ffn_parameters(self.expert_ffn_dim) + self.ffn_parameters(self.shared_ffn_dim)
        router = self.dim * (self.experts + self.shared_gate)
        dense = self.layers - self.expert_layers
        blocks = self.layers * self.attention_parameters() + dense * self.ffn_parameters(self.ffn_dim)
        return blocks + self.expert_layers * (routed + router) + self.vocabulary_size * self.dim

    def parameter_count(self, *, active: bool = False) -> int:
        """All trainable scalars; with `active`, those that each token meets."""
        table = 0 if self.tied_embeddings else self.vocabulary_size * self.dim
        return self.multiplying_parameters(active=active) + table + self.positions * self.dim + self._vectors(active)

    def _vectors(self, active: bool) -> int:
        """Norms, biases and sinks."""
        norm = (2 if self.norm_bias else 1) * self.dim
        layer = self.layer_norms * norm + (self.heads if self.sinks else 0)
        if self.qk_norm:
            layer += 2 * self.head_dim
        if self.latent is not None:
            layer += self.latent.key_value_rank + (self.latent.query_rank or 0)
        if self.query_bias:
            layer += (self.heads + 2 * self.kv_heads) * self.head_dim
        layer += self.dim if self.output_bias else 0
        ups = 2 if self.gated else 1
        experts = self.experts_per_token if active else self.experts
        bias = (ups * self.ffn_dim + self.dim) * (self.layers - self.expert_layers)
        bias += (ups * self.expert_ffn_dim + self.dim) * experts * self.expert_layers
        router = self.experts * self.expert_layers if self.router_bias else 0
        return self.layers * layer + norm + (bias if self.ffn_bias else 0) + router

    def train_flops_per_token(self, sequence_length: int, *, causal: bool = False) -> float:
        """FLOPs of forward and backward for one token, recomputation left out.

        PaLM's MFU definition (Chowdhery et al. 2022, appendix B), 6N + 12·L·H·E·T with N the scalars that multiply
        for each token; a windowed layer looks back no further than its window. With `causal`, the half of attention
        that the mask removes is not counted.
        """
        width = self.head_dim if self.latent is None else self.head_dim + self.latent.rotary_dim
        values = self.head_dim if self.latent is None else self.latent.value_dim
        seen = self._tokens_seen(sequence_length, causal)
        return 6.0 * self.multiplying_parameters(active=True) + 6.0 * self.heads * (width + values) * seen

    def _tokens_seen(self, length: int, causal: bool) -> float:
        """Tokens that a token looks at, on the average over the sequence, summed over layers."""
        window = min(length, self.window or length)
        full, windowed = self.layers - self.windowed_layers, self.windowed_layers
        if not causal:
            return float(full * length + windowed * window)
        rows = window * (window + 1) / 2 + (length - window) * window
        return full * (length + 1) / 2 + windowed * rows / length


def shape_of(config: TransformerConfig) -> ModelShape:
    """The shape of Argosy's own transformer."""
    fields: dict[str, Any] = config.model_dump(include=set(OWN_FIELDS))
    return ModelShape(**fields, head_dim=config.head_dim)


def transformer_of(shape: ModelShape, sequence_length: int) -> TransformerConfig | None:
    """Argosy's own transformer of a shape; None where it has none: experts, biases, windows, other heads."""
    fields = {name: getattr(shape, name) for name in OWN_FIELDS}
    try:
        model = TransformerConfig(**fields, sequence_length=sequence_length)
    except ValidationError:
        return None
    return model if shape_of(model) == shape else None
