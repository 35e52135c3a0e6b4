"""Shapes of decoder-only transformers, and the published rules that turn one dial (`size`) into a shape."""

import math
import re

from argosy.config.errors import UserError
from argosy.config.record import Record


class TransformerConfig(Record):
    """Shape of a Llama-family decoder (Touvron et al. 2023, arXiv:2302.13971)."""

    vocabulary_size: int
    """Rows of the embedding."""
    dim: int
    """Width of the residual stream."""
    layers: int
    """Number of transformer blocks."""
    heads: int
    """Query heads; `dim` is their total width."""
    kv_heads: int
    """Key and value heads (grouped-query attention, Ainslie et al. 2023); divides `heads`."""
    ffn_dim: int
    """Hidden width of the SwiGLU feed-forward network (Shazeer 2020)."""
    sequence_length: int
    """Longest sequence, in tokens."""
    tied_embeddings: bool = False
    """Whether the output projection is the embedding itself."""
    qk_norm: bool = False
    """Whether queries and keys are RMS-normalised per head (Dehghani et al. 2023)."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies (Su et al. 2021)."""
    norm_eps: float = 1e-5
    """Added to the mean square inside RMSNorm."""

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.dim // self.heads

    def parameter_count(self) -> int:
        """Number of trainable scalars, embeddings included."""
        attention = 2 * self.dim * self.dim + 2 * self.dim * self.kv_heads * self.head_dim
        norms = 2 * self.dim + (2 * self.head_dim if self.qk_norm else 0)
        block = attention + 3 * self.dim * self.ffn_dim + norms
        embeddings = self.vocabulary_size * self.dim * (1 if self.tied_embeddings else 2)
        return self.layers * block + self.dim + embeddings

    def train_flops_per_token(self) -> float:
        """FLOPs of forward and backward for one token, in PaLM's MFU definition (Chowdhery et al. 2022, appendix B).

        `6N + 12·L·D·T`, with N the parameters that multiply (the embedding look-up does not).
        """
        look_up = 0 if self.tied_embeddings else self.vocabulary_size * self.dim
        multiplying = self.parameter_count() - look_up
        return 6.0 * multiplying + 12.0 * self.layers * self.dim * self.sequence_length


# Shapes as published; tokeniser and sequence length stay the venture's own.
PRESETS: dict[str, dict[str, int | float | bool]] = {
    # nanochat "d4": https://github.com/karpathy/nanochat (dim = 64 × depth)
    "nano-d4": {"dim": 256, "layers": 4, "heads": 4, "kv_heads": 4, "ffn_dim": 704},
    # GPT-2 small in Llama form: Radford et al. 2019, table 2
    "gpt2-small": {"dim": 768, "layers": 12, "heads": 12, "kv_heads": 12, "ffn_dim": 2048},
    # Zhang et al. 2024 (arXiv:2401.02385), table 2
    "tinyllama-1.1b": {"dim": 2048, "layers": 22, "heads": 32, "kv_heads": 4, "ffn_dim": 5632},
    # Touvron et al. 2023 (arXiv:2307.09288), table 1
    "llama-2-7b": {"dim": 4096, "layers": 32, "heads": 32, "kv_heads": 32, "ffn_dim": 11008},
    # Grattafiori et al. 2024 (arXiv:2407.21783), table 3
    "llama-3-8b": {
        "dim": 4096,
        "layers": 32,
        "heads": 32,
        "kv_heads": 8,
        "ffn_dim": 14336,
        "rope_theta": 500_000.0,
    },
}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMBT]?)", re.IGNORECASE)
_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def parse_size(size: str) -> float:
    """Turn `"3M"`, `"1.5B"` into a number of parameters; raises `UserError` for anything else."""
    match = _SIZE.fullmatch(size.strip())
    if match is None or float(match[1]) == 0:
        raise UserError("bad-value", f"size {size!r} is not a number of parameters such as '3M' or '1.5B'")
    return float(match[1]) * _UNITS[match[2].upper()]


def shape_for_size(size: str, vocabulary_size: int, *, tied_embeddings: bool) -> dict[str, int]:
    """Choose width, depth and heads for a number of parameters.

    Width over depth is near 64, rising to 128 at 7 B; the loss is flat around that ratio (Kaplan et al. 2020, figure
    5). Heads are 128 wide from width 512, where accelerators multiply fastest. The feed-forward width is 8/3 of `dim`
    (Shazeer 2020). Raises `UserError` when the embeddings alone exceed the size.
    """
    target = parse_size(size)
    best: tuple[float, dict[str, int]] | None = None
    aspect_ratio = 64 * min(2.0, max(1.0, (target / 350e6) ** 0.23))
    for dim in [*range(32, 256, 32), *range(256, 512, 64), *range(512, 1024, 128), *range(1024, 16385, 512)]:
        head_dim = 32 if dim < 256 else 64 if dim < 512 else 128
        heads = dim // head_dim
        granule = 32 if dim < 512 else 128 if dim < 1024 else 256
        ffn_dim = math.ceil(8 * dim / 3 / granule) * granule
        kv_heads = heads // 4 if dim >= 1024 and heads % 4 == 0 else heads
        shape = {"dim": dim, "heads": heads, "kv_heads": kv_heads, "ffn_dim": ffn_dim}
        for layers in range(max(1, dim // 128), max(2, dim // 32) + 1):
            config = TransformerConfig(
                vocabulary_size=vocabulary_size,
                layers=layers,
                sequence_length=1,
                tied_embeddings=tied_embeddings,
                **shape,
            )
            miss = abs(math.log(config.parameter_count() / target))
            cost = 4 * miss + 0.25 * abs(math.log(dim / layers / aspect_ratio))
            if miss < 0.25 and (best is None or cost < best[0]):
                best = cost, {**shape, "layers": layers}
    if best is None:
        raise UserError(
            "bad-value",
            f"model.size = {size!r} cannot hold a vocabulary of {vocabulary_size:,} tokens",
            hint="raise model.size, lower data.vocabulary_size, or set model.tied_embeddings = true",
        )
    return best[1]
