"""Under somebody else's torchrun, Argosy joins instead of starting ranks of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import CommandLine


def test_runs_under_torchrun(argosy: CommandLine, tiny_venture: Path) -> None:
    for arguments in (["run", str(tiny_venture)], ["train", str(tiny_venture), "--force"]):
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            "-m",
            "argosy",
        ]
        result = subprocess.run(
            [*command, *arguments, "--json"],
            cwd=argosy.folder,
            env=argosy.environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout), "one rank prints, once"
    events = (tiny_venture.parent / "runs" / "tiny" / "events.jsonl").read_text()
    assert events.count('"ranks":2') == 2
    argosy("run", str(tiny_venture))
    assert argosy.json("status", "tiny")["step"] == 12


def test_a_missing_rank_is_named(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("prepare", str(tiny_venture))
    environment = {"RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29617"}
    argosy.environment |= environment
    error = argosy("train", str(tiny_venture), "--set", "run.preflight_timeout_s=2", code=1).stderr
    assert "rank 1, 2 of 3 did not arrive in 2 s" in error
