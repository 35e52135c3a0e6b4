"""Text from a checkpoint, character by whole character."""

import codecs
from collections.abc import Iterator
from typing import Any

from argosy.config import UserError
from argosy.data import Tokenizer, load_tokenizer
from argosy.models import Transformer, generate, load_model
from argosy.training import Checkpoint


def stream_text(model: Transformer, tokenizer: Tokenizer, prompt: str, **sampling: Any) -> Iterator[str]:
    """Yield the continuation of `prompt` token by token, holding back bytes that are only part of a character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    tokens = [tokenizer.separator_id, *tokenizer.encode(prompt)]
    for token in generate(model, tokens, stop_token=tokenizer.separator_id, **sampling):
        if text := decoder.decode(tokenizer.decode_bytes([token])):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def generate_text(checkpoint: Checkpoint, prompt: str, **sampling: Any) -> Iterator[str]:
    """Yield the continuation of `prompt` by the model of a checkpoint.

    Sampling options are those of `models.generate`. Raises `UserError` for one that makes no sense.
    """
    for name, low, high in (
        ("temperature", 0, 100),
        ("top_p", 0, 1),
        ("top_k", 0, 1 << 31),
        ("max_tokens", 0, 1 << 31),
    ):
        value = sampling.get(name, high)
        if not low <= value <= high:
            raise UserError("bad-sampling", f"--{name.replace('_', '-')} = {value}: expected {low} to {high:,}")
    folder = checkpoint.folder / "model"
    model = load_model(folder).eval()
    yield from stream_text(model, load_tokenizer(folder), prompt, **sampling)
