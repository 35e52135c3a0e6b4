"""One rank of a parity test: `python -m tests.parity.rank OUT CONTROL`, three updates on drawn tokens.

Rank 0 writes each step's loss, the gradients before the update and the weights after. CONTROL breaks something on
purpose: `no-sync` leaves the replicas' gradients apart, `doubled` has rank 0 count its rows twice.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from argosy.config import Layout, RunConfig, TrainingConfig
from argosy.models import Transformer
from argosy.parallel import ExposedCommunication, Manner, Mesh, World, join, parallelize
from argosy.parallel import engine as engine_file
from argosy.training.optimizers import build_optimizers
from argosy.training.step import LossModule, TrainStep
from tests.models.test_transformer import shape

ROWS, LENGTH, STEPS = 7, 24, 3  # seven rows divide by nothing


def main() -> None:
    """Train and write what happened."""
    out, control, micro_batch = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with join(RunConfig()) as world:
        if control == "no-sync":
            engine_file.replicate = _alone  # type: ignore[assignment, attr-defined]
        model = Transformer(shape())
        model.initialise(0)
        gradients: list[dict[str, np.ndarray]] = []
        optimizers = build_optimizers([model], TrainingConfig(), 3e-3, "float32")
        mesh = Mesh(Layout(data=world.size), world)
        engine = parallelize(LossModule(model, torch.float32), mesh, Manner(micro_batch=micro_batch))
        step = TrainStep(engine, optimizers, learning_rate=lambda _: 3e-3, gradient_clip=1.0)
        optimizers[0].register_step_pre_hook(lambda *_: gradients.append(_copy(model, "grad")))
        losses = []
        for number in range(STEPS):
            tokens = torch.randint(97, (ROWS, LENGTH + 1), generator=torch.Generator().manual_seed(number))
            mine = tokens[world.rank :: world.size]
            if control == "doubled" and world.rank == 0:
                mine = torch.cat([mine, mine])
            losses.append(step(number, mine[:, :-1], mine[:, 1:], count=ROWS * LENGTH).loss)
        if world.is_main:
            torch.save({"losses": losses, "gradients": gradients, "weights": _copy(model, "data")}, out)


def _copy(model: torch.nn.Module, what: str) -> dict[str, np.ndarray]:
    return {name: getattr(p, what).detach().clone() for name, p in model.named_parameters()}


def _alone(module: torch.nn.Module, world: World) -> tuple[torch.nn.Module, object]:
    return module, ExposedCommunication(world)


if __name__ == "__main__":
    main()
