"""Optimisers by name: which parameters each one updates, and with which decay."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from argosy.config import Precision, TrainingConfig
from argosy.models import has_tied_head
from argosy.parallel import Mesh, is_placed
from argosy.training.muon import Muon
from argosy.training.precision import DTYPES

ADAM_EPS = 1e-8
MUON_MOMENTUM = 0.95  # Jordan et al. 2024


def build_optimizers(
    models: Sequence[nn.Module],
    training: TrainingConfig,
    learning_rate: float,
    precision: Precision,
    mesh: Mesh | None = None,
) -> list[Optimizer]:
    """Return the optimisers that together update every parameter of a model, or of parts of it, once.

    Embeddings and norms have no weight decay. With `muon`, the matrices inside the blocks go to Muon, with updates
    scaled to AdamW's root mean square so that one learning rate serves both (Liu et al. 2025, arXiv:2502.16982, eq. 4);
    everything else, kernels of convolutions too, goes to AdamW. Muon orthogonalises in the `precision` of the run; the
    ranks of a `mesh` share that work.
    """
    embeddings = {id(m.weight) for model in models for m in model.modules() if isinstance(m, nn.Embedding)}
    tied = [model for model in models if has_tied_head(model) and getattr(model, "head", None)]
    embeddings |= {id(model.get_parameter("head.weight")) for model in tied}
    parameters = {name: p for model in models for name, p in model.named_parameters()}
    decayed = {n: p for n, p in parameters.items() if p.ndim >= 2 and id(p) not in embeddings}
    plain = [p for n, p in parameters.items() if n not in decayed]
    decay = training.weight_decay
    if training.optimizer == "muon":
        hidden = [p for n, p in decayed.items() if p.ndim == 2 and not n.startswith("head.")]
        head = [p for n, p in decayed.items() if p.ndim != 2 or n.startswith("head.")]
        rest: list[Optimizer] = [_adamw(head, plain, training, learning_rate)] if head or plain else []
        if not hidden:
            return rest
        muon = Muon(
            hidden,
            dtype=DTYPES[precision],
            peers=None if mesh is None else mesh.peers,
            lr=learning_rate,
            weight_decay=decay,
            momentum=MUON_MOMENTUM,
        )
        return [muon, *rest]
    if training.optimizer == "sgd":
        groups = _groups(decayed.values(), plain, decay)
        return [
            SGD(groups, lr=learning_rate, momentum=training.beta1, fused=not any(map(is_placed, parameters.values())))
        ]
    return [_adamw(decayed.values(), plain, training, learning_rate)]


def _adamw(
    decayed: Iterable[nn.Parameter],
    plain: Iterable[nn.Parameter],
    training: TrainingConfig,
    learning_rate: float,
) -> AdamW:
    groups = _groups(decayed, plain, training.weight_decay)
    betas = (training.beta1, training.beta2)
    return AdamW(groups, lr=learning_rate, betas=betas, eps=ADAM_EPS, fused=True)


def _groups(decayed: Iterable[nn.Parameter], plain: Iterable[nn.Parameter], decay: float) -> list[dict[str, object]]:
    groups = [
        {"params": list(decayed), "weight_decay": decay},
        {"params": list(plain), "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


Named = Iterable[tuple[str, nn.Parameter]]


def optimizer_state(named: Named, optimizers: Iterable[Optimizer]) -> dict[str, torch.Tensor]:
    """The optimisers' tensors as `{parameter.key: tensor}`; the tensors are theirs, not copies."""
    names = {id(p): name for name, p in named}
    return {
        f"{names[id(parameter)]}.{key}": value
        for optimizer in optimizers
        for parameter, state in optimizer.state.items()
        if id(parameter) in names
        for key, value in state.items()
        if isinstance(value, torch.Tensor)
    }


def load_optimizer_state(named: Named, optimizers: Iterable[Optimizer], state: dict[str, torch.Tensor]) -> None:
    """Put back what `optimizer_state` gave; tensors that are already where their parameter is are used as they are."""
    owners = {id(p): optimizer for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    parameters = dict(named)
    for name, value in state.items():
        owner, _, key = name.rpartition(".")
        parameter = parameters[owner]
        optimizer = owners[id(parameter)]
        counted_on_host = key == "step" and not optimizer.defaults.get("fused")  # PyTorch's own rule
        optimizer.state[parameter][key] = value if counted_on_host else value.to(parameter.device)


@torch.no_grad()
def copy_parameter(source: nn.Parameter, target: nn.Parameter, optimizers: Iterable[Optimizer]) -> None:
    """Give `target` the value of `source` and what the optimisers keep of it."""
    target.copy_(source)
    states = {parameter: state for optimizer in optimizers for parameter, state in optimizer.state.items()}
    for optimizer in optimizers:
        if any(target is parameter for group in optimizer.param_groups for parameter in group["params"]):
            optimizer.state[target] = {
                key: value.clone() if isinstance(value, torch.Tensor) else value
                for key, value in states.get(source, {}).items()
            }
