"""How fast the disk delivers what the system's cache does not hold."""

import os
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from argosy.hardware.profile import GIB, DiskRate

BLOCK_BYTES = 1 << 20
ROW_BYTES = 8 << 10  # 2,048 tokens of 4 bytes, or two rows of 2,048 tokens of 2
DEADLINE_S = 0.5


def disk_rates(folder: Path, file_bytes: int) -> tuple[DiskRate, ...]:
    """Write a nameless file of `file_bytes` in `folder` and read it back, in order and at random places.

    Empty when the folder cannot be written or the system cannot drop its cache of one file.
    """
    if not hasattr(os, "posix_fadvise"):
        return ()
    chance = random.Random(0)
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            for _ in range(file_bytes // BLOCK_BYTES):
                file.write(chance.randbytes(BLOCK_BYTES))  # random: some file systems compress
            os.fsync(file.fileno())
            rows = [chance.randrange(file_bytes // ROW_BYTES) * ROW_BYTES for _ in range(file_bytes // ROW_BYTES)]
            sequential = _bytes_per_s(file.fileno(), range(0, file_bytes, BLOCK_BYTES), BLOCK_BYTES)
            at_random = _bytes_per_s(file.fileno(), rows, ROW_BYTES)
    except OSError:
        return ()
    return (
        DiskRate(kind="sequential", block_bytes=BLOCK_BYTES, bandwidth_gib_per_s=sequential / GIB),
        DiskRate(kind="random", block_bytes=ROW_BYTES, bandwidth_gib_per_s=at_random / GIB),
    )


def _bytes_per_s(descriptor: int, offsets: Iterable[int], size: int) -> float:
    """Rate of reads of `size` bytes at `offsets` until all are done or the deadline has passed."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    done, begun = 0, time.perf_counter()
    for offset in offsets:
        done += len(os.pread(descriptor, size, offset))
        if time.perf_counter() - begun > DEADLINE_S:
            break
    return done / (time.perf_counter() - begun)
