"""Models on disk: safetensors that anyone can read, and the shape beside them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from argosy.config import TransformerConfig, UserError, nearest
from argosy.models.transformer import Transformer
from argosy.storage import canonical_json, read_json, write_json

WEIGHTS, SHAPE = "model.safetensors", "config.json"


def save_model(state: Mapping[str, Tensor], config: TransformerConfig, folder: Path) -> None:
    """Write `folder/config.json` and `folder/model.safetensors`; a tied head is written once, as the embedding."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    if config.tied_embeddings:
        tensors.pop("head.weight", None)
    write_json(folder / SHAPE, config.model_dump(mode="json"))
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load a folder's weights into `model`; raises `UserError` naming tensors that are missing, extra or misshapen."""
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError("damaged-model", f"{folder / WEIGHTS} is not a safetensors file: {error}") from None
    expected = dict(model.named_parameters())  # a tied head appears once
    problems = [
        f"{name} is missing{nearest(name, tensors.keys() - expected.keys())}"
        for name in expected
        if name not in tensors
    ]
    problems += [f"{name} is not part of this model" for name in tensors if name not in expected]
    problems += [
        f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(parameter.shape)}"
        for name, parameter in expected.items()
        if name in tensors and tensors[name].shape != parameter.shape
    ]
    if problems:
        raise UserError("damaged-model", f"{folder / WEIGHTS} does not fit: {'; '.join(problems[:5])}")
    with torch.no_grad():
        for name, parameter in expected.items():
            parameter.copy_(tensors[name])


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
