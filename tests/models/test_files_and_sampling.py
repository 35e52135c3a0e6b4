"""Models on disk, and tokens drawn from them."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from argosy.config import RunFailed, UserError
from argosy.models import Transformer, generate, load_model, save_model
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


def test_a_file_of_other_names_is_described_in_one_line(tmp_path: Path) -> None:
    model = model_of(shape())
    save_model({f"model.{name}": tensor for name, tensor in model.state_dict().items()}, model.config, tmp_path)
    with pytest.raises(UserError) as caught:
        load_model(tmp_path)
    assert caught.value.code == "damaged-model"
    assert str(caught.value).count("is missing") == 5 and str(caught.value).endswith("; and more")


def test_a_full_disk_is_named_and_keeps_the_model_that_was_there(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mount.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        model, large = model_of(shape()), model_of(shape(ffn_dim=4000))
        save_model(model.state_dict(), model.config, disk / "model")
        with pytest.raises(RunFailed, match="the disk is full"):
            save_model(large.state_dict(), large.config, disk / "model")
        assert torch.equal(load_model(disk / "model").norm.weight, model.norm.weight)
        assert sorted(path.name for path in (disk / "model").iterdir()) == ["config.json", "model.safetensors"]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _uncached_greedy(model: Transformer, prompt: list[int], count: int) -> list[int]:
    """What `generate` promises, without a cache: every token from the whole sequence read anew."""
    limit = model.config.sequence_length
    window, drawn = prompt[-limit:], []
    for _ in range(count):
        if len(window) > limit:
            window = window[-(limit // 2) :]
        drawn.append(int(model(torch.tensor([window]))[0, -1].argmax()))
        window = [*window, drawn[-1]]
    return drawn


@pytest.mark.parametrize("prompt_length", [1, 3, 16, 17, 60])
def test_greedy_generation_equals_the_uncached_argmax_even_past_the_context(prompt_length: int) -> None:
    model = model_of(shape(sequence_length=16))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 4  # at their initial size the weights choose one token again and again
    prompt = [(7 * place) % 97 for place in range(prompt_length)]
    tokens = list(generate(model, prompt, max_tokens=40, temperature=0))
    assert tokens == _uncached_greedy(model, prompt, 40)
    assert len(set(tokens)) > 5


def test_generation_goes_on_in_a_context_of_one_token() -> None:
    model = model_of(shape(sequence_length=1))
    assert len(list(generate(model, [3, 4], max_tokens=4, temperature=0))) == 4


def test_a_long_context_takes_no_memory_before_it_is_used() -> None:
    model = model_of(shape(sequence_length=1 << 40))
    assert len(list(generate(model, [3, 4], max_tokens=5, temperature=0))) == 5


def test_generation_ends_before_the_stop_token_and_needs_a_beginning() -> None:
    model = model_of(shape())
    drawn = list(generate(model, [1], max_tokens=30, seed=3))
    stop = drawn[7]
    assert list(generate(model, [1], max_tokens=30, seed=3, stop_id=stop)) == drawn[: drawn.index(stop)]
    assert list(generate(model, [1], max_tokens=0)) == []
    with pytest.raises(ValueError, match="one token at least"):
        next(generate(model, [], max_tokens=3))


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


def _draw(logits: torch.Tensor, seed: int = 0, **options: float) -> int:
    generator = torch.Generator().manual_seed(seed)
    return sample_token(logits, **{"temperature": 1.0, "top_k": 0, "top_p": 1.0, **options}, generator=generator)


@pytest.mark.parametrize("options", [{"temperature": 1e-300}, {"top_k": 1}, {"top_p": 0.0}])
def test_the_narrowest_draw_is_the_likeliest_token(options: dict[str, float]) -> None:
    logits = 100 * torch.randn(40, generator=torch.Generator().manual_seed(1))
    assert all(_draw(logits, seed, **options) == int(logits.argmax()) for seed in range(20))


def test_draws_follow_the_probabilities() -> None:
    logits, count = torch.tensor([2.0, -1.0, 0.0, 1.0, 0.5]), 4000
    drawn = Counter(_draw(logits, seed, temperature=1.5) for seed in range(count))
    for token, p in enumerate((logits / 1.5).softmax(0).tolist()):
        assert abs(drawn[token] - p * count) < 5 * (count * p * (1 - p)) ** 0.5
