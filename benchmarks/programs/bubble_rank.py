"""One rank of `benchmarks/bubble.py`: `python -m benchmarks.programs.bubble_rank SETUP`, pipelines one after another.

SETUP is JSON. Rank 0 prints a line for each pipeline: its name, the order of every rank's actions, and for each
repetition their start and end by the wall clock, which processes share, and the seconds their thread computed.
"""

import json
import sys
import time
from types import TracebackType
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist

from argosy.config import Layout, RunConfig, TransformerConfig
from argosy.models import Transformer, initial_value
from argosy.parallel import Manner, Mesh, World, join, parallelize, pipeline
from argosy.training.step import LossModule


class Stopwatch:
    """Stands in for the profiler's mark around an action."""

    noted: list[tuple[str, float, float, float]]

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __enter__(self) -> None:
        self.wall, self.own = time.perf_counter(), time.thread_time()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        own, wall = time.thread_time() - self.own, time.perf_counter()
        self.noted.append((self.mark, self.wall, wall, own))


def timed(setup: dict[str, Any], case: dict[str, Any], world: World) -> list[list[list[Any]]]:
    """(repetition, rank, action) to what the stopwatch noted, after some that it did not."""
    torch.manual_seed(0)
    config = TransformerConfig(**setup["model"])
    mesh = Mesh(Layout(pipeline=world.size), world)
    with torch.device("meta"):
        model = Transformer(config)
    manner = Manner(micro_batch=setup["rows"], schedule=case["schedule"], virtual_stages=case["virtual_stages"])
    engine = parallelize(
        LossModule(model, torch.float32), mesh, manner, lambda name, shape: initial_value(config, name, shape, 0)
    )
    shape = (setup["rows"] * case["micro_batches"], config.sequence_length)
    tokens = torch.randint(config.vocabulary_size, shape, generator=torch.Generator().manual_seed(1))
    repetitions = []
    for number in range(setup["warm_up"] + setup["repetitions"]):
        for parameter in engine.parameters:
            parameter.grad = None
        Stopwatch.noted = []
        world.barrier()
        engine.backward(tokens, tokens, float(tokens.numel()))
        everyone: list[Any] = [None] * world.size
        dist.all_gather_object(everyone, Stopwatch.noted)
        if number >= setup["warm_up"]:
            repetitions.append(everyone)
    return repetitions


def main() -> None:
    """Time every case."""
    setup = json.loads(sys.argv[1])
    with join(RunConfig()) as world, mock.patch.object(pipeline, "record_function", Stopwatch):
        for case in setup["cases"]:
            found = timed(setup, case, world)
            if world.is_main:
                print(json.dumps({"name": case["name"], "repetitions": found}), flush=True)


if __name__ == "__main__":
    main()
