"""A rank counted on paper: parts add up to the model, and small cases are what one finds by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from argosy.config import Execution, Layout, TrainingConfig, TransformerConfig
from argosy.planning import RankSetup, RankUse, count_rank, split

pytestmark = pytest.mark.fast

D, F, V, T, L, H, K = 64, 160, 300, 32, 4, 8, 4
MODEL = TransformerConfig(
    vocabulary_size=V, dim=D, layers=L, heads=H, kv_heads=K, ffn_dim=F, sequence_length=T, tied_embeddings=False
)
BLOCK = 2 * D * D + 2 * D * K * D // H + 3 * D * F + 2 * D


def setup(
    layout: dict[str, int], batch_size: int = 12, model: dict[str, Any] | None = None, **execution: Any
) -> RankSetup:
    how: dict[str, Any] = {"micro_batch": 1, "precision": "float32", "compile": False, "recompute": False}
    return RankSetup(
        model=MODEL.model_copy(update=model or {}),
        layout=Layout(**layout),
        execution=Execution(**how | execution),
        training=TrainingConfig(),
        batch_size=batch_size,
    )


def every(asked: RankSetup) -> Iterator[RankUse]:
    for rank in range(asked.layout.ranks):
        yield count_rank(asked.model_copy(update={"rank": rank}))


def exchange(asked: RankSetup) -> dict[str, tuple[int, int]]:
    return {kind: (one.calls, one.bytes) for kind, one in count_rank(asked).exchanges.items()}


@pytest.mark.parametrize(
    "layout", [{"shard": 3}, {"shard": 7}, {"tensor": 4}, {"shard": 3, "tensor": 2}, {"context": 2, "shard": 3}]
)
def test_parts_of_parameters_add_up_to_the_model(layout: dict[str, int]) -> None:
    """Uneven ones too: 300 tokens and 64 columns do not divide by 7."""
    found = list(every(setup(layout)))
    norms = (2 * L + 1) * D
    again = (Layout(**layout).tensor - 1) * norms  # tensor ranks have all norms each
    assert sum(one.parameters_bytes for one in found) == 4 * (MODEL.parameter_count() + again)
    assert [one.gradients_bytes for one in found] == [one.parameters_bytes for one in found]


def test_stages_have_all_layers_and_both_ends_a_tied_embedding() -> None:
    whole = 4 * MODEL.parameter_count()
    assert sum(one.parameters_bytes for one in every(setup({"pipeline": 2}))) == whole
    tied = setup({"pipeline": 2}, model={"tied_embeddings": True})
    assert sum(one.parameters_bytes for one in every(tied)) == whole
    assert count_rank(setup({}, model={"tied_embeddings": True})).parameters_bytes == whole - 4 * V * D
    assert [len(blocks) for blocks in split([1.0] * 7 + [3.0], 4)] == [2, 2, 3, 1]


def test_fewer_key_value_heads_than_ranks_are_held_whole() -> None:
    found = count_rank(setup({"tensor": 8}))
    narrow = K * D // H * D
    kept = V * D * 2 / 8 + L * (2 * D * D / 8 + 2 * narrow + 3 * D * F / 8 + 2 * D) + D
    assert found.parameters_bytes == 4 * (kept + 2 * (38 - V / 8) * D), "38 of 300 tokens are on the first rank"


def test_optimisers_keep_one_or_two_numbers() -> None:
    asked = setup({})
    numbers, matrices, count = MODEL.parameter_count(), L * (BLOCK - 2 * D), 2 + L * 9 + 1
    kept = {
        name: count_rank(asked.model_copy(update={"training": TrainingConfig(optimizer=name)})).optimizer_bytes
        for name in ("adamw", "muon", "sgd")
    }
    assert kept["sgd"] == 4 * numbers
    assert kept["adamw"] == 8 * numbers + 4 * count
    assert kept["muon"] == 4 * matrices + 8 * (numbers - matrices) + 4 * (2 + 2 * L + 1)


@pytest.mark.parametrize("layout", [{}, {"data": 2}, {"shard": 3}, {"tensor": 4}, {"pipeline": 2}, {"pipeline": 4}])
def test_flops_of_all_ranks_are_those_of_mfu(layout: dict[str, int]) -> None:
    """6N + 12LDT for each token, but for the norms, which multiply nothing."""
    asked = setup(layout)
    tokens = asked.batch_size * T
    norms = 6 * (2 * L + 1) * D
    expected = tokens * (MODEL.train_flops_per_token() - norms)
    assert sum(one.flops for one in every(asked)) == pytest.approx(expected, rel=1e-12)


def test_ranks_of_a_sequence_attend_to_half_of_it() -> None:
    alone, shared = count_rank(setup({})).flops, sum(one.flops for one in every(setup({"context": 4})))
    attention = 12 * L * D * T * 12 * T
    assert alone - shared == pytest.approx(attention * (1 - 9 / 16)), "(2c + 1)/4c of all pairs"


def test_collectives_of_sharding_by_hand() -> None:
    """Two passes gather every block twice and the rest once; gradients are reduced once, in float32."""
    asked = setup({"shard": 2}, batch_size=4)
    blocks, rest = 4 * L * BLOCK, 4 * (2 * V * D + D)
    told = (2, 8 + 16)
    assert exchange(asked) == {
        "all_gather": (2 * (2 * L + 1), 2 * (2 * blocks + rest)),
        "reduce_scatter": (L + 1, blocks + rest),
        "all_reduce": told,
    }
    narrow = asked.model_copy(update={"execution": asked.execution.model_copy(update={"precision": "bfloat16"})})
    assert exchange(narrow)["all_gather"] == (2 * (2 * L + 1), 2 * (blocks + rest)), "blocks in two bytes"
    keeping = asked.model_copy(update={"training": TrainingConfig(reshard=False)})
    assert exchange(keeping)["all_gather"] == (2 * (L + 1), 2 * (blocks + rest))
    replicas = asked.model_copy(update={"layout": Layout(shard=2, data=2), "batch_size": 8})
    assert exchange(replicas)["all_reduce"] == (L + 1 + 2, (blocks + rest) // 2 + 24)


def test_shards_that_do_not_divide_are_padded() -> None:
    asked = setup({"shard": 7}, batch_size=7)
    padded = 4 * 7 * (2 * -(-V // 7) * D + -(-D // 7))
    block = 4 * 7 * sum(-(-rows // 7) * columns for rows, columns in ((D, 1), (D, 1), *((D, D),) * 2, (32, D), (32, D)))
    block += 4 * 7 * (2 * -(-F // 7) * D + -(-D // 7) * F)
    assert exchange(asked)["reduce_scatter"] == (L + 1, L * block + padded)


def test_collectives_of_replicas_and_of_one_rank() -> None:
    assert exchange(setup({})) == {}
    assert exchange(setup({"data": 2})) == {"all_reduce": (2, 4 * MODEL.parameter_count() + 16)}


def test_collectives_of_tensor_parallelism_by_hand() -> None:
    """Forward, a block gathers before and sums after each of two products; backward the other way round."""
    found = exchange(setup({"tensor": 2}, batch_size=1))
    states = 4 * T * D
    assert found["all_gather"] == (4 * L + 2, (4 * L + 2) * states) == found["reduce_scatter"]
    logits = 3 * 4 * T
    assert found["all_reduce"] == (2 * L + 1 + 2 + 2, 4 * (2 * L + 1) * D + logits + 24)
    narrow = exchange(setup({"tensor": 2}, batch_size=1, precision="bfloat16"))
    assert narrow["all_gather"] == (4 * L + 2, (2 * L + 2) * states + L * states)
    again = exchange(setup({"tensor": 2}, batch_size=1, recompute=True))
    assert again["all_gather"][0] == 6 * L + 2 and again["reduce_scatter"][0] == 5 * L + 2


def test_collectives_of_pipelines_and_of_sequences_by_hand() -> None:
    first = exchange(setup({"pipeline": 2}, batch_size=4))
    states = 4 * T * D
    assert first["send"] == first["receive"] == (4, 4 * states)
    tied = exchange(setup({"pipeline": 2}, batch_size=4, model={"tied_embeddings": True}))
    assert tied["send"] == (5, 4 * states + 4 * V * D)
    apart = count_rank(setup({"context": 2}, batch_size=1)).exchanges["reduce_scatter"]
    keys = 4 * T * K * D // H
    assert apart.bytes == 2 * L * keys + 4 * MODEL.parameter_count() and apart.calls == 2 * L + L + 1


def test_a_v_shaped_pipeline_sends_nothing_to_itself() -> None:
    found = exchange(setup({"pipeline": 2}, batch_size=4, schedule="zero-bubble", virtual_stages=2))
    assert found["send"][0] == found["receive"][0] == 2 * 4, "two stages with one neighbour elsewhere each"
