"""The search for a layout: nothing that divides beats what it finds, and what fits nowhere is told so."""

import random

import pytest

from argosy.config import Execution, Layout, UserError
from argosy.hardware import accelerator
from argosy.planning import degrees_of, predict, search
from argosy.planning.here import BATCH_CHANGE
from argosy.planning.layouts import _combinations, _job, has, judge
from tests.planning.test_step_time import EXPERTS, SHAPE, job

pytestmark = pytest.mark.fast

ASKED = job(ranks=64, batch_size=512, compiled=True)


def test_nothing_that_fits_is_faster_than_what_is_found() -> None:
    found = search(ASKED)
    tried = list(_combinations(ASKED, BATCH_CHANGE))
    assert found.tried == len(tried) and 0 < found.fitting <= found.tried
    others = [judge(_job(ASKED, degrees)) for degrees in random.Random(0).sample(tried, 150)]
    fitting = [one for one in others if one.memory.verdict == "fits"]
    assert len(fitting) > 20 and found.best.memory.verdict == "fits"
    # Physics chooses who is judged by what alike runs say; that moves like layouts by a percent or two.
    assert max(one.tokens_per_s for one in fitting) <= 1.02 * found.best.tokens_per_s


def test_degrees_divide_what_they_share() -> None:
    shape = SHAPE.model_copy(update={"layers": 30, "heads": 24, "kv_heads": 6, "head_dim": 128, "dim": 3072})
    asked = job(shape=shape, ranks=48, batch_size=96, sequence_length=32_768)
    for degrees in _combinations(asked, BATCH_CHANGE):
        laid = _job(asked, degrees)
        assert 24 % laid.tensor == 0 and 6 % laid.tensor == 0 and 30 % (laid.pipeline * laid.virtual_stages) == 0
        assert 48 % (laid.tensor * laid.pipeline * laid.context) == 0 and 32_768 % laid.context == 0
        assert laid.batch_size % (laid.data * laid.micro_batch) == 0 and 0.75 <= laid.batch_size / 96 <= 1.25


def test_runners_up_differ_and_say_why_they_lost() -> None:
    found = search(ASKED)
    kinds = {(one.job.tensor, one.job.pipeline, one.job.recomputation, one.job.sharding) for one in found.runners_up}
    assert len(found.runners_up) == 5 and len(kinds) >= 4 and found.best.lost is None
    assert all(one.lost and "slower: more" in one.lost for one in found.runners_up)


def test_one_layout_is_predicted_as_it_is_given() -> None:
    execution = Execution(micro_batch=2, precision="bfloat16", compile=True, recompute=False)
    found = predict(SHAPE, Layout(shard=64), execution, "H100", batch_size=512, sequence_length=4096)
    assert found.job.sharding == "full" and found.job.ranks == 64 and found.trainer == "torchtitan"
    alone = predict(SHAPE, Layout(data=64), execution, "H100", batch_size=512, sequence_length=4096)
    assert alone.trained_by_argosy and alone.memory.peak_gib > found.memory.peak_gib
    for layout, said in (
        (Layout(tensor=3), "tensor = 3 does not divide"),
        (Layout(pipeline=7), "pipeline = 7 does not divide 32 layers"),
        (Layout(data=1024), "cannot share a batch of 512"),
    ):
        with pytest.raises(UserError, match=said):
            predict(SHAPE, layout, execution, "H100", batch_size=512, sequence_length=4096)
    with pytest.raises(UserError, match="is not known"):
        predict(SHAPE, Layout(), execution, "H1000", batch_size=512, sequence_length=4096)


def test_head_room_is_another_goal() -> None:
    fast, roomy = search(ASKED), search(ASKED, "head-room")
    assert (
        roomy.best.memory.peak_gib < fast.best.memory.peak_gib / 2 and roomy.best.tokens_per_s < fast.best.tokens_per_s
    )


def test_what_argosy_itself_trains_is_among_them() -> None:
    small = SHAPE.model_copy(update={"layers": 16, "dim": 2048, "heads": 16, "kv_heads": 16, "ffn_dim": 5632})
    found = search(job(shape=small, ranks=8, batch_size=512, compiled=True, chunked_loss=True))
    assert any(one.trained_by_argosy for one in (found.best, *found.runners_up))
    assert not search(job(ranks=64, batch_size=512, shape=EXPERTS)).best.trained_by_argosy


def test_only_what_is_accepted_is_chosen() -> None:
    asked = ASKED.model_copy(update={"chunked_loss": True})
    found = search(asked, accept=lambda job: job.tensor == 2 and has(job))
    assert {one.job.tensor for one in (found.best, *found.runners_up)} == {2}
    assert degrees_of(found.best.job).ranks == ASKED.ranks and found.best.trained_by_argosy
    with pytest.raises(UserError, match="has none of the"):
        search(ASKED, accept=lambda job: False)


def test_a_batch_that_was_given_is_kept() -> None:
    asked = job(ranks=48, batch_size=500, compiled=True)
    assert search(asked).best.job.batch_size % 48 == 0
    with pytest.raises(UserError, match="cannot share a batch of 500"):
        search(asked.model_copy(update={"shape": SHAPE.model_copy(update={"layers": 1, "heads": 1})}), batch_change=0.0)
    assert search(job(ranks=64, batch_size=512, compiled=True), batch_change=0.0).best.job.batch_size == 512


def test_experts_are_laid_out_too() -> None:
    found = search(job(shape=EXPERTS, ranks=64, batch_size=512, compiled=True))
    assert 64 % found.best.job.expert == 0 and found.best.memory.verdict in ("fits", "tight")


def test_what_fits_nowhere_says_what_would_hold_it() -> None:
    with pytest.raises(UserError, match="no layout fits: at least") as caught:
        search(job(ranks=1, batch_size=8))
    assert caught.value.code == "no-layout" and "× H100 SXM would hold it" in caught.value.hint
    with pytest.raises(UserError, match="cannot share a batch of 4 sequences"):
        search(
            job(
                ranks=64,
                tensor=1,
                batch_size=4,
                shape=SHAPE.model_copy(update={"heads": 1, "kv_heads": 1, "layers": 1}),
            )
        )
    assert (
        search(job(ranks=8, accelerator=accelerator("TPU v5p"), stack="xla", batch_size=8)).best.job.sharding == "full"
    )
