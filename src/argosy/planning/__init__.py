"""Can we do it: what training a model will take, before money is spent. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.planning.backtesting import Backtest, backtest
    from argosy.planning.failures import Interval, Reliability, checkpoint_interval, goodput, stretch, wall_times
    from argosy.planning.fitting import fit, log_rates, weights
    from argosy.planning.job import Job, columns
    from argosy.planning.predict import Fitted, Throughput, fitted, predict_throughput
    from argosy.planning.published import published_shape, shape_of_tree
    from argosy.planning.quality import (
        BESIROGLU,
        HOFFMANN,
        Allocation,
        Loss,
        ScalingLaw,
        compute_optimal,
        effective_tokens,
        inference_aware,
        predict_loss,
    )
    from argosy.planning.residual import Kernel, Known, known, posterior
    from argosy.planning.rows import Row, read_rows
    from argosy.planning.shape import LatentAttention, ModelShape, shape_of

__all__ = [
    "BESIROGLU",
    "HOFFMANN",
    "Allocation",
    "Backtest",
    "Fitted",
    "Interval",
    "Job",
    "Kernel",
    "Known",
    "LatentAttention",
    "Loss",
    "ModelShape",
    "Reliability",
    "Row",
    "ScalingLaw",
    "Throughput",
    "backtest",
    "checkpoint_interval",
    "columns",
    "compute_optimal",
    "effective_tokens",
    "fit",
    "fitted",
    "goodput",
    "inference_aware",
    "known",
    "log_rates",
    "posterior",
    "predict_loss",
    "predict_throughput",
    "published_shape",
    "read_rows",
    "shape_of",
    "shape_of_tree",
    "stretch",
    "wall_times",
    "weights",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Backtest": "backtesting",
        "backtest": "backtesting",
        "Interval": "failures",
        "Reliability": "failures",
        "checkpoint_interval": "failures",
        "goodput": "failures",
        "stretch": "failures",
        "wall_times": "failures",
        "fit": "fitting",
        "log_rates": "fitting",
        "weights": "fitting",
        "Job": "job",
        "columns": "job",
        "Fitted": "predict",
        "Throughput": "predict",
        "fitted": "predict",
        "predict_throughput": "predict",
        "published_shape": "published",
        "shape_of_tree": "published",
        "BESIROGLU": "quality",
        "HOFFMANN": "quality",
        "Allocation": "quality",
        "Loss": "quality",
        "ScalingLaw": "quality",
        "compute_optimal": "quality",
        "effective_tokens": "quality",
        "inference_aware": "quality",
        "predict_loss": "quality",
        "Kernel": "residual",
        "Known": "residual",
        "known": "residual",
        "posterior": "residual",
        "Row": "rows",
        "read_rows": "rows",
        "LatentAttention": "shape",
        "ModelShape": "shape",
        "shape_of": "shape",
    },
)
