"""A checkpoint of one layout goes on on any other: the same batches, and losses as of one process."""

import json
import shutil
from pathlib import Path

from tests.conftest import CommandLine

LAYOUTS = (
    {},
    {"tensor": 2},
    {"pipeline": 2},
    {"shard": 2, "context": 2},
)


def train(argosy: CommandLine, venture: Path, run: str, layout: dict[str, int]) -> list[float]:
    """Losses of all steps."""
    degrees = [word for name, degree in layout.items() for word in ("--set", f"layout.{name}={degree}")]
    settings = ("--set", "training.batch_size=8", "--set", "training.checkpoint_every=4")
    argosy("train", str(venture), "--run", run, *settings, *degrees)
    return [json.loads(line)["loss"] for line in (argosy.folder / run / "metrics.jsonl").read_text().splitlines()]


def test_each_layout_goes_on_as_the_next(argosy: CommandLine, tiny_venture: Path) -> None:
    runs = [train(argosy, tiny_venture, f"run-{place}", layout) for place, layout in enumerate(LAYOUTS)]
    for place, losses in enumerate(runs):
        assert len(losses) == 12 and max(abs(a - b) for a, b in zip(losses, runs[0], strict=True)) < 1e-5
        following = LAYOUTS[(place + 1) % len(LAYOUTS)]
        cut = argosy.folder / f"cut-{place}"
        shutil.copytree(argosy.folder / f"run-{place}", cut)
        shutil.rmtree(cut / "checkpoints" / "step-00000012")
        (cut / "receipts" / "train.json").unlink()
        (cut / "checkpoints" / "best.json").unlink()
        changed = train(argosy, tiny_venture, cut.name, following)
        assert len(changed) == 12 and max(abs(a - b) for a, b in zip(changed, runs[0], strict=True)) < 1e-5
