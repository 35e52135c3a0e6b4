"""What a run is predicted to take before it starts: stored with it, and held against what it took."""

from datetime import UTC, datetime

from argosy.config import (
    Execution,
    Layout,
    Precision,
    Recipe,
    Record,
    TrainingConfig,
    TransformerConfig,
    UserError,
    Venture,
    execution_of,
)
from argosy.hardware import BFLOAT16_WORTHWHILE, HardwareProfile, StepSetup, find_accelerator
from argosy.planning.machine import Machine, Prediction
from argosy.planning.one_layout import predict
from argosy.planning.results import Span


class RunPlan(Record):
    """Predictions of a run, made before its first step."""

    planned_at: str
    """When, ISO 8601, UTC."""
    where: str
    """On what."""
    ranks: int
    """Processes."""
    execution: Execution
    """How each is expected to carry out its part."""
    parameters: int
    """Trainable scalars."""
    tokens: int
    """To train on."""
    flops: float
    """For all of them, in PaLM's definition."""
    step_time_s: Span | None
    """Of a step; null where nothing is known of this machine."""
    train_h: Span | None
    """All steps, without evaluations and checkpoints."""
    peak_memory_gib: Span | None
    """Of the fullest rank: on processors, over what it has before its model is built."""
    basis: str
    """What that rests on."""


def plan_run(
    venture: Venture, config: TransformerConfig, recipe: Recipe, profile: HardwareProfile | None, layout: Layout
) -> RunPlan:
    """Predict a run as it is configured, laid out on the ranks of this machine, of which `profile` tells."""
    ranks = layout.ranks
    execution = _execution(venture, recipe, profile, layout)
    step, memory, basis = None, None, "this machine was never measured: argosy calibrate"
    where = profile.processor.model if profile else "this machine"
    if profile is not None and profile.accelerators:
        where = f"{ranks} × {profile.accelerators[0].name}"
        step, memory, basis = _on_accelerators(config, recipe, execution, profile, layout, venture.training)
    elif ranks != layout.data:
        basis = f"steps on processors are measured for replicas only, not for {layout}"
    elif profile is not None and profile.speed is not None and profile.speed.matmul:
        machine = Machine(profile)
        setup = StepSetup(
            model=config,
            batch_size=recipe.batch_size,
            ranks=ranks,
            optimizer=venture.training.optimizer,
            **execution.model_dump(include={"micro_batch", "precision", "compile", "recompute"}),
        )
        step, memory = _span(machine.step_time_s(setup)), _span(machine.peak_memory_gib(setup))
        basis = f"{len(machine.measured)} training steps measured here {(profile.speed.calibrated_at or '')[:10]}"
        if not machine.measured:
            basis = "speeds of products and memory measured here, no training step: argosy calibrate"
    tokens = recipe.steps * recipe.tokens_per_step
    hours = None if step is None else {name: value * recipe.steps / 3600 for name, value in step.model_dump().items()}
    return RunPlan(
        planned_at=datetime.now(UTC).isoformat(timespec="seconds"),
        where=where,
        ranks=ranks,
        execution=execution,
        parameters=config.parameter_count(),
        tokens=tokens,
        flops=tokens * config.train_flops_per_token(),
        step_time_s=step,
        train_h=None if hours is None else Span(**hours),
        peak_memory_gib=memory,
        basis=basis,
    )


def _execution(venture: Venture, recipe: Recipe, profile: HardwareProfile | None, layout: Layout) -> Execution:
    """As training will choose it, as far as that can be told without trying."""
    training, on_gpu = venture.training, bool(profile and profile.accelerators)
    gain = profile.speed.bfloat16_gain() if profile and profile.speed else None
    worthwhile = on_gpu if gain is None else gain >= BFLOAT16_WORTHWHILE
    chosen: Precision = "bfloat16" if worthwhile else "float32"
    return execution_of(
        training,
        recipe,
        layout,
        precision=chosen if training.precision == "auto" else training.precision,
        compiled=on_gpu if training.compile == "auto" else training.compile,
    )


def _on_accelerators(
    config: TransformerConfig,
    recipe: Recipe,
    execution: Execution,
    profile: HardwareProfile,
    layout: Layout,
    training: TrainingConfig,
) -> tuple[Span | None, Span | None, str]:
    spec = find_accelerator(profile.accelerators[0].name)
    if spec is None:
        return None, None, f"no figures of {profile.accelerators[0].name} are known"
    if execution.precision == "float32":
        return None, None, "nobody publishes runs in float32, so that nothing is said of them"
    try:
        found = predict(config, layout, execution, spec, batch_size=recipe.batch_size, training=training)
    except UserError as error:
        return None, None, f"nothing is known of such layouts: {error.message}"
    speed, memory = found.throughput, found.memory
    each = recipe.tokens_per_step / layout.ranks
    step = Span(low=each / speed.high, middle=each / speed.tokens_per_s_per_accelerator, high=each / speed.low)
    return (
        step,
        Span(low=memory.low_gib, middle=memory.peak_gib, high=memory.high_gib),
        f"speed: published runs, the nearest {speed.nearest[0].name}; memory: this trainer's, counted",
    )


def _span(found: Prediction) -> Span:
    return Span(low=found.low, middle=found.middle, high=found.high)
