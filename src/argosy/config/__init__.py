"""The nouns everyone shares: `Venture`, `TransformerConfig`, `Layout`, `Execution`, errors. Torch-free."""

from argosy.config.errors import ArgosyError, Problem, RunFailed, UserError, VentureError, nearest
from argosy.config.layout import Execution, Layout, Precision
from argosy.config.loader import load_venture, reference_rows, venture_from_tree
from argosy.config.recipe import Recipe, check, recipe, transformer_config
from argosy.config.record import Record
from argosy.config.transformer import PRESETS, TransformerConfig, parse_size
from argosy.config.venture import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    RunConfig,
    SourceConfig,
    TrainingConfig,
    Venture,
)

__all__ = [
    "PRESETS",
    "ArgosyError",
    "DataConfig",
    "EvaluationConfig",
    "Execution",
    "Layout",
    "ModelConfig",
    "Precision",
    "Problem",
    "Recipe",
    "Record",
    "RunConfig",
    "RunFailed",
    "SourceConfig",
    "TrainingConfig",
    "TransformerConfig",
    "UserError",
    "Venture",
    "VentureError",
    "check",
    "load_venture",
    "nearest",
    "parse_size",
    "recipe",
    "reference_rows",
    "transformer_config",
    "venture_from_tree",
]
