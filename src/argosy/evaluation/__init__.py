"""How good a trained model is: held-out loss beside baselines, samples, the venture's own questions, generation."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.evaluation.classification import evaluate_classifier
    from argosy.evaluation.judge import evaluate
    from argosy.evaluation.results import (
        Baseline,
        Calibration,
        CalibrationBin,
        ClassAccuracy,
        Classification,
        Contestant,
        Evaluation,
        Lead,
        Sample,
        SimpleClassifier,
        TaskResult,
    )
    from argosy.evaluation.stage import ANSWERS, check, configuration_of, inputs_of
    from argosy.evaluation.text import generate_text

__all__ = [
    "ANSWERS",
    "Baseline",
    "Calibration",
    "CalibrationBin",
    "ClassAccuracy",
    "Classification",
    "Contestant",
    "Evaluation",
    "Lead",
    "Sample",
    "SimpleClassifier",
    "TaskResult",
    "check",
    "configuration_of",
    "evaluate",
    "evaluate_classifier",
    "generate_text",
    "inputs_of",
]

_FILES = {
    "classification": ("evaluate_classifier",),
    "judge": ("evaluate",),
    "results": (
        "Baseline",
        "Calibration",
        "CalibrationBin",
        "ClassAccuracy",
        "Classification",
        "Contestant",
        "Evaluation",
        "Lead",
        "Sample",
        "SimpleClassifier",
        "TaskResult",
    ),
    "stage": ("ANSWERS", "check", "configuration_of", "inputs_of"),
    "text": ("generate_text",),
}

__getattr__ = lazy_exports(__name__, {name: file for file, names in _FILES.items() for name in names})
