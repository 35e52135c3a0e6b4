"""The transformer, its files and its sampling, and the perceptron; plain PyTorch that knows nothing of ranks."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.models.dense import Perceptron, perceptron
    from argosy.models.files import load_model, load_weights, save_model
    from argosy.models.sampling import generate
    from argosy.models.sizes import language_model
    from argosy.models.transformer import KVCache, Transformer

__all__ = [
    "KVCache",
    "Perceptron",
    "Transformer",
    "generate",
    "language_model",
    "load_model",
    "load_weights",
    "perceptron",
    "save_model",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Perceptron": "dense",
        "perceptron": "dense",
        "load_model": "files",
        "load_weights": "files",
        "save_model": "files",
        "generate": "sampling",
        "language_model": "sizes",
        "KVCache": "transformer",
        "Transformer": "transformer",
    },
)
