"""The high-water mark of a rank's memory."""

import re
import resource
import sys
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")


def peak_memory_gib(device: torch.device) -> float:
    """What the accelerator's allocator held, else what the process had resident.

    Linux's own mark is read where there is one: `getrusage` gives a process what its parent had before.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**30
    if STATUS.exists() and (mark := re.search(r"^VmHWM:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)):
        return int(mark[1]) / 2**20
    scale = 2**30 if sys.platform == "darwin" else 2**20  # getrusage(2): bytes there, else KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
