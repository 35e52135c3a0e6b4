"""Every parameter is updated by exactly one optimiser, with the decay it should have."""

import pytest
import torch

from argosy.config import TrainingConfig
from argosy.training.optimizers import build_optimizers, load_optimizer_state, optimizer_state
from tests.models.test_transformer import model_of, shape

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_once_and_decay_on_matrices_only(name: str, tied: bool) -> None:
    model = model_of(shape(tied_embeddings=tied, qk_norm=True))
    optimizers = build_optimizers(model, TrainingConfig(optimizer=name, weight_decay=0.1), 1e-3)
    groups = [(g["weight_decay"], p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(id(p) for _, p in groups) == sorted(id(p) for p in model.parameters())
    names = {id(p): n for n, p in model.named_parameters()}
    for decay, parameter in groups:
        plain = parameter.ndim < 2 or names[id(parameter)].startswith("embedding")
        assert decay == (0.0 if plain else 0.1), names[id(parameter)]


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd"])
def test_state_put_back_gives_the_same_next_step(name: str) -> None:
    def updated(model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], seed: int) -> None:
        tokens = torch.randint(97, (2, 12), generator=torch.Generator().manual_seed(seed))
        model(tokens).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    first = model_of(shape())
    ours = build_optimizers(first, TrainingConfig(optimizer=name), 1e-2)
    updated(first, ours, 0)
    second = model_of(shape(), seed=9)
    second.load_state_dict(first.state_dict())
    theirs = build_optimizers(second, TrainingConfig(optimizer=name), 1e-2)
    state = {key: value.clone() for key, value in optimizer_state(first, ours).items()}
    assert any(value.ndim == 2 for value in state.values())
    load_optimizer_state(second, theirs, state)
    updated(first, ours, 1)
    updated(second, theirs, 1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    third = model_of(shape(), seed=9)
    third.load_state_dict(second.state_dict())
    updated(third, build_optimizers(third, TrainingConfig(optimizer=name), 1e-2), 2)
    updated(second, theirs, 2)
    assert not torch.equal(second.head.weight, third.head.weight), "without its state an optimiser goes elsewhere"
