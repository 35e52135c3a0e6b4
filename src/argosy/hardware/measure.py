"""Measuring this machine. Torch is not imported here: the probe runs as processes of its own."""

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from pydantic import ValidationError

from argosy.config import RunFailed, UserError
from argosy.hardware.disk import disk_rates
from argosy.hardware.limits import GLIBC_TUNABLES, usable_cores
from argosy.hardware.profile import HardwareProfile
from argosy.hardware.system import system_profile
from argosy.progress import progress

PROBE, AGENT = "argosy.training.probe", "argosy.parallel.agent"
TIMEOUT_S = 180
RANKS = 2
RANK_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
TAIL_LINES = 4


def measure_profile(quick: bool = False) -> HardwareProfile:
    """Measure this machine, keep the result in the user's cache and return it; about ten seconds, `quick` about six.

    Matrix products and memory are measured on one process with all usable cores, all-reduce on two processes.

    Raises:
        RunFailed: the probe did not work (`probe-failed`), with the last lines it wrote.
    """
    with progress("measuring this machine", 3, "steps") as advance:
        here = system_profile()
        busy_cores = psutil.cpu_percent(interval=0.2) / 100 * here.processor.logical_cores
        advance(0, "disk")
        disk = disk_rates(here.disk.folder, (16 if quick else 64) << 20)
        advance(1, "matrix products, memory")
        alone = _probe(ranks=1, quick=quick)
        advance(1, "all-reduce")
        enough = sum(accelerator.count for accelerator in alone.accelerators) >= RANKS  # NCCL wants one for each rank
        together = _probe(ranks=RANKS, quick=quick, accelerators=enough)
        advance(1)
    assert alone.speed and together.speed
    measured = {"busy_cores": round(busy_cores, 1), "disk": disk, "all_reduce": together.speed.all_reduce}
    kept = load_profile()
    if kept is not None and kept.speed is not None:
        measured |= {"training": kept.speed.training, "calibrated_at": kept.speed.calibrated_at}
    speed = alone.speed.model_copy(update=measured)
    profile = here.model_copy(update={"accelerators": alone.accelerators, "speed": speed})
    with contextlib.suppress(UserError):  # then the next command measures again
        keep_profile(profile)
    return profile


def load_profile() -> HardwareProfile | None:
    """This machine as it is now, with the speeds last measured; None if never measured here.

    A measurement counts as long as the machine's name, its processor, how many cores of it and which accelerators may
    be used, and PyTorch are the same.
    """
    try:
        kept = HardwareProfile.model_validate_json(profile_path().read_bytes())
    except (OSError, ValidationError):
        return None
    here = system_profile()
    if _identity(kept) != _identity(here):
        return None
    return here.model_copy(update={"accelerators": kept.accelerators, "speed": kept.speed})


def profile_path() -> Path:
    """Where the measurement is kept: `$ARGOSY_CACHE`, else `$XDG_CACHE_HOME/argosy`, else `~/.cache/argosy`."""
    named = os.environ.get("ARGOSY_CACHE")
    if named:
        return Path(named) / "profile.json"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argosy" / "profile.json"


def _identity(profile: HardwareProfile) -> tuple[object, ...]:
    processor, software = profile.processor, profile.software
    return profile.hostname, processor.model, processor.usable_cores, software.torch, software.visible_devices


def keep_profile(profile: HardwareProfile) -> None:
    """Write the cache whole or not at all; raises `UserError` `not-writable` where it cannot be written."""
    path = profile_path()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(profile.model_dump_json(indent=2))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            "not-writable", f"{path} cannot be written: {error.strerror}", hint="name another folder: ARGOSY_CACHE=DIR"
        ) from None


def _probe(*, ranks: int, quick: bool, accelerators: bool = True) -> HardwareProfile:
    arguments = ["--json", *(["--quick"] if quick else [])]
    return HardwareProfile.model_validate_json(run_probe(PROBE, arguments, ranks=ranks, accelerators=accelerators))


def run_probe(
    module: str, arguments: Sequence[str], *, ranks: int, timeout_s: float = TIMEOUT_S, accelerators: bool = True
) -> str:
    """What a probe prints, run on `ranks` processes that share the usable cores, as ranks of training do.

    Without accelerators if so told. Raises `RunFailed` `probe-failed` with the last lines it wrote.
    """
    environment = {name: value for name, value in os.environ.items() if name not in RANK_VARIABLES}
    environment["OMP_NUM_THREADS"] = str(max(1, usable_cores() // ranks))
    environment.setdefault("GLIBC_TUNABLES", GLIBC_TUNABLES)
    if not accelerators:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    agent = [AGENT, "--once", str(ranks)] if ranks > 1 else []
    command = [sys.executable, "-m", *agent, module, *arguments]
    try:
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=True)
    except subprocess.TimeoutExpired:
        raise _failed(command, f"it did not end in {timeout_s:g} s") from None
    except subprocess.CalledProcessError as error:
        raise _failed(command, f"exit status {error.returncode}\n{_tail(error.stderr)}") from None
    if not result.stdout.lstrip().startswith("{"):
        raise _failed(command, f"it printed no figures\n{_tail(result.stderr or result.stdout)}")
    return result.stdout


def _failed(command: Sequence[str], why: str) -> RunFailed:
    return RunFailed(
        "probe-failed", f"measuring this machine failed: {why}", hint=f"to see it all: {' '.join(command)}"
    )


def _tail(text: str) -> str:
    """The last lines a process wrote; of torchrun, those of its ranks, which stand before its own account."""
    lines = itertools.takewhile(lambda line: "torch/distributed/elastic" not in line, text.strip().splitlines())
    return "\n".join(f"  {line}" for line in list(lines)[-TAIL_LINES:])
