"""How good a trained model is: held-out loss beside baselines, samples, generation."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.evaluation.judge import evaluate
    from argosy.evaluation.results import Baseline, Evaluation, Sample
    from argosy.evaluation.text import generate_text

__all__ = ["Baseline", "Evaluation", "Sample", "evaluate", "generate_text"]

__getattr__ = lazy_exports(
    __name__,
    {
        "evaluate": "judge",
        "Baseline": "results",
        "Evaluation": "results",
        "Sample": "results",
        "generate_text": "text",
    },
)
