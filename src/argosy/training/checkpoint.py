"""Writing and reading checkpoints: complete or absent, hashed, and never trusting a pickle.

`model/` is safetensors that anyone can read; `state/` is PyTorch's distributed checkpoint with the optimiser and the
random state, tensors only. The manifest, written last, hashes every file.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer

from argosy.models import load_parts, save_model
from argosy.parallel import Engine, gathered, local_part, phase
from argosy.storage import commit_folder, described, disk_errors, write_json
from argosy.training.manifest import prune, verify
from argosy.training.optimizers import copy_parameter, load_optimizer_state, optimizer_state
from argosy.training.random_state import random_state, set_random_state
from argosy.training.results import Checkpoint


class Checkpointer:
    """Saves and restores one training run's model, optimisers and random state."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        optimizers: Sequence[Optimizer],
        *,
        keep_last: int,
        asynchronous: bool,
        extra_files: Sequence[Path] = (),
    ) -> None:
        self.folder, self.engine, self.optimizers, self.world = folder, engine, optimizers, engine.mesh.world
        self.keep_last, self.asynchronous, self.extra_files = keep_last, asynchronous, extra_files
        self._pending: Future[Any] | None = None
        self._group = dist.new_group(backend="gloo") if asynchronous and self.world.size > 1 else None
        if self.world.is_main:
            for leftover in folder.glob(".step-*"):  # of a save or removal that was cut off
                shutil.rmtree(leftover, ignore_errors=True)

    def save(self, checkpoint: Checkpoint, saved: Callable[[Checkpoint, float], None]) -> None:
        """Write `checkpoint`; `saved(checkpoint, seconds)` is called on rank 0 when it is complete.

        Synchronous saves return when it is; asynchronous ones after copying the tensors, having waited for the
        previous one. Raises `RunFailed` when the disk is full; the checkpoints before stay.
        """
        from argosy.training.distributed_state import plain_errors, save_state, save_state_async

        self.wait()
        start = time.perf_counter()
        target = self.folder / checkpoint.name
        temporary = self.folder / f".{checkpoint.name}.tmp"
        with disk_errors(target), self._cleaning(temporary):
            if self.world.is_main:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir(parents=True)
            self.world.barrier()
            named = self.engine.stored_parameters()
            weights = gathered(named, self.engine.mesh, copies=self.asynchronous)
            state = {**optimizer_state(named.items(), self.optimizers), **random_state(self.world.rank)}

            def finish() -> None:
                if self.world.is_main:
                    with disk_errors(target):
                        self._commit(checkpoint, temporary, target)
                    saved(checkpoint, time.perf_counter() - start)

            if not self.asynchronous:
                if self.world.is_main:
                    self._write_model(weights, checkpoint, temporary)
                save_state(state, temporary / "state")
                finish()
                self.world.barrier()
                return
            future = save_state_async(state, temporary / "state", self._group)

            def write_and_finish(state_written: Future[Any]) -> None:
                with self._cleaning(temporary), plain_errors():
                    state_written.result()
                    if self.world.is_main:
                        self._write_model(weights, checkpoint, temporary)
                    finish()

            self._pending = _then(future, write_and_finish)

    @contextlib.contextmanager
    def _cleaning(self, temporary: Path) -> Iterator[None]:
        """Leave nothing of a save that failed: on a full disk its room is needed."""
        try:
            yield
        except BaseException:
            if self.world.is_main:
                shutil.rmtree(temporary, ignore_errors=True)
            raise

    def wait(self) -> None:
        """Wait for a save that is still going on, on every rank; raises what it raised."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            with disk_errors(self.folder):
                pending.result()
        self.world.barrier()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint written on any number of ranks; every file is hashed before it is opened.

        Raises `UserError` when a file is missing or changed.
        """
        from argosy.training.distributed_state import load_state

        phase("reading the checkpoint", checkpoint.step)
        if self.world.is_main:
            verify(checkpoint)
        self.world.barrier()
        named = self.engine.stored_parameters()
        whole = self.engine.mesh.layout.pipeline == 1
        load_parts(named, checkpoint.folder / "model", local_part, complete=whole)
        own = random_state(self.world.rank)
        state = load_state(checkpoint.folder / "state", named, own.__contains__)
        set_random_state({name: state.pop(name) for name in own if name in state}, self.world.rank)
        load_optimizer_state(named.items(), self.optimizers, state)
        if (copies := self.engine.copies()) is not None:
            copy_parameter(*copies, self.optimizers)

    def _write_model(self, weights: dict[str, Tensor], checkpoint: Checkpoint, temporary: Path) -> None:
        save_model(weights, checkpoint.model, temporary / "model")
        for file in self.extra_files:
            shutil.copyfile(file, temporary / "model" / file.name)

    def _commit(self, checkpoint: Checkpoint, temporary: Path, target: Path) -> None:
        files = described((path for path in sorted(temporary.rglob("*")) if path.is_file()), temporary)
        complete = checkpoint.model_copy(update={"files": files})
        write_json(temporary / "manifest.json", complete.model_dump(mode="json"))
        commit_folder(temporary, target)
        prune(self.folder, self.keep_last)


def _then(future: Future[Any], finish: Callable[[Future[Any]], Any]) -> Future[Any]:
    """A future that is done when `finish`, given `future` when that is done, has run."""
    result: Future[Any] = Future()

    def run(done: Future[Any]) -> None:
        try:
            result.set_result(finish(done))
        except BaseException as error:
            result.set_exception(error)

    future.add_done_callback(run)
    return result
