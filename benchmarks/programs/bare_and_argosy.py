"""One rank: steps of a bare loop and of Argosy's in turn, on one kind of data parallelism.

`python -m benchmarks.programs.bare_and_argosy SETUP`, under torchrun for several ranks; rank 0 prints the seconds of
each step as JSON. The bare loop is what one writes with PyTorch's own parts: DDP or `fully_shard`, the same fused
AdamW, clipping, loss and compiled blocks; it logs its loss as Argosy does.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from argosy.config import Layout, RunConfig, TrainingConfig, TransformerConfig
from argosy.models import Transformer
from argosy.parallel import Manner, Mesh, World, join, parallelize
from argosy.training.optimizers import build_optimizers
from argosy.training.step import LossModule, TrainStep

RATE = 1e-4
Step = Callable[[int, Tensor, Tensor], float]


def made(setup: dict[str, Any], world: World) -> LossModule:
    """The objective that both train."""
    model = Transformer(TransformerConfig(**setup["model"]))
    model.initialise(0)
    model.to(world.device)
    if setup["compile"]:
        for block in model.blocks:
            block.compile(fullgraph=True)
    return LossModule(model, getattr(torch, setup["precision"]), compiled=setup["compile"])


def bare(setup: dict[str, Any], world: World) -> Step:
    """A loop of PyTorch's own parts."""
    objective = made(setup, world)
    module: nn.Module = objective
    if setup["kind"] == "sharded":
        for block in objective.model.blocks:  # type: ignore[union-attr]
            fully_shard(block)  # type: ignore[arg-type]
        fully_shard(objective)
    elif world.size > 1:
        module = DistributedDataParallel(objective, gradient_as_bucket_view=True)
    (optimizer,) = build_optimizers([objective.model], TrainingConfig(), RATE, "float32")
    parameters = list(objective.parameters())

    def step(number: int, inputs: Tensor, targets: Tensor) -> float:
        micro = setup["micro_batch"]
        total = 0.0
        for some, expected in zip(inputs.split(micro), targets.split(micro), strict=True):  # type: ignore[no-untyped-call]
            loss, _ = module(some, expected)
            (loss / inputs.numel()).backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        whole = torch.as_tensor(total)
        if world.size > 1:
            dist.all_reduce(whole)
        return float(whole)

    return step


def argosy(setup: dict[str, Any], world: World) -> Step:
    """Argosy's engine and step."""
    layout = Layout(shard=world.size) if setup["kind"] == "sharded" else Layout(data=world.size)
    manner = Manner(dtype=getattr(torch, setup["precision"]), micro_batch=setup["micro_batch"])
    engine = parallelize(made(setup, world), Mesh(layout, world), manner)
    optimizers = build_optimizers(engine.models, TrainingConfig(), RATE, "float32")
    step = TrainStep(engine, optimizers, learning_rate=lambda _: RATE, gradient_clip=1.0)
    count = setup["rows"] * world.size * setup["model"]["sequence_length"]
    return lambda number, inputs, targets: step(number, inputs, targets, count=count).loss


def main() -> None:
    """Warm both up, then take turns."""
    setup = json.loads(sys.argv[1])
    seconds: dict[str, list[float]] = {"bare": [], "argosy": []}
    with join(RunConfig()) as world:
        steps = {"bare": bare(setup, world), "argosy": argosy(setup, world)}
        shape = setup["rows"], setup["model"]["sequence_length"] + 1
        generator = torch.Generator().manual_seed(world.rank)
        for turn in range(setup["warm_up"] + setup["turns"]):
            tokens = torch.randint(setup["model"]["vocabulary_size"], shape, generator=generator).to(world.device)
            for name, step in list(steps.items())[:: 1 if turn % 2 else -1]:
                for number in range(setup["steps"]):
                    if world.device.type == "cuda":
                        torch.cuda.synchronize()
                    world.barrier()
                    began = time.perf_counter()
                    step(number, tokens[:, :-1], tokens[:, 1:])
                    if world.device.type == "cuda":
                        torch.cuda.synchronize()
                    if turn >= setup["warm_up"]:
                        seconds[name].append(time.perf_counter() - began)
        if world.is_main:
            print(json.dumps(seconds))


if __name__ == "__main__":
    main()
