"""What a training takes, by the planner: as its venture asks, or with something changed."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argosy.capital.plan.budget import TrainingRunConfig
from argosy.config import ModelConfig, Venture, language_venture, load_venture
from argosy.planning import Plan, Question, question_of
from argosy.planning import plan as plan_of

Pricer = Callable[[TrainingRunConfig], Plan]
"""How the trainings of a capital plan are planned."""


@functools.lru_cache(maxsize=16)
def _planned(question: Question) -> Plan:
    return plan_of(question)


@dataclass
class Planner:
    """The planner's answers to the trainings of a capital plan, each found once."""

    folder: Path
    """Ventures are relative to it."""
    _ventures: dict[str, Venture] = field(default_factory=dict)
    _plans: dict[tuple[Any, ...], Plan] = field(default_factory=dict)

    def __call__(self, asked: TrainingRunConfig, *, size: float = 1.0, tokens: float = 1.0, **plan_keys: Any) -> Plan:
        """The plan of a training, of a model `size` times as large on `tokens` times as many; `plan_keys` go before
        those of its `[plan]`. Raises as the planner does."""
        key = (asked.venture, size, tokens, *sorted(plan_keys.items()))
        if key not in self._plans:
            self._plans[key] = _planned(question_of(*self._asked(asked, size, tokens, plan_keys)))
        return self._plans[key]

    def _asked(
        self, asked: TrainingRunConfig, size: float, tokens: float, plan_keys: dict[str, Any]
    ) -> tuple[Venture, dict[str, Any]]:
        if asked.venture not in self._ventures:
            self._ventures[asked.venture] = language_venture(load_venture(self.folder / asked.venture))
        venture = self._ventures[asked.venture]
        if size == tokens == 1.0:
            return venture, plan_keys
        base = self(asked)
        if size != 1.0:
            kept = venture.model.model_dump(include={"tied_embeddings", "qk_norm", "norm_eps", "rope_theta"})
            model = ModelConfig(size=f"{size * base.parameters / 1e6:.4g}M", **kept)
            venture = venture.model_copy(update={"model": model})
        return venture, {**plan_keys, "tokens": f"{tokens * base.question.tokens:.0f}"}
