"""MNIST (LeCun et al. 1998): found where it lies, or downloaded once and checked."""

import gzip
import hashlib
import os
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np

from argosy.config import UserError
from argosy.data.arrays import Arrays
from argosy.storage import atomic_write

MIRROR = "https://storage.googleapis.com/cvdf-datasets/mnist/"
SIDE = 28


class _File(NamedTuple):
    name: str
    header_bytes: int
    sha256: str
    """Of the decompressed content: mirrors compress differently."""


_FILES = {
    "train": (
        _File("train-images-idx3-ubyte.gz", 16, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        _File("train-labels-idx1-ubyte.gz", 8, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ),
    "test": (
        _File("t10k-images-idx3-ubyte.gz", 16, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        _File("t10k-labels-idx1-ubyte.gz", 8, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
}


def mnist(folder: Path | str | None = None) -> tuple[Arrays, Arrays]:
    """Return MNIST as (train, test): features [N, 28, 28] in [0, 1], targets [N] from 0 to 9; 60,000 and 10,000.

    Looked for in `folder`, in `$ARGOSY_DATA/mnist`, and in the cache (`$XDG_CACHE_HOME/argosy/mnist`); what is in none
    of them is downloaded into the cache.

    Raises:
        UserError: `damaged-file` for a file with another content, `cannot-download`.
    """
    train, test = (_split(_FILES[split], folder) for split in ("train", "test"))
    return train, test


def _split(files: tuple[_File, _File], folder: Path | str | None) -> Arrays:
    images, labels = (_content(file, folder) for file in files)
    features = np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE).astype(np.float32) / 255
    return Arrays(features, np.frombuffer(labels, np.uint8).astype(np.int64))


def _content(file: _File, folder: Path | str | None) -> bytes:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "argosy" / "mnist"
    shared = os.environ.get("ARGOSY_DATA")
    places = [Path(folder)] if folder is not None else [*([Path(shared) / "mnist"] if shared else []), cache]
    path = next((place / file.name for place in places if (place / file.name).is_file()), None)
    if path is None and folder is not None:
        raise UserError("missing-file", f"no {file.name} in {folder}")
    if path is None:
        path = cache / file.name
        _download(MIRROR + file.name, path)
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise UserError("damaged-file", f"{path} is damaged: {error}", hint="remove it, to fetch it again") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UserError("damaged-file", f"{path} is not MNIST's: its hash differs", hint="remove it, to fetch it again")
    return content[file.header_bytes :]


def _download(address: str, path: Path) -> None:
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            content = response.read()
    except OSError as error:
        raise UserError(
            "cannot-download", f"{address}: {error}", hint=f"put the file into {path.parent} or set ARGOSY_DATA"
        ) from None
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
