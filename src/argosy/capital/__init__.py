"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from argosy._lazy import lazy_exports

__all__: list[str] = []

__getattr__ = lazy_exports(__name__, {})
