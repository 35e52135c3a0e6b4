"""Training a few small models on this machine for some steps, so that plans for it rest on what it does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import geometric_mean
from typing import TypeVar

from argosy.config import Precision, RunFailed, TransformerConfig
from argosy.hardware.measure import keep_profile, measure_profile, run_probe
from argosy.hardware.profile import HardwareProfile, MeasuredStep, StepSetup
from argosy.progress import progress

PROBE = "argosy.training.probe_step"
TIMEOUT_S = 600
ROUNDS = 2  # minutes apart: what else runs on a machine comes and goes
LONG_S, SHORT = 1.0, 32  # of a step, by its matrix products alone; tokens of a sequence
Rate = TypeVar("Rate")
# Width, layers, hidden width, vocabulary, tokens of a sequence, sequences, sequences at a time: each stresses something
# else, so that no two of a step's parts grow alike from one to the next.
REFERENCES = (
    (128, 4, 352, 2048, 128, 8, 8),
    (256, 4, 704, 8192, 256, 8, 8),
    (192, 6, 512, 1024, 512, 4, 2),
    (512, 4, 1408, 4096, 128, 8, 4),
    (384, 8, 1024, 16_384, 256, 4, 4),
)
COMPILED = (0, 3)  # of those, how many places; compiling takes longer than measuring


def calibrate() -> HardwareProfile:
    """Measure this machine anew, training steps too, and keep the result in the user's cache; about eight minutes.

    A machine with accelerators is measured without training steps: those are predicted from published runs.

    Raises:
        UserError: the cache cannot be written (`not-writable`).
        RunFailed: the probe did not work (`probe-failed`), with the last lines it wrote.
    """
    before = measure_profile()
    assert before.speed is not None
    keep_profile(before)  # sooner than after minutes, where it cannot be
    if before.accelerators:
        return before
    setups = list(reference_steps(before))
    found_of: dict[StepSetup, list[MeasuredStep]] = {setup: [] for setup in setups}
    with progress("training small models", ROUNDS * len(setups), "models") as advance:
        for setup in ROUNDS * setups:
            advance(0, f"{setup.model.parameter_count() / 1e6:.1f} M parameters, {setup.precision}")
            if step := _measured(setup):
                found_of[setup].append(step)
            advance(1)
    after = measure_profile()
    assert after.speed is not None
    found = {
        "matmul": _faster(before.speed.matmul, after.speed.matmul, lambda rate: rate.tflops),
        "memory": _faster(before.speed.memory, after.speed.memory, lambda rate: rate.bandwidth_gib_per_s),
        "all_reduce": _faster(before.speed.all_reduce, after.speed.all_reduce, lambda rate: rate.bandwidth_gib_per_s),
        "training": tuple(_typical(each) for each in found_of.values() if each),
        "calibrated_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    profile = after.model_copy(update={"speed": after.speed.model_copy(update=found)})
    keep_profile(profile)
    return profile


def _measured(setup: StepSetup) -> MeasuredStep | None:
    """How a setup trains; None where it does not compile, with which training falls back too."""
    try:
        text = run_probe(PROBE, [setup.model_dump_json()], ranks=setup.ranks, timeout_s=TIMEOUT_S, accelerators=False)
    except RunFailed:
        if setup.compile:
            return None
        raise
    return MeasuredStep.model_validate_json(text)


def _typical(each: Sequence[MeasuredStep]) -> MeasuredStep:
    """The mean of some rounds: a training meets the machine as it usually is, not as it is at its best."""
    middle = {name: geometric_mean(getattr(one, name) for one in each) for name in ("step_time_s", "peak_memory_gib")}
    return each[0].model_copy(update=middle)


def _faster(some: tuple[Rate, ...], others: tuple[Rate, ...], rate: Callable[[Rate], float]) -> tuple[Rate, ...]:
    """The better of two measurements of each thing: a machine is never faster than it is."""
    if len(some) != len(others):  # precisions that were too slow in one of them
        return max(some, others, key=len)
    return tuple(max(pair, key=rate) for pair in zip(some, others, strict=True))


def reference_steps(profile: HardwareProfile) -> Iterator[StepSetup]:
    """What `calibrate` trains: every reference in each precision on one process and on two, and some compiled.

    Where a precision is slow, as bfloat16 is without hardware for it, a step has fewer and shorter sequences.
    """
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        for ranks in (1, 2) if profile.processor.usable_cores > 1 else (1,):
            for reference in REFERENCES:
                if setup := _bearable(_setup(reference, precision, ranks), profile):
                    yield setup
    if profile.software.compiler and profile.software.python_headers:
        for place in COMPILED:
            yield _setup(REFERENCES[place], "float32", 1).model_copy(update={"compile": True})


def _bearable(setup: StepSetup, profile: HardwareProfile) -> StepSetup | None:
    """The same, or less of it, or nothing, so that a step does not take much longer than `LONG_S`."""
    rate = 1e12 * ((profile.speed and profile.speed.best_tflops(setup.precision)) or 1.0)

    def seconds() -> float:
        return setup.tokens * setup.model.train_flops_per_token() / rate

    while seconds() > LONG_S and setup.batch_size > setup.ranks:
        batch = max(setup.ranks, setup.batch_size // 2)
        micro_batch = min(setup.micro_batch, batch // setup.ranks)
        setup = setup.model_copy(update={"batch_size": batch, "micro_batch": micro_batch})
    while seconds() > LONG_S and setup.model.sequence_length > SHORT:
        model = setup.model.model_copy(update={"sequence_length": setup.model.sequence_length // 2})
        setup = setup.model_copy(update={"model": model})
    return setup if seconds() < 2 * LONG_S else None


def _setup(reference: tuple[int, ...], precision: Precision, ranks: int) -> StepSetup:
    dim, layers, ffn_dim, vocabulary_size, length, batch_size, micro_batch = reference
    heads = dim // 64
    return StepSetup(
        model=TransformerConfig(
            vocabulary_size=vocabulary_size,
            dim=dim,
            layers=layers,
            heads=heads,
            kv_heads=heads,
            ffn_dim=ffn_dim,
            sequence_length=length,
        ),
        batch_size=batch_size,
        micro_batch=min(micro_batch, batch_size // ranks),
        precision=precision,
        ranks=ranks,
    )
