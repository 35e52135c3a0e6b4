"""Correcting the time that a run was predicted to take by its own first steps."""

import statistics
import sys

from argosy.planning import RunPlan
from argosy.storage import Run
from argosy.training.callbacks import Callback, StepMetrics

WARM_UP, STEPS = 2, 20


class Recentring(Callback):
    """Tells once, after the first steps, how far they are from the plan and when training will be done by them."""

    def __init__(self, run: Run, plan: RunPlan | None, steps: int) -> None:
        self._run, self._plan, self._steps = run, plan, steps
        self._seen: list[float] = []

    def on_step(self, metrics: StepMetrics) -> None:
        """Collect, and tell when there are enough."""
        if len(self._seen) == WARM_UP + STEPS:
            return
        self._seen.append(metrics.step_s)
        if len(self._seen) == WARM_UP + STEPS and metrics.step < self._steps:
            self._tell(metrics.step, statistics.median(self._seen[WARM_UP:]))

    def _tell(self, step: int, step_time_s: float) -> None:
        predicted = self._plan.step_time_s if self._plan else None
        left_h = (self._steps - step) * step_time_s / 3600
        correction = None if predicted is None else step_time_s / predicted.middle
        self._run.event("recentred", step=step, step_time_s=step_time_s, correction=correction, left_h=left_h)
        if predicted is None or correction is None:
            return
        print(
            f"training: a step takes {step_time_s:.3g} s, {correction:.2f} × what was predicted "
            f"({predicted.low:.3g} to {predicted.high:.3g}); by that, {_time(left_h)} are left",
            file=sys.stderr,
        )


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes" if hours >= 1 / 60 else "seconds"
