"""The rank that training would start, on tensors without data, against the count on paper and against real ranks."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.config import Layout, RunFailed
from argosy.parallel import launch
from argosy.planning import RankSetup, count_rank
from argosy.training import dry_run
from tests.planning.test_rank_counting import setup

SMALL = {"layers": 2, "sequence_length": 64}
PEAK = {"activations_bytes"}
LARGE = {**SMALL, "dim": 512, "ffn_dim": 1370, "vocabulary_size": 5003, "sequence_length": 256}  # costs no more
# (layout, rank, what else): every degree, products of them, uneven division, every schedule, each way to hold less.
CASES: list[tuple[dict[str, int], int, dict[str, Any]]] = [
    ({}, 0, {"micro_batch": 3}),
    ({"data": 2}, 0, {}),
    ({"shard": 5}, 0, {"precision": "bfloat16"}),
    ({"shard": 5}, 4, {"micro_batch": 2, "recompute": True}),
    ({"shard": 2}, 1, {"rows": 5}),
    ({"tensor": 8}, 5, {"model": {"qk_norm": True, "ffn_dim": 1350}}),
    ({"context": 2}, 1, {"precision": "bfloat16", "recompute": True}),
    ({"data": 2, "shard": 2}, 3, {}),
    ({"pipeline": 2}, 1, {"model": {"tied_embeddings": True}}),
    ({"pipeline": 2, "shard": 2}, 0, {"schedule": "gpipe", "accumulation": 2}),
    ({"pipeline": 2}, 0, {"schedule": "interleaved", "virtual_stages": 2, "model": {"layers": 4}}),
    ({"pipeline": 2}, 0, {"schedule": "zero-bubble", "virtual_stages": 2, "model": {"layers": 5}}),
    ({"data": 2, "shard": 2, "tensor": 2}, 0, {"precision": "bfloat16", "recompute": True}),
    ({"shard": 3, "tensor": 2, "pipeline": 2, "context": 2}, 12, {"precision": "bfloat16"}),
]


def asked(layout: dict[str, int], rank: int, what: dict[str, Any]) -> RankSetup:
    execution = dict(what)
    model, rows = {**LARGE, **execution.pop("model", {})}, execution.pop("rows", 4)
    found = setup(layout, rows * Layout(**layout).data * Layout(**layout).shard, model, **execution)
    return found.model_copy(update={"rank": rank})


@pytest.mark.timeout(900)
def test_ranks_take_what_is_counted_on_paper() -> None:
    """States, FLOPs and each collective's bytes exactly; the peak within 8 %."""
    setups = [asked(*case) for case in CASES]
    for one, found in zip(setups, dry_run(setups), strict=True):
        paper, name = count_rank(one), f"{one.layout} of rank {one.rank}"
        assert found.model_dump(exclude=PEAK) == paper.model_dump(exclude=PEAK), name
        assert paper.peak_bytes == pytest.approx(found.peak_bytes, rel=0.08), name


def test_real_ranks_hold_what_is_counted_on_paper(tmp_path: Path) -> None:
    """Two processes that train: the bytes of their weights, gradients and moments."""
    for degree in ("shard", "tensor"):
        launch("tests.training.held_by_rank", [str(tmp_path), degree], ranks=2, stop_file=tmp_path / "stop")
        for rank in range(2):
            paper = count_rank(setup({degree: 2}, 4, SMALL).model_copy(update={"rank": rank}))
            held = json.loads((tmp_path / f"{degree}-{rank}.json").read_text())
            assert held == [paper.parameters_bytes, paper.gradients_bytes, paper.optimizer_bytes]


def test_a_rank_that_cannot_be_built_says_why() -> None:
    impossible = setup({"tensor": 3}, 4, SMALL)  # which the venture's check would have refused
    with pytest.raises(RunFailed, match="the dry run ended early") as caught:
        list(dry_run([impossible]))
    assert caught.value.code == "dry-run-failed"
