"""Argosy's own trainer as the planner sees it: which jobs it does, how to ask for them, and what their ranks hold.

Its memory is counted on paper, rank by rank; published runs are other trainers', whose ranks keep other things.
"""

from functools import lru_cache
from typing import Any, Literal, cast, get_args

from argosy.config import Execution, Layout, Precision, TrainingConfig
from argosy.planning.figures import Memory, verdict_of
from argosy.planning.job import Job
from argosy.planning.rank_counting import count_rank
from argosy.planning.rank_use import RankSetup
from argosy.planning.shape import transformer_of

GIB = 2.0**30
MOST_STAGES = 4  # of which each is counted; of more, the first, the middle and the last
# The count is within 2.5 % of the dry run in 12 of 12 configurations (benchmarks/planner_dry_run), and with COMPILED
# within 4 % of what an H100 held in four runs of one process; nobody has measured what several hold.
SPREAD, SPREAD_UNSEEN = 0.08, 0.16


def has(job: Job) -> bool:
    """Whether Argosy's own trainer does a job as it is laid out."""
    known = transformer_of(job.shape, job.sequence_length) is not None
    plain = job.task == "pretrain" and job.arithmetic in get_args(Precision) and job.stack == "pytorch"
    kept = job.chunked_loss and job.states is None and not (job.offloaded or job.stored_attention)
    return known and plain and kept and job.sharding in ("none", "full") and job.recomputation in ("none", "full")


def degrees_of(job: Job) -> Layout:
    """A job's layout; its replicas share what they keep or do not."""
    sharing = round(job.data) // job.copies if job.sharding == "full" else 1
    degrees = {name: getattr(job, name) for name in ("tensor", "pipeline", "context")}
    return Layout(data=round(job.data) // sharing, shard=sharing, **degrees)


def training_keys_of(job: Job) -> dict[str, Any]:
    """Keys of `training` that say how its ranks carry it out."""
    keys: dict[str, Any] = {"micro_batch": round(job.micro_batch), "recompute": job.recomputation == "full"}
    if job.virtual_stages > 1:
        keys |= {"pipeline_schedule": "interleaved", "virtual_stages": job.virtual_stages}
    return keys


def execution_of_job(job: Job) -> Execution:
    """How each rank carries it out."""
    schedule: Literal["interleaved", "1f1b"] = "interleaved" if job.virtual_stages > 1 else "1f1b"
    return Execution(
        micro_batch=round(job.micro_batch),
        precision=cast(Precision, job.arithmetic),
        compile=bool(job.compiled),
        recompute=job.recomputation == "full",
        schedule=schedule,
        virtual_stages=job.virtual_stages,
    )


def ranks_to_count(layout: Layout) -> list[int]:
    """The first rank of each stage, which has the most of what does not divide."""
    stages = list(range(layout.pipeline))
    if len(stages) > MOST_STAGES:
        stages = [0, layout.pipeline // 2, layout.pipeline - 1]
    return [stage * layout.ranks // layout.pipeline for stage in stages]


@lru_cache(maxsize=256)
def own_memory(
    job: Job,
    workspace_bytes: float,
    capacity_gib: float,
    execution: Execution | None = None,
    training: TrainingConfig | None = None,
) -> Memory | None:
    """The fullest rank of a job that Argosy's own trainer does, counted; None of others.

    `workspace_bytes` is what libraries hold besides. `execution` and `training` say more than the job where they are
    known.
    """
    model = transformer_of(job.shape, job.sequence_length)
    if model is None or not has(job):
        return None
    layout = degrees_of(job)
    setup = RankSetup(
        model=model,
        layout=layout,
        execution=execution or execution_of_job(job),
        training=training or TrainingConfig(),
        batch_size=round(job.batch_size),
    )
    ranks = (count_rank(setup.model_copy(update={"rank": rank})) for rank in ranks_to_count(layout))
    use = max(ranks, key=lambda one: one.peak_bytes)
    peak = (use.peak_bytes + workspace_bytes) / GIB
    spread = SPREAD if layout.ranks == layout.data else SPREAD_UNSEEN
    parts = {"parameters": use.parameters_bytes, "gradients": use.gradients_bytes, "optimizer": use.optimizer_bytes}
    parts |= {"activations": use.activations_bytes, "gathered": 0, "logits": 0}
    return Memory(
        peak_gib=peak,
        low_gib=peak / (1 + spread),
        high_gib=peak * (1 + spread),
        capacity_gib=capacity_gib,
        verdict=verdict_of(peak, peak * (1 + spread), capacity_gib),
        correction=1.0,
        seen=spread == SPREAD,
        parts_gib={name: size / GIB for name, size in parts.items()}
        | {"workspace": workspace_bytes / GIB, "slack": 0.0},
        nearest=(),
    )
