"""A checkpoint of one layout goes on on any other: the same batches, losses and exported model as of one process."""

import json
import shutil
from pathlib import Path

from safetensors.torch import load_file

from tests.conftest import CommandLine

LAYOUTS = (
    {},
    {"tensor": 2},
    {"pipeline": 2},
    {"shard": 2, "context": 2},
)


def train(
    argosy: CommandLine, venture: Path, run: str, layout: dict[str, int], *, asynchronous: bool = False
) -> list[float]:
    """Losses of all steps."""
    degrees = [word for name, degree in layout.items() for word in ("--set", f"layout.{name}={degree}")]
    settings = ("--set", "training.batch_size=8", "--set", "training.checkpoint_every=4")
    saves = ("--set", f"training.async_checkpoint={str(asynchronous).lower()}")
    argosy("train", str(venture), "--run", run, *settings, *saves, *degrees)
    return [json.loads(line)["loss"] for line in (argosy.folder / run / "metrics.jsonl").read_text().splitlines()]


def cut(folder: Path, run: str) -> str:
    """A copy of a run that has its checkpoint of step 8, and not yet that of step 12."""
    name = f"{run}-cut"
    shutil.copytree(folder / run, folder / name)
    shutil.rmtree(folder / name / "checkpoints" / "step-00000012")
    (folder / name / "receipts" / "train.json").unlink()
    (folder / name / "checkpoints" / "best.json").unlink()
    return name


def test_each_layout_goes_on_as_the_next(argosy: CommandLine, tiny_venture: Path) -> None:
    runs = [
        train(argosy, tiny_venture, f"run-{place}", layout, asynchronous=place % 2 == 0)
        for place, layout in enumerate(LAYOUTS)
    ]
    for place, losses in enumerate(runs):
        assert len(losses) == 12 and max(abs(a - b) for a, b in zip(losses, runs[0], strict=True)) < 1e-5
        following = LAYOUTS[(place + 1) % len(LAYOUTS)]
        changed = train(
            argosy, tiny_venture, cut(argosy.folder, f"run-{place}"), following, asynchronous=place % 2 == 1
        )
        assert len(changed) == 12 and max(abs(a - b) for a, b in zip(changed, runs[0], strict=True)) < 1e-5


def test_what_many_processes_export_is_what_one_does(argosy: CommandLine, tiny_venture: Path) -> None:
    train(argosy, tiny_venture, "many", {"shard": 2, "tensor": 2})
    alone = cut(argosy.folder, "many")
    train(argosy, tiny_venture, alone, {})
    many, one = (
        argosy.folder / argosy.json("export", run, "--to", "huggingface", "--output", f"{run}-exported")["folder"]
        for run in ("many", alone)
    )
    assert {path.name for path in many.iterdir()} == {path.name for path in one.iterdir()}
    for path in many.iterdir():
        if path.suffix != ".safetensors":
            assert path.read_bytes() == (one / path.name).read_bytes(), path.name
            continue
        ours, theirs = load_file(path), load_file(one / path.name)
        assert ours.keys() == theirs.keys()
        for name, tensor in ours.items():
            assert (tensor - theirs[name]).abs().max() < 1e-5, name
