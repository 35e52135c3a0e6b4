"""Argosy's own trainer in a plan: its ranks are counted, whole layouts and all, and what runs held is what it says."""

import json
from pathlib import Path

import pytest

from argosy.config import PRESETS, Execution, Layout, TrainingConfig, TransformerConfig, shape_for_size
from argosy.planning import RankSetup, count_rank, degrees_of, predict
from argosy.planning.job import States
from argosy.planning.layouts import search
from argosy.planning.own_trainer import has, ranks_to_count
from tests.planning.test_layouts import ASKED

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
GIB = 2**30
SEVEN = TransformerConfig(**PRESETS["llama-2-7b"], vocabulary_size=32_000, sequence_length=4096)  # type: ignore[arg-type]
AS_IT_IS = Execution(micro_batch=1, precision="bfloat16", compile=False, recompute=False)


@pytest.mark.parametrize(
    "degrees",
    [{"shard": 64}, {"data": 8, "shard": 8}, {"shard": 8, "tensor": 8}, {"shard": 4, "tensor": 4, "pipeline": 4}],
)
def test_a_plan_holds_what_the_fullest_rank_does(degrees: dict[str, int]) -> None:
    layout, batch = Layout(**degrees), 64
    found = predict(SEVEN, layout, AS_IT_IS, "H100", batch_size=batch)
    setup = RankSetup(model=SEVEN, layout=layout, execution=AS_IT_IS, training=TrainingConfig(), batch_size=batch)
    fullest = max(count_rank(setup.model_copy(update={"rank": rank})).peak_bytes for rank in ranks_to_count(layout))
    assert found.memory.peak_gib - found.memory.parts_gib["workspace"] == pytest.approx(fullest / GIB)
    assert degrees_of(found.job) == layout


def test_groups_of_shards_hold_more_and_exchange_less_between_machines() -> None:
    whole, groups = (
        predict(SEVEN, Layout(**degrees), AS_IT_IS, "H100", batch_size=64)
        for degrees in ({"shard": 64}, {"data": 8, "shard": 8})
    )
    assert groups.memory.parts_gib["optimizer"] == pytest.approx(8 * whole.memory.parts_gib["optimizer"], rel=0.01)
    assert groups.throughput.parts.data_s < whole.throughput.parts.data_s


def test_one_moment_is_half_of_two() -> None:
    both, one = (
        predict(SEVEN, Layout(shard=8), AS_IT_IS, "H100", batch_size=8, training=TrainingConfig(optimizer=name))  # type: ignore[arg-type]
        for name in ("adamw", "muon")
    )
    assert one.memory.parts_gib["optimizer"] < 0.6 * both.memory.parts_gib["optimizer"]


def test_measured_runs_lie_in_the_interval() -> None:
    """Compiled runs of one process on an H100, which gave the share that a compiler leaves."""
    measured = json.loads((RESULTS / "gpu_training.json").read_text())["measurements"]
    assert len(measured) >= 4
    for name, row in measured.items():
        size, length, tokens = (part.split()[-1] for part in name.split(", "))
        model = TransformerConfig(
            **shape_for_size(size, 32_768, tied_embeddings=False),  # type: ignore[arg-type]
            vocabulary_size=32_768,
            sequence_length=int(length),
        )
        execution = AS_IT_IS.model_copy(update={"micro_batch": int(tokens) // int(length), "compile": True})
        found = predict(model, Layout(), execution, "H100", batch_size=131_072 // int(length)).memory
        assert model.parameter_count() == row["parameters"], name
        assert found.low_gib < row["memory_gib"] < found.high_gib, name


def test_what_it_does_not_do_is_left_to_others() -> None:
    own = ASKED.model_copy(update={"chunked_loss": True})
    assert has(own)
    for change in (
        {"sharding": "optimizer"},
        {"recomputation": "selective"},
        {"arithmetic": "float8"},
        {"states": States(moments=2.0)},
        {"shape": own.shape.model_copy(update={"query_bias": True})},
    ):
        assert not has(own.model_copy(update=change)), change


def test_its_layouts_fit_by_count() -> None:
    found = search(ASKED.model_copy(update={"chunked_loss": True}), accept=has)
    for one in (found.best, *found.runners_up):
        assert one.trained_by_argosy and one.memory.verdict != "does not fit" and one.memory.nearest == ()
