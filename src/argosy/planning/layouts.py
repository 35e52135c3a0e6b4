"""Which layout: every combination of degrees that divides, judged by physics, the best of them by all that is known."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from argosy.config import Execution, Precision, Record, TrainingConfig, UserError
from argosy.planning.figures import Memory, Parts, Throughput
from argosy.planning.fitting import log_rates
from argosy.planning.here import BATCH_CHANGE, is_here, jobs_here, memory_here, throughput_here
from argosy.planning.job import Job, Recomputation, Sharding, columns
from argosy.planning.memory import fullest
from argosy.planning.own_trainer import has, own_memory
from argosy.planning.predictions import GIB, fitted, predict_memory, predict_throughput

Array = npt.NDArray[np.float64]
Goal = Literal["time", "head-room"]
# Trainers as measured rows name them: Argosy's own where it has a layout, else who published most of that kind.
OWN, TUNING = "argosy", "torchtune"
TRAINERS: Mapping[str, str] = {"Google": "maxtext", "Amazon": "aws-neuron-sdk"}
FINALISTS = 24  # by physics, judged again with what alike runs say
ACCEPTED = 8  # of them, where each has to be asked for
RUNNERS_UP = 5
LONG_SEQUENCE = 16_384  # below it, sharing a sequence among ranks is not tried
MOST_STAGES, MOST_CONTEXT = 64, 64


class Candidate(Record):
    """One way to lay a job out."""

    job: Job
    """The layout and all else."""
    throughput: Throughput
    """How fast."""
    memory: Memory
    """Whether it fits."""
    lost: str | None
    """Why another was chosen; null for the best."""

    @property
    def tokens_per_s(self) -> float:
        """Of all accelerators."""
        return self.throughput.tokens_per_s_per_accelerator * self.job.ranks

    @property
    def trainer(self) -> str:
        """Whose runs the figures lean on."""
        return trainer_of(self.job)

    @property
    def trained_by_argosy(self) -> bool:
        """Whether Argosy's own trainer has it."""
        return has(self.job)

    @property
    def title(self) -> str:
        """Its degrees that are not 1."""
        job = self.job
        replicas = "shard" if job.sharding == "full" else "data"
        degrees = {replicas: job.data, "tensor": job.tensor, "pipeline": job.pipeline}
        degrees |= {"context": job.context, "expert": job.expert, "interleaved": job.virtual_stages}
        names = [f"{name}={value:g}" for name, value in degrees.items() if value > 1] or ["one process"]
        if job.sharding == "optimizer":
            names.append("optimiser sharded")
        if is_here(job.accelerator):
            names += [job.arithmetic, *(["compiled"] if job.compiled else [])]
        return ", ".join(names)


class Searched(Record):
    """The outcome of a search."""

    best: Candidate
    """What was chosen."""
    runners_up: tuple[Candidate, ...]
    """Others, each different from all before it in its degrees, sharding or recomputation."""
    tried: int
    """Combinations that divide."""
    fitting: int
    """Of those, how many fit."""


class _Degrees(NamedTuple):
    tensor: int
    pipeline: int
    context: int
    expert: int
    virtual_stages: int
    micro_batch: int
    recomputation: Recomputation
    sharding: Sharding


def search(
    asked: Job,
    goal: Goal = "time",
    *,
    batch_change: float = BATCH_CHANGE,
    accept: Callable[[Job], bool] | None = None,
) -> Searched:
    """Lay out a job on its accelerators: its model and text are kept, all degrees are free.

    The batch may change by `batch_change`, a fraction, so that more layouts divide it; only what `accept`s is looked
    at. Raises `UserError` `no-layout` when nothing fits, naming what would.
    """
    if is_here(asked.accelerator):
        return _search_here(asked, goal, batch_change)
    tried = list(_combinations(asked, batch_change))
    figures = _columns(asked, tried)
    rates = log_rates(figures, fitted().throughput.coefficients)
    peaks = fullest(figures, fitted().memory.coefficients).reserved / GIB
    usual = predict_memory([asked], framework=trainer_of(asked))[0]
    room = usual.capacity_gib / usual.correction
    safe = peaks * usual.high_gib / usual.peak_gib <= room
    fits = safe if safe.any() else peaks <= room
    if not fits.any():
        raise _nothing_fits(asked, peaks, room)
    # Where nothing surely fits, room is what matters, and speed only among those that leave most.
    order = np.argsort(-rates if safe.any() and goal == "time" else peaks, kind="stable")
    finalists = [tried[place] for place in order[fits[order]]]

    def accepted(job: Job) -> bool:
        own = _own_memory(job, usual.capacity_gib)
        return (own is None or own.verdict != "does not fit") and (accept is None or accept(job))

    chosen = _different(asked, finalists, FINALISTS if accept is None else ACCEPTED, accepted)
    if accept is None and not any(map(has, chosen)):
        chosen += _different(asked, finalists, 1, lambda job: has(job) and accepted(job))
    judged = [one for one in map(_counted, _by_alike_runs(chosen)) if one.memory.verdict != "does not fit"]
    if not judged and accept is not None and fits.any():
        raise UserError(
            "no-layout",
            f"Argosy's own trainer has none of the {len(fits):,} layouts on {asked.ranks} × {asked.accelerator.name}",
            hint="another batch_size, which more ranks divide, or other accelerators",
        )
    if not judged:
        raise _nothing_fits(asked, peaks, room)
    best, *others = sorted(judged, key=_RANKS[goal])
    lost = [one.model_copy(update={"lost": _why(one, best)}) for one in others if not _alike(one.job, best.job)]
    return Searched(
        best=best,
        runners_up=tuple(_spread(best, lost, RUNNERS_UP)),
        tried=len(tried),
        fitting=int(np.count_nonzero(fits)),
    )


_RANKS: Mapping[Goal, Callable[[Candidate], tuple[float, float]]] = {
    "time": lambda one: (one.memory.verdict != "fits", -one.tokens_per_s),
    "head-room": lambda one: (one.memory.peak_gib / one.memory.capacity_gib, -one.tokens_per_s),
}


def _whole_replicas(one: "Job | _Degrees") -> bool:
    """Whether each rank has all of a dense model and its optimiser."""
    degrees = (one.tensor, one.pipeline, one.context, one.expert)
    dense = isinstance(one, _Degrees) or not (one.shape.experts or one.shape.latent)
    return max(degrees) == 1 and one.sharding == "none" and one.recomputation in ("none", "full") and dense


def _search_here(asked: Job, goal: Goal, change: float) -> Searched:
    """The same on this machine's processors, where the number of processes and the precision are free."""
    judged = [judge(job) for job in jobs_here(asked, change)]
    fitting = [one for one in judged if one.memory.verdict != "does not fit"]
    if not fitting:
        least = min(judged, key=lambda one: one.memory.peak_gib).memory
        raise UserError(
            "no-layout",
            f"at least {least.peak_gib:,.1f} GiB are needed, and this machine leaves {least.capacity_gib:,.1f} GiB",
            hint="a smaller model, a shorter sequence, or accelerators with more memory (argosy hardware)",
        )
    best, *others = sorted(fitting, key=_RANKS[goal])
    lost = [one.model_copy(update={"lost": _why(one, best)}) for one in others]
    return Searched(best=best, runners_up=tuple(lost[:RUNNERS_UP]), tried=len(judged), fitting=len(fitting))


def judge(job: Job, execution: Execution | None = None, training: TrainingConfig | None = None) -> Candidate:
    """Predict one layout as it is; `execution` and `training` say more than the job where they are known."""
    if is_here(job.accelerator):
        return Candidate(job=job, throughput=throughput_here(job), memory=memory_here(job), lost=None)
    found = _by_alike_runs([job])[0]
    return _counted(found, execution, training)


def _counted(found: Candidate, execution: Execution | None = None, training: TrainingConfig | None = None) -> Candidate:
    """With the memory of Argosy's own trainer, where that does the job."""
    memory = _own_memory(found.job, found.memory.capacity_gib, execution, training)
    return found if memory is None else found.model_copy(update={"memory": memory})


def _own_memory(
    job: Job, capacity_gib: float, execution: Execution | None = None, training: TrainingConfig | None = None
) -> Memory | None:
    return own_memory(job, fitted().memory.coefficients["workspace_bytes"], capacity_gib, execution, training)


def _by_alike_runs(jobs: Sequence[Job]) -> list[Candidate]:
    judged: dict[int, Candidate] = {}
    for trainer in sorted({trainer_of(job) for job in jobs}):
        some = [(place, job) for place, job in enumerate(jobs) if trainer_of(job) == trainer]
        speeds = predict_throughput([job for _, job in some], framework=trainer)
        rooms = predict_memory([job for _, job in some], framework=trainer)
        for (place, job), speed, room in zip(some, speeds, rooms, strict=True):
            judged[place] = Candidate(job=job, throughput=speed, memory=room, lost=None)
    return [judged[place] for place in range(len(jobs))]


def trainer_of(job: Job) -> str:
    """Argosy's own trainer for whole replicas of a dense model, of which it has measured runs, else another."""
    if job.stack == "pytorch" and job.task == "pretrain":
        return OWN if _whole_replicas(job) and job.arithmetic in get_args(Precision) else "torchtitan"
    return TRAINERS.get(job.accelerator.maker, TUNING if job.stack == "pytorch" else "")


def _combinations(asked: Job, change: float) -> Iterator[_Degrees]:
    """Degrees that divide the ranks, heads, layers, experts and the sequence."""
    shape, ranks = asked.shape, asked.ranks
    widest = min(ranks, asked.accelerator.link_domain, shape.heads)
    tensors = [t for t in _doublings(widest) if shape.heads % t == 0 and shape.kv_heads % t == 0]
    stages = [p for p in range(1, min(shape.layers, ranks, MOST_STAGES) + 1) if shape.layers % p == 0]
    long = asked.sequence_length >= LONG_SEQUENCE
    contexts = _doublings(min(ranks, MOST_CONTEXT)) if long else [1]
    experts = [e for e in _doublings(min(ranks, shape.experts)) if shape.experts % e == 0] if shape.experts else [1]
    for tensor, pipeline, context in product(tensors, stages, contexts):
        rest = ranks // (tensor * pipeline * context)
        if tensor * pipeline * context * rest != ranks or asked.sequence_length % context:
            continue
        shared: list[Sharding] = ["none", "optimizer", "full"] if rest * context > 1 else ["none"]
        pieces = [v for v in (1, 2, 4) if v == 1 or (pipeline > 1 and shape.layers % (pipeline * v) == 0)]
        kept: list[Recomputation] = ["none", "full"] if asked.stack == "xla" else ["none", "selective", "full"]
        for micro_batch in _doublings(int(asked.batch_size // rest)):
            if _whole_batch(asked, rest, micro_batch, change) is None:
                continue
            for expert, virtual, recomputation, sharding in product(experts, pieces, kept, shared):
                if rest % expert == 0:
                    yield _Degrees(tensor, pipeline, context, expert, virtual, micro_batch, recomputation, sharding)


def _doublings(most: int) -> list[int]:
    return [1 << power for power in range(max(0, most).bit_length())]


def _whole_batch(asked: Job, data: int, micro_batch: int, change: float = BATCH_CHANGE) -> int | None:
    """Sequences of a step that ranks and micro-batches divide, near what is asked; None if there is no such number."""
    unit = data * micro_batch
    batch = unit * max(1, round(asked.batch_size / unit))
    return batch if abs(batch / asked.batch_size - 1) <= change else None


def _job(asked: Job, degrees: _Degrees) -> Job:
    data = asked.ranks // (degrees.tensor * degrees.pipeline * degrees.context)
    batch = _whole_batch(asked, data, degrees.micro_batch)
    return asked.model_copy(update={**degrees._asdict(), "batch_size": batch or asked.batch_size})


def _columns(asked: Job, tried: Sequence[_Degrees]) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of all jobs at once; a `Job` for each would take most of the time."""
    if not tried:
        raise UserError(
            "no-layout",
            f"{asked.ranks} accelerators cannot share a batch of {asked.batch_size:g} sequences",
            hint="ask for fewer accelerators, or for a larger batch",
        )
    figures = {name: np.repeat(value, len(tried)) for name, value in columns([asked]).items()}
    numbers = ("tensor", "pipeline", "context", "expert", "virtual_stages", "micro_batch")
    for name in numbers:
        figures[name] = np.array([getattr(degrees, name) for degrees in tried], dtype=np.float64)
    figures["data"] = figures["ranks"] / (figures["tensor"] * figures["pipeline"] * figures["context"])
    unit = figures["data"] * figures["micro_batch"]
    figures["batch_size"] = unit * np.maximum(1.0, np.round(asked.batch_size / unit))
    for mark, value in (("recomputed", "full"), ("selective", "selective"), ("recomputation_unknown", "unknown")):
        figures[mark] = np.array([degrees.recomputation == value for degrees in tried])
    for mark, value in (
        ("full_sharding", "full"),
        ("gradient_sharding", "gradients"),
        ("optimizer_sharding", "optimizer"),
    ):
        figures[mark] = np.array([degrees.sharding == value for degrees in tried])
    return figures


def _different(asked: Job, found: Iterable[_Degrees], count: int, accept: Callable[[Job], bool]) -> list[Job]:
    """The first accepted of each kind of layout, in order: kinds differ in degrees, sharding or recomputation."""
    kinds: dict[tuple[object, ...], Job] = {}
    for one in found:
        kind = (one.tensor, one.pipeline, one.context, one.expert, one.recomputation, one.sharding)
        if kind not in kinds and accept(job := _job(asked, one)):
            kinds[kind] = job
        if len(kinds) == count:
            break
    return list(kinds.values())


def _spread(best: Candidate, found: Sequence[Candidate], count: int) -> list[Candidate]:
    """What Argosy itself trains, if the best is not that; the first of each choice of degrees; whatever comes next."""
    first: dict[tuple[int, ...], Candidate] = {}
    for one in found:
        first.setdefault((one.job.tensor, one.job.pipeline, one.job.context, one.job.expert), one)
    own = [] if best.trained_by_argosy else [one for one in found if one.trained_by_argosy][:1]
    chosen = [*own, *(one for one in first.values() if not any(one is other for other in own))][:count]
    return chosen + [one for one in found if not any(one is other for other in chosen)][: count - len(chosen)]


def _alike(one: Job, other: Job) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _Degrees._fields)


PART_NAMES = {
    "products_s": "matrix products",
    "attention_s": "attention",
    "element_wise_s": "element-wise work",
    "head_s": "the output layer",
    "recomputation_s": "recomputation",
    "tensor_s": "tensor communication",
    "expert_s": "expert communication",
    "context_s": "context communication",
    "bubble_s": "pipeline bubble",
    "data_s": "exchange of gradients and weights",
    "optimizer_s": "the optimiser",
}


def _why(one: Candidate, best: Candidate) -> str:
    """The part of the step that grew most against the best, or that there is less room."""
    slower = best.tokens_per_s / one.tokens_per_s - 1
    if slower <= 0 or (one.memory.verdict != "fits" and best.memory.verdict == "fits"):
        return f"{one.memory.verdict}: {one.memory.peak_gib:.0f} of {one.memory.capacity_gib:.0f} GiB"
    per_token = [
        {name: getattr(c.throughput.parts, name) / c.job.tokens_per_step for name in Parts.model_fields}
        for c in (one, best)
    ]
    grown = max(Parts.model_fields, key=lambda name: per_token[0][name] - per_token[1][name])
    return f"{100 * slower:.0f} % slower: more {PART_NAMES[grown]}".replace("more the", "more time for the")


def _nothing_fits(asked: Job, peaks: Array, room: float) -> UserError:
    least, have = float(peaks.min()), asked.accelerator
    more = 2 ** math.ceil(math.log2(least / room))
    return UserError(
        "no-layout",
        f"no layout fits: at least {least:,.0f} GiB are needed on each of {asked.ranks} × {have.name}, "
        f"which leave {room:,.0f} GiB",
        hint=f"about {asked.ranks * more:,} × {have.name} would hold it, or a model of a "
        f"{'half' if more == 2 else f'{more}th'} of the size",
    )
