"""Tokens from a trained model, one at a time, with a cache of keys and values."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from argosy.models.transformer import KVCache, Transformer


def sample_token(logits: Tensor, *, temperature: float, top_k: int, top_p: float, generator: torch.Generator) -> int:
    """Draw a token from logits [V]; temperature 0 takes the likeliest.

    `top_k` (0 for all) keeps that many likeliest tokens (Fan et al. 2018); of their distribution, `top_p` keeps the
    fewest likeliest whose probabilities add up to it, one at least (Holtzman et al. 2020).
    """
    if temperature == 0:
        return int(logits.argmax())
    ordered, order = logits.float().sort(descending=True, stable=True)
    if top_k:
        ordered, order = ordered[:top_k], order[:top_k]
    # The largest is taken off first: a tiny temperature must not overflow. In float64 no temperature becomes 0.
    probabilities = ((ordered - ordered[0]).double() / temperature).softmax(0)
    before = probabilities.cumsum(0) - probabilities
    kept = before < top_p
    kept[0] = True
    return int(order[torch.multinomial(probabilities * kept, 1, generator=generator)])


@torch.inference_mode()
def generate(
    model: Transformer,
    prompt_tokens: Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop_id: int | None = None,
    forget: bool = True,
) -> Iterator[int]:
    """Yield up to `max_tokens` tokens that continue `prompt_tokens`, ending before `stop_id`.

    Of a prompt longer than the model's `sequence_length` the end is read. When prompt and continuation have filled
    `sequence_length`, the older half is forgotten and the rest is read again, so generation can go on for ever. Without
    `forget` everything is read, however long. Equal arguments give equal tokens. Raises `ValueError` for an empty
    prompt.
    """
    if not prompt_tokens:
        raise ValueError("generation needs one token at least; the separator begins a document")
    weight = model.embedding.weight
    generator = torch.Generator().manual_seed(seed)
    limit = model.config.sequence_length if forget else len(prompt_tokens) + max_tokens
    tokens = list(prompt_tokens[-limit:])  # in the cache, or to be read next
    cache = KVCache(model.config, 1, min(limit, len(tokens) + max_tokens), weight)
    for _ in range(max_tokens):
        if len(tokens) > limit:
            tokens, cache.position = tokens[-max(1, limit // 2) :], 0
        unread = torch.tensor([tokens[cache.position :]], device=weight.device)
        logits = model.head(model.hidden(unread, cache=cache)[0, -1]).cpu()
        token = sample_token(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator)
        if token == stop_id:
            return
        yield token
        tokens.append(token)
