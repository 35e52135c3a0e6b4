"""`python -m argosy.training.probe_step SETUP`: how long a training step takes here, and what memory it needs.

SETUP is a `StepSetup` as JSON; under torchrun its ranks share the batch, and rank 0 prints a `MeasuredStep`. A process
measures one setup, since the high-water mark of memory never falls.
"""

import statistics
import sys
import time

import torch

from argosy.config import ArgosyError, Layout, RunConfig, RunFailed, TrainingConfig
from argosy.hardware import MeasuredStep, StepSetup
from argosy.models import Transformer
from argosy.parallel import Manner, Mesh, World, blocks_of, join, parallelize
from argosy.training.memory import peak_memory_gib
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES, compile_blocks
from argosy.training.step import LossModule, TrainStep

BUDGET_S, LEAST_STEPS, MOST_STEPS, WARM_UP = 2.5, 3, 30, 2
SLOW_S = 1.0  # a step that takes longer warms up no second time
LEARNING_RATE = 1e-4


def main() -> None:
    """Measure, and print the figures on standard output."""
    setup = StepSetup.model_validate_json(sys.argv[1])
    try:
        with join(RunConfig(preflight_timeout_s=60.0)) as world:
            measured = measure_step(setup, world)
    except ArgosyError as error:
        print(f"argosy: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    if world.is_main:
        print(measured.model_dump_json())


def measure_step(setup: StepSetup, world: World) -> MeasuredStep:
    """Median time of some steps after the first, and the peak of memory of the fullest rank."""
    before = peak_memory_gib(world.device)
    step = _train_step(setup, world)
    rows = setup.batch_size // world.size
    generator = torch.Generator().manual_seed(world.rank)
    shape = (rows, setup.model.sequence_length)
    times: list[float] = []
    while not _enough(world, times):
        inputs, targets = (
            torch.randint(setup.model.vocabulary_size, shape, generator=generator).to(world.device) for _ in range(2)
        )
        began = time.perf_counter()
        step(len(times), inputs, targets, count=setup.tokens)
        times.append(time.perf_counter() - began)
    peaks = world.sum(
        torch.tensor([(peak_memory_gib(world.device) - before) * (world.rank == rank) for rank in range(world.size)])
    )
    median_s = statistics.median(_warm(times))
    return MeasuredStep(**setup.model_dump(), step_time_s=median_s, peak_memory_gib=float(peaks.max()))


def _train_step(setup: StepSetup, world: World) -> TrainStep:
    model = Transformer(setup.model)
    model.initialise(0)
    model.to(world.device)
    model.recompute = setup.recompute
    objective = LossModule(model, DTYPES[setup.precision], compiled=setup.compile)
    if setup.compile:
        row = torch.zeros((setup.micro_batch, setup.model.sequence_length), dtype=torch.long, device=world.device)
        if reason := compile_blocks(blocks_of(model), lambda: objective(row, row)[0].backward()):
            raise RunFailed("probe-failed", f"the model does not compile: {reason}")
        model.zero_grad(set_to_none=True)
    engine = parallelize(objective, Mesh(Layout(data=world.size), world), Manner(micro_batch=setup.micro_batch))
    return TrainStep(
        engine,
        build_optimizers([model], TrainingConfig(optimizer=setup.optimizer), LEARNING_RATE, setup.precision),
        learning_rate=lambda _: LEARNING_RATE,
        gradient_clip=1.0,
    )


def _warm(times: list[float]) -> list[float]:
    return times[1 if times and times[0] > SLOW_S else WARM_UP :]


def _enough(world: World, times: list[float]) -> bool:
    """Whether these are enough; the same on every rank, so that all stop after the same step."""
    warm = _warm(times)
    over = len(warm) >= LEAST_STEPS and (len(warm) >= MOST_STEPS or sum(warm) > BUDGET_S)
    return float(world.sum(torch.tensor([float(over)]))) == world.size


if __name__ == "__main__":
    main()
