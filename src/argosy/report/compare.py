"""Runs side by side: their figures, and the keys in which their ventures differ. Torch-free."""

import math
from collections.abc import Sequence
from itertools import pairwise

from argosy.config import Record
from argosy.report.headline import parameter_count
from argosy.report.metrics import smooth
from argosy.report.tree import leaves, number
from argosy.report.units import plain
from argosy.report.views import RunView, view_run
from argosy.storage import Run

HALF_LIFE = 0.01  # of the run: one step's loss is mostly luck of its batch


class Comparison(Record):
    """A table: one column a run."""

    runs: tuple[str, ...]
    """Run folders, in the order given."""
    equal_tokens: int | None
    """Tokens that every run was trained on: where `loss_at_equal_tokens` is read."""
    figures: dict[str, tuple[float | int | None, ...]]
    """Each figure for each run; null where a run does not have it."""
    differences: dict[str, tuple[str | None, ...]]
    """Each key of the venture whose values differ, for each run; null where a run leaves it to its default."""


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compare runs by what their files say: losses in nats a token, times in seconds, throughput in tokens a second.

    The training loss is smoothed; `loss_at_equal_tokens` compares runs of different length at the end of the shortest.
    """
    views = [view_run(run) for run in runs]
    reached = [view.metrics.last("tokens") for view in views]
    equal = min((tokens for tokens in reached if tokens is not None), default=None) if all(reached) else None
    figures = [_figures(view, equal) for view in views]
    keys = [{key: plain(value) for key, value in leaves(view.venture)} for view in views]
    changed = sorted(name for name in set().union(*keys) if len({each.get(name) for each in keys}) > 1)
    return Comparison(
        runs=tuple(str(run.path) for run in runs),
        equal_tokens=None if equal is None else int(equal),
        figures={
            name: tuple(each[name] for each in figures)
            for name in (figures[0] if figures else ())
            if any(each[name] is not None for each in figures)
        },
        differences={name: tuple(each.get(name) for each in keys) for name in changed},
    )


def _figures(view: RunView, equal_tokens: float | None) -> dict[str, float | int | None]:
    """Every figure by name, None where the run does not have it."""
    metrics, held_out = view.metrics, view.held_out
    loss = smooth(metrics["loss"], HALF_LIFE * len(metrics))
    walls = {stage: number(receipt, "wall_s") for stage, receipt in view.receipts.items()}
    known = [wall for wall in walls.values() if wall is not None]
    parameters = parameter_count(view)
    return {
        "accuracy": number(view.evaluation, "accuracy"),
        "bits_per_byte": number(view.evaluation, "held_out", "bits_per_byte"),
        "held_out_loss": number(view.evaluation, "held_out", "loss") or number(view.evaluation, "loss"),
        "perplexity": number(view.evaluation, "held_out", "perplexity"),
        "held_out_loss_in_training": held_out[-1].loss if held_out else None,
        "training_loss": next((value for value in reversed(loss) if math.isfinite(value)), None),
        "loss_at_equal_tokens": None if equal_tokens is None else _at(metrics["tokens"], loss, equal_tokens),
        "parameters": None if parameters is None else int(parameters[0]),
        "steps": _whole(metrics.last("step")),
        "tokens": _whole(metrics.last("tokens")),
        "tokens_per_s": metrics.weighted("tokens_per_s"),
        "mfu": metrics.weighted("mfu"),
        "wall_s": math.fsum(known) if known else None,
        **{f"{stage}_wall_s": walls.get(stage) for stage in ("prepare", "train", "evaluate")},
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _at(x: Sequence[float], y: Sequence[float], place: float) -> float | None:
    """`y` where `x` reaches `place`, between two points on the line through them."""
    points = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    for (a, low), (b, high) in pairwise(points):
        if a <= place <= b and a < b:
            return low + (high - low) * (place - a) / (b - a)
    return points[0][1] if points and points[0][0] == place else None
