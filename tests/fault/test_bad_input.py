"""What bad input gets: a clear message, exit 2 for the user's mistake and 1 for a failed run, and nothing lost."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.resume.test_resume import descendants


def test_missing_source(argosy: CommandLine, tiny_venture: Path) -> None:
    error = argosy("run", str(tiny_venture), "--set", "data.sources.0.path=corpsu.jsonl", code=2).stderr
    assert "corpsu.jsonl" in error and "corpus.jsonl" in error


@pytest.mark.parametrize(("documents", "code"), [(0, "empty-corpus"), (1, "corpus-too-short"), (3, "corpus-too-short")])
def test_empty_and_too_short_corpora(argosy: CommandLine, tiny_venture: Path, documents: int, code: str) -> None:
    lines = (tiny_venture.parent / "corpus.jsonl").read_text().splitlines()[:documents]
    (tiny_venture.parent / "corpus.jsonl").write_text("".join(line + "\n" for line in lines))
    error = argosy("prepare", str(tiny_venture), "--set", "data.sequence_length=4096", code=2).stderr
    assert f"[{code}]" in error


def test_invalid_utf8_is_counted_not_fatal(argosy: CommandLine, tiny_venture: Path) -> None:
    with (tiny_venture.parent / "corpus.jsonl").open("ab") as file:
        file.write(b'{"id": "bad", "text": "broken \xff\xfe bytes"}\n')
    dataset = argosy.json("prepare", str(tiny_venture))
    assert sum(source["invalid_utf8"] for source in dataset["sources"]) == 1


def test_truncated_gzip_names_the_file(argosy: CommandLine, tiny_venture: Path) -> None:
    whole = gzip.compress((tiny_venture.parent / "corpus.jsonl").read_bytes())
    (tiny_venture.parent / "corpus.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    change = ("--set", "data.sources.0.path=corpus.jsonl.gz")
    assert "corpus.jsonl.gz" in argosy("prepare", str(tiny_venture), *change, code=2).stderr
    skipping = argosy.json("prepare", str(tiny_venture), *change, "--set", 'data.on_bad_record="skip"')
    assert skipping["documents"] > 0


def test_a_line_without_text_names_its_place(argosy: CommandLine, tiny_venture: Path) -> None:
    with (tiny_venture.parent / "corpus.jsonl").open("a") as file:
        file.write(json.dumps({"id": "x", "txt": "no text"}) + "\n")
    error = argosy("prepare", str(tiny_venture), code=2).stderr
    assert "corpus.jsonl" in error and "61" in error and "txt" in error
    skipping = argosy.json("prepare", str(tiny_venture), "--set", 'data.on_bad_record="skip"')
    assert skipping["sources"][0]["skipped"] == 1


def _flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_shard_with_a_wrong_hash_is_made_again(argosy: CommandLine, tiny_venture: Path) -> None:
    """Large shards, whose size alone is looked at, are refused when they are opened: tests/data/test_store.py."""
    argosy("prepare", str(tiny_venture))
    folder = tiny_venture.parent / "runs" / "tiny" / "data"
    index = json.loads((folder / "index.json").read_text())
    shard = next(s for s in index["shards"] if s["split"] == "train")
    whole = (folder / shard["file"]).read_bytes()
    _flip_a_byte(folder / shard["file"])
    assert "prepare: done in" in argosy("train", str(tiny_venture)).stderr
    assert (folder / shard["file"]).read_bytes() == whole


@pytest.mark.parametrize("damage", ["remove", "flip"])
def test_a_damaged_checkpoint_is_refused(argosy: CommandLine, tiny_venture: Path, damage: str) -> None:
    argosy("train", str(tiny_venture))
    run = tiny_venture.parent / "runs" / "tiny"
    (run / "receipts" / "train.json").unlink()
    shutil.rmtree(run / "checkpoints" / "step-00000012")
    state = run / "checkpoints" / "step-00000008" / "state"
    victim = next(state.glob("*.distcp"))
    if damage == "remove":
        victim.unlink()
    else:
        _flip_a_byte(victim)
    error = argosy("train", str(tiny_venture), code=2).stderr
    assert victim.name in error and "step-00000008" in error


def test_a_half_written_checkpoint_is_not_seen(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("train", str(tiny_venture))
    run = tiny_venture.parent / "runs" / "tiny"
    (run / "receipts" / "train.json").unlink()
    (run / "checkpoints" / "step-00000012" / "manifest.json").unlink()
    argosy("train", str(tiny_venture))
    assert '"resumed"' in (run / "events.jsonl").read_text()


def test_a_changed_venture_is_refused_until_told(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("train", str(tiny_venture))
    longer = ("train", str(tiny_venture), "--set", "training.steps=16")
    error = argosy(*longer, code=2).stderr
    assert "training.steps: 12 then, 16 now" in error and "--allow-changes" in error
    assert argosy.json("status", "tiny")["stages"][1]["state"] == "done", "a refusal leaves the run as it was"
    argosy("train", "tiny")
    argosy(*longer, "--allow-changes")
    assert argosy.json("status", "tiny")["step"] == 16
    batch = ("train", str(tiny_venture), "--set", "training.steps=20", "--set", "training.batch_size=5")
    argosy("train", str(tiny_venture), "--set", "training.steps=16")
    assert "batch_size: 6 in the checkpoint, 5 here" in argosy(*batch, "--allow-changes", code=2).stderr
    other = ("train", str(tiny_venture), "--set", "training.steps=16", "--set", "training.optimizer=muon")
    assert "training.optimizer: 'adamw' then, 'muon' now" in argosy(*other, "--allow-changes", code=2).stderr
    shorter = ("train", str(tiny_venture), "--set", "training.steps=12")
    assert "12 in all, and 16 are done" in argosy(*shorter, "--allow-changes", code=2).stderr
    wider = ("train", str(tiny_venture), "--set", "model.dim=64")
    assert "model.dim: 32 then, 64 now" in argosy(*wider, "--allow-changes", code=2).stderr
    argosy(*wider, "--force")


def test_changed_text_does_not_take_the_data_of_a_checkpoint(argosy: CommandLine, tiny_venture: Path) -> None:
    corpus, run = tiny_venture.parent / "corpus.jsonl", tiny_venture.parent / "runs" / "tiny"
    argosy("train", str(tiny_venture), "--set", "training.steps=6")
    longer = ("train", str(tiny_venture), "--allow-changes")
    text, index = corpus.read_bytes(), (run / "data" / "index.json").read_bytes()
    corpus.write_bytes(text + b'{"text": "one more document"}\n')
    assert "not what was prepared" in argosy(*longer, code=2).stderr
    assert (
        "data.vocabulary_size: 320 then, 300 now" in argosy(*longer, "--set", "data.vocabulary_size=300", code=2).stderr
    )
    assert (run / "data" / "index.json").read_bytes() == index and not (run / ".data.new").exists()
    corpus.write_bytes(text)  # at another time, which alone changes nothing
    assert "resuming at step 6" in argosy(*longer).stderr


def test_two_runs_in_one_folder(argosy: CommandLine, tiny_venture: Path) -> None:
    arguments = ("train", str(tiny_venture), "--set", "training.steps=4000", "--set", "layout.data=2")
    first = argosy.start(*arguments)
    lock = tiny_venture.parent / "runs" / "tiny" / "metrics.jsonl"
    while not lock.exists():
        assert first.poll() is None
        time.sleep(0.05)
    assert "in use by another process" in argosy(*arguments, code=2).stderr
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 143


def test_a_rank_that_dies_stops_all_and_is_named(argosy: CommandLine, tiny_venture: Path) -> None:
    process = argosy.start(
        "train",
        str(tiny_venture),
        "--set",
        "training.steps=40000",
        "--set",
        "layout.data=3",
        "--set",
        "training.checkpoint_every=100000",
        "--set",
        "run.max_restarts=0",
    )
    metrics = tiny_venture.parent / "runs" / "tiny" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    family = descendants(process.pid)
    victim = next(pid for pid in family if Path(f"/proc/{pid}/comm").read_text().strip() == "argosy rank 1")
    os.kill(victim, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "rank 1 was killed by signal 9" in err
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()], "no process may be left"


def test_a_full_disk_keeps_the_last_state(argosy: CommandLine, tiny_venture: Path) -> None:
    disk = argosy.folder / "small"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mount.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    train = ("train", str(tiny_venture), "--run", str(disk / "run"))
    try:
        assert "disk is full" in argosy(*train, code=1).stderr
        assert argosy.json("status", str(disk / "run"))["step"] == 4, "the first checkpoint fits, the second does not"
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert "resuming at step 4" in argosy(*train).stderr
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_loss_that_is_not_finite_stops_the_run(argosy: CommandLine, tiny_venture: Path) -> None:
    wild = (
        "--set",
        "training.learning_rate=1e30",
        "--set",
        "training.gradient_clip=1e30",
        "--set",
        "training.steps=40",
    )
    error = argosy("train", str(tiny_venture), *wild, code=1).stderr
    assert "not finite" in error and "learning_rate" in error
    lines = (tiny_venture.parent / "runs" / "tiny" / "metrics.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["skipped"] for line in lines) == 5
    argosy("train", str(tiny_venture), "--force", *wild, "--set", "training.weight_decay=1e9", code=1)
    lines = (tiny_venture.parent / "runs" / "tiny" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["loss"] is None
    assert argosy.json("status", "tiny")["step"] >= 1, "a checkpoint of such a step can be read"


def test_unsupported_layouts_are_refused_before_anything_starts(argosy: CommandLine, tiny_venture: Path) -> None:
    assert "layout.tensor" in argosy("run", str(tiny_venture), "--set", "layout.tensor=3", code=2).stderr
