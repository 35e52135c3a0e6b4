"""Dry runs as other rooms ask for them. Torch-free on this side: `argosy.training.dry_run` does the counting."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from argosy.config import RunFailed
from argosy.planning import RankSetup, RankUse

MODULE = "argosy.training.dry_run"
TAIL_LINES = 5


def dry_run(setups: Sequence[RankSetup]) -> Iterator[RankUse]:
    """What each rank takes, as soon as it is counted; raises `RunFailed` `dry-run-failed`, with what it said last."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", MODULE]
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, env=environment, text=True) as process:
            assert process.stdin and process.stdout
            process.stdin.write("\n".join(setup.model_dump_json() for setup in setups))
            process.stdin.close()
            try:
                for line in process.stdout:
                    yield RankUse.model_validate_json(line)
            except GeneratorExit:  # enough
                process.terminate()
                raise
        said.seek(0)
        last = said.read().strip().splitlines()[-TAIL_LINES:]
    if process.returncode:
        raise RunFailed("dry-run-failed", "the dry run ended early:\n" + "\n".join(f"  {line}" for line in last))
