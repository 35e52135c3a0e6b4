"""What else could be chosen, one thing at a time, and what that would change in this very case."""

from collections.abc import Iterator, Mapping
from typing import Any

from argosy.planning.here import is_here, ways_here
from argosy.planning.job import Job, Sharding, States
from argosy.planning.layouts import Candidate, judge, search
from argosy.planning.predictions import predict_memory
from argosy.planning.results import Choice

# Moments in 8 bits (Dettmers et al. 2021), one moment (Jordan et al. 2024); float32 weights and gradients stay.
EIGHT_BIT = States(moments=2.0)
ONE_MOMENT = States(moments=4.0)
SHARDINGS: Mapping[Sharding, str] = {
    "none": "nothing (DDP)",
    "optimizer": "optimiser only (ZeRO-1)",
    "full": "parameters (FSDP, ZeRO-3)",
}


def choices(best: Candidate, usd: float | None) -> Iterator[Choice]:
    """Each alternative to the chosen layout that differs in one thing; another arithmetic is laid out anew."""
    for name, changes, note in _alternatives(best):
        job = best.job.model_copy(update=dict(changes))
        other = search(job).best if "arithmetic" in changes and not is_here(job.accelerator) else judge(job)
        time = best.tokens_per_s / other.tokens_per_s - 1
        yield Choice(
            name=name,
            time=time,
            memory_gib=_more_memory_gib(best, other),
            usd=None if usd is None else usd * time,
            verdict=other.memory.verdict,
            note=note,
        )


def _more_memory_gib(best: Candidate, other: Candidate) -> float:
    """What another layout needs more: both counted, or both by alike runs where one of them is another trainer's."""
    if best.trained_by_argosy == other.trained_by_argosy:
        return other.memory.peak_gib - best.memory.peak_gib
    less, more = (predict_memory([one.job], framework=one.trainer)[0].peak_gib for one in (best, other))
    return more - less


def _alternatives(best: Candidate) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    job = best.job
    if is_here(job.accelerator):
        yield from _alternatives_here(job)
        return
    if job.accelerator.float8_tflops and job.arithmetic == "bfloat16":
        yield "8-bit products", {"arithmetic": "float8"}, "check the loss against 16 bits on a small run first"
    if job.accelerator.float4_tflops and job.arithmetic in ("bfloat16", "float8", "mxfp8"):
        yield "4-bit products", {"arithmetic": "nvfp4"}, "recent; few runs are published"
    for kept in ("none", "selective", "full"):
        if kept != job.recomputation and not (kept == "selective" and job.stack == "xla"):
            yield f"recomputation: {kept}", {"recomputation": kept}, "the same result"
    if job.compiled:
        yield "without a compiler", {"compiled": False}, "the same result, sooner started"
    if job.chunked_loss:
        yield "loss with all logits", {"chunked_loss": False}, "the same result; memory only, its time is not predicted"
    if job.data * job.context > 1:
        for shared, title in SHARDINGS.items():
            if shared != job.sharding:
                yield f"sharding: {title}", {"sharding": shared}, "the same result"
    if job.states is None and job.stack == "pytorch":
        yield "8-bit moments", {"states": EIGHT_BIT}, "memory only; losses as AdamW's in its paper"
        yield "one moment (Muon)", {"states": ONE_MOMENT}, "memory only; fewer steps may do, which is not predicted"
    if job.pipeline > 1:
        pieces = 1 if job.virtual_stages > 1 else 2
        if job.shape.layers % (job.pipeline * pieces) == 0:
            schedule = "interleaved pipeline" if pieces > 1 else "pipeline: 1F1B, not interleaved"
            yield schedule, {"virtual_stages": pieces}, "the same result"


def _alternatives_here(job: Job) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """What Argosy's trainer can do otherwise on the processors of this machine, as far as it was measured."""
    other = "bfloat16" if job.arithmetic == "float32" else "float32"
    kept = "none" if job.recomputation == "full" else "full"
    yield f"recomputation: {kept}", {"recomputation": kept}, "the same result"
    known = ways_here()
    if (other, bool(job.compiled), job.ranks) in known:
        yield f"{other} products", {"arithmetic": other}, "check the loss against float32 on a small run first"
    if (job.arithmetic, not job.compiled, job.ranks) in known:
        yield f"{'without' if job.compiled else 'with'} a compiler", {"compiled": not job.compiled}, "the same result"
    ranks = 1 if job.ranks > 1 else 2
    if job.batch_size % ranks == 0 and (job.arithmetic, bool(job.compiled), ranks) in known:
        micro_batch = max(1, min(job.micro_batch, job.batch_size // ranks))
        yield (
            "one process" if ranks == 1 else f"{ranks} processes",
            {"ranks": ranks, "micro_batch": micro_batch},
            "the same batches",
        )
