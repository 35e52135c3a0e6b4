"""Every parameter is updated by exactly one optimiser, with the decay it should have."""

import pytest
import torch

from argosy.config import TrainingConfig
from argosy.training.muon import Muon, newton_schulz
from argosy.training.optimizers import build_optimizers, load_optimizer_state, optimizer_state
from tests.models.test_transformer import model_of, shape

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_once_and_decay_on_matrices_only(name: str, tied: bool) -> None:
    model = model_of(shape(tied_embeddings=tied, qk_norm=True))
    optimizers = build_optimizers([model], TrainingConfig(optimizer=name, weight_decay=0.1), 1e-3, "float32")
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
    ours = build_optimizers([first], TrainingConfig(optimizer=name), 1e-2, "float32")
    updated(first, ours, 0)
    second = model_of(shape(), seed=9)
    second.load_state_dict(first.state_dict())
    theirs = build_optimizers([second], TrainingConfig(optimizer=name), 1e-2, "float32")
    state = {key: value.clone() for key, value in optimizer_state(first.named_parameters(), ours).items()}
    assert any(value.ndim == 2 for value in state.values())
    load_optimizer_state(second.named_parameters(), theirs, state)
    updated(first, ours, 1)
    updated(second, theirs, 1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    third = model_of(shape(), seed=9)
    third.load_state_dict(second.state_dict())
    updated(third, build_optimizers([third], TrainingConfig(optimizer=name), 1e-2, "float32"), 2)
    updated(second, theirs, 2)
    assert not torch.equal(second.head.weight, third.head.weight), "without its state an optimiser goes elsewhere"


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_muon_in_float32_is_pytorchs_without_its_rounding(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(3)
    start, gradients = torch.randn(shape, generator=generator), torch.randn((4, *shape), generator=generator)
    ends = []
    for dtype in (None, torch.bfloat16, torch.float32):
        parameter, options = torch.nn.Parameter(start.clone()), {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.95}
        if dtype is None:
            optimizer = torch.optim.Muon([parameter], adjust_lr_fn="match_rms_adamw", **options)
        else:
            optimizer = Muon([parameter], dtype=dtype, **options)
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
        ends.append(parameter.detach() - start)
    assert torch.equal(ends[0], ends[1])
    # Five iterations of bfloat16 (8 bits) products, each amplifying by up to 3.4: a few per cent of the update.
    assert (ends[0] - ends[2]).norm() < 0.05 * ends[0].norm()


def test_newton_schulz_in_double_precision_is_the_published_polynomial() -> None:
    matrix = torch.randn((6, 9), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    a, b, c = coefficients = (3.4445, -4.7750, 2.0315)
    u, s, v = torch.linalg.svd(matrix / matrix.norm(), full_matrices=False)
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    torch.testing.assert_close(newton_schulz(matrix, coefficients, 5, 1e-7), u * s @ v)


@pytest.mark.parametrize("fused", [False, True])
def test_state_goes_where_the_parameters_are(fused: bool) -> None:
    """Counted on the host unless the optimiser is fused, as PyTorch has it."""
    model = torch.nn.Linear(2, 2, device="meta")
    optimizer = torch.optim.AdamW(model.parameters(), fused=fused)
    load_optimizer_state(
        model.named_parameters(), [optimizer], {"weight.exp_avg": torch.zeros(2, 2), "weight.step": torch.ones(())}
    )
    state = optimizer.state[model.weight]
    assert (state["exp_avg"].device.type, state["step"].device.type) == ("meta", "meta" if fused else "cpu")
