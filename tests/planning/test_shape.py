"""Parameters against transformers' own classes and published counts; FLOPs against their definitions."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import PRESETS, TransformerConfig, UserError
from argosy.planning import ModelShape, published_shape, shape_of, shape_of_tree

pytestmark = pytest.mark.fast

SMALL = {"num_hidden_layers": 3, "vocab_size": 512, "pad_token_id": None}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 8, "attention_bias": True, "mlp_bias": True},
    "mistral": {},
    "mixtral": {"num_local_experts": 4},
    "phi3": {"hidden_size": 768, "intermediate_size": 1024},
    "qwen2": {"num_key_value_heads": 8, "hidden_size": 1024, "intermediate_size": 2048},
    "qwen2_moe": {"num_experts": 6, "hidden_size": 256},
    "qwen3": {"num_key_value_heads": 8, "hidden_size": 1024, "intermediate_size": 2048},
    "qwen3_moe": {"num_experts": 8, "mlp_only_layers": [1], "head_dim": 64},
    "gemma": {"hidden_size": 512, "intermediate_size": 1024},
    "gemma2": {},
    "gemma3_text": {},
    "deepseek_v2": {
        "n_routed_experts": 4,
        "first_k_dense_replace": 1,
        "q_lora_rank": None,
        "num_experts_per_tok": 2,
    },
    "deepseek_v3": {"n_routed_experts": 8, "first_k_dense_replace": 1},
    "gpt2": {"n_layer": 3},
    "gpt_neox": {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8},
    "gpt_oss": {"num_local_experts": 4},
}


@pytest.mark.parametrize("kind", FAMILIES)
def test_parameters_are_those_of_the_published_class(kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(kind, **SMALL | FAMILIES[kind])
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    tree = config.to_dict()
    shape = shape_of_tree(tree)
    assert shape.parameter_count() == sum(parameter.numel() for parameter in model.parameters())


# Counts as their makers, or safetensors' headers on the hub, give them.
PUBLISHED = {
    "llama-2-7b": ("llama", {"intermediate_size": 11008}, 6_738_415_616, None),
    "llama-3-8b": (
        "llama",
        {"intermediate_size": 14336, "num_key_value_heads": 8, "vocab_size": 128_256},
        8_030_261_248,
        None,
    ),
    "mistral-7b": (
        "mistral",
        {"intermediate_size": 14336, "num_key_value_heads": 8},
        7_241_732_096,
        None,
    ),
    "mixtral-8x7b": (
        "mixtral",
        {"intermediate_size": 14336, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2},
        46_702_792_704,
        12_879_925_248,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_that_were_published(name: str) -> None:
    kind, keys, total, active = PUBLISHED[name]
    usual = {"num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 32_000}
    shape = shape_of_tree({"model_type": kind, **usual, **keys})
    assert shape.parameter_count() == total
    assert active is None or shape.parameter_count(active=True) == active


@given(st.sampled_from(sorted(PRESETS)), st.booleans(), st.booleans())
def test_our_own_transformer_is_one_of_them(preset: str, tied: bool, qk_norm: bool) -> None:
    own = {"vocabulary_size": 1000, "sequence_length": 256, "tied_embeddings": tied, "qk_norm": qk_norm}
    config = TransformerConfig.model_validate({**PRESETS[preset], **own})
    shape = shape_of(config)
    assert shape.parameter_count() == config.parameter_count()
    norms = config.parameter_count() - shape.multiplying_parameters(active=True)
    norms -= 0 if tied else config.vocabulary_size * config.dim
    assert shape.train_flops_per_token(256) == pytest.approx(config.train_flops_per_token() - 6 * norms)


def test_attention_is_counted_where_it_is_looked_at() -> None:
    plain = shape_of_tree(
        {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128}
        | {"num_hidden_layers": 2, "vocab_size": 100}
    )
    linear = 6 * plain.multiplying_parameters(active=True)
    assert plain.train_flops_per_token(100) == linear + 12 * 2 * 64 * 100  # PaLM, appendix B
    assert plain.train_flops_per_token(100, causal=True) == linear + 12 * 2 * 64 * 50.5  # the mean of 1 to 100
    narrow = plain.model_copy(update={"window": 10, "windowed_layers": 1})
    seen = (sum(range(1, 11)) + 90 * 10) / 100
    assert narrow.train_flops_per_token(100) == linear + 12 * 64 * (100 + 10)
    assert narrow.train_flops_per_token(100, causal=True) == linear + 12 * 64 * (50.5 + seen)
    assert narrow.train_flops_per_token(8) == plain.train_flops_per_token(8), "a window wider than the text"


def test_experts_multiply_only_for_their_tokens() -> None:
    kind, keys, _, _ = PUBLISHED["mixtral-8x7b"]
    usual = {"num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 32_000}
    shape = shape_of_tree({"model_type": kind, **usual, **keys})
    dense = shape.model_copy(update={"experts": 0, "ffn_dim": 2 * 14336})
    router = 32 * 4096 * 8
    assert shape.multiplying_parameters(active=True) == dense.multiplying_parameters(active=True) + router


@pytest.mark.parametrize(
    ("tree", "code", "said"),
    [
        ({"model_type": "lama"}, "unknown-architecture", "did you mean 'llama'"),
        ({}, "unknown-architecture", "model_type = None"),
        ({"model_type": "llama", "hidden_sise": 4}, "bad-shape", "hidden_size is missing; did you mean 'hidden_sise'"),
        ({"model_type": "llama", "hidden_size": "4096"}, "bad-shape", "hidden_size = '4096', expected a whole number"),
        ({"model_type": "llama", "hidden_size": -1}, "bad-shape", "hidden_size = -1"),
        ([], "bad-shape", "expected an object"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, tree: Any, code: str, said: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(tree))
    with pytest.raises(UserError) as caught:
        published_shape(tmp_path)
    assert caught.value.code == code and said in caught.value.message


def test_zero_and_heads_that_do_not_share_are_refused() -> None:
    good = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128}
    good |= {"num_hidden_layers": 2, "vocab_size": 100}
    for change, said in (({"num_hidden_layers": 0}, "layers is 0"), ({"num_key_value_heads": 3}, "do not share 3")):
        with pytest.raises(UserError, match=said):
            shape_of_tree(good | change)
    assert isinstance(shape_of_tree(good), ModelShape)
