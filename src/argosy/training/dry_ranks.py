"""Dry runs as other rooms ask for them. Torch-free on this side: `argosy.training.dry_run` does the counting."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

from argosy.config import RunFailed
from argosy.planning import RankSetup, RankUse

MODULE = "argosy.training.dry_run"
TAIL_LINES = 5


def dry_run(setups: Sequence[RankSetup]) -> Iterator[RankUse]:
    """What each rank takes, as soon as it is counted; raises `RunFailed` `dry-run-failed`, with what it said last."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    with process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write("\n".join(setup.model_dump_json() for setup in setups))
        process.stdin.close()
        try:
            for line in process.stdout:
                yield RankUse.model_validate_json(line)
            said = process.stderr.read().strip().splitlines()[-TAIL_LINES:]
        except GeneratorExit:  # enough, or Ctrl-C
            process.terminate()
            raise
    if process.returncode:
        raise RunFailed("dry-run-failed", "the dry run ended early:\n" + "\n".join(f"  {line}" for line in said))
