"""Ranks that die, hang, drift or do not belong together: a run goes on by itself, or says who is at fault."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import argosy as package
from argosy.config import Layout, RunConfig, RunFailed, UserError
from argosy.parallel import Ranks, Survival, launch
from argosy.parallel.replicas import fingerprint, outvoted
from argosy.parallel.reports import RanksLost
from argosy.parallel.survival import smaller_layouts
from argosy.parallel.watch import judge
from argosy.storage import Run
from tests.acceptance.test_external_launchers import ranks_of_no_launcher
from tests.conftest import CommandLine
from tests.resume.test_resume import descendants, final_weights, losses


def send_at(process: subprocess.Popen[str], run: Path, step: int, name: str, number: int) -> list[int]:
    """Send a signal to the process `name` of a training command once `step` is done; returns the whole family."""
    metrics = run / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= step):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    family = descendants(process.pid)
    for pid in family[1:]:
        if Path(f"/proc/{pid}/comm").read_text().strip().startswith(name):
            os.kill(pid, number)
            return family
    raise AssertionError(f"no process {name}")


def events(run: Path, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in Run(run).read_events() if event["kind"] in kinds]


def test_ranks_killed_one_after_another_change_nothing(argosy: CommandLine, tiny_venture: Path) -> None:
    arguments = ("train", str(tiny_venture), "--set", "layout.shard=2", "--set", "training.steps=30")
    argosy(*arguments, "--run", "straight")
    run = argosy.folder / "killed"
    process = argosy.start(*arguments, "--run", "killed")
    send_at(process, run, 5, "argosy rank 1", signal.SIGKILL)
    send_at(process, run, 17, "argosy rank 0", signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert final_weights(run) == final_weights(argosy.folder / "straight")
    assert losses(run) == losses(argosy.folder / "straight")
    told = events(run, "restarted")
    assert [(event["rank"], event["signal"]) for event in told] == [(1, 9), (0, 9)]
    assert all(event["step"] % 4 == 0 and event["lost_s"] > 0 for event in told)
    assert argosy.json("status", "killed")["restarts"] == 2
    argosy("report", "killed")
    assert "rank 1 was killed by signal 9" in (run / "report.html").read_text()


def test_one_process_is_started_again_too(argosy: CommandLine, tiny_venture: Path) -> None:
    run = argosy.folder / "one"
    process = argosy.start("train", str(tiny_venture), "--run", "one", "--set", "training.steps=300")
    send_at(process, run, 5, "python", signal.SIGKILL)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "stopping after this step" in err and losses(run), "Ctrl-C holds while ranks are started again"


def test_a_stopped_rank_of_a_pipeline_is_named_and_ended(argosy: CommandLine, tiny_venture: Path) -> None:
    run = argosy.folder / "hung"
    layout = ("--set", "layout.pipeline=2", "--set", "training.batch_size=8", "--set", "run.collective_timeout_s=3")
    process = argosy.start("train", str(tiny_venture), "--run", "hung", *layout)
    family = send_at(process, run, 6, "argosy rank 0", signal.SIGSTOP)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "rank 0 did not come to" in err and "no sign of life" in err
    (hung,) = events(run, "hung")
    assert hung["ranks"] == [0] and hung["step"] >= 7
    assert hung["collective"].startswith(("wait_batch_p2p", "all_gather", "all_reduce"))
    assert [event["rank"] for event in events(run, "restarted")] == [0]
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()], "stopped processes go too"


def test_a_busy_rank_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(
        RanksLost, match=r"rank 1 did not come to .* of step 2\) in 3 s; it is busy at faulty.py:"
    ) as caught:
        launch("tests.fault.faulty", ["loop"], ranks=3, stop_file=tmp_path / "stop")
    assert caught.value.code == "hung" and caught.value.ranks == (1,)


def test_a_flipped_bit_names_the_rank(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="after step 2, rank 2 has other parameters") as caught:
        launch("tests.fault.faulty", ["flip"], ranks=3, stop_file=tmp_path / "stop")
    assert caught.value.code == "drifted" and not isinstance(caught.value, RanksLost)


def test_a_place_that_is_gone_is_done_without(argosy: CommandLine, tiny_venture: Path) -> None:
    """Four ranks, the last of which dies each time; then three, which see the same batches as one."""
    settings = ("--set", "layout.data=4", "--set", "training.precision=float32")
    argosy("train", str(tiny_venture), "--run", "one")
    argosy("prepare", str(tiny_venture), "--run", "four", *settings)
    run = Run(argosy.folder / "four")
    survival = Survival(RunConfig(elastic=True), Layout(data=4), lambda layout: True, lambda: (0, 0.0), run.event)
    with Ranks("tests.fault.doomed", run.path / "stop", None) as ranks:
        survival.carry_out(ranks, [str(run.path), "0"])
    (resized,) = events(run.path, "resized")
    assert resized["ranks"] == 3 and len(events(run.path, "restarted")) == 2
    apart = [abs(a - b) for a, b in zip(losses(run.path), losses(argosy.folder / "one"), strict=True)]
    assert len(apart) == 12 and max(apart) < 1e-5


def test_torchrun_may_start_its_ranks_again(argosy: CommandLine, tiny_venture: Path) -> None:
    run = argosy.folder / "runs" / "tiny"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3"]
    command = [sys.executable, *torchrun, "-m", "argosy", "train", str(tiny_venture)]
    process = subprocess.Popen(command, env=argosy.environment, text=True, stderr=subprocess.PIPE)
    metrics = run / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 5):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(descendants(process.pid)[-1], signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert events(run, "restarted") and len(losses(run)) == 12


def test_a_rank_with_another_program_is_refused(argosy: CommandLine, tiny_venture: Path) -> None:
    changed = argosy.folder / "changed"
    shutil.copytree(Path(package.__file__).parent, changed / "argosy", ignore=shutil.ignore_patterns("__pycache__"))
    with (changed / "argosy" / "progress.py").open("a") as file:
        file.write("# changed\n")
    path = [str(changed), os.environ.get("PYTHONPATH", "")]
    ends = ranks_of_no_launcher(
        argosy, 29633, ("train", str(tiny_venture)), ("train", str(tiny_venture)), paths=("", os.pathsep.join(path))
    )
    assert [code for code, _ in ends] == [2, 2]
    assert "rank 1 has another code than rank 0" in ends[0][1] and "ranks-disagree" not in ends[1][1]


class Rehearsed(Ranks):
    """Ranks whose attempts fail as written."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures, self.signal, self.layouts = list(failures), 0, list[str]()

    def run(self, arguments: Any, ranks: int) -> None:
        """Fail."""
        self.layouts.append(str(Layout.model_validate_json(arguments[-1])))
        failed = self.failures.pop(0)
        if failed:
            raise failed


def lost(rank: int) -> RanksLost:
    return RanksLost("rank-died", f"rank {rank} died", [rank], number=9)


def survive(ranks: Rehearsed, layout: Layout, *steps: int, **run: Any) -> list[str]:
    """Carry it out, with the newest checkpoint before and after each attempt; kinds of the events told."""
    told: list[str] = []
    saved = iter(steps)
    survival = Survival(
        RunConfig(**run),
        layout,
        lambda one: one.data != 3,
        lambda: (next(saved, 9), 0.0),
        lambda kind, **_: told.append(kind),
    )
    survival.carry_out(ranks, [])
    return told


@pytest.mark.fast
def test_restarts_are_bounded_unless_something_was_gained() -> None:
    with pytest.raises(RunFailed, match="rank 2 died; that was attempt 3"):
        survive(Rehearsed(lost(0), lost(1), lost(2)), Layout(data=3), *[4] * 6, max_restarts=2)
    gained = survive(Rehearsed(lost(0), lost(1), lost(2), None), Layout(data=3), 0, 4, 4, 4, 4, 8, 8, max_restarts=2)
    assert gained == ["restarted"] * 3
    with pytest.raises(RunFailed, match="rank 0 died"):
        survive(Rehearsed(lost(0)), Layout(), 0, 0, max_restarts=0)


@pytest.mark.fast
@pytest.mark.parametrize(
    "error", [UserError("bad-value", "no"), RunFailed("not-finite", "no"), UserError("too-few-gpus", "no")]
)
def test_what_would_happen_again_is_not_tried_again(error: Exception) -> None:
    with pytest.raises(type(error), match="no"):
        survive(Rehearsed(error, None), Layout(data=4))


@pytest.mark.fast
def test_elastic_goes_on_with_what_is_left() -> None:
    ranks = Rehearsed(lost(3), lost(3), UserError("too-few-gpus", "no"), None)
    told = survive(ranks, Layout(data=4), *[4] * 8, elastic=True)
    assert ranks.layouts == ["data=4", "data=4", "data=2", "one process"]
    assert told == ["restarted", "resized", "restarted", "resized"]
    with pytest.raises(RunFailed):
        survive(Rehearsed(*[lost(0)] * 4), Layout(), *[0] * 9, elastic=True)


@pytest.mark.fast
def test_replicas_go_first() -> None:
    found = smaller_layouts(Layout(data=2, tensor=2), lambda layout: True)
    assert [str(one) for one in found] == ["tensor=2", "data=2", "one process"]
    found = smaller_layouts(Layout(data=2, shard=3, pipeline=2), lambda layout: layout.ranks > 5)
    assert [str(one) for one in found] == ["data=2,shard=2,pipeline=2", "shard=3,pipeline=2", "data=2,shard=3"]


@pytest.mark.fast
def test_the_rank_that_others_wait_for() -> None:
    def state(waits: str) -> dict[str, Any]:
        return {"waits": waits, "phase": "saving", "step": 7, "at": "a.py:1"}

    waiting = state("barrier")
    silent = judge({0: waiting, 2: waiting}, 3, 9)
    assert silent["ranks"] == silent["silent"] == [1] and "barrier (saving of step 7) in 9 s" in silent["message"]
    busy = judge({0: waiting, 1: state(""), 2: waiting}, 3, 9)
    assert (busy["ranks"], busy["silent"]) == ([1], []) and "busy at a.py:1" in busy["message"]
    elsewhere = judge({0: waiting, 1: waiting, 2: state("recv")}, 3, 9)
    assert elsewhere["ranks"] == [2] and "in recv" in elsewhere["message"]
    assert judge({0: waiting, 1: waiting}, 2, 9)["ranks"] == []


@pytest.mark.fast
def test_most_replicas_are_right() -> None:
    assert outvoted({0: 5, 1: 5, 2: 5}) == ([], True)
    assert outvoted({0: 5, 1: 6, 2: 5}) == ([1], True)
    assert outvoted({0: 5, 1: 6}) == ([0, 1], False)


@pytest.mark.fast
def test_each_bit_counts() -> None:
    device, chance = torch.device("cpu"), torch.Generator().manual_seed(0)
    tensors = [torch.randn(7, 5, generator=chance), torch.randn(3, generator=chance).bfloat16()]
    before = fingerprint(tensors, device)
    for bit in (0, 31):
        bits = tensors[0].view(torch.int32).view(-1)
        bits[4] ^= 1 << bit if bit < 31 else -(1 << 31)
        assert fingerprint(tensors, device) != before
        bits[4] ^= 1 << bit if bit < 31 else -(1 << 31)
    assert fingerprint(tensors, device) == before
    assert fingerprint(tensors[::-1], device) != before
