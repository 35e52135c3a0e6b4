"""What a sweep found: which trial is best, and what to know before believing it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from argosy.sweep.results import Sweep, Trial


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """The furthest trained first, of those the best first; what failed or was never measured last."""
    return sorted(
        trials,
        key=lambda t: (t.state == "failed", -len(t.points), t.points[-1].bits_per_byte if t.points else 0.0),
    )


def conclude(sweep: Sweep, folder: Path, *, same_text: bool) -> Sweep:
    """The finished sweep with its trials in order, its best one, and notes; `same_text` was held out of all of them."""
    trials = ranked(sweep.trials)
    best = trials[0] if trials[0].points and trials[0].state != "failed" else None
    return sweep.model_copy(
        update={
            "finished": True,
            "trials": tuple(trials),
            "best": best and best.label,
            "command": best and f"argosy run {folder / best.label}",
            "notes": tuple(_notes(sweep, best, same_text)),
        }
    )


def _notes(sweep: Sweep, best: Trial | None, same_text: bool) -> Iterator[str]:
    tried = [trial for trial in sweep.trials if trial.points or trial.state == "failed"]
    if best is None or len(tried) < 2:
        yield "nothing was compared: the budget is too small"
        return
    if not same_text:
        yield "each was measured on its own held-out text, since that differs: the figures do not compare"
    for key, value in best.settings.items():
        numbers = {v for trial in tried if type(v := trial.settings[key]) in (int, float)}
        if len(numbers) > 1 and value in (min(numbers), max(numbers)):
            side = "lowest" if value == min(numbers) else "highest"
            yield f"the best {key} is {value}, the {side} that was tried: extend the range"
    going = [trial.points[-1].bits_per_byte for trial in sweep.trials if trial.points and trial.state != "failed"]
    if min(going) < best.points[-1].bits_per_byte:
        yield "a combination that was let go had fewer bits at its last comparison: the two are about as good"
    share = sweep.rungs[-1].share
    if share < 1:
        yield f"no training went further than {share:.0%} of its steps: at the end the order may be another"
    tokens = [trial.points[0].tokens for trial in tried if trial.points]
    if max(tokens) > 1.05 * min(tokens):
        yield "some were trained on more text than others: training.tokens instead of steps makes that the same"
