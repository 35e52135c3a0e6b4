"""Checkpoints: trusted by hash, never by pickle; kept, pruned and pointed at."""

import pickle
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from argosy.config import Execution, Layout, Recipe, RunFailed, TrainingConfig, UserError
from argosy.data import Cursor
from argosy.parallel import Manner, Mesh, World, parallelize
from argosy.training.checkpoint import Checkpointer
from argosy.training.distributed_state import AllowListUnpickler
from argosy.training.manifest import (
    best_checkpoint,
    complete_checkpoints,
    latest_checkpoint,
    note_best,
    open_checkpoint,
    verify,
)
from argosy.training.optimizers import build_optimizers
from argosy.training.results import Checkpoint, HeldOut
from argosy.training.step import LossModule
from tests.models.test_transformer import model_of, shape

RECIPE = Recipe(
    steps=9,
    batch_size=2,
    sequence_length=8,
    learning_rate=1e-3,
    warmup_steps=0,
    decay_steps=0,
    checkpoint_every=1,
    evaluate_every=1,
)


def manifest(step: int) -> Checkpoint:
    """A manifest for `step` as the worker makes it."""
    return Checkpoint(
        step=step,
        tokens=step,
        loss=1.0,
        model=shape(),
        recipe=RECIPE,
        configuration={},
        layout=Layout(),
        execution=Execution(micro_batch=1, precision="float32", compile=False, recompute=False),
        cursor=Cursor(manifest_sha256="0", seed=0, batch_size=2, sequence_length=8, step=step),
        files={},
    )


def checkpointer(folder: Path, *, seed: int = 0, keep_last: int = 9, asynchronous: bool = False) -> Checkpointer:
    """A checkpointer of a small model that has done one Muon step."""
    model = model_of(shape(), seed)
    optimizers = build_optimizers([model], TrainingConfig(optimizer="muon"), 1e-2, "float32")
    model(torch.randint(97, (2, 12), generator=torch.Generator().manual_seed(seed))).square().mean().backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    mesh = Mesh(Layout(), World(0, 1, torch.device("cpu")))
    engine = parallelize(LossModule(model, torch.float32), mesh, Manner())
    return Checkpointer(folder, engine, optimizers, keep_last=keep_last, asynchronous=asynchronous)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_saved_is_what_was_there_when_save_was_called(tmp_path: Path, asynchronous: bool) -> None:
    source = checkpointer(tmp_path, asynchronous=asynchronous)
    before = {name: p.detach().clone() for name, p in source.engine.models[0].named_parameters()}
    drawn = torch.get_rng_state()
    finished: list[int] = []
    source.save(manifest(1), lambda c, seconds: finished.append(c.step))
    moments = {id(t): t.clone() for o in source.optimizers for s in o.state.values() for t in s.values()}
    with torch.no_grad():
        for parameter in source.engine.models[0].parameters():
            parameter.zero_()
        for optimizer in source.optimizers:
            for state in optimizer.state.values():
                for tensor in state.values():
                    tensor.zero_()
    torch.rand(3)
    source.wait()
    assert finished == [1]
    target = checkpointer(tmp_path, seed=1)
    latest = latest_checkpoint(tmp_path)
    assert latest is not None
    target.restore(latest)
    assert all(torch.equal(before[name], p) for name, p in target.engine.models[0].named_parameters())
    assert torch.equal(torch.get_rng_state(), drawn)
    ours, theirs = ([s for o in c.optimizers for s in o.state.values()] for c in (source, target))
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(moments[id(a[key])], b[key]) for key in a)


def test_an_asynchronous_save_that_fails_is_heard_of(tmp_path: Path) -> None:
    source = checkpointer(tmp_path, asynchronous=True)
    source.extra_files = [tmp_path / "gone"]
    source.save(manifest(1), lambda c, seconds: None)
    with pytest.raises(FileNotFoundError):
        source.wait()
    assert complete_checkpoints(tmp_path) == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_disk_with_room_for_the_weights_alone(tmp_path: Path, asynchronous: bool) -> None:
    whole = checkpointer(tmp_path / "whole")
    whole.save(manifest(1), lambda c, seconds: None)
    weights = sum(f.stat().st_size for f in (tmp_path / "whole" / "step-00000001" / "model").iterdir())
    disk = tmp_path / "disk"
    disk.mkdir()
    options = f"size={weights // 1024 + 32}k"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        full = checkpointer(disk, asynchronous=asynchronous)
        with pytest.raises(RunFailed, match="disk is full"):
            full.save(manifest(1), lambda c, seconds: None)
            full.wait()
        assert list(disk.iterdir()) == [], "what was begun does not take up room"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.fast
def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    source = checkpointer(tmp_path, keep_last=2)
    for step, loss in enumerate([3.0, 1.0, 2.0, 4.0, 5.0], start=1):
        source.save(manifest(step), lambda c, seconds: None)
        note_best(tmp_path, step, HeldOut(loss=loss, perplexity=1.0, bits_per_byte=1.0, tokens=1, bytes=1))
    assert [path.name for path in complete_checkpoints(tmp_path)] == [
        "step-00000002",
        "step-00000004",
        "step-00000005",
    ]
    best = best_checkpoint(tmp_path)
    assert best is not None and best.step == 2


@pytest.mark.fast
@pytest.mark.parametrize("victim", ["model/model.safetensors", "state/.metadata", "model/config.json"])
def test_every_file_is_checked_before_it_is_opened(tmp_path: Path, victim: str) -> None:
    checkpointer(tmp_path).save(manifest(1), lambda c, seconds: None)
    checkpoint = open_checkpoint(tmp_path / "step-00000001")
    verify(checkpoint)
    path = checkpoint.folder / victim
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(UserError, match=victim):
        verify(checkpoint)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        verify(checkpoint)


class _Evil:
    def __reduce__(self) -> Any:
        return (print, ("code ran",))


def _asks_for(module: str, name: str) -> bytes:
    """A protocol-4 pickle that calls `module.name("true")`."""
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + texts + b"\x93\x8c\x04true\x85R."


@pytest.mark.fast
@pytest.mark.parametrize(
    "payload",
    [
        pickle.dumps(_Evil()),
        _asks_for("torch.distributed.checkpoint.filesystem", "os.system"),
        pickle.dumps(OrderedDict(a=1)),
    ],
    ids=["builtin", "through-an-allowed-module", "unneeded-class"],
)
def test_metadata_cannot_run_code(tmp_path: Path, payload: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_bytes(payload)
    with (tmp_path / "x").open("rb") as file, pytest.raises(UserError, match="not opened"):
        AllowListUnpickler(file).load()
    assert "code ran" not in capsys.readouterr().out
