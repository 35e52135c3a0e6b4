"""Text from a checkpoint, character by whole character."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from argosy.config import UserError
from argosy.data import Tokenizer, load_tokenizer
from argosy.models import Transformer, generate, load_model
from argosy.training import Checkpoint

# Option of `models.generate`, least and greatest value a user may give.
LIMITS = (("max_tokens", 0, 1 << 31), ("temperature", 0, 100), ("top_k", 0, 1 << 31), ("top_p", 0, 1))


def open_model(folder: Path) -> Transformer:
    """The model in a folder, on the accelerator where there is one; raises `UserError` when it is damaged."""
    return load_model(folder, "cuda" if torch.cuda.is_available() else "cpu").eval()


def sample_tokens(model: Transformer, tokenizer: Tokenizer, prompt: str, **sampling: Any) -> Iterator[int]:
    """Yield the tokens that continue a document beginning with `prompt`, to the document's end at most.

    Sampling options are those of `models.generate`.
    """
    separator = tokenizer.separator_id
    yield from generate(model, [separator, *tokenizer.encode(prompt)], stop_id=separator, **sampling)


def stream_text(model: Transformer, tokenizer: Tokenizer, prompt: str, **sampling: Any) -> Iterator[str]:
    """Yield the continuation of `prompt` as it is drawn, holding back bytes that are only part of a character.

    Bytes that are no UTF-8 become U+FFFD. Sampling options are those of `models.generate`.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in sample_tokens(model, tokenizer, prompt, **sampling):
        if text := decoder.decode(tokenizer.decode_bytes([token])):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def generate_text(checkpoint: Checkpoint, prompt: str, **sampling: Any) -> Iterator[str]:
    """Yield the continuation of `prompt` by the model of a checkpoint.

    Sampling options are those of `models.generate`. Raises `UserError` for one that makes no sense.
    """
    for name, low, high in LIMITS:
        value = sampling.get(name, high)
        if not low <= value <= high:
            raise UserError("bad-sampling", f"--{name.replace('_', '-')} = {value}: expected {low} to {high:,}")
    if not prompt.isascii() and prompt.encode(errors="replace").decode() != prompt:
        raise UserError("bad-sampling", f"--prompt = {prompt!r}: expected UTF-8")
    tokenizer = load_tokenizer(checkpoint.folder / "model")
    yield from stream_text(open_model(checkpoint.folder / "model"), tokenizer, prompt, **sampling)
