"""From sources of text, or from arrays, to batches: a cursor that cannot lie. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.data.arrays import ArrayPlan, Arrays, as_arrays
    from argosy.data.batches import Batch, BatchPlan, Prefetcher
    from argosy.data.digits import mnist
    from argosy.data.lineage import trace
    from argosy.data.preparation import prepare
    from argosy.data.results import (
        Cursor,
        Dataset,
        DocumentRecord,
        DocumentSpan,
        Lineage,
        Ranges,
        Shard,
        SourceSummary,
        Split,
        TracedRow,
    )
    from argosy.data.sources import check, source_fingerprint
    from argosy.data.store import IGNORED, TokenStore, open_dataset
    from argosy.data.tokenizer import Tokenizer, load_tokenizer

__all__ = [
    "IGNORED",
    "ArrayPlan",
    "Arrays",
    "Batch",
    "BatchPlan",
    "Cursor",
    "Dataset",
    "DocumentRecord",
    "DocumentSpan",
    "Lineage",
    "Prefetcher",
    "Ranges",
    "Shard",
    "SourceSummary",
    "Split",
    "TokenStore",
    "Tokenizer",
    "TracedRow",
    "as_arrays",
    "check",
    "load_tokenizer",
    "mnist",
    "open_dataset",
    "prepare",
    "source_fingerprint",
    "trace",
]

_FILES = {
    "arrays": ("ArrayPlan", "Arrays", "as_arrays"),
    "digits": ("mnist",),
    "batches": ("Batch", "BatchPlan", "Prefetcher"),
    "preparation": ("prepare",),
    "results": (
        "Cursor",
        "Dataset",
        "DocumentRecord",
        "DocumentSpan",
        "Lineage",
        "TracedRow",
        "Ranges",
        "Shard",
        "SourceSummary",
        "Split",
    ),
    "sources": ("check", "source_fingerprint"),
    "store": ("IGNORED", "TokenStore", "open_dataset"),
    "tokenizer": ("Tokenizer", "load_tokenizer"),
    "lineage": ("trace",),
}

__getattr__ = lazy_exports(__name__, {name: file for file, names in _FILES.items() for name in names})
