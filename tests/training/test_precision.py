"""What this machine does best is found out without a trace."""

import pytest
import torch

from argosy.training.precision import compile_blocks, matmul_flops_per_s
from tests.models.test_transformer import model_of, shape

pytestmark = pytest.mark.fast


def test_measuring_draws_from_no_shared_generator() -> None:
    before = torch.get_rng_state()
    assert matmul_flops_per_s(torch.float32, torch.device("cpu"), size=64, tries=2) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_a_compiler_that_fails_is_done_without() -> None:
    model, tokens = model_of(shape()), torch.zeros((1, 8), dtype=torch.long)
    expected = model(tokens)

    def attempt() -> None:
        raise RuntimeError("no compiler\nlong story")

    assert compile_blocks(list(model.blocks), attempt) == "RuntimeError: no compiler"
    assert torch.equal(model(tokens), expected)
