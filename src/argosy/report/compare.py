"""Runs side by side: their figures, and the keys in which their ventures differ. Torch-free."""

from collections.abc import Sequence
from typing import Any

from argosy.config import Record
from argosy.report.views import RunView, view_run
from argosy.storage import Run


class Comparison(Record):
    """A table: one column a run."""

    runs: tuple[str, ...]
    """Run folders, in the order given."""
    figures: dict[str, tuple[float | int | None, ...]]
    """Each figure for each run; null where a run does not have it."""
    differences: dict[str, tuple[str | None, ...]]
    """Each key of the venture whose values differ, for each run."""


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compare runs by what their files say."""
    views = [view_run(run) for run in runs]
    figures = [_figures(view) for view in views]
    keys = [_keys(view) for view in views]
    names = list(dict.fromkeys(name for each in figures for name in each))
    changed = sorted(name for name in set().union(*keys) if len({each.get(name) for each in keys}) > 1)
    return Comparison(
        runs=tuple(str(run.path) for run in runs),
        figures={name: tuple(each.get(name) for each in figures) for name in names},
        differences={name: tuple(each.get(name) for each in keys) for name in changed},
    )


def _figures(view: RunView) -> dict[str, float | int | None]:
    figures: dict[str, float | int | None] = {}
    if view.evaluation:
        held_out = view.evaluation.held_out
        figures |= {"bits_per_byte": held_out.bits_per_byte, "perplexity": held_out.perplexity}
    elif view.held_out:
        figures["bits_per_byte"] = view.held_out[-1]["bits_per_byte"]
    if view.metrics:
        last = view.metrics[-1]
        rates = sorted(line["tokens_per_s"] for line in view.metrics)
        figures |= {"steps": last["step"], "tokens": last["tokens"], "training_loss": last["loss"]}
        figures["tokens_per_s"] = rates[len(rates) // 2]
    if "parameters" in view.start:
        figures["parameters"] = view.start["parameters"]
    for receipt in view.receipts:
        figures[f"{receipt.stage}_wall_s"] = receipt.wall_s
    return figures


def _keys(view: RunView) -> dict[str, str]:
    return dict(_leaves(view.venture.model_dump(mode="json"))) if view.venture else {}


def _leaves(value: Any, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for name, item in pairs for leaf in _leaves(item, f"{key}.{name}" if key else str(name))]
    return [(key, str(value))]
