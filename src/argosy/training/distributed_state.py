"""Tensors to and from PyTorch's distributed checkpoint (DCP). Imported at the first save: it takes most of a second.

DCP's `.metadata` is a pickle. It is read through a list of exactly the names that plain tensors need, so that a
checkpoint from elsewhere cannot run code; the tensors themselves are read by DCP with `weights_only`.
"""

import contextlib
import errno
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata

from argosy.config import UserError

_DTYPES = {("torch", str(dtype).removeprefix("torch.")) for dtype in (torch.float32, torch.float64, torch.bfloat16)}
_DTYPES |= {("torch", str(dtype).removeprefix("torch.")) for dtype in (torch.int64, torch.int32, torch.uint8)}
_ALLOWED = _DTYPES | {
    ("torch", "Size"),
    ("torch.serialization", "_get_layout"),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.distributed.checkpoint.metadata", "ChunkStorageMetadata"),
    ("torch.distributed.checkpoint.metadata", "Metadata"),
    ("torch.distributed.checkpoint.metadata", "MetadataIndex"),
    ("torch.distributed.checkpoint.metadata", "StorageMeta"),
    ("torch.distributed.checkpoint.metadata", "TensorProperties"),
    ("torch.distributed.checkpoint.metadata", "TensorStorageMetadata"),
    ("torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
    ("pathlib", "PosixPath"),
}


class AllowListUnpickler(pickle.Unpickler):
    """An unpickler that knows DCP's metadata for plain tensors and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed global; raises `UserError` for any other."""
        if (module, name) not in _ALLOWED:
            raise UserError(
                "untrusted-checkpoint",
                f"the checkpoint's metadata asks for {module}.{name}, which no Argosy checkpoint needs: not opened",
            )
        return super().find_class(module, name)


class SafeReader(dcp.FileSystemReader):
    """A reader whose metadata goes through the allow-list."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Read `.metadata`."""
        with (Path(self.path) / ".metadata").open("rb") as file:
            metadata: Metadata = AllowListUnpickler(file).load()
        metadata.storage_meta = getattr(metadata, "storage_meta", None) or StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata


def save_state(state: dict[str, Tensor], folder: Path) -> None:
    """Write tensors; collective when there are several ranks."""
    _quietly(dcp.save, state, checkpoint_id=folder, no_dist=not dist.is_initialized())


def save_state_async(state: dict[str, Tensor], folder: Path, group: dist.ProcessGroup | None) -> Future[Any]:
    """Copy the tensors, return, and write them while the caller goes on.

    `group` must be a group of its own: on the default one the writer's collectives deadlock with training's.
    """
    future: Future[Any] = _quietly(
        dcp.async_save, state, checkpoint_id=folder, process_group=group, no_dist=not dist.is_initialized()
    )
    return future


def load_state(folder: Path, parameters: Mapping[str, Tensor], others: Callable[[str], bool]) -> dict[str, Tensor]:
    """Read this rank's part of what belongs to its `parameters`, where they are, and the `others` on the CPU.

    What belongs to a parameter is named after it, and of its shape, placed like it, or a number. Each rank reads for
    itself.
    """
    state: dict[str, Tensor] = {}
    for name, entry in SafeReader(folder).read_metadata().state_dict_metadata.items():
        parameter = parameters.get(name.rpartition(".")[0])
        if not isinstance(entry, TensorStorageMetadata) or (parameter is None and not others(name)):
            continue
        if parameter is None or entry.size != parameter.shape:
            state[name] = torch.empty(entry.size, dtype=entry.properties.dtype)
        else:
            state[name] = torch.empty_like(parameter, dtype=entry.properties.dtype, requires_grad=False)
    _quietly(dcp.load, state, storage_reader=SafeReader(folder), no_dist=True)
    return state


def _quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call DCP without its notes on single processes and overwriting, both of which are on purpose."""
    with warnings.catch_warnings(), plain_errors():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raise what went wrong on a rank instead of DCP's wrapper, which is not even an `Exception`."""
    try:
        yield
    except CheckpointException as error:
        cause, _ = next(iter(error.failures.values()))
        if "unexpected pos" in str(cause) or "PytorchStreamWriter failed" in str(cause):
            cause = OSError(errno.ENOSPC, str(cause))  # how torch.save tells that a write came up short
        raise cause from None
