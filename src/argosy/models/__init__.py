"""The transformer, its files and its sampling, and the perceptron; plain PyTorch that knows nothing of ranks."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.models.dense import Perceptron, perceptron
    from argosy.models.files import empty_model, load_model, load_parts, load_weights, new_model_folder, save_model
    from argosy.models.hugging_face import architecture, read_hugging_face, write_hugging_face
    from argosy.models.results import ModelFolder
    from argosy.models.sampling import generate
    from argosy.models.sizes import language_model
    from argosy.models.transformer import (
        CausalAttention,
        KVCache,
        RMSNorm,
        Transformer,
        attention_mask,
        has_tied_head,
        initial_value,
        rotary_angles,
        share_heads,
        through,
    )

__all__ = [
    "CausalAttention",
    "KVCache",
    "ModelFolder",
    "Perceptron",
    "RMSNorm",
    "Transformer",
    "architecture",
    "attention_mask",
    "empty_model",
    "generate",
    "has_tied_head",
    "initial_value",
    "language_model",
    "load_model",
    "load_parts",
    "load_weights",
    "new_model_folder",
    "perceptron",
    "read_hugging_face",
    "rotary_angles",
    "save_model",
    "share_heads",
    "through",
    "write_hugging_face",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Perceptron": "dense",
        "perceptron": "dense",
        "load_model": "files",
        "empty_model": "files",
        "load_parts": "files",
        "load_weights": "files",
        "new_model_folder": "files",
        "save_model": "files",
        "architecture": "hugging_face",
        "read_hugging_face": "hugging_face",
        "write_hugging_face": "hugging_face",
        "ModelFolder": "results",
        "generate": "sampling",
        "language_model": "sizes",
        "CausalAttention": "transformer",
        "KVCache": "transformer",
        "RMSNorm": "transformer",
        "attention_mask": "transformer",
        "has_tied_head": "transformer",
        "initial_value": "transformer",
        "rotary_angles": "transformer",
        "share_heads": "transformer",
        "through": "transformer",
        "Transformer": "transformer",
    },
)
