"""Peak memory: closed forms where counting is exact, what must grow with what, and runs that ran out of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.planning import Job, MemoryUse, States, backtest, columns, fitted, memory_use, predict_memory, read_rows
from argosy.planning.memory import COMPONENTS, PRIORS, fullest
from tests.planning.test_prediction import LINE
from tests.planning.test_step_time import EXPERTS, SHAPE, job

pytestmark = pytest.mark.fast

COUNTED = {name: value for name, (value, _) in PRIORS.items()} | {"workspace_bytes": 0.0, "reserved": 1.0}
P = SHAPE.parameter_count()


def use(one: Job, stage: str = "last", **coefficients: float) -> MemoryUse:
    found = memory_use(columns([one]), COUNTED | coefficients, stage)  # type: ignore[arg-type]
    return MemoryUse(**{name: getattr(found, name)[0] for name in COMPONENTS})


@pytest.mark.parametrize(
    ("sharding", "bytes_each"),
    [
        ("none", (4.0, 4.0, 8.0)),
        ("optimizer", (4.0, 4.0, 1.0)),
        ("gradients", (4.0, 0.5, 1.0)),
        ("full", (0.5, 0.5, 1.0)),
    ],
)
def test_states_are_shared_as_zero_says(sharding: str, bytes_each: tuple[float, ...]) -> None:
    """Rajbhandari et al. 2020 (arXiv:1910.02054), figure 1, without their 16-bit copies."""
    found = use(job(sharding=sharding))
    assert (found.parameters, found.gradients, found.optimizer) == pytest.approx([each * P for each in bytes_each])


def test_states_of_megatron_are_18_bytes_and_6_and_12_over_the_replicas() -> None:
    whole, shared = (use(job(stack="megatron", sharding=how)) for how in ("none", "optimizer"))
    assert whole.parameters + whole.gradients + whole.optimizer == pytest.approx(18 * P)
    assert shared.parameters + shared.gradients + shared.optimizer == pytest.approx((6 + 12 / 8) * P)


def test_stages_and_tensor_ranks_divide_the_states() -> None:
    parts = [use(job(pipeline=4, tensor=2, sharding="none"), stage) for stage in ("first", "last")]
    table = SHAPE.vocabulary_size * SHAPE.dim
    for found in parts:
        assert found.parameters == pytest.approx(4 * ((P - 2 * table) / 8 + table / 2))
    assert parts[0].logits == 0 and parts[1].logits > 0


def test_experts_are_divided_among_their_ranks_and_by_fewer_replicas() -> None:
    alone, shared = (use(job(shape=EXPERTS, expert=e, sharding="full")) for e in (1, 8))
    assert alone.parameters == pytest.approx(shared.parameters, rel=1e-6), "all ranks hold a share of all either way"
    whole = use(job(shape=EXPERTS, expert=8, sharding="none"))
    routed = 32 * 64 * 3 * 4096 * 2048
    assert whole.parameters == pytest.approx(4 * (EXPERTS.parameter_count() - routed * 7 / 8))


def test_recomputation_keeps_a_layers_input_and_one_layer() -> None:
    kept, repeated = (use(job(recomputation=how, micro_batch=2, batch_size=16)) for how in ("none", "full"))
    layer = kept.activations / 32
    assert repeated.activations == pytest.approx(32 * 2 * 4096 * 2 * 8192 + layer)


def test_the_first_stage_holds_as_many_micro_batches_as_there_are_stages() -> None:
    """1F1B (Narayanan et al. 2021, arXiv:2104.04473, section 2.2)."""
    asked = job(pipeline=4, batch_size=64)
    assert use(asked, "first").activations == pytest.approx(4 * use(asked, "last").activations)
    few = job(pipeline=4, batch_size=4)
    assert use(few, "first").activations == pytest.approx(2 * use(few, "last").activations), "two are all there are"
    interleaved = job(pipeline=4, batch_size=64, virtual_stages=2)
    ratio = use(interleaved, "first").activations / use(asked, "first").activations
    assert ratio == pytest.approx(1 + 3 / 8), "1 + (p - 1)/(p·v), Korthikanti et al. 2022, section 4"


@given(
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2]),
    st.sampled_from(["none", "optimizer", "full"]),
    st.sampled_from(["none", "selective", "full"]),
)
def test_more_needs_more(tensor: int, pipeline: int, micro_batch: int, sharding: str, kept: str) -> None:
    asked = job(ranks=64, tensor=tensor, pipeline=pipeline, micro_batch=micro_batch, batch_size=512)
    asked = asked.model_copy(update={"sharding": sharding, "recomputation": kept})
    longer = asked.model_copy(update={"sequence_length": 2 * asked.sequence_length})
    wider = asked.model_copy(update={"shape": SHAPE.model_copy(update={"ffn_dim": 2 * SHAPE.ffn_dim})})
    repeated = asked.model_copy(update={"recomputation": "full"})
    sharded = asked.model_copy(update={"sharding": "full"})
    coefficients = {**fitted().memory.coefficients, "gathered": 0.0}
    peaks = fullest(columns([asked, longer, wider, repeated, sharded]), coefficients).reserved
    assert peaks[1] > peaks[0] and peaks[2] > peaks[0] and peaks[3] <= peaks[0] * 1.02 and peaks[4] <= peaks[0]
    assert np.all(peaks > 0)


def test_what_saves_memory_saves_it() -> None:
    usual, *less = predict_memory(
        [
            job(),
            job(chunked_loss=True),
            job(recomputation="full"),
            job(recomputation="full", offloaded=True),
            job(states=States(moments=2.0)),
            job(task="finetune"),
            job(task="lora"),
            job(task="qlora"),
        ]
    )
    peaks = [sum(one.parts_gib.values()) for one in less]
    assert all(peak < sum(usual.parts_gib.values()) for peak in peaks)
    assert peaks[2] < peaks[1] and peaks[6] < peaks[5]
    assert usual.low_gib < usual.peak_gib < usual.high_gib and usual.capacity_gib == 79
    assert sum(usual.parts_gib.values()) * usual.correction == pytest.approx(usual.peak_gib)
    large = predict_memory([job(micro_batch=16)])[0]
    assert (less[1].verdict, large.verdict) == ("fits", "does not fit")


MEASURED = {**LINE, "peak_gb": "60", "mem_kind": "max allocated", "notes": "", "optimizer": "", "vp": "", "pp": "1"}


def table(path: Path, *changes: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(MEASURED))
        writer.writeheader()
        writer.writerows({**MEASURED, "id": str(n), **change} for n, change in enumerate(changes or ({},)))
    return path


def test_rows_of_memory_say_what_was_kept(tmp_path: Path) -> None:
    tune = {"source": "pytorch/torchtune:README.md", "task": "sft"}
    path = table(
        tmp_path / "m.csv",
        {},
        {"peak_gb": "", "notes": "OOM on 80 GB"},
        {**tune, "notes": "bf16 params and optimizer states; +optimizer step fused in backward"},
        {**tune, "notes": "+8-bit AdamW"},
        {"task": "lora", "precision": "bnb.nf4"},
        {"notes": "unpacked: padding counted out"},
        {"peak_gb": ""},
        {"source": "NVIDIA/Megatron-LM:tests/functional_tests/x.json", "pp": "4", "vp": "2"},
    )
    rows, skipped = read_rows(path, "memory")
    plain, out, fused, eight, four, ci = rows
    assert plain.measured == 60e9 and plain.in_use and not plain.last_stage and plain.job.kept == States()
    assert out.measured == float("inf")
    assert fused.job.kept == States(weights=2, gradients=0, master=0, moments=4) and fused.job.chunked_loss
    assert eight.job.kept.moments == 2 and eight.job.offloaded, "the table's savings add up"
    assert four.job.task == "qlora" and four.job.arithmetic == "bfloat16"
    assert ci.last_stage and ci.job.virtual_stages == 4 and not ci.job.stored_attention, "32 layers, 4 stages, 2 each"
    assert [one.reason for one in skipped] == ["sequences that are not filled (unpacked)", "no peak_gb"]


def test_what_ran_out_of_memory_is_never_said_to_fit(data_folder: Path) -> None:
    found = backtest(data_folder / "planner" / "calibration_memory.csv", "memory")
    out = [one for one in found.predictions if one.overfull]
    assert len(out) == 3 and all(one.measured is None and one.verdict != "fits" for one in out)
    assert found.false_fit_rate == 0 and found.rows == 105
    assert found.median_absolute_percentage_error < 0.17 and found.p90_absolute_percentage_error < 0.38
    assert 0.7 < found.interval_coverage < 0.95
    assert found.by_regime["adapters"].median_absolute_percentage_error < 0.17
