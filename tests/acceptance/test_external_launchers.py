"""Under somebody else's torchrun, Argosy joins instead of starting ranks of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import CommandLine


def test_runs_under_torchrun(argosy: CommandLine, tiny_venture: Path) -> None:
    for arguments in (["run", str(tiny_venture)], ["run", str(tiny_venture), "--force"]):
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


def ranks_of_no_launcher(
    argosy: CommandLine, port: int, *commands: tuple[str, ...], paths: tuple[str, ...] = ()
) -> list[tuple[int, str]]:
    """Start one rank for each command as Slurm would, and return (exit status, standard error) of each.

    `paths` are where each looks for modules first.
    """
    processes = []
    for rank, command in enumerate(commands):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(len(commands))}
        if paths and paths[rank]:
            place["PYTHONPATH"] = paths[rank]
        argosy.environment |= {**place, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        processes.append(argosy.start(*command))
    errors = [process.communicate(timeout=120)[1] for process in processes]
    return [(process.returncode, error) for process, error in zip(processes, errors, strict=True)]


def test_when_rank_0_fails_nobody_waits(argosy: CommandLine, tiny_venture: Path) -> None:
    (tiny_venture.parent / "corpus.jsonl").write_text("not json\n")
    command = ("run", str(tiny_venture))
    (first, said), (second, heard) = ranks_of_no_launcher(argosy, 29618, command, command)
    assert (first, second) == (2, 1) and "[bad-record]" in said
    assert "rank 0 failed" in heard and "not JSON" in heard and "Traceback" not in heard


def test_ranks_with_other_settings_are_named(argosy: CommandLine, tiny_venture: Path) -> None:
    command = ("train", str(tiny_venture))
    ends = ranks_of_no_launcher(argosy, 29619, command, (*command, "--set", "training.learning_rate=0.1"))
    assert "rank 1 has another training.learning_rate than rank 0: 0.1, not" in ends[0][1]
    assert [code for code, _ in ends] == [2, 2] and "ranks-disagree" not in ends[1][1], "one of them tells"


def test_a_missing_rank_is_named(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("prepare", str(tiny_venture))
    environment = {"RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29617"}
    argosy.environment |= environment
    error = argosy("train", str(tiny_venture), "--set", "run.preflight_timeout_s=2", code=1).stderr
    assert "rank 1, 2 of 3 did not arrive in 2 s" in error
