"""Models on disk: safetensors that anyone can read, and the shape beside them."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from argosy.config import TransformerConfig, UserError, nearest
from argosy.models.transformer import Transformer
from argosy.storage import atomic_folder, atomic_write, canonical_json, read_json, write_json

WEIGHTS, SHAPE = "model.safetensors", "config.json"
HEAD = "head.weight"
SHOWN = 5  # misfits named in an error


def save_model(state: Mapping[str, Tensor], config: TransformerConfig, folder: Path) -> None:
    """Write `folder/config.json` and `folder/model.safetensors`, each atomically.

    A tied head is written once, as the embedding. Raises `RunFailed` `disk-full`.
    """
    tensors = {name: tensor for name, tensor in state.items() if not (config.tied_embeddings and name == HEAD)}
    write_tensors(tensors, folder / WEIGHTS)
    write_json(folder / SHAPE, config.model_dump(mode="json"))


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file, atomically; raises `RunFailed` `disk-full`."""
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        try:
            save_file(owned, temporary, metadata={"format": "pt"})
        except SafetensorError as error:
            raise _system_error(error) from None


def _system_error(error: SafetensorError) -> Exception:
    """The operating system's error, which the library only quotes, so that a full disk is known as one."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else error


@contextlib.contextmanager
def new_model_folder(folder: Path, *, replace: bool) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `folder` when the block ends well.

    Raises `UserError` `exists` when something is there already, unless that is a model and may be replaced.
    """
    folder = folder.resolve()
    there = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if there and not (replace and _is_model(folder)):
        hint = "it is not a model and nothing else, so it is not replaced" if replace else "--force replaces a model"
        raise UserError("exists", f"{folder} exists already", hint=f"choose another with --output DIR; {hint}")
    with atomic_folder(folder) as temporary:
        yield temporary


def _is_model(folder: Path) -> bool:
    """Whether a folder holds a model and no folders."""
    weights = any((folder / name).is_file() for name in (WEIGHTS, f"{WEIGHTS}.index.json"))
    return weights and (folder / SHAPE).is_file() and not any(path.is_dir() for path in folder.iterdir())


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load a folder's weights into `model`; raises `UserError` naming tensors that are missing, extra or misshapen."""
    load_parts(dict(model.named_parameters()), folder, lambda whole, _: whole)  # a tied head appears once


@torch.no_grad()
def load_parts(
    named: Mapping[str, Tensor], folder: Path, part: Callable[[Tensor, Tensor], Tensor], *, complete: bool = True
) -> None:
    """Load this rank's part of each tensor, `part(whole, tensor)`; one of them is whole at a time.

    Raises `UserError` as `load_weights` does; unless `complete`, the file may have tensors that are not `named`.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # the file itself is no mapping
            shapes = {name: torch.empty(file.get_slice(name).get_shape(), device="meta") for name in names}
            refuse_misfits(shapes, named, path, complete=complete)
            for name, tensor in named.items():
                own = tensor.to_local() if hasattr(tensor, "to_local") else tensor
                own.copy_(part(file.get_tensor(name), tensor))
    except (OSError, SafetensorError) as error:
        raise UserError("damaged-model", f"{path} is not a safetensors file: {error}") from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; raises `UserError` `damaged-model` when it is not one."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError("damaged-model", f"{path} is not a safetensors file: {error}") from None


def refuse_misfits(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, *, complete: bool = True
) -> None:
    """Raise `UserError` naming the tensors of `path` that are missing, misshapen or, where it is `complete`, extra."""
    if problems := list(islice(_misfits(tensors, expected, complete), SHOWN + 1)):
        more = "; and more" if len(problems) > SHOWN else ""
        raise UserError("damaged-model", f"{path} does not fit: {'; '.join(problems[:SHOWN])}{more}")


def _misfits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], complete: bool) -> Iterator[str]:
    for name, parameter in expected.items():
        if name not in tensors:
            yield f"{name} is missing{nearest(name, tensors.keys() - expected.keys())}"
        elif tensors[name].shape != parameter.shape:
            yield f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(parameter.shape)}"
    for name in sorted(tensors.keys() - expected.keys()) if complete else ():
        yield f"{name} is not part of this model"


def load_model(folder: Path, device: str | torch.device = "cpu") -> Transformer:
    """Open the model in `folder`; raises `UserError` when it is damaged."""
    try:
        config = TransformerConfig.model_validate_json(canonical_json(read_json(folder / SHAPE)))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:3])
        raise UserError(
            "damaged-model",
            f"{folder / SHAPE} is not a transformer's shape: {wrong}",
            hint="of a Hugging Face folder, `argosy import` makes one that can be opened",
        ) from None
    model = empty_model(config).to_empty(device=device)
    if config.tied_embeddings:
        model.head.weight = model.embedding.weight
    load_weights(model, folder)
    return model


def empty_model(config: TransformerConfig) -> Transformer:
    """A model without weights, on PyTorch's meta device."""
    with torch.device("meta"):
        return Transformer(config)
