"""Jobs on this machine: its accelerators by the catalogue, else its processors by what was measured on them."""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import cast

from argosy.config import Precision, UserError
from argosy.hardware import AcceleratorSpec, HardwareProfile, StepSetup, find_accelerator, load_profile
from argosy.planning.figures import Memory, Nearest, Parts, Throughput, verdict_of
from argosy.planning.job import Job
from argosy.planning.machine import Machine, Prediction
from argosy.planning.shape import transformer_of

HERE = "this machine"
SYSTEM_GIB = 1.0  # of memory that the system and everybody else keep
IMPORTED_GIB = 0.4  # of a process that has imported PyTorch and computed nothing
NEAREST = 3
BATCH_CHANGE = 0.25  # how far a step's batch may be from what is asked, so that processes divide it
WIDE = 1.5  # an interval that reaches further than this, as a factor, says that nothing like it was measured
PARTS: Mapping[str, tuple[str, ...]] = {
    "products_s": ("products_float32", "products_bfloat16", "shared_float32", "shared_bfloat16", "narrow"),
    "attention_s": ("attention_float32", "attention_bfloat16"),
    "element_wise_s": (
        "element_wise_float32",
        "element_wise_bfloat16",
        "element_wise_compiled",
        "casts",
        "layer_start",
        "step_start",
    ),
    "head_s": ("logits",),
    "data_s": ("exchange",),
    "optimizer_s": ("optimizer",),
}
MEMORY_PARTS: Mapping[str, tuple[str, ...]] = {
    "states": ("states",),
    "gathered": ("buckets",),
    "activations": ("activations_float32", "activations_bfloat16", "compiled", "casts"),
    "logits": ("logits", "head"),
    "workspace": ("workspace_bytes", "threads_bytes", "compiler_bytes", "ranks_bytes"),
}


def accelerators_here() -> tuple[AcceleratorSpec, int]:
    """This machine's accelerators and their number, or one that stands for its processors.

    Raises `UserError` `not-measured` when nobody has looked yet, `bad-option` for accelerators that are not known.
    """
    profile = _profile()
    if not profile.accelerators:
        return _processors(profile), 1
    first = profile.accelerators[0]
    spec = find_accelerator(first.name)
    if spec is None:
        raise UserError("bad-option", f"no figures of {first.name!r} are known", hint="--accelerators 8xH100")
    return spec, first.count


def is_here(spec: AcceleratorSpec) -> bool:
    """Whether it stands for this machine's processors."""
    return spec.name == HERE


def jobs_here(asked: Job, change: float = BATCH_CHANGE) -> Iterator[Job]:
    """Every way to train it here of which steps were measured, and how much at a time."""
    known = ways_here()
    for ranks in sorted({ranks for _, _, ranks in known}):
        batch = max(1, round(asked.batch_size / ranks)) * ranks
        if abs(batch / asked.batch_size - 1) > change:
            continue
        sizes = (1 << power for power in range((batch // ranks).bit_length()))
        measured = sorted({(precision, compiled) for precision, compiled, some in known if some == ranks})
        for micro_batch, (precision, compiled), kept in product(sizes, measured, ("none", "full")):
            changes = {"ranks": ranks, "batch_size": batch, "micro_batch": micro_batch, "sharding": "none"}
            changes |= {"arithmetic": precision, "compiled": compiled, "recomputation": kept}
            yield asked.model_copy(update=changes)


def ways_here() -> frozenset[tuple[Precision, bool, int]]:
    """Precision, compiled or not, and processes of the training steps that were measured here."""
    measured = _machine(_profile()).measured
    return frozenset((one.precision, one.compile, one.ranks) for one in measured) or frozenset({("float32", False, 1)})


def throughput_here(job: Job) -> Throughput:
    """How fast it trains on this machine's processors."""
    machine, setup = _machine(_profile()), setup_of(job)
    found = machine.step_time_s(setup)
    rates = {name: setup.tokens / seconds / job.ranks for name, seconds in _bounds(found).items()}
    flops = job.shape.train_flops_per_token(job.sequence_length)
    counted = sum(found.parts.values())
    return Throughput(
        tokens_per_s_per_accelerator=rates["middle"],
        low=rates["high"],
        high=rates["low"],
        step_time_s=found.middle,
        mfu=rates["middle"] * job.ranks * flops / machine.peak_flops_per_s(setup.precision),
        correction=1.0,
        seen=found.high / found.middle < WIDE,
        parts=Parts(
            **{
                name: sum(found.parts.get(part, 0.0) for part in PARTS.get(name, ())) * found.middle / counted
                for name in Parts.model_fields
            }
        ),
        nearest=_nearest(machine, setup),
    )


def memory_here(job: Job) -> Memory:
    """What each process needs, and whether this machine has it."""
    machine, setup = _machine(_profile()), setup_of(job)
    found = machine.peak_memory_gib(setup)
    capacity = (machine.profile.memory.usable_gib - SYSTEM_GIB) / job.ranks - IMPORTED_GIB
    parts = {name: sum(found.parts.get(part, 0.0) for part in of) for name, of in MEMORY_PARTS.items()}
    states = parts.pop("states") / 4
    return Memory(
        peak_gib=found.middle,
        low_gib=found.low,
        high_gib=found.high,
        capacity_gib=capacity,
        verdict=verdict_of(found.middle, found.high, capacity),
        correction=1.0,
        seen=bool(machine.measured),
        parts_gib={"parameters": states, "gradients": states, "optimizer": 2 * states, **parts, "slack": 0.0},
        nearest=_nearest(machine, setup),
    )


def setup_of(job: Job) -> StepSetup:
    """A job as this machine's probe knows it; raises `UserError` `bad-option` for models that are not trained here."""
    model = transformer_of(job.shape, job.sequence_length)
    if model is None:
        raise UserError(
            "bad-option",
            "on processors only Argosy's own transformer is predicted: dense, gated, without biases or windows",
            hint="--size, or name accelerators: --accelerators 8xH100",
        )
    return StepSetup(
        model=model,
        batch_size=round(job.batch_size),
        micro_batch=round(job.micro_batch),
        precision=cast(Precision, job.arithmetic),
        compile=bool(job.compiled),
        recompute=job.recomputation == "full",
        ranks=job.ranks,
    )


def _profile() -> HardwareProfile:
    profile = load_profile()
    if profile is None:
        raise UserError(
            "not-measured",
            "this machine was never measured",
            hint="argosy calibrate (some minutes); or name accelerators: --accelerators 8xH100",
        )
    return profile


@lru_cache(maxsize=1)
def _machine(profile: HardwareProfile) -> Machine:
    return Machine(profile)


def _processors(profile: HardwareProfile) -> AcceleratorSpec:
    """All cores as if they were one accelerator."""
    speed = profile.speed
    rates = {name: speed.best_tflops(name) if speed else None for name in ("float32", "bfloat16")}
    memory = speed.memory if speed else ()
    return AcceleratorSpec(
        name=HERE,
        aliases=(),
        maker=profile.processor.model,
        pattern=None,
        memory_gib=profile.memory.usable_gib,
        bandwidth_gb_per_s=max((one.bandwidth_gib_per_s for one in memory), default=10.0) * 2**30 / 1e9,
        float32_tflops=rates["float32"],
        tfloat32_tflops=None,
        float16_tflops=None,
        bfloat16_tflops=rates["bfloat16"],
        float8_tflops=None,
        float4_tflops=None,
        link_gb_per_s=0.0,
        link_domain=1,
        network_gbit_per_s=None,
        power_w=None,
        year=0,
        usd_per_hour=None,
        usd_low=None,
        usd_high=None,
        priced=None,
        source="measured here",
    )


def _bounds(found: Prediction) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("low", "middle", "high")}


def _nearest(machine: Machine, setup: StepSetup) -> tuple[Nearest, ...]:
    """The measured steps that are nearest in size, by the logarithm of parameters and tokens."""
    speed = machine.profile.speed
    day = (speed.calibrated_at or "")[:10] if speed else ""

    def far(one: StepSetup) -> float:
        sizes = one.model.parameter_count() / setup.model.parameter_count(), one.tokens / setup.tokens
        return math.hypot(*map(math.log, sizes)) + (one.precision != setup.precision) + (one.ranks != setup.ranks)

    return tuple(
        Nearest(
            name=f"{one.model.parameter_count() / 1e6:.1f} M parameters in {one.precision}, {one.ranks} processes",
            source=f"measured here {day}",
            likeness=round(math.exp(-far(one)), 3),
        )
        for one in sorted(machine.measured, key=far)[:NEAREST]
    )
