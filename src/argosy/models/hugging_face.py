"""Hugging Face folders of the Llama family: their keys, names and files, to ours and back; JSON and safetensors."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from argosy.config import TransformerConfig, UserError, nearest
from argosy.models.files import SHAPE, WEIGHTS, empty_model, read_tensors, refuse_misfits, write_tensors
from argosy.models.transformer import Transformer
from argosy.storage import read_json, write_json

ARCHITECTURES = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen3": "Qwen3ForCausalLM"}
KEYS = {  # ours to theirs
    "vocabulary_size": "vocab_size",
    "dim": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "ffn_dim": "intermediate_size",
    "sequence_length": "max_position_embeddings",
    "norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
    "tied_embeddings": "tie_word_embeddings",
}
MODULES = {  # ours to theirs
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
# What our model computes, where their key may ask for something else; an absent key asks for this too.
FIXED: dict[str, Any] = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "partial_rotary_factor": 1.0,
    "use_sliding_window": False,
    "quantization_config": None,
}
FIXED_ROPE = {"rope_type": "default", "type": "default", "partial_rotary_factor": 1.0}
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
INDEX = "model.safetensors.index.json"
EXACT = (torch.float32, torch.bfloat16, torch.float16)  # float32 holds every value of these


def their_name(name: str) -> str:
    """The published name of one of our tensors."""
    module, _, leaf = name.rpartition(".")
    if module.startswith("blocks."):
        _, layer, rest = module.split(".", 2)
        return f"model.layers.{layer}.{MODULES[rest]}.{leaf}"
    return f"{MODULES[module]}.{leaf}"


def architecture(config: TransformerConfig) -> str:
    """The published class that computes the same: Llama's, or Qwen 3's where queries and keys are normalised."""
    return ARCHITECTURES["qwen3" if config.qk_norm else "llama"]


def their_config(config: TransformerConfig) -> dict[str, Any]:
    """The `config.json` of a shape."""
    return {
        "architectures": [architecture(config)],
        "model_type": "qwen3" if config.qk_norm else "llama",
        **{theirs: getattr(config, ours) for ours, theirs in KEYS.items()},  # transformers 4 reads rope_theta here,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},  # transformers 5 here
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "dtype": "float32",
    }


def our_config(tree: Any, source: Path) -> TransformerConfig:
    """The shape a `config.json` describes.

    Raises `UserError` for an unknown architecture, and one that names every key by which the model differs from ours.
    """
    kind = str(tree.get("model_type") if isinstance(tree, dict) else None)
    if kind not in ARCHITECTURES:
        known = f"{', '.join(ARCHITECTURES)}{nearest(kind, ARCHITECTURES)}"
        raise UserError(
            "unknown-architecture",
            f"{source}: model_type = {kind}, expected one of {known}",
            hint="only architectures that Argosy's own transformer computes exactly can be imported",
        )
    rope: dict[str, Any] = {}
    for key in ("rope_parameters", "rope_scaling"):
        given = tree.get(key) or {}
        rope |= given if isinstance(given, dict) else {key: given}
    defaults = {
        "num_key_value_heads": tree.get("num_attention_heads"),
        "rope_theta": 10_000.0,
        "tie_word_embeddings": False,
    }
    numbers = {theirs: defaults.get(theirs) if tree.get(theirs) is None else tree[theirs] for theirs in KEYS.values()}
    numbers["rope_theta"] = rope.get("rope_theta", numbers["rope_theta"])
    wrong = list(_not_numbers(numbers)) or list(_differences(kind, {**tree, **numbers}, rope))
    if wrong:
        raise UserError("unsupported-model", f"{source} describes a model Argosy does not compute: {'; '.join(wrong)}")
    shape: dict[str, Any] = {ours: numbers[theirs] for ours, theirs in KEYS.items()}
    return TransformerConfig(**shape, qk_norm=kind == "qwen3")


def _not_numbers(numbers: Mapping[str, Any]) -> Iterator[str]:
    for key, value in numbers.items():
        real = key in ("rms_norm_eps", "rope_theta")
        if key == "tie_word_embeddings":
            good, expected = isinstance(value, bool), "true or false"
        else:
            good = isinstance(value, (int, float) if real else int) and not isinstance(value, bool) and value > 0
            expected = f"a positive {'' if real else 'whole '}number"
        if not good:
            yield f"{key} = {value!r}, expected {expected}"


def _differences(kind: str, tree: Mapping[str, Any], rope: Mapping[str, Any]) -> Iterator[str]:
    dim, heads, length = tree["hidden_size"], tree["num_attention_heads"], tree["max_position_embeddings"]
    for key, expected in FIXED.items():
        if tree.get(key) not in (expected, None):
            yield f"{key} = {tree[key]!r}, expected {expected!r}"
    for key, value in rope.items():
        if key != "rope_theta" and value != FIXED_ROPE.get(key):
            yield f"rope_parameters.{key} = {value!r}, expected the default rotary embedding"
    if dim % heads or heads % tree["num_key_value_heads"]:
        yield f"{dim} wide with {heads} heads and {tree['num_key_value_heads']} for keys, expected multiples"
    elif (width := tree.get("head_dim") or (128 if kind == "qwen3" else dim // heads)) != dim // heads:
        yield f"head_dim = {width!r}, expected hidden_size / num_attention_heads = {dim // heads}"
    window = tree.get("sliding_window", 4096) if kind == "mistral" else None  # 4096 is transformers' default
    if window is not None and not (isinstance(window, int) and window >= length):
        yield f"sliding_window = {window!r}, expected null or at least max_position_embeddings = {length}"
    layers = tree.get("layer_types") or []
    if not isinstance(layers, list) or any(layer != "full_attention" for layer in layers):
        yield f"layer_types = {layers!r}, expected 'full_attention' alone"


def write_hugging_face(model: Transformer, folder: Path, *, begin: int, end: int) -> None:
    """Write `config.json`, `generation_config.json` and `model.safetensors`.

    Texts begin with the token `begin` and end with `end`. Raises `RunFailed` `disk-full`.
    """
    tokens = {"bos_token_id": begin, "eos_token_id": end}
    write_json(folder / SHAPE, their_config(model.config) | tokens)
    write_json(folder / "generation_config.json", tokens | {"pad_token_id": end})
    write_tensors({their_name(name): tensor for name, tensor in model.named_parameters()}, folder / WEIGHTS)


def read_hugging_face(folder: Path) -> tuple[dict[str, Tensor], TransformerConfig]:
    """Tensors, in float32, and shape of the model in a Hugging Face folder, as `save_model` takes them.

    Raises `UserError` for another architecture, and naming tensors that are missing, extra, misshapen or inexact.
    """
    config = our_config(read_json(folder / SHAPE), folder / SHAPE)
    parameters = dict(empty_model(config).named_parameters())  # a tied head appears once
    tensors = dict(chain.from_iterable(read_tensors(path).items() for path in _weight_files(folder)))
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("rotary_emb.inv_freq")}
    if config.tied_embeddings and HEAD in tensors and torch.equal(tensors[HEAD], tensors.get(EMBEDDING, tensors[HEAD])):
        del tensors[HEAD]  # the same twice
    refuse_misfits(tensors, {their_name(name): parameter for name, parameter in parameters.items()}, folder)
    if inexact := [f"{name} is {tensor.dtype}" for name, tensor in tensors.items() if tensor.dtype not in EXACT]:
        raise UserError("unsupported-model", f"{folder}: {inexact[0]}, expected float32, bfloat16 or float16")
    return {name: tensors[their_name(name)].float() for name in parameters}, config


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, one or many; raises `UserError` where there are none."""
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        match read_json(folder / INDEX):
            case {"weight_map": dict(places)}:
                return [folder / Path(name).name for name in sorted(set(map(str, places.values())))]
        raise UserError("damaged-model", f"{folder / INDEX} has no weight_map")
    raise UserError(
        "no-safetensors",
        f"{folder} has neither {WEIGHTS} nor {INDEX}; files such as pytorch_model.bin can run code and are not opened",
        hint="with transformers: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)",
    )
