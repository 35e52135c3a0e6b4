"""Can we do it: what training a model will take, before money is spent. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.planning.asking import ask, question_of
    from argosy.planning.backtesting import Backtest, backtest
    from argosy.planning.chosen import choose_layout
    from argosy.planning.failures import Interval, Reliability, checkpoint_interval, goodput, stretch, wall_times
    from argosy.planning.feasibility import plan
    from argosy.planning.figures import Memory, Throughput
    from argosy.planning.fitting import fit, log_rates, physics, weights
    from argosy.planning.job import Job, States, columns
    from argosy.planning.layouts import PART_NAMES, Candidate, Searched, search
    from argosy.planning.machine import Machine, Prediction
    from argosy.planning.memory import MemoryUse, memory_use
    from argosy.planning.one_layout import degrees_of, predict, training_keys_of
    from argosy.planning.predictions import Fit, Fitted, fitted, predict_memory, predict_throughput
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
    from argosy.planning.residual import Kernel, Known, Learned, known
    from argosy.planning.results import Plan, Question
    from argosy.planning.rows import Row, Target, read_rows
    from argosy.planning.run_plan import RunPlan, plan_run
    from argosy.planning.scaling import FittedLaw, Point, fit_scaling
    from argosy.planning.shape import LatentAttention, ModelShape, shape_of
    from argosy.planning.verdict import count, days, money, percent, tenure_row

__all__ = [
    "BESIROGLU",
    "HOFFMANN",
    "PART_NAMES",
    "Allocation",
    "Backtest",
    "Candidate",
    "Fit",
    "Fitted",
    "FittedLaw",
    "Interval",
    "Job",
    "Kernel",
    "Known",
    "LatentAttention",
    "Learned",
    "Loss",
    "Machine",
    "Memory",
    "MemoryUse",
    "ModelShape",
    "Plan",
    "Point",
    "Prediction",
    "Question",
    "Reliability",
    "Row",
    "RunPlan",
    "ScalingLaw",
    "Searched",
    "States",
    "Target",
    "Throughput",
    "ask",
    "backtest",
    "checkpoint_interval",
    "choose_layout",
    "columns",
    "compute_optimal",
    "count",
    "days",
    "degrees_of",
    "effective_tokens",
    "fit",
    "fit_scaling",
    "fitted",
    "goodput",
    "inference_aware",
    "known",
    "log_rates",
    "memory_use",
    "money",
    "percent",
    "physics",
    "plan",
    "plan_run",
    "predict",
    "predict_loss",
    "predict_memory",
    "predict_throughput",
    "published_shape",
    "question_of",
    "read_rows",
    "search",
    "shape_of",
    "shape_of_tree",
    "stretch",
    "tenure_row",
    "training_keys_of",
    "wall_times",
    "weights",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ask": "asking",
        "question_of": "asking",
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
        "physics": "fitting",
        "weights": "fitting",
        "Job": "job",
        "States": "job",
        "columns": "job",
        "PART_NAMES": "layouts",
        "Candidate": "layouts",
        "Searched": "layouts",
        "search": "layouts",
        "Machine": "machine",
        "Prediction": "machine",
        "MemoryUse": "memory",
        "memory_use": "memory",
        "plan": "feasibility",
        "Fit": "predictions",
        "Fitted": "predictions",
        "Memory": "figures",
        "Throughput": "figures",
        "fitted": "predictions",
        "predict_memory": "predictions",
        "predict_throughput": "predictions",
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
        "Learned": "residual",
        "Plan": "results",
        "Question": "results",
        "RunPlan": "run_plan",
        "choose_layout": "chosen",
        "degrees_of": "one_layout",
        "training_keys_of": "one_layout",
        "plan_run": "run_plan",
        "predict": "one_layout",
        "Row": "rows",
        "Target": "rows",
        "read_rows": "rows",
        "FittedLaw": "scaling",
        "Point": "scaling",
        "fit_scaling": "scaling",
        "LatentAttention": "shape",
        "ModelShape": "shape",
        "shape_of": "shape",
        "count": "verdict",
        "days": "verdict",
        "money": "verdict",
        "percent": "verdict",
        "tenure_row": "verdict",
    },
)
