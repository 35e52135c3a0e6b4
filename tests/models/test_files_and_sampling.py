"""Models on disk, and tokens drawn from them."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from argosy.config import UserError
from argosy.models import generate, load_model, save_model
from argosy.models.sampling import sample_token
from tests.models.test_transformer import model_of, shape

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("tied", [False, True])
def test_round_trip_is_bit_equal(tmp_path: Path, tied: bool) -> None:
    model = model_of(shape(tied_embeddings=tied))
    save_model(model.state_dict(), model.config, tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert (again.head.weight is again.embedding.weight) == tied


def test_a_file_that_does_not_fit_names_the_tensors(tmp_path: Path) -> None:
    model = model_of(shape())
    save_model(model.state_dict(), model.config, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["blocks.0.attention.wo.weight"] = torch.zeros(3, 3)
    tensors["norm.wieght"] = tensors.pop("norm.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(UserError) as caught:
        load_model(tmp_path)
    for needle in ("norm.weight is missing", "'norm.wieght'", "(3, 3)", "(48, 48)"):
        assert needle in str(caught.value)
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match="not a safetensors file"):
        load_model(tmp_path)


def test_greedy_generation_equals_the_uncached_argmax_even_past_the_context() -> None:
    model = model_of(shape(sequence_length=16))
    prompt = [1, 2, 3]
    tokens = list(generate(model, prompt, max_tokens=12, temperature=0))
    expected = list(prompt)
    for _ in range(12):
        expected.append(int(model(torch.tensor([expected]))[0, -1].argmax()))
    assert tokens == expected[3:]
    assert len(list(generate(model, list(range(60)), max_tokens=50, temperature=0))) == 50


def test_the_seed_decides() -> None:
    model = model_of(shape())
    drawn = [list(generate(model, [1], max_tokens=30, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.floats(0.05, 1.0), st.integers(0, 10_000))
def test_draws_respect_top_k_and_top_p(top_k: int, top_p: float, seed: int) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    token = sample_token(logits, temperature=1.0, top_k=top_k, top_p=top_p, generator=generator)
    order = logits.argsort(descending=True).tolist()
    place = order.index(token)
    assert place < top_k
    kept = logits[order[:top_k]].softmax(0)
    assert float(kept[:place].sum()) < top_p + 1e-6
