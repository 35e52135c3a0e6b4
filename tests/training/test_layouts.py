"""What a layout cannot do with a module is refused before training, with the reason."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import argosy
from argosy.config import Layout, UserError
from argosy.models import perceptron


class Own(nn.Module):
    """A user's module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.second = nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * self.second(self.act(self.first(x)))


class Pair(nn.Module):
    """A layer that gives two tensors."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


LINEAR = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"first": "colum"}, "expected 'column', 'column, gathered', 'row'; did you mean 'column'"),
        ({"frist": "row"}, "no module is named 'frist'; the linear layers are first, second; did you mean 'first'"),
        ({"act": "row"}, "'act' is a ReLU; ranks can share linear layers"),
    ],
)
def test_a_plan_that_is_none_is_refused_at_once(plan: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        argosy.Trainer(Own(), plan=plan)
    assert error.value.code == "bad-plan"


@pytest.mark.parametrize(
    ("model", "layout", "said"),
    [
        (Own, Layout(tensor=2), "'first': 'column', 'second': 'row'"),
        (Own, Layout(shard=2), "'scale' is a single number"),
        (Own, Layout(pipeline=2), "what comes after what in Own is not known"),
        (lambda: perceptron(2, 3), Layout(pipeline=2), "1 layer with parameters is fewer than 2 stages"),
        (lambda: perceptron(2, 3), Layout(context=2), "no sequence of tokens"),
        (lambda: nn.Sequential(LINEAR, nn.ReLU(), LINEAR), Layout(pipeline=2), "share a parameter"),
        (
            lambda: nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)),
            Layout(pipeline=2),
            r"layer '1' \(BatchNorm1d\) looks at a whole batch",
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), Pair(), nn.Linear(2, 3)),
            Layout(pipeline=2),
            r"layer '1' \(Pair\) gives a tuple",
        ),
        (lambda: nn.Sequential(nn.LSTM(2, 3)), Layout(tensor=2), "it has no linear layers"),
    ],
)
def test_what_ranks_cannot_share_is_refused(model: Callable[[], nn.Module], layout: Layout, said: str) -> None:
    from argosy.parallel import refuse_module

    with pytest.raises(UserError, match=said) as error:
        refuse_module(model(), layout, None, torch.zeros(2, 2))
    assert error.value.code == "indivisible"


def test_fit_looks_at_the_layout_first(monkeypatch: pytest.MonkeyPatch) -> None:
    data: Any = np.zeros((8, 2), dtype=np.float32), np.zeros(8, dtype=int)
    with pytest.raises(UserError, match="has 4 ranks, and 1 process") as error:
        argosy.Trainer(perceptron(2, 3), layout=Layout(shard=2, tensor=2)).fit(data)
    assert error.value.code == "wrong-number-of-ranks" and "--nproc-per-node 4" in error.value.hint
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="what comes after what"):
        argosy.Trainer(Own(), layout=Layout(pipeline=2)).fit(data)
