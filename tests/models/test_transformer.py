"""The transformer equals an independent implementation bit for bit, and its own reference paths."""

from collections import Counter

import pytest
import torch
from torch import nn

from argosy.config import TransformerConfig
from argosy.models import KVCache, Transformer

NAMES = {  # ours to the published ones
    "embedding": "model.embed_tokens",
    "norm": "model.norm",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "attention.q_norm": "self_attn.q_norm",
    "attention.k_norm": "self_attn.k_norm",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "head": "lm_head",
}


def shape(**changes: object) -> TransformerConfig:
    """A small shape with grouped queries."""
    numbers = {
        "vocabulary_size": 97,
        "dim": 48,
        "layers": 2,
        "heads": 6,
        "kv_heads": 2,
        "ffn_dim": 80,
        "sequence_length": 40,
    }
    return TransformerConfig.model_validate({**numbers, **changes})


def model_of(config: TransformerConfig, seed: int = 0) -> Transformer:
    model = Transformer(config)
    model.initialise(seed)
    return model


def _their_name(name: str) -> str:
    module, _, leaf = name.rpartition(".")
    if module.startswith("blocks."):
        _, layer, rest = module.split(".", 2)
        return f"model.layers.{layer}.{NAMES[rest]}.{leaf}"
    return f"{NAMES[module]}.{leaf}"


def _assert_bit_equal(model: Transformer, theirs: nn.Module) -> None:
    state = {_their_name(name): tensor for name, tensor in model.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and all("rotary" in name for name in missing)
    tokens = torch.randint(97, (3, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, reference = model(tokens), theirs.eval()(tokens).logits
        assert ours.std() > 0.01
        assert torch.equal(ours, reference)
        model.blocks[1].attention.wk.weight[3, 5] += 1e-3
        assert not torch.equal(model(tokens), reference), "one weight in thousands must show"
    assert sum(p.numel() for p in model.parameters()) == model.config.parameter_count()


def _their_numbers(config: TransformerConfig) -> dict[str, object]:
    return {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.dim,
        "intermediate_size": config.ffn_dim,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "max_position_embeddings": config.sequence_length,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "tie_word_embeddings": config.tied_embeddings,
        "attn_implementation": "sdpa",
    }


@pytest.mark.parametrize(
    "changes",
    [{}, {"kv_heads": 6}, {"tied_embeddings": True}, {"rope_theta": 500_000.0, "norm_eps": 1e-6}],
    ids=["grouped", "multi-head", "tied", "long-rope"],
)
def test_logits_are_bit_equal_to_llama(changes: dict[str, object]) -> None:
    transformers = pytest.importorskip("transformers")
    model = model_of(shape(**changes))
    numbers = _their_numbers(model.config)
    _assert_bit_equal(model, transformers.LlamaForCausalLM(transformers.LlamaConfig(**numbers)))


def test_logits_with_normalised_queries_are_bit_equal_to_qwen3() -> None:
    transformers = pytest.importorskip("transformers")
    model = model_of(shape(qk_norm=True))
    numbers = _their_numbers(model.config) | {"head_dim": model.config.head_dim}
    _assert_bit_equal(model, transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**numbers)))


@pytest.mark.fast
def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = model_of(shape())
    torch.manual_seed(6)
    second, other = model_of(shape()), model_of(shape(), seed=1)
    for (name, a), b, c in zip(first.named_parameters(), second.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
        assert a.ndim == 1 or not torch.equal(a, c), name


@pytest.mark.fast
def test_weights_have_the_published_deviation_and_are_drawn_apart() -> None:
    model = model_of(shape(layers=8, dim=96))
    matrices = {name: p.detach() for name, p in model.named_parameters() if p.ndim == 2}
    for name, matrix in matrices.items():
        expected = 0.02 / (4 if name.endswith(("wo.weight", "w2.weight")) else 1)  # √(2 · 8 layers)
        error = expected * 5 / (2 * matrix.numel()) ** 0.5  # five standard errors of a deviation
        assert abs(matrix.std().item() - expected) < error, name
    shapes = Counter(matrix.shape for matrix in matrices.values())
    assert max(shapes.values()) >= 16
    beginnings = {tuple(matrix.flatten()[:4].tolist()) for matrix in matrices.values()}
    assert len(beginnings) == len(matrices), "two matrices began with the same numbers"


@pytest.mark.fast
def test_a_part_of_the_model_draws_the_weights_it_has_in_the_whole() -> None:
    whole, part = model_of(shape()), Transformer(shape())
    part.blocks[0] = nn.Identity()  # as on the second of two pipeline stages
    part.initialise(0)
    weights = dict(whole.named_parameters())
    assert 0 < len(list(part.parameters())) < len(weights)
    for name, parameter in part.named_parameters():
        assert torch.equal(parameter, weights[name]), name


@pytest.mark.fast
@pytest.mark.parametrize("qk_norm", [False, True])
def test_the_cache_gives_the_same_logits_in_any_pieces(qk_norm: bool) -> None:
    model = model_of(shape(qk_norm=qk_norm))
    tokens = torch.randint(97, (2, 30))
    with torch.no_grad():
        whole = model(tokens)
        cache = KVCache(model.config, 2, 40, whole)
        parts = [model(piece, cache=cache) for piece in tokens.split([13, 1, 1, 9, 6], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.fast
def test_attention_is_causal_and_stays_in_documents() -> None:
    model = model_of(shape())
    tokens = torch.randint(97, (1, 20))
    changed = tokens.clone()
    changed[0, 12] = (tokens[0, 12] + 1) % 97
    ids = torch.tensor([[0] * 8 + [1] * 12])
    with torch.no_grad():
        before, after = model(tokens), model(changed)
        assert torch.equal(before[:, :12], after[:, :12])
        assert not torch.equal(before[:, 12:], after[:, 12:])
        changed[0, 3] = (tokens[0, 3] + 1) % 97
        masked, masked_changed = model(tokens, ids), model(changed, ids)
    assert torch.equal(masked[:, 8:12], masked_changed[:, 8:12]), "the first document must not be seen by the second"
    assert not torch.equal(masked[:, 3:8], masked_changed[:, 3:8])


@pytest.mark.fast
def test_a_packed_document_has_the_logits_it_has_alone() -> None:
    model = model_of(shape())
    tokens = torch.randint(97, (2, 30), generator=torch.Generator().manual_seed(2))
    ids = torch.tensor([[0] * 11 + [1] * 19, [4] * 11 + [5] * 19])
    with torch.no_grad():
        packed, plain, alone = model(tokens, ids), model(tokens), model(tokens[:, 11:])
    torch.testing.assert_close(packed[:, 11:], alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(packed[:, :11], plain[:, :11], rtol=1e-5, atol=1e-5)
    assert (plain[:, 11:] - alone).abs().max() > 1e-3, "without the mask the first document is seen"


@pytest.mark.fast
def test_a_cache_refuses_what_it_cannot_hold() -> None:
    model = model_of(shape())
    tokens = torch.randint(97, (1, 6))
    with pytest.raises(ValueError, match="7 tokens in a cache with room for 6"):
        cache = KVCache(model.config, 1, 6, model.head.weight)
        model(tokens[:, :4], cache=cache)
        model(tokens[:, :3], cache=cache)
    with pytest.raises(ValueError, match="document_ids"):
        model(tokens, torch.zeros_like(tokens), KVCache(model.config, 1, 6, model.head.weight))


@pytest.mark.fast
@pytest.mark.parametrize("cast", ["autocast", "weights"])
def test_bfloat16_rounds_and_does_no_more(cast: str) -> None:
    model = model_of(shape(qk_norm=True))
    tokens = torch.randint(97, (2, 20), generator=torch.Generator().manual_seed(3))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=cast == "autocast"):
        exact = model_of(model.config).double()(tokens)
        rounded = (model.bfloat16() if cast == "weights" else model)(tokens)
    assert rounded.dtype == torch.bfloat16
    # 2 blocks of 4 products in a row and the head, each rounding to 8 bits of mantissa
    assert (rounded.double() - exact).norm() / exact.norm() < 9 * 2**-8


@pytest.mark.fast
def test_the_model_is_one_graph_and_needs_no_memory_to_be_described() -> None:
    model = model_of(shape())
    tokens = torch.randint(97, (2, 20))
    ids = torch.zeros_like(tokens)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(tokens), model(tokens), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(compiled(tokens, ids), model(tokens, ids), rtol=1e-5, atol=1e-6)
    with torch.device("meta"):
        large = Transformer(shape(dim=4096, layers=32, heads=32, kv_heads=8, ffn_dim=14336, vocabulary_size=128_256))
        logits = large(torch.zeros(1, 8, dtype=torch.long))
    assert logits.shape == (1, 8, 128_256)
    assert sum(p.numel() for p in large.parameters()) == 8_030_261_248  # Llama 3 8B as published


@pytest.mark.fast
def test_recomputation_changes_no_gradient() -> None:
    tokens = torch.randint(97, (2, 16))
    gradients = []
    for recompute in (False, True):
        model = model_of(shape())
        model.recompute = recompute
        model(tokens).square().mean().backward()
        gradients.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.fast
@pytest.mark.parametrize("layers", [1, 12, 48])
def test_the_first_loss_is_that_of_a_uniform_guess_at_any_depth(layers: int) -> None:
    model = model_of(shape(layers=layers, vocabulary_size=300))
    tokens = torch.randint(300, (4, 33), generator=torch.Generator().manual_seed(0))
    loss = torch.nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    assert loss.item() == pytest.approx(5.70, abs=0.15)  # ln 300
