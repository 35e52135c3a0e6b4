"""Writing and reading checkpoints: complete or absent, hashed, and never trusting a pickle.

`model/` is safetensors that anyone can read; `state/` is PyTorch's distributed checkpoint with the optimiser and the
random state, tensors only. The manifest, written last, hashes every file.
"""

import pickle
import random
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata
from torch.optim import Optimizer

from argosy.config import UserError
from argosy.models import load_weights, save_model
from argosy.parallel import World
from argosy.storage import Output, commit_folder, disk_errors, file_digest, write_json
from argosy.training.manifest import prune, verify
from argosy.training.optimizers import load_optimizer_state, optimizer_state
from argosy.training.results import Checkpoint

# What a DCP `.metadata` pickle may name. Nothing here runs code when it is rebuilt.
_ALLOWED_MODULES = ("torch.distributed.checkpoint.", "torch.distributed.tensor.")
_ALLOWED_NAMES = {
    ("torch", "Size"),
    ("torch", "device"),
    ("torch.serialization", "_get_layout"),
    ("pathlib", "PosixPath"),
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_device"),
}


class _AllowListUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_dtype or (module, name) in _ALLOWED_NAMES or module.startswith(_ALLOWED_MODULES):
            return super().find_class(module, name)
        raise UserError("untrusted-checkpoint", f"the checkpoint's metadata asks for {module}.{name}: not opened")


class _SafeReader(dcp.FileSystemReader):
    """A reader whose metadata goes through the allow-list."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        with (Path(self.path) / ".metadata").open("rb") as file:
            metadata: Metadata = _AllowListUnpickler(file).load()
        metadata.storage_meta = getattr(metadata, "storage_meta", None) or StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata


class Checkpointer:
    """Saves and restores one training run's model, optimisers and random state."""

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        *,
        world: World,
        keep_last: int,
        asynchronous: bool,
        extra_files: Sequence[Path] = (),
    ) -> None:
        self.folder, self.model, self.optimizers, self.world = folder, model, optimizers, world
        self.keep_last, self.asynchronous, self.extra_files = keep_last, asynchronous, extra_files
        self._pending: Future[Any] | None = None
        # A background save on the default group deadlocks with training's own collectives.
        self._group = dist.new_group(backend="gloo") if asynchronous and world.size > 1 else None

    def save(self, checkpoint: Checkpoint, saved: Callable[[Checkpoint, float], None]) -> None:
        """Write `checkpoint`; `saved(checkpoint, seconds)` is called on rank 0 when it is complete.

        Synchronous saves return when it is; asynchronous ones after copying the tensors, having waited for the
        previous one. Raises `RunFailed` when the disk is full; the checkpoints before stay.
        """
        self.wait()
        start = time.perf_counter()
        target = self.folder / checkpoint.name
        temporary = self.folder / f".{checkpoint.name}.tmp"
        with disk_errors(target):
            if self.world.is_main:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir(parents=True)
            self.world.barrier()
            weights = self.model.state_dict()
            state = {**optimizer_state(self.model, self.optimizers), **_random_state(self.world.rank)}

            def finish() -> None:
                if self.world.is_main:
                    with disk_errors(target):
                        self._commit(checkpoint, temporary, target)
                    saved(checkpoint, time.perf_counter() - start)

            if not self.asynchronous:
                if self.world.is_main:
                    self._write_model(weights, checkpoint, temporary)
                _quietly(dcp.save, state, checkpoint_id=temporary / "state", no_dist=self.world.size == 1)
                finish()
                self.world.barrier()
                return
            copy = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
            future = _quietly(
                dcp.async_save,
                state,
                checkpoint_id=temporary / "state",
                process_group=self._group,
                no_dist=self.world.size == 1,
            )

            def write_and_finish() -> None:
                if self.world.is_main:
                    self._write_model(copy, checkpoint, temporary)
                finish()

            self._pending = _then(future, write_and_finish)

    def wait(self) -> None:
        """Wait for a save that is still going on; raises what it raised."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            with disk_errors(self.folder):
                pending.result()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint written on any number of ranks; every file is hashed before it is opened.

        Raises `UserError` when a file is missing or changed.
        """
        if self.world.is_main:
            verify(checkpoint)
        self.world.barrier()
        load_weights(self.model, checkpoint.folder / "model")
        folder = checkpoint.folder / "state"
        shapes = _SafeReader(folder).read_metadata().state_dict_metadata
        own_random_state = _random_state(self.world.rank)
        state = {
            name: torch.empty(entry.size, dtype=entry.properties.dtype)
            for name, entry in shapes.items()
            if isinstance(entry, TensorStorageMetadata) and (not name.startswith("random.") or name in own_random_state)
        }
        _quietly(dcp.load, state, storage_reader=_SafeReader(folder), no_dist=True)
        random_state = {name: state.pop(name) for name in list(state) if name.startswith("random.")}
        placed = {name: value if value.ndim == 0 else value.to(self.world.device) for name, value in state.items()}
        load_optimizer_state(self.model, self.optimizers, placed)
        _set_random_state(random_state, self.world.rank)

    def _write_model(self, weights: dict[str, Tensor], checkpoint: Checkpoint, temporary: Path) -> None:
        save_model(weights, checkpoint.model, temporary / "model")
        for file in self.extra_files:
            shutil.copyfile(file, temporary / "model" / file.name)

    def _commit(self, checkpoint: Checkpoint, temporary: Path, target: Path) -> None:
        files = {
            str(path.relative_to(temporary)): Output(bytes=path.stat().st_size, sha256=file_digest(path))
            for path in sorted(temporary.rglob("*"))
            if path.is_file()
        }
        complete = checkpoint.model_copy(update={"files": files})
        write_json(temporary / "manifest.json", complete.model_dump(mode="json"))
        commit_folder(temporary, target)
        prune(self.folder, self.keep_last)


def _then(future: Future[Any], finish: Callable[[], Any]) -> Future[Any]:
    """A future that is done when `future` is and `finish` has run after it."""
    result: Future[Any] = Future()

    def run(done: Future[Any]) -> None:
        try:
            done.result()
            result.set_result(finish())
        except BaseException as error:
            result.set_exception(error)

    future.add_done_callback(run)
    return result


def _random_state(rank: int) -> dict[str, Tensor]:
    """The states of torch's, NumPy's and Python's generators as tensors, named by rank."""
    numpy_state: Any = np.random.get_state()
    _, words, _gauss = random.getstate()
    states = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.append(numpy_state[1], numpy_state[2]).astype(np.int64)),
        "python": torch.tensor(words),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {f"random.{kind}.{rank}": state for kind, state in states.items()}


def _set_random_state(states: dict[str, Tensor], rank: int) -> None:
    """Restore this rank's generators; ranks the checkpoint does not know keep their seeded ones."""
    if (state := states.get(f"random.torch.{rank}")) is not None:
        torch.set_rng_state(state)
    if (state := states.get(f"random.numpy.{rank}")) is not None:
        words = state.numpy()
        np.random.set_state(("MT19937", words[:-1].astype(np.uint32), int(words[-1]), 0, 0.0))
    if (state := states.get(f"random.python.{rank}")) is not None:
        random.setstate((3, tuple(state.tolist()), None))
    if (state := states.get(f"random.cuda.{rank}")) is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state)


def _quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call DCP without its notes about single processes and overwriting, which are how we use it on purpose."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)
