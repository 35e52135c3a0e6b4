"""Tracing one step on every rank: a Chrome trace of each (Perfetto opens them), and the timeline of all."""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from argosy.config import Problem, VentureError
from argosy.parallel import World
from argosy.storage import write_json
from argosy.training.timeline import Action, Event, Interval, actions, device_intervals, intervals, timeline

STEP = "argosy step"
Watch = Callable[[int], AbstractContextManager[None]]
"""(step, from 1) to what is entered around it."""


def refuse_step(step: int | None, steps: int) -> None:
    """Raise `VentureError` for a step to be profiled that a run does not have."""
    if step is not None and step > steps:
        raise VentureError("training", [Problem("training.profile_step", f"the run has {steps:,} steps", step)])


def unwatched(step: int) -> AbstractContextManager[None]:
    """Around a step that nobody looks at: nothing."""
    return contextlib.nullcontext()


def watching(step: int | None, folder: Path, world: World, layout: str) -> Watch:
    """What traces `step` on every rank into `folder`, and does nothing around all others."""
    if step is None:
        return unwatched
    return lambda number: _traced(number, folder, world, layout) if number == step else contextlib.nullcontext()


@contextlib.contextmanager
def _traced(step: int, folder: Path, world: World, layout: str) -> Iterator[None]:
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells of its start and end on standard error
    on_gpu = world.device.type == "cuda"
    folder.mkdir(parents=True, exist_ok=True)
    profiler = profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])])
    profiler.start()
    world.barrier()  # starting takes ranks differently long
    began_ms = time.time_ns() / 1e6
    with record_function(STEP):
        yield
        if on_gpu:
            torch.cuda.synchronize(world.device)
    profiler.stop()
    profiler.export_chrome_trace(str(folder / f"rank-{world.rank}.json.gz"))
    own = (platform.node(), began_ms, *_read(profiler.events(), began_ms, on_gpu))  # type: ignore[no-untyped-call]
    everyone: list[Any] = [own]
    if world.size > 1:
        everyone = [None] * world.size
        dist.all_gather_object(everyone, own)
    if world.is_main:
        found = timeline(step, layout, [_on_one_clock(other, everyone[0]) for other in everyone])
        write_json(folder / "timeline.json", found.model_dump(mode="json"))


def _read(events: Any, began_ms: float, on_gpu: bool) -> tuple[list[Interval], list[Action]]:
    """Intervals and actions of this rank, by its own clock: the step began at `began_ms`."""
    step = next(event for event in events if event.name == STEP and event.device_type == DeviceType.CPU)
    shift = began_ms - step.time_range.start / 1e3
    here = [event for event in events if event.device_type == DeviceType.CPU and event.name != STEP]
    own = [_event(event, shift) for event in here if event.is_async or event.thread == step.thread]
    start, end = began_ms, step.time_range.end / 1e3 + shift
    if not on_gpu:
        return intervals(own, start, end), actions(own)
    kernels = [
        _event(event, shift)
        for event in events
        if event.device_type != DeviceType.CPU and not event.is_user_annotation and not event.name.startswith("Mem")
    ]
    return device_intervals(kernels, start, end), []


def _event(event: Any, shift: float) -> Event:
    times = event.time_range
    return Event(
        event.name, times.start / 1e3 + shift, times.end / 1e3 + shift, event.is_async, event.is_user_annotation
    )


def _on_one_clock(own: Any, first: Any) -> tuple[list[Interval], list[Action]]:
    """Ranks of one machine share its clock; on another, the step is taken to begin when that of rank 0 does."""
    machine, began_ms, found, done = own
    shift = 0.0 if machine == first[0] else first[1] - began_ms
    if not shift:
        return found, done
    return [_moved(one, shift) for one in found], [_moved(one, shift) for one in done]


def _moved(one: Any, shift: float) -> Any:
    return one.model_copy(update={"start_ms": one.start_ms + shift, "end_ms": one.end_ms + shift})
