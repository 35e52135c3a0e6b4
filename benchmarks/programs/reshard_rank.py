"""One rank of `benchmarks/reshard.py`: `python -m benchmarks.programs.reshard_rank JOBS`, every job in turn.

A job goes on with a copy of a run as some layout. Rank 0 leaves `outcome.json` in it: what was trained on and restored,
as the processes saw it.
"""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist

from argosy.config import Layout, RunConfig, language_venture
from argosy.parallel import World, gathered, join
from argosy.storage import Run, write_json
from argosy.training import checkpoint as checkpoints
from argosy.training import language
from argosy.training.checkpoint import Checkpointer
from argosy.training.manifest import latest_checkpoint
from argosy.training.optimizers import optimizer_state
from argosy.training.step import StepResult, TrainStep


def main() -> None:
    """Do every job."""
    with join(RunConfig()) as world:
        for job in json.loads(Path(sys.argv[1]).read_text()):
            run = Run(job["folder"])
            if world.is_main:
                shutil.copytree(job["start"], run.path)
                (run.path / "outcome.json").unlink(missing_ok=True)
            world.barrier()
            with watched(world, job["control"]) as seen:
                train(run, job, world)
            if world.is_main:
                write_json(run.path / "outcome.json", {**seen, **left_behind(run, seen["steps"])})
                print(job["name"], job["control"], flush=True)
            world.barrier()


def train(run: Run, job: dict[str, Any], world: World) -> None:
    """As `argosy train` does, in this process."""
    venture = language_venture(run.venture())
    training = venture.training.model_copy(update={"pipeline_schedule": job["schedule"]})
    venture = venture.model_copy(update={"layout": Layout(**job["layout"]), "training": training})
    language.train_language_model(run, venture, world, lambda: False, job["stop_at"])


def left_behind(run: Run, steps: list[int]) -> dict[str, Any]:
    """What can be read in the run's folder."""
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    kept = [line for line in lines if line["step"] - 1 in steps]
    last, measured = latest_checkpoint(run.checkpoints), [e for e in run.read_events() if e["kind"] == "held_out"]
    assert last is not None
    return {
        "losses": [line["loss"] for line in kept],
        "rates": [line["learning_rate"] for line in kept],
        "cursor": last.cursor.model_dump(mode="json"),
        "held_out": measured[-1]["loss"] if measured else None,
    }


@contextlib.contextmanager
def watched(world: World, control: str) -> Iterator[dict[str, Any]]:
    """Note the batches of every step and the states that are saved and restored; break what `control` says."""
    seen: dict[str, Any] = {"steps": [], "batches": [], "saved": "", "restored": ""}
    step, save, restore, prefetcher = TrainStep.__call__, Checkpointer.save, Checkpointer.restore, language.Prefetcher

    def watched_step(self: TrainStep, number: int, inputs: Any, targets: Any, **options: Any) -> StepResult:
        seen["steps"].append(number)
        seen["batches"].append(batch_hash(self, torch.cat((inputs, targets[:, -1:]), dim=1)))
        return step(self, number, inputs, targets, **options)

    def watched_save(self: Checkpointer, *arguments: Any) -> None:
        seen["saved"] = state_hash(self)
        save(self, *arguments)

    def watched_restore(self: Checkpointer, *arguments: Any) -> None:
        restore(self, *arguments)
        seen["restored"] = state_hash(self)

    def later(plan: Any, first: int, end: int, **options: Any) -> Any:
        return prefetcher(plan, first + 1, end + 1, **options)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(TrainStep, "__call__", watched_step))
        stack.enter_context(mock.patch.object(Checkpointer, "save", watched_save))
        stack.enter_context(mock.patch.object(Checkpointer, "restore", watched_restore))
        if control == "batch left out":
            stack.enter_context(mock.patch.object(language, "Prefetcher", later))
        elif control == "optimiser forgotten":
            stack.enter_context(mock.patch.object(checkpoints, "load_optimizer_state", lambda *_: None))
        yield seen


def batch_hash(step: TrainStep, rows: torch.Tensor) -> str:
    """`BatchPlan.batch_hash` of what the ranks have of a batch, [b, T + 1] each."""
    mesh, own = step.engine.mesh, rows.cpu().numpy().astype("<i8")
    everyone: list[Any] = [(mesh.replica, own)]
    if mesh.world.size > 1:
        everyone = [None] * mesh.world.size
        dist.all_gather_object(everyone, (mesh.replica, own))
    parts: dict[int, Any] = dict(everyone)
    assert all((parts[replica] == theirs).all() for replica, theirs in everyone), "ranks of a replica differ"
    total = sum(map(len, parts.values()))
    ordered = [parts[number % mesh.replicas][number // mesh.replicas].tobytes() for number in range(total)]
    return hashlib.sha256(b"".join(ordered)).hexdigest()


def state_hash(checkpointer: Checkpointer) -> str:
    """SHA-256 of all weights and of what the optimisers keep, whole; empty on ranks but the first."""
    engine = checkpointer.engine
    named = engine.stored_parameters()
    state = {**named, **optimizer_state(named.items(), checkpointer.optimizers)}
    whole = gathered(state, engine.mesh)
    digest = hashlib.sha256()
    for name, tensor in sorted(whole.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
