"""A rank at fault: `python -m tests.fault.faulty CONTROL`, three updates, in the second of which something goes wrong.

CONTROL is `flip` (one bit of a parameter of the last rank) or `loop` (rank 1 never comes back).
"""

import sys
from typing import cast

import torch
from torch import Tensor

from argosy.config import Layout, RunConfig, TrainingConfig
from argosy.models import Transformer
from argosy.parallel import Manner, Mesh, accounted, compare_replicas, die_with_parent, join, parallelize
from argosy.training.optimizers import build_optimizers
from argosy.training.step import LossModule, TrainStep
from tests.models.test_transformer import shape


def main() -> None:
    """Train."""
    die_with_parent()
    with accounted(), join(RunConfig(collective_timeout_s=3)) as world:
        model = Transformer(shape())
        model.initialise(0)
        mesh = Mesh(Layout(data=world.size), world)
        engine = parallelize(LossModule(model, torch.float32), mesh, Manner())
        optimizers = build_optimizers([model], TrainingConfig(), 3e-3, "float32")
        step = TrainStep(engine, optimizers, learning_rate=None, gradient_clip=None)
        for number in range(3):
            tokens = torch.randint(97, (2, 25), generator=torch.Generator().manual_seed(world.rank))
            while number == 1 and sys.argv[1] == "loop" and world.rank == 1:
                pass
            step(number, tokens[:, :-1], tokens[:, 1:], count=48 * world.size)
            if number == 1 and sys.argv[1] == "flip" and world.rank == world.size - 1:
                flip(engine.parameters[3])
            compare_replicas(engine.parameters, mesh, number + 1)


def flip(parameter: Tensor) -> None:
    """Change the last bit of one number."""
    bits = cast(Tensor, parameter.data.view(torch.int32).view(-1))  # type: ignore[no-untyped-call]
    bits[5] ^= 1


if __name__ == "__main__":
    main()
