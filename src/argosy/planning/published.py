"""The shape that a Hugging Face `config.json` describes, whichever family it is of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from argosy.config import UserError, nearest
from argosy.planning.shape import LatentAttention, ModelShape
from argosy.storage import read_json


class _Keys:
    """The keys of a `config.json`, with a clear error for what is not there or no number."""

    def __init__(self, tree: Mapping[str, Any], source: Path | str) -> None:
        self.tree, self.source = tree, source

    def whole(self, *names: str, default: int | None = None) -> int:
        """The first of the names that is there, a whole number of 0 or more."""
        for name in names:
            value = self.tree.get(name)
            if value is None:
                continue
            if type(value) is not int or value < 0:
                raise UserError("bad-shape", f"{self.source}: {name} = {value!r}, expected a whole number")
            return value
        if default is None:
            known = nearest(names[0], [name for name, value in self.tree.items() if value is not None])
            raise UserError("bad-shape", f"{self.source}: {' or '.join(names)} is missing{known}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Whether something holds."""
        value = self.tree.get(name)
        return default if value is None else bool(value)


def _usual(keys: _Keys) -> dict[str, Any]:
    """What most families have under the same names."""
    dim, heads = keys.whole("hidden_size"), keys.whole("num_attention_heads")
    return {
        "layers": keys.whole("num_hidden_layers"),
        "dim": dim,
        "heads": heads,
        "kv_heads": keys.whole("num_key_value_heads", default=heads),
        "head_dim": keys.whole("head_dim", default=dim // max(1, heads)),
        "ffn_dim": keys.whole("intermediate_size"),
        "vocabulary_size": keys.whole("vocab_size"),
        "tied_embeddings": keys.flag("tie_word_embeddings", False),
    }


def _windows(keys: _Keys, layers: int, *, every_other: int = 0, used: bool = True) -> dict[str, Any]:
    """Layers with a sliding window: as listed, else all but each `every_other`-th, else all."""
    window = keys.tree.get("sliding_window") if used else None
    if not isinstance(window, int):
        return {}
    kinds = keys.tree.get("layer_types")
    if isinstance(kinds, list):
        windowed = sum(kind == "sliding_attention" for kind in kinds)
    else:
        windowed = layers - layers // every_other if every_other else layers
    return {"window": window, "windowed_layers": windowed} if windowed else {}


def _llama(keys: _Keys) -> dict[str, Any]:
    shape = _usual(keys)
    bias = keys.flag("attention_bias", False)
    return shape | {"query_bias": bias, "output_bias": bias, "ffn_bias": keys.flag("mlp_bias", False)}


def _mistral(keys: _Keys) -> dict[str, Any]:
    shape = _usual(keys)
    return shape | _windows(keys, shape["layers"])


def _mixtral(keys: _Keys) -> dict[str, Any]:
    shape = _mistral(keys)
    return shape | {
        "experts": keys.whole("num_local_experts"),
        "experts_per_token": keys.whole("num_experts_per_tok"),
        "expert_ffn_dim": shape["ffn_dim"],
        "ffn_dim": 0,
    }


def _qwen2(keys: _Keys) -> dict[str, Any]:
    shape = _usual(keys)
    windows = _windows(keys, shape["layers"], used=keys.flag("use_sliding_window", False))
    return shape | {"query_bias": True} | windows


def _qwen3(keys: _Keys) -> dict[str, Any]:
    shape = _usual(keys) | {"head_dim": keys.whole("head_dim", default=128), "qk_norm": True}
    bias = keys.flag("attention_bias", False)
    windows = _windows(keys, shape["layers"], used=keys.flag("use_sliding_window", False))
    return shape | {"query_bias": bias, "output_bias": bias} | windows


def _experts_of_qwen(keys: _Keys, layers: int) -> dict[str, Any]:
    sparse = keys.whole("decoder_sparse_step", default=1)
    alone = set(keys.tree.get("mlp_only_layers") or ())
    with_experts = sum(1 for layer in range(layers) if layer not in alone and (layer + 1) % max(1, sparse) == 0)
    return {
        "experts": keys.whole("num_experts", "num_local_experts"),
        "experts_per_token": keys.whole("num_experts_per_tok"),
        "expert_ffn_dim": keys.whole("moe_intermediate_size"),
        "dense_layers": layers - with_experts,
    }


def _qwen3_moe(keys: _Keys) -> dict[str, Any]:
    shape = _qwen3(keys) | {"head_dim": keys.whole("head_dim", default=_usual(keys)["head_dim"])}
    return shape | _experts_of_qwen(keys, shape["layers"])


def _qwen2_moe(keys: _Keys) -> dict[str, Any]:
    shape = _qwen2(keys)
    shared = keys.whole("shared_expert_intermediate_size", default=0)
    return shape | _experts_of_qwen(keys, shape["layers"]) | {"shared_ffn_dim": shared, "shared_gate": shared > 0}


def _gemma(keys: _Keys) -> dict[str, Any]:
    return _usual(keys) | {"head_dim": keys.whole("head_dim", default=256), "tied_embeddings": True}


def _gemma2(keys: _Keys) -> dict[str, Any]:
    shape = _gemma(keys)
    return shape | {"layer_norms": 4} | _windows(keys, shape["layers"], every_other=2)


def _gemma3(keys: _Keys) -> dict[str, Any]:
    shape = _gemma(keys)
    windows = _windows(keys, shape["layers"], every_other=keys.whole("sliding_window_pattern", default=6))
    return shape | {"layer_norms": 4, "qk_norm": True} | windows


def _deepseek(keys: _Keys) -> dict[str, Any]:
    layers = keys.whole("num_hidden_layers")
    width = keys.whole("moe_intermediate_size", default=0)
    experts = keys.whole("n_routed_experts", default=0)
    rank = keys.tree.get("q_lora_rank")
    latent = LatentAttention(
        query_rank=None if rank is None else keys.whole("q_lora_rank"),
        key_value_rank=keys.whole("kv_lora_rank"),
        rotary_dim=keys.whole("qk_rope_head_dim"),
        value_dim=keys.whole("v_head_dim"),
    )
    shape = _usual(keys) | {"head_dim": keys.whole("qk_nope_head_dim"), "latent": latent}
    if not experts:
        return shape
    return shape | {
        "experts": experts,
        "experts_per_token": keys.whole("num_experts_per_tok"),
        "expert_ffn_dim": width,
        "shared_ffn_dim": keys.whole("n_shared_experts", default=0) * width,
        "dense_layers": min(layers, keys.whole("first_k_dense_replace", default=0)),
    }


def _gpt2(keys: _Keys) -> dict[str, Any]:
    dim, heads = keys.whole("n_embd"), keys.whole("n_head")
    return {
        "layers": keys.whole("n_layer"),
        "dim": dim,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": dim // max(1, heads),
        "ffn_dim": keys.whole("n_inner", default=4 * dim),
        "vocabulary_size": keys.whole("vocab_size"),
        "positions": keys.whole("n_positions"),
        "gated": False,
        "tied_embeddings": keys.flag("tie_word_embeddings", True),
        "query_bias": True,
        "output_bias": True,
        "ffn_bias": True,
        "norm_bias": True,
    }


def _gpt_neox(keys: _Keys) -> dict[str, Any]:
    bias = keys.flag("attention_bias", True)
    return _usual(keys) | {
        "gated": False,
        "query_bias": bias,
        "output_bias": bias,
        "ffn_bias": True,
        "norm_bias": True,
    }


def _gpt_oss(keys: _Keys) -> dict[str, Any]:
    shape = _usual(keys)
    return (
        shape
        | {
            "head_dim": keys.whole("head_dim", default=64),
            "experts": keys.whole("num_local_experts"),
            "experts_per_token": keys.whole("num_experts_per_tok"),
            "expert_ffn_dim": shape["ffn_dim"],
            "ffn_dim": 0,
            "router_bias": True,
            "query_bias": True,
            "output_bias": True,
            "ffn_bias": True,
            "sinks": True,
        }
        | _windows(keys, shape["layers"], every_other=2)
    )


FAMILIES: Mapping[str, Callable[[_Keys], dict[str, Any]]] = {
    "llama": _llama,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "phi3": _mistral,
    "qwen2": _qwen2,
    "qwen2_moe": _qwen2_moe,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "deepseek_v2": _deepseek,
    "deepseek_v3": _deepseek,
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "gpt_oss": _gpt_oss,
}


def published_shape(path: Path) -> ModelShape:
    """The shape in a Hugging Face `config.json`, or in a folder that has one.

    Raises `UserError`: `unknown-architecture` with the nearest, or `bad-shape` naming the key.
    """
    file = path / "config.json" if path.is_dir() else path
    tree = read_json(file)
    if not isinstance(tree, dict):
        raise UserError("bad-shape", f"{file}: expected an object")
    return shape_of_tree(tree, file)


def shape_of_tree(tree: Mapping[str, Any], source: Path | str = "config.json") -> ModelShape:
    """The same of what the file holds."""
    if isinstance(tree.get("text_config"), dict) and "num_hidden_layers" not in tree:
        tree = tree["text_config"]  # of a model that sees too, the part that reads
    kind = str(tree.get("model_type"))
    if kind not in FAMILIES:
        raise UserError(
            "unknown-architecture",
            f"{source}: model_type = {kind}, expected one of {', '.join(FAMILIES)}{nearest(kind, FAMILIES)}",
            hint="give the shape instead: layers, dim, heads, kv_heads, ffn_dim, vocabulary_size",
        )
    shape = FAMILIES[kind](_Keys(tree, source))
    wrong = [name for name in ("layers", "dim", "heads", "kv_heads", "head_dim", "vocabulary_size") if not shape[name]]
    if wrong:
        raise UserError("bad-shape", f"{source}: {wrong[0]} is 0")
    if shape["heads"] % shape["kv_heads"]:
        raise UserError("bad-shape", f"{source}: {shape['heads']} heads do not share {shape['kv_heads']} for keys")
    return ModelShape(**shape)
