"""Measuring this machine. Torch is not imported here: the probe runs as processes of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from argosy.config import RunFailed
from argosy.hardware.profile import HardwareProfile, now, system_profile
from argosy.progress import progress

PROBE = "argosy.training.probe"
TIMEOUT_S = 180


def cached_profile() -> HardwareProfile | None:
    """The last measurement of this machine with this processor and PyTorch, or None."""
    path = _cache_file()
    if not path.exists():
        return None
    try:
        kept = HardwareProfile.model_validate_json(path.read_bytes())
    except ValueError:
        return None
    here = system_profile()
    same = (kept.host, kept.cpu, kept.torch, kept.cores) == (here.host, here.cpu, here.torch, here.cores)
    measured = {name: getattr(kept, name) for name in ("devices", "matmul", "memory_gib_per_s", "all_reduce")}
    return here.model_copy(update={**measured, "measured_at": kept.measured_at}) if same else None


def measure_profile() -> HardwareProfile:
    """Run the probe on one process, then on two, keep the result in the user's cache, and return it.

    Raises `RunFailed` with the probe's last words when it does not work.
    """
    with progress("measuring this machine", 2, "probes") as advance:
        alone = _probe([sys.executable, "-m", PROBE])
        advance(1)
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        together = _probe([*torchrun, "-m", PROBE])
        advance(1)
    profile = HardwareProfile.model_validate_json(
        orjson.dumps({**system_profile().model_dump(mode="json"), **alone, **together, "measured_at": now()})
    )
    path = _cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(orjson.dumps(profile.model_dump(mode="json")))
    temporary.replace(path)
    return profile


def _probe(command: Sequence[str]) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    try:
        result = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, env=environment, check=True)
        answer: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise RunFailed("probe-failed", f"the probe did not end in {TIMEOUT_S} s: {' '.join(command)}") from None
    except (subprocess.CalledProcessError, orjson.JSONDecodeError, IndexError) as error:
        last = getattr(error, "stderr", b"").decode(errors="replace").strip().splitlines()[-1:]
        raise RunFailed("probe-failed", f"the probe failed: {' '.join(last)}", hint=" ".join(command)) from None
    return answer


def _cache_file() -> Path:
    base = os.environ.get("ARGOSY_CACHE")
    folder = Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "argosy"
    return folder / "profile.json"
