"""Step time: the roofline where nothing is lost, the bubble as it was derived, and what must grow with what."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.hardware import accelerator
from argosy.planning import Job, ModelShape, columns
from argosy.planning.step_time import PRIORS, StepTime, step_time

pytestmark = pytest.mark.fast

SHAPE = ModelShape(layers=32, dim=4096, heads=32, kv_heads=8, head_dim=128, ffn_dim=14336, vocabulary_size=128_256)
EXPERTS = SHAPE.model_copy(update={"experts": 64, "experts_per_token": 4, "expert_ffn_dim": 2048, "ffn_dim": 0})
MANY = {"shape": EXPERTS, "ranks": 64, "batch_size": 64}
USUAL = {name: value for name, (value, _) in PRIORS.items()}
NOTHING_LOST = {
    **{name: 1.0 for name in USUAL if name.startswith(("product_", "attention_"))},
    **dict.fromkeys(("float8", "mxfp8", "nvfp4", "compiled", "experts", "adapters"), 1.0),
    **dict.fromkeys(("bandwidth", "link", "network", "exchange"), 1e30),
    **dict.fromkeys(("half_depth", "product_start_s", "element_wise", "permutation", "loss", "quantization"), 0.0),
    **dict.fromkeys(("selective", "recomputation_unknown", "collective_start_s", "head_imbalance", "growth"), 0.0),
    **dict.fromkeys(("tensor_exposed", "tensor_exposed_megatron", "expert_exposed"), 0.0),
    **dict.fromkeys(("kernel_start_s", "expert_start_s"), 0.0),
    "overlap": 50.0,
}


def job(**changes: Any) -> Job:
    """8 B on eight H100s."""
    usual = {"shape": SHAPE, "sequence_length": 8192, "batch_size": 16, "micro_batch": 1, "ranks": 8}
    return Job(**{**usual, "accelerator": accelerator("H100"), **changes})


def times(*jobs: Job, **coefficients: float) -> StepTime:
    return step_time(columns(jobs), USUAL | coefficients)


def test_where_nothing_is_lost_a_step_takes_its_flops_over_the_peak() -> None:
    one = job()
    found = step_time(columns([one]), NOTHING_LOST)
    products = 6.0 * SHAPE.multiplying_parameters(active=True) * one.tokens_per_step
    # FlashAttention computes the half that the mask leaves, and 2.5 times as much backward.
    attention = 3.5 * 4 * 32 * 128 * 8192 / 2 * 32 * one.tokens_per_step
    assert found.total_s[0] == pytest.approx((products + attention) / 8 / 989.4e12, rel=1e-6)
    whole = step_time(columns([job(recomputation="full")]), NOTHING_LOST).total_s[0] - found.total_s[0]
    forward = (products - 6.0 * 128_256 * 4096 * one.tokens_per_step) / 3 + attention / 3.5
    assert whole == pytest.approx(forward / 8 / 989.4e12, rel=1e-6), "the head is not repeated"


@given(st.sampled_from([2, 4, 8]), st.sampled_from([1, 2, 4]), st.sampled_from([8, 16, 64]))
def test_the_bubble_is_that_of_interleaved_1f1b(pipeline: int, virtual: int, batch: int) -> None:
    """(p - 1) / (m·v) of the time that stages compute (Narayanan et al. 2021, arXiv:2104.04473, section 2.2)."""
    one = job(pipeline=pipeline, virtual_stages=virtual, batch_size=batch)
    found = step_time(columns([one]), NOTHING_LOST)
    micro_batches = batch / (8 / pipeline)
    computing = found.products_s + found.attention_s + found.head_s
    assert found.bubble_s[0] == pytest.approx(computing[0] * (pipeline - 1) / (max(1, micro_batches) * virtual))


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ({"recomputation": "full"}, {}),
        ({}, {"arithmetic": "float8"}),
        ({}, {"compiled": True}),
        ({"tensor": 8, "ranks": 64, "batch_size": 64}, {"ranks": 64, "batch_size": 64}),
        ({"tensor": 16, "ranks": 16}, {"tensor": 8, "ranks": 16}),
        ({"accelerator": accelerator("A100")}, {}),
        ({"pipeline": 8}, {"pipeline": 8, "virtual_stages": 4}),
        (
            {"shape": EXPERTS, "expert": 64, "ranks": 64, "batch_size": 64},
            {"shape": EXPERTS, "expert": 8, "ranks": 64, "batch_size": 64},
        ),
        ({"sequence_length": 8192}, {"sequence_length": 4096, "batch_size": 32, "micro_batch": 2}),
    ],
)
def test_what_costs_time(slower: dict[str, Any], faster: dict[str, Any]) -> None:
    found = times(job(**slower), job(**faster)).total_s
    assert found[0] > found[1]


def test_many_jobs_at_once_are_the_same_as_one_by_one() -> None:
    jobs = [job(), job(shape=EXPERTS, expert=8), job(tensor=8, pipeline=4, ranks=64), job(arithmetic="nvfp4")]
    together = times(*jobs)
    for number, one in enumerate(jobs):
        alone = times(one)
        for name in vars(together):
            assert getattr(together, name)[number] == getattr(alone, name)[0], name
            assert np.isfinite(getattr(alone, name)[0]) and getattr(alone, name)[0] >= 0, name
