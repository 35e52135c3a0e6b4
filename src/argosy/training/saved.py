"""A trainer on disk: safetensors and JSON, never a pickle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import argosy
from argosy.config import TransformerConfig, UserError
from argosy.data import Preprocessing, as_preprocessing
from argosy.models import Perceptron, Transformer
from argosy.storage import atomic_folder, read_json, write_json
from argosy.training.optimizers import load_optimizer_state

if TYPE_CHECKING:
    from argosy.training.trainer import Trainer

T = TypeVar("T", bound="Trainer")
FORMAT = 1
FILES = {"trainer.json", "model.safetensors", "optimizer.safetensors", "average.safetensors"}
OPTIONS = (
    "optimizer",
    "learning_rate",
    "loss",
    "metrics",
    "schedule",
    "gradient_clip",
    "label_smoothing",
    "ema_decay",
    "seed",
)


def save_trainer(trainer: "Trainer", folder: Path, state: dict[str, torch.Tensor]) -> Path:
    """Write `trainer.json`, `model.safetensors` and `optimizer.safetensors`; an older trainer in that folder goes.

    Raises `UserError` `exists` when the folder holds anything else.
    """
    others = sorted({path.name for path in folder.iterdir()} - FILES) if folder.is_dir() else []
    if others or folder.is_file():
        raise UserError(
            "exists",
            f"{folder} {f'holds {others[0]}' if others else 'is a file'}, which saving would remove",
            hint="choose a folder of its own",
        )
    with atomic_folder(folder) as temporary:
        write_trainer(trainer, temporary, state)
    return folder


def write_trainer(trainer: "Trainer", folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Write those files into a folder that is there; `state` is `trainer.optimizer_state()`."""
    save_file(_owned(trainer.model.state_dict()), folder / "model.safetensors")
    save_file(_owned(state), folder / "optimizer.safetensors")
    if trainer.average is not None:
        save_file(_owned(trainer.average.state_dict()), folder / "average.safetensors")
    tree = {
        "format": FORMAT,
        "argosy": argosy.__version__,
        "model": _described(trainer.model),
        "optimizer": trainer.optimizer_name,
        "learning_rate": trainer.optimizers[0].param_groups[0]["initial_lr"],
        "rates": [[group["initial_lr"], group["lr"]] for group in trainer.groups],
        "schedule": trainer.schedule,
        "loss": trainer.loss_name,
        "metrics": trainer.metric_names,
        "gradient_clip": trainer.gradient_clip,
        "label_smoothing": trainer.label_smoothing,
        "ema_decay": trainer.ema_decay,
        "preprocessing": trainer.preprocessing.state(),
        "seed": trainer.seed,
        "steps": trainer.steps,
        "history": dict(trainer.history),
    }
    write_json(folder / "trainer.json", tree)


def _owned(tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Tensors that share no memory and lie in order, as the format demands."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
        if isinstance(value, torch.Tensor)
    }


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
    options = {name: tree[name] for name in OPTIONS} | objects
    if "preprocessing" in objects:
        options["preprocessing"] = as_preprocessing(objects["preprocessing"])
        options["preprocessing"].take_over(tree["preprocessing"])
    else:
        options["preprocessing"] = Preprocessing.restored(tree["preprocessing"])
    if "optimizer" in objects and "learning_rate" not in objects:
        del options["learning_rate"]  # one for all its groups, which may have their own
    trainer = kind(model if model is not None else _rebuilt(tree["model"]), **options)
    try:
        trainer.model.load_state_dict(load_file(folder / "model.safetensors", device=str(trainer.device)))
        state = load_file(folder / "optimizer.safetensors")
        load_optimizer_state(trainer.model.named_parameters(), trainer.optimizers, state)
        if trainer.average is not None:
            trainer.average.load_state_dict(load_file(folder / "average.safetensors", device=str(trainer.device)))
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise UserError("damaged-model", f"{folder}: {str(error).strip().splitlines()[0]}") from None
    if "learning_rate" not in objects:
        for group, (initial, now) in zip(trainer.groups, tree["rates"], strict=True):
            group["initial_lr"], group["lr"] = initial, now
    trainer.steps = tree["steps"]
    trainer.history.extend(tree["history"])
    return trainer


def _rebuilt(described: dict[str, Any]) -> nn.Module:
    match described:
        case {"perceptron": widths}:
            return Perceptron(*widths)
        case {"transformer": shape}:
            return Transformer(TransformerConfig.model_validate(shape))
    raise UserError(
        "unknown-model", f"the saved model is a {described.get('class')}", hint="give it: Trainer.load(folder, model)"
    )
