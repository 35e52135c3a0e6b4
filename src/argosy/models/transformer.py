"""The Llama-family decoder (Touvron et al. 2023), plain PyTorch. It knows nothing of ranks.

Dimensions in comments: B batch, T sequence, D model, H query heads, K key-value heads, E head width, V vocabulary.
"""

import math
import zlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from argosy.config import TransformerConfig

INITIAL_STD = 0.02  # Radford et al. 2019


class RMSNorm(nn.Module):
    """x / rms(x) · weight, in float32 (Zhang & Sennrich 2019)."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return self.weight * functional.rms_norm(x.float(), self.weight.shape, eps=self.eps).to(x.dtype)


class KVCache:
    """Keys and values of the tokens seen so far, [B, K, T, E] for each layer, in room for `length` tokens.

    Type and device are those of `like`. To forget everything, set `position` to 0.
    """

    def __init__(self, config: TransformerConfig, batch: int, length: int, like: Tensor) -> None:
        shape = (config.layers, batch, config.kv_heads, length, config.head_dim)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.position = 0

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [B, K, T, E]; returns all of them."""
        end = self.position + key.shape[2]
        if end > self.keys.shape[3]:
            raise ValueError(f"{end} tokens in a cache with room for {self.keys.shape[3]}")
        self.keys[layer, :, :, self.position : end] = key
        self.values[layer, :, :, self.position : end] = value
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021), halves split as in Llama's published weights; in float32."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).type_as(x)


class CausalAttention(nn.Module):
    """Softmax attention of each query over the keys up to its own place, or where a mask allows it."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attend with queries [B, H, T, E] over [B, K, S, E]; a mask [T, S] or [B, 1, T, S] replaces causality."""
        key, value = share_heads(query, key, value)
        causal = mask is None and query.shape[2] > 1
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)


def share_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat each key-value head [B, K, S, E] for the query heads that share it."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        return key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    return key, value


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023)."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.head_dim = layer, config.head_dim
        narrow = config.kv_heads * config.head_dim
        self.wq = nn.Linear(config.dim, config.dim, bias=False)
        self.wk = nn.Linear(config.dim, narrow, bias=False)
        self.wv = nn.Linear(config.dim, narrow, bias=False)
        self.wo = nn.Linear(config.dim, config.dim, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()
        self.inner = CausalAttention()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, cache: KVCache | None) -> Tensor:
        """Attend over [B, T, D]; causal unless a mask [T, S] or [B, 1, T, S] is given."""
        B, T, _ = x.shape
        query = self.q_norm(self.wq(x).view(B, T, -1, self.head_dim)).transpose(1, 2)  # [B, H, T, E]
        key = self.k_norm(self.wk(x).view(B, T, -1, self.head_dim)).transpose(1, 2)  # [B, K, T, E]
        value = self.wv(x).view(B, T, -1, self.head_dim).transpose(1, 2)
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        if cache is not None:
            key, value = cache.extend(self.layer, key, value)
        out = self.inner(query, key, value, mask)
        return self.wo(out.transpose(1, 2).reshape(B, T, -1))


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020): w2(silu(w1 x) · w3 x)."""

    def __init__(self, dim: int, ffn_dim: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, ffn_dim, bias=False)
        self.w2 = nn.Linear(ffn_dim, dim, bias=False)
        self.w3 = nn.Linear(dim, ffn_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, T, D] to [B, T, D]."""
        return self.w2(functional.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and beside a residual."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        self.attention = Attention(config, layer)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)
        self.feed_forward = FeedForward(config.dim, config.ffn_dim)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, cache: KVCache | None) -> Tensor:
        """Map [B, T, D] to [B, T, D]."""
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache)
        return x + self.feed_forward(self.ffn_norm(x))


class Transformer(nn.Module):
    """Tokens to logits."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.recompute = False
        self.embedding = nn.Embedding(config.vocabulary_size, config.dim)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = RMSNorm(config.dim, config.norm_eps)
        self.head = nn.Linear(config.dim, config.vocabulary_size, bias=False)
        if config.tied_embeddings:
            self.head.weight = self.embedding.weight

    def hidden(self, tokens: Tensor, document_ids: Tensor | None = None, cache: KVCache | None = None) -> Tensor:
        """States [B, T, D] after the final norm for tokens [B, T].

        With `document_ids` [B, T], attention stays inside documents; with a cache, `tokens` go on where it ends.
        Raises `ValueError` when both are given, or when the cache has too little room left.
        """
        if cache is not None and document_ids is not None:
            raise ValueError("document_ids mask whole sequences; a cache goes on with one document")
        start = cache.position if cache is not None else 0
        cos, sin = rotary_angles(self.config, torch.arange(start, start + tokens.shape[1], device=tokens.device))
        mask = attention_mask(start, tokens, document_ids)
        x = through(self.blocks, self.embedding(tokens), cos, sin, mask, cache, recompute=self.recompute)
        if cache is not None:
            cache.position += tokens.shape[1]
        return self.norm(x)

    def forward(self, tokens: Tensor, document_ids: Tensor | None = None, cache: KVCache | None = None) -> Tensor:
        """Logits [B, T, V] for tokens [B, T]."""
        return self.head(self.hidden(tokens, document_ids, cache))

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw the weights from `seed`."""
        for name, parameter in self.named_parameters():
            parameter.copy_(initial_value(self.config, name, parameter.shape, seed))


def has_tied_head(model: nn.Module) -> bool:
    """Whether a model, or the whole of which it is a part, has its embedding as its head."""
    return bool(getattr(getattr(model, "config", None), "tied_embeddings", False))


def initial_value(config: TransformerConfig, name: str, shape: torch.Size, seed: int) -> Tensor:
    """A parameter at the start, drawn from a generator of its own, so that any rank can draw its shard of it.

    Normal with deviation 0.02; outputs into the residual stream are divided by √(2L) (Radford et al. 2019).
    """
    if len(shape) == 1:
        return torch.ones(shape)
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}/{name}".encode()))
    std = INITIAL_STD
    if name.endswith(("wo.weight", "w2.weight")):
        std /= math.sqrt(2 * config.layers)
    return torch.randn(shape, generator=generator) * std


def through(
    blocks: Iterable[nn.Module],
    x: Tensor,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor | None,
    cache: KVCache | None = None,
    *,
    recompute: bool = False,
) -> Tensor:
    """States [B, T, D] after the blocks; with `recompute`, activations are not kept (Chen et al. 2016)."""
    for block in blocks:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(block, x, cos, sin, mask, cache, use_reentrant=False)
        else:
            x = block(x, cos, sin, mask, cache)
    return x


def rotary_angles(config: TransformerConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, E] of the places of tokens in their sequence; in float32 whatever the model's type."""
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=positions.device) / config.head_dim
    frequencies = 1.0 / (config.rope_theta**exponents)
    angles = torch.outer(positions.float(), frequencies)
    both = torch.cat((angles, angles), dim=-1)
    return both.cos(), both.sin()


def attention_mask(start: int, tokens: Tensor, document_ids: Tensor | None) -> Tensor | None:
    """Where attention is allowed; None for plain causal, which the kernels do themselves."""
    length = tokens.shape[1]
    if document_ids is None and (start == 0 or length == 1):
        return None
    causal = torch.ones(length, start + length, dtype=torch.bool, device=tokens.device).tril(diagonal=start)
    if document_ids is None:
        return causal
    return causal & (document_ids[:, None, :, None] == document_ids[:, None, None, :])
