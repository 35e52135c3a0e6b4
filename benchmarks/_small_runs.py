"""Small runs of the command line whose ends are compared bit by bit."""

import json
import subprocess
import sys
from pathlib import Path

from argosy.storage import file_digest


def command(venture: Path, run: str, *options: str) -> list[str]:
    """Train in the folder `run` beside the venture."""
    return [sys.executable, "-m", "argosy", "train", str(venture), "--run", str(venture.parent / run), *options]


def train(venture: Path, run: str, *options: str) -> Path:
    """Train to the end; the run's folder."""
    done = subprocess.run(command(venture, run, *options), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{run} ended with exit status {done.returncode}\n{done.stderr}")
    return venture.parent / run


def steps_told(run: Path) -> int:
    """Lines of `metrics.jsonl`."""
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def weights_hash(run: Path) -> str:
    """Hash of the weights of the newest checkpoint."""
    newest = max((run / "checkpoints").glob("step-*"))
    return file_digest(newest / "model" / "model.safetensors")


def losses(run: Path) -> list[float]:
    """Loss of each step."""
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
