"""One rank of `benchmarks/parity.py`: `python -m benchmarks.programs.parity_rank CELLS OUT`, every cell in turn.

CELLS is a JSON list; for each cell, rank 0 saves losses, gradients of every step and the weights at the end.
"""

import json
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import torch

from argosy.config import Layout, RunConfig, TrainingConfig, TransformerConfig
from argosy.models import Transformer, initial_value
from argosy.parallel import Manner, Mesh, World, blocks_of, gathered, join, parallelize
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import compile_blocks
from argosy.training.step import LossModule, TrainStep

RATE, ROWS = 3e-4, 16


def tokens_of(model: TransformerConfig, step: int, rows: int) -> torch.Tensor:
    """The global batch of a step, [B, T + 1]; the same whoever asks."""
    generator = torch.Generator().manual_seed(step)
    return torch.randint(model.vocabulary_size, (rows, model.sequence_length + 1), generator=generator)


@cache
def mesh_of(layout: Layout, world: World) -> Mesh:
    """One mesh for all cells of a layout: each has groups of its own, whose threads never end."""
    return Mesh(layout, world)


def run_cell(cell: dict[str, Any], world: World) -> dict[str, Any]:
    """Train a few steps; what rank 0 returns is whole."""
    torch.manual_seed(0)
    config, layout = TransformerConfig(**cell["model"]), Layout(**cell["layout"])
    dtype = getattr(torch, cell.get("precision", "float32"))
    rows = cell.get("rows", ROWS)
    mesh = mesh_of(layout, world)
    with torch.device("meta"):
        model = Transformer(config)
    model.recompute = cell.get("recompute", False)
    own_rows = rows // mesh.replicas
    micro_batch = own_rows // cell["accumulation"]
    if layout.pipeline > 1:
        micro_batch = max(1, micro_batch // cell.get("micro_batches", layout.pipeline))
    manner = Manner(
        dtype=dtype,
        micro_batch=micro_batch,
        accumulation=cell["accumulation"] if layout.pipeline > 1 else 1,
        schedule=cell.get("schedule", "1f1b"),
        virtual_stages=cell.get("virtual_stages", 1),
    )
    separator = 0 if cell.get("document_mask") else None
    objective = LossModule(model, dtype, separator, compiled=cell.get("compile", False))
    engine = parallelize(objective, mesh, manner, lambda name, shape: initial_value(config, name, shape, 0))
    if cell.get("compile"):
        problem = compile_blocks([block for part in engine.models for block in blocks_of(part)], lambda: None)
        assert not problem, problem
    training = TrainingConfig(optimizer=cell.get("optimizer", "adamw"))
    optimizers = build_optimizers(engine.models, training, RATE, cell.get("precision", "float32"), mesh)
    step = TrainStep(engine, optimizers, learning_rate=lambda _: RATE, gradient_clip=1.0)
    gradients: list[dict[str, torch.Tensor]] = []

    def keep(*_: Any) -> None:
        gradients.append(
            gathered({n: p.grad.clone() for n, p in engine.stored_parameters().items() if p.grad is not None}, mesh)
        )

    optimizers[0].register_step_pre_hook(keep)
    losses, norms, held_out = [], [], []
    for number in range(cell.get("steps", 10)):
        tokens = tokens_of(config, number, rows)[mesh.replica :: mesh.replicas].to(world.device)
        if cell.get("control") == "no-sync":
            engine.module = engine.objectives[0]  # type: ignore[attr-defined]
        if cell.get("control") == "doubled" and world.rank == 0:
            tokens[:] = tokens[:1]
        result = step(number, tokens[:, :-1], tokens[:, 1:], count=rows * config.sequence_length)
        losses.append(result.loss)
        norms.append(result.gradient_norm)
        sums = engine.forward(tokens[:, :-1], tokens[:, 1:])
        held_out.append(float(world.sum(sums)[0]) / (rows * config.sequence_length))
    weights = gathered(engine.stored_parameters(), mesh)
    return {"losses": losses, "norms": norms, "held_out": held_out, "gradients": gradients, "weights": weights}


def main() -> None:
    """Run every cell."""
    cells, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    with join(RunConfig()) as world:
        for cell in cells:
            if (out / f"{cell.get('out', cell['name'])}.pt").exists():
                continue
            try:
                result = run_cell(cell, world)
            except Exception:
                result = {"error": traceback.format_exc()}
                if world.size > 1:
                    print(world.rank, result["error"], file=sys.stderr, flush=True)
                    raise
            world.barrier()
            if world.is_main:
                torch.save(result, out / f"{cell.get('out', cell['name'])}.pt")
                print(cell["name"], [f"{loss:.6f}" for loss in result.get("losses", [])][-2:], flush=True)


if __name__ == "__main__":
    main()
