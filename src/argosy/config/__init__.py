"""The nouns everyone shares: `Venture`, `TransformerConfig`, `Layout`, `Execution`, errors. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.config.classification import ClassificationVenture, ExampleSourceConfig
    from argosy.config.errors import ArgosyError, Problem, RunFailed, UserError, VentureError, nearest
    from argosy.config.layout import Execution, Layout, Precision
    from argosy.config.loader import (
        VENTURES,
        language_venture,
        load_venture,
        parse_override,
        reference_rows,
        split_override,
        venture_from_tree,
    )
    from argosy.config.recipe import Recipe, check, resolve_recipe, transformer_config
    from argosy.config.record import Record
    from argosy.config.transformer import PRESETS, TransformerConfig, parse_size, shape_for_size
    from argosy.config.venture import (
        OWN_NAME,
        AnyVenture,
        DataConfig,
        EvaluationConfig,
        ModelConfig,
        RivalConfig,
        RunConfig,
        Schedule,
        SourceConfig,
        TaskConfig,
        TrainingConfig,
        Venture,
    )

__all__ = [
    "OWN_NAME",
    "PRESETS",
    "VENTURES",
    "AnyVenture",
    "ArgosyError",
    "ClassificationVenture",
    "DataConfig",
    "EvaluationConfig",
    "ExampleSourceConfig",
    "Execution",
    "Layout",
    "ModelConfig",
    "Precision",
    "Problem",
    "Recipe",
    "Record",
    "RivalConfig",
    "RunConfig",
    "RunFailed",
    "Schedule",
    "SourceConfig",
    "TaskConfig",
    "TrainingConfig",
    "TransformerConfig",
    "UserError",
    "Venture",
    "VentureError",
    "check",
    "language_venture",
    "load_venture",
    "nearest",
    "parse_override",
    "parse_size",
    "reference_rows",
    "resolve_recipe",
    "shape_for_size",
    "split_override",
    "transformer_config",
    "venture_from_tree",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ArgosyError": "errors",
        "Problem": "errors",
        "RunFailed": "errors",
        "UserError": "errors",
        "VentureError": "errors",
        "nearest": "errors",
        "Execution": "layout",
        "Layout": "layout",
        "Precision": "layout",
        "ClassificationVenture": "classification",
        "ExampleSourceConfig": "classification",
        "VENTURES": "loader",
        "language_venture": "loader",
        "load_venture": "loader",
        "parse_override": "loader",
        "reference_rows": "loader",
        "split_override": "loader",
        "venture_from_tree": "loader",
        "Recipe": "recipe",
        "check": "recipe",
        "resolve_recipe": "recipe",
        "transformer_config": "recipe",
        "Record": "record",
        "PRESETS": "transformer",
        "TransformerConfig": "transformer",
        "parse_size": "transformer",
        "shape_for_size": "transformer",
        "OWN_NAME": "venture",
        "AnyVenture": "venture",
        "DataConfig": "venture",
        "EvaluationConfig": "venture",
        "ModelConfig": "venture",
        "RivalConfig": "venture",
        "RunConfig": "venture",
        "Schedule": "venture",
        "SourceConfig": "venture",
        "TaskConfig": "venture",
        "TrainingConfig": "venture",
        "Venture": "venture",
    },
)
