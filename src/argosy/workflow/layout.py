"""`layout = "auto"`: what the planner chooses, and what a run that has begun keeps of it."""

import contextlib
from typing import Any

from argosy import parallel
from argosy.config import (
    AnyVenture,
    AutomaticLayout,
    Layout,
    UserError,
    Venture,
    VentureError,
)
from argosy.hardware import load_profile
from argosy.planning import choose_layout, count_rank, degrees_of, training_keys_of
from argosy.storage import Run
from argosy.workflow.dry_run import setups_of
from argosy.workflow.stages import say

KEYS = ("micro_batch", "recompute", "pipeline_schedule", "virtual_stages")


def settled(venture: AnyVenture, run: Run, *, fresh: bool = False, choose: bool = True) -> AnyVenture:
    """The venture with the layout to train in: its own, else the run's, else the planner's where it may `choose`.

    A run goes on in its layout as long as there are as many ranks, unless it is to begin afresh. Keys of `training`
    that the venture itself gives stay. Raises `UserError` as the planner does.
    """
    if not isinstance(venture.layout, AutomaticLayout):
        return venture
    profile = load_profile()
    devices = profile.accelerators[0].count if profile and profile.accelerators else None
    ranks = parallel.world_size(venture) if parallel.external_world() else devices
    with contextlib.suppress(UserError, OSError):
        begun = run.venture()
        if not fresh and type(begun) is type(venture) and ranks in (None, begun.layout.ranks):
            keys = begun.training.model_dump(include=set(KEYS)) if isinstance(begun, Venture) else {}
            return _with(venture, begun.layout, keys)
    if not choose:
        return venture
    if isinstance(venture, Venture) and (devices is not None or ranks is None):
        return _planned(venture, ranks, profile.accelerators[0].memory_gib if profile and devices else None)
    say(f"layout: {ranks or 1} replicas, as many as there are devices or processes")
    return _with(venture, Layout(data=ranks or 1), {})


def _planned(venture: Venture, ranks: int | None, room_gib: float | None) -> AnyVenture:
    def accepted(layout: Layout, keys: dict[str, Any]) -> bool:
        try:
            setups = setups_of(_with(venture, layout, keys))
        except VentureError:  # training refuses it
            return False
        # What published runs needed is no promise for this trainer, whose ranks are counted on paper too.
        return room_gib is None or max(count_rank(one).peak_bytes for one in setups) <= room_gib * 2**30

    try:
        best = choose_layout(venture, ranks, accepted)
    except UserError as error:
        if error.code != "not-measured":
            raise
        hint = "argosy calibrate (some minutes); or name a layout: --layout data=2"
        raise UserError(error.code, f"{error.message}, so the planner cannot choose a layout", hint=hint) from None
    layout = degrees_of(best.job)
    say(f"layout: {layout}, the planner's choice: {best.tokens_per_s:,.0f} tokens/s, {best.memory.peak_gib:.1f} GiB")
    return _with(venture, layout, training_keys_of(best.job))


def _with(venture: AnyVenture, layout: Layout, keys: dict[str, Any]) -> AnyVenture:
    changes: dict[str, Any] = {"layout": layout}
    if isinstance(venture, Venture):
        changes["training"] = venture.training.model_copy(update=_own(venture, keys))
    return venture.model_copy(update=changes)


def _own(venture: Venture, keys: dict[str, Any]) -> dict[str, Any]:
    """Those keys of `training` that the venture does not give itself."""
    return {name: value for name, value in keys.items() if name not in venture.training.model_fields_set}
