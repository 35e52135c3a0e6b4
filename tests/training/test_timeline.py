"""What a rank did, from what the profiler tells: made-up events whose answer is known."""

import json
from typing import Any

import pytest

from argosy.report import timeline_svg
from argosy.training.timeline import Event, Interval, Timeline, actions, device_intervals, intervals, timeline

pytestmark = pytest.mark.fast


def call(name: str, start: float, end: float) -> Event:
    return Event(name, start, end, flies=False, marks=False)


def mark(name: str, start: float, end: float) -> Event:
    return Event(name, start, end, flies=False, marks=True)


def flight(name: str, start: float, end: float) -> Event:
    return Event(name, start, end, flies=True, marks=False)


def told(found: list[Interval]) -> list[tuple[str, float, float]]:
    return [(one.kind, one.start_ms, one.end_ms) for one in found]


def test_an_operation_computes_and_what_is_between_is_the_host() -> None:
    found = intervals([call("aten::mm", 1, 3), call("aten::add", 3, 4)], 0, 6)
    assert told(found) == [("host", 0, 1), ("compute", 1, 4), ("host", 4, 6)]


def test_the_innermost_event_decides() -> None:
    events = [
        mark("Optimizer.step", 0, 10),
        call("aten::outer", 1, 9),
        call("_c10d_functional::wait_tensor", 4, 6),
    ]
    assert told(intervals(events, 0, 10)) == [
        ("host", 0, 1),
        ("compute", 1, 4),
        ("communication", 4, 6),
        ("compute", 6, 9),
        ("host", 9, 10),
    ]


def test_a_collective_counts_only_where_nothing_computes() -> None:
    events = [
        flight("gloo:all_reduce", 1, 8),
        call("aten::mm", 0, 3),
        call("autograd::engine::evaluate_function: X", 5, 9),
    ]
    assert told(intervals(events, 0, 9)) == [("compute", 0, 3), ("communication", 3, 8), ("compute", 8, 9)]


def test_a_message_that_was_asked_for_is_no_collective() -> None:
    assert told(intervals([flight("gloo:recv", 0, 5)], 0, 5)) == [("host", 0, 5)]


def test_kernels_side_by_side() -> None:
    events = [
        call("ncclDevKernel_AllReduce_Sum_f32", 0, 6),
        call("gemm", 2, 4),
        call("ncclDevKernel_SendRecv", 5, 8),
    ]
    assert told(device_intervals(events, 0, 9)) == [
        ("communication", 0, 2),
        ("compute", 2, 4),
        ("communication", 4, 6),
        ("waiting", 6, 8),
        ("host", 8, 9),
    ]


def two_ranks() -> Timeline:
    """GPipe of one micro-batch: F takes 1 and B 2 ms; then a collective until both have come."""
    first = [
        mark("F0 of stage 0", 10, 11),
        call("aten::mm", 10, 11),
        mark("B0 of stage 0", 14, 16),
        call("aten::mm", 14, 16),
    ]
    second = [
        mark("F0 of stage 1", 11, 12),
        call("aten::mm", 11, 12),
        mark("B0 of stage 1", 12, 14),
        call("aten::mm", 12, 14),
        flight("gloo:all_reduce", 14, 17),
    ]
    ranks = [(intervals(events, 10, 17), actions(events)) for events in (first, second)]
    return timeline(3, "pipeline=2", ranks)


def test_an_empty_pipeline_is_waiting_and_its_bubble_is_the_formula() -> None:
    found = two_ranks()
    assert found.bubble == pytest.approx(1 / 2)  # (p − 1) / (m + p − 1)
    assert found.step_ms == pytest.approx(7)
    waits = [[(one.start_ms, one.end_ms) for one in rank.intervals if one.kind == "waiting"] for rank in found.ranks]
    assert waits == [[(1, 4)], [(0, 1), (4, 6)]], "before the pipeline is empty, a collective is waited for in vain"
    assert found.ranks[1].communication_ms == pytest.approx(1)
    assert [action.name for action in found.ranks[1].actions] == ["F0 of stage 1", "B0 of stage 1"]


def test_short_intervals_are_drawn_with_their_neighbours_and_counted_exactly() -> None:
    events = [call("aten::mm", place / 10, place / 10 + 0.05) for place in range(10_000)]
    (rank,) = timeline(1, "one process", [(intervals(events, 0, 1000), [])]).ranks
    assert len(rank.intervals) <= 1001 and rank.compute_ms == pytest.approx(500) == pytest.approx(rank.host_ms)


def test_the_picture_has_every_rank_and_action() -> None:
    tree: Any = json.loads(two_ranks().model_dump_json())
    svg = timeline_svg(tree)
    assert "rank 0" in svg and "rank 1" in svg and svg.count(">F0<") == 2 and svg.count(">B0<") == 2
    assert "empty for 50" in svg
