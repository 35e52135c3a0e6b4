"""One rank that trains a step: `python -m tests.training.held_by_rank FOLDER DEGREE` writes what it holds, in bytes."""

import json
import sys
from pathlib import Path

import torch

from argosy.config import Layout, RunConfig, TrainingConfig
from argosy.models import empty_model, initial_value
from argosy.parallel import Manner, Mesh, join, local, parallelize
from argosy.training.optimizers import build_optimizers, optimizer_state
from argosy.training.step import LossModule, TrainStep
from tests.planning.test_rank_counting import setup
from tests.training.test_dry_run import SMALL


def main() -> None:
    """Train one step and write."""
    folder, degree = Path(sys.argv[1]), sys.argv[2]
    asked = setup({degree: 2}, 4, SMALL)
    with join(RunConfig()) as world:
        mesh = Mesh(Layout(**{degree: world.size}), world)
        objective = LossModule(empty_model(asked.model), torch.float32)
        engine = parallelize(
            objective, mesh, Manner(micro_batch=1), lambda name, shape: initial_value(asked.model, name, shape, 0)
        )
        optimizers = build_optimizers(engine.models, TrainingConfig(), 1e-3, "float32")
        gradients: list[torch.Tensor] = []
        optimizers[0].register_step_pre_hook(
            lambda *_: gradients.extend(p.grad for p in engine.parameters if p.grad is not None)
        )
        tokens = torch.zeros((4 // mesh.replicas, asked.model.sequence_length), dtype=torch.long)
        step = TrainStep(engine, optimizers, learning_rate=None, gradient_clip=1.0)
        step(0, tokens, tokens, count=4 * asked.model.sequence_length)
        state = optimizer_state(engine.named_parameters(), optimizers).values()
        held = [sum(local(x).nbytes for x in some) for some in (engine.parameters, gradients, state)]
        (folder / f"{degree}-{world.rank}.json").write_text(json.dumps(held))


if __name__ == "__main__":
    main()
