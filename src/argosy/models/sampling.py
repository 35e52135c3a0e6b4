"""Tokens from a trained model, one at a time, with a cache of keys and values."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from argosy.models.transformer import KVCache, Transformer


def sample_token(logits: Tensor, *, temperature: float, top_k: int, top_p: float, generator: torch.Generator) -> int:
    """Draw a token from logits [V]; temperature 0 takes the likeliest.

    `top_k` (0 for all) keeps that many likeliest tokens; `top_p` then keeps the likeliest whose probabilities reach it
    together (Holtzman et al. 2020).
    """
    if temperature == 0:
        return int(logits.argmax())
    logits = logits.float() / temperature
    order = logits.argsort(descending=True, stable=True)
    if top_k:
        order = order[:top_k]
    probabilities = logits[order].softmax(0)
    before = probabilities.cumsum(0) - probabilities
    probabilities = torch.where(before < top_p, probabilities, 0.0)
    probabilities[0] = max(float(probabilities[0]), 1e-38)
    return int(order[torch.multinomial(probabilities, 1, generator=generator)])


@torch.inference_mode()
def generate(
    model: Transformer,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop_token: int | None = None,
) -> Iterator[int]:
    """Yield up to `max_tokens` tokens that continue `prompt` (at least one token), ending before `stop_token`.

    When the sequence reaches the model's length, the older half is forgotten and the rest is read again.
    """
    device = model.embedding.weight.device
    generator = torch.Generator().manual_seed(seed)
    limit = model.config.sequence_length
    tokens = list(prompt)[-limit:]
    cache = KVCache(model.config, 1, limit, model.embedding.weight)
    unread = tokens
    for _ in range(max_tokens):
        if cache.position + len(unread) > limit:
            tokens = tokens[-(limit // 2) :]
            cache.position, unread = 0, tokens
        hidden = model.hidden(torch.tensor([unread], device=device), cache=cache)
        logits = model.head(hidden[0, -1]).cpu()
        token = sample_token(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator)
        if token == stop_token:
            return
        yield token
        tokens = [*tokens, token]
        unread = [token]
