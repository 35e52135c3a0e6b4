"""The order in which pipelines do their passes, replayed with passes that take what their products do."""

from typing import Any

import pytest
from benchmarks._schedules import Action, bubble, formula, needs, orders, replayed

TAKES = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}


@pytest.mark.parametrize(("ranks", "micro_batches"), [(2, 4), (2, 8), (4, 8)])
@pytest.mark.parametrize(
    ("schedule", "virtual_stages"),
    [("gpipe", 1), ("1f1b", 1), ("interleaved", 2), ("interleaved", 3), ("zero-bubble", 2)],
)
def test_bubble_is_the_formula(schedule: Any, virtual_stages: int, ranks: int, micro_batches: int) -> None:
    order = orders(schedule, ranks, virtual_stages, micro_batches)
    for rank, actions in enumerate(order):
        forward = [action for action in actions if action.kind == "F"]
        assert len(forward) == len(set(forward)) == virtual_stages * micro_batches, f"rank {rank} leaves something out"
    done = replayed(order, [{action: TAKES[action.kind] for action in actions} for actions in order])
    assert bubble(done) == pytest.approx(formula(schedule, ranks, virtual_stages, micro_batches))


def test_one_forward_one_backward_keeps_few_micro_batches() -> None:
    first = orders("1f1b", 4, 1, 8)[0]
    kept = [sum(1 if action.kind == "F" else -1 for action in first[:place]) for place in range(1, len(first) + 1)]
    assert max(kept) == 4
    gpipe = orders("gpipe", 4, 1, 8)[0]
    assert [action.kind for action in gpipe] == ["F"] * 8 + ["B"] * 8


def test_a_backward_pass_waits_for_the_stage_behind() -> None:
    assert Action("B", 3, 2) in needs(Action("B", 3, 1), 4) and needs(Action("F", 0, 0), 4) == []
