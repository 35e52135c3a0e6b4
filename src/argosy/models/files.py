"""Models on disk: safetensors that anyone can read, and the shape beside them."""

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from argosy.config import TransformerConfig, UserError, nearest
from argosy.models.transformer import Transformer
from argosy.storage import atomic_write, canonical_json, read_json, write_json

WEIGHTS, SHAPE = "model.safetensors", "config.json"
SHOWN = 5  # misfits named in an error


def save_model(state: Mapping[str, Tensor], config: TransformerConfig, folder: Path) -> None:
    """Write `folder/config.json` and `folder/model.safetensors`, each atomically.

    A tied head is written once, as the embedding. Raises `RunFailed` `disk-full`.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    if config.tied_embeddings:
        tensors.pop("head.weight", None)
    with atomic_write(folder / WEIGHTS) as temporary:
        try:
            save_file(tensors, temporary, metadata={"format": "pt"})
        except SafetensorError as error:
            raise _system_error(error) from None
    write_json(folder / SHAPE, config.model_dump(mode="json"))


def _system_error(error: SafetensorError) -> Exception:
    """The operating system's error, which the library only quotes, so that a full disk is known as one."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else error


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load a folder's weights into `model`; raises `UserError` naming tensors that are missing, extra or misshapen."""
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError("damaged-model", f"{folder / WEIGHTS} is not a safetensors file: {error}") from None
    expected = dict(model.named_parameters())  # a tied head appears once
    if problems := list(islice(_misfits(tensors, expected), SHOWN + 1)):
        more = "; and more" if len(problems) > SHOWN else ""
        raise UserError("damaged-model", f"{folder / WEIGHTS} does not fit: {'; '.join(problems[:SHOWN])}{more}")
    with torch.no_grad():
        for name, parameter in expected.items():
            parameter.copy_(tensors[name])


def _misfits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for name, parameter in expected.items():
        if name not in tensors:
            yield f"{name} is missing{nearest(name, tensors.keys() - expected.keys())}"
        elif tensors[name].shape != parameter.shape:
            yield f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(parameter.shape)}"
    for name in sorted(tensors.keys() - expected.keys()):
        yield f"{name} is not part of this model"


def load_model(folder: Path, device: str | torch.device = "cpu") -> Transformer:
    """Open the model in `folder`; raises `UserError` when it is damaged."""
    try:
        config = TransformerConfig.model_validate_json(canonical_json(read_json(folder / SHAPE)))
    except ValidationError as error:
        raise UserError("damaged-model", f"{folder / SHAPE} is not a transformer's shape: {error}") from None
    with torch.device("meta"):
        model = Transformer(config)
    model.to_empty(device=device)
    if config.tied_embeddings:
        model.head.weight = model.embedding.weight
    load_weights(model, folder)
    return model
