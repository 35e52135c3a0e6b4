"""A trainer on disk: safetensors and JSON, never a pickle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import argosy
from argosy.config import TransformerConfig, UserError
from argosy.models import Perceptron, Transformer
from argosy.storage import atomic_folder, read_json, write_json

if TYPE_CHECKING:
    from argosy.training.trainer import Trainer

T = TypeVar("T", bound="Trainer")
FORMAT = 1


def save_trainer(trainer: "Trainer", folder: Path) -> Path:
    """Write `trainer.json`, `model.safetensors` and `optimizer.safetensors`; an older folder of that name goes."""
    with atomic_folder(folder) as temporary:
        save_file(_owned(trainer.model.state_dict()), temporary / "model.safetensors")
        state = trainer.optimizer.state_dict()["state"]
        tensors = {f"{place}.{key}": value for place, entry in state.items() for key, value in entry.items()}
        save_file(_owned(tensors), temporary / "optimizer.safetensors")
        tree = {
            "format": FORMAT,
            "argosy": argosy.__version__,
            "model": _described(trainer.model),
            "optimizer": trainer.optimizer_name,
            "learning_rate": trainer.optimizer.param_groups[0]["lr"],
            "loss": trainer.loss_name,
            "metrics": trainer.metric_names,
            "gradient_clip": trainer.gradient_clip,
            "seed": trainer.seed,
            "steps": trainer.steps,
            "history": dict(trainer.history),
        }
        write_json(temporary / "trainer.json", tree)
    return folder


def _owned(tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Tensors that share no memory, as the format demands."""
    return {name: value.detach().cpu().clone() for name, value in tensors.items() if isinstance(value, torch.Tensor)}


def _described(model: nn.Module) -> dict[str, Any]:
    if isinstance(model, Perceptron):
        return {"perceptron": list(model.widths)}
    if isinstance(model, Transformer):
        return {"transformer": model.config.model_dump(mode="json")}
    return {"class": f"{type(model).__module__}.{type(model).__qualname__}"}


def load_trainer(kind: type[T], folder: Path, model: nn.Module | None, objects: dict[str, Any]) -> T:
    """Build the trainer that `save_trainer` wrote; see `Trainer.load`."""
    tree = read_json(folder / "trainer.json")
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != FORMAT:
        raise UserError(
            "unknown-format",
            f"{folder} is of format {found}; this version reads {FORMAT}",
            hint="open it with the version of Argosy that wrote it",
        )
    names = ("optimizer", "learning_rate", "loss", "metrics", "gradient_clip", "seed")
    options = {name: tree[name] for name in names} | objects
    trainer = kind(model if model is not None else _rebuilt(tree["model"]), **options)
    try:
        trainer.model.load_state_dict(load_file(folder / "model.safetensors", device=str(trainer.device)))
        tensors = load_file(folder / "optimizer.safetensors")
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError("damaged-model", f"{folder}: {str(error).strip().splitlines()[0]}") from None
    _restore(trainer, tensors)
    trainer.steps = tree["steps"]
    trainer.history.extend(tree["history"])
    return trainer


def _restore(trainer: "Trainer", tensors: dict[str, torch.Tensor]) -> None:
    """Give the optimiser its state back, each tensor where it was."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        place, _, key = name.partition(".")
        state.setdefault(int(place), {})[key] = value
    trainer.optimizer.load_state_dict({**trainer.optimizer.state_dict(), "state": state})


def _rebuilt(described: dict[str, Any]) -> nn.Module:
    match described:
        case {"perceptron": widths}:
            return Perceptron(*widths)
        case {"transformer": shape}:
            return Transformer(TransformerConfig.model_validate(shape))
    raise UserError(
        "unknown-model", f"the saved model is a {described.get('class')}", hint="give it: Trainer.load(folder, model)"
    )
