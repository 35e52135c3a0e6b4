"""From sources of text, or from arrays, to batches: a cursor that cannot lie. Torch-free but for augmentation."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.data.arrays import ArrayPlan, Arrays, as_arrays
    from argosy.data.augmentation import ImageAugmentation
    from argosy.data.batches import Batch, BatchPlan, Prefetcher, Sequences, sequences
    from argosy.data.digits import mnist
    from argosy.data.drawn import drawn_digits
    from argosy.data.examples import (
        Examples,
        ExampleSet,
        check_examples,
        example_fingerprint,
        open_examples,
        prepare_examples,
    )
    from argosy.data.lineage import trace
    from argosy.data.preparation import prepare
    from argosy.data.preprocessing import Cleaning, Normalization, OneHot, Preprocessing, as_preprocessing
    from argosy.data.readers import read_objects
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
    "Cleaning",
    "Cursor",
    "Dataset",
    "DocumentRecord",
    "DocumentSpan",
    "ExampleSet",
    "Examples",
    "ImageAugmentation",
    "Lineage",
    "Normalization",
    "OneHot",
    "Prefetcher",
    "Preprocessing",
    "Ranges",
    "Sequences",
    "Shard",
    "SourceSummary",
    "Split",
    "TokenStore",
    "Tokenizer",
    "TracedRow",
    "as_arrays",
    "as_preprocessing",
    "check",
    "check_examples",
    "drawn_digits",
    "example_fingerprint",
    "load_tokenizer",
    "mnist",
    "open_dataset",
    "open_examples",
    "prepare",
    "prepare_examples",
    "read_objects",
    "sequences",
    "source_fingerprint",
    "trace",
]

_FILES = {
    "arrays": ("ArrayPlan", "Arrays", "as_arrays"),
    "augmentation": ("ImageAugmentation",),
    "digits": ("mnist",),
    "drawn": ("drawn_digits",),
    "examples": (
        "ExampleSet",
        "Examples",
        "check_examples",
        "example_fingerprint",
        "open_examples",
        "prepare_examples",
    ),
    "batches": ("Batch", "BatchPlan", "Prefetcher", "Sequences", "sequences"),
    "preprocessing": ("Cleaning", "Normalization", "OneHot", "Preprocessing", "as_preprocessing"),
    "preparation": ("prepare",),
    "readers": ("read_objects",),
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
