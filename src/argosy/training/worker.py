"""`python -m argosy.training.worker RUN STOP_AT LAYOUT`: one rank of a training run; STOP_AT is a step, or 0."""

import contextlib
import functools
import importlib.metadata
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argosy
from argosy.config import AnyVenture, ArgosyError, ClassificationVenture, Layout, RunFailed, language_venture
from argosy.parallel import Drifted, World, accounted, die_with_parent, join
from argosy.storage import Run, digest, disk_errors
from argosy.training.classifier import train_classifier
from argosy.training.language import train_language_model
from argosy.training.stage import STOP_FILE

LOST_TOUCH = "Connection (closed|reset|refused)|Broken pipe|connectFullMesh|Timed out waiting|Socket Timeout|gloo/|NCCL"


def main() -> None:
    """Run one rank; a failure is written where the launcher finds it."""
    die_with_parent()
    run = Run(sys.argv[1])
    with accounted(), disk_errors(run.path):
        layout = Layout.model_validate_json(sys.argv[3])
        work(run, run.venture().model_copy(update={"layout": layout}), int(sys.argv[2]) or None)


def work(run: Run, venture: AnyVenture, stop_at: int | None) -> int:
    """Train in this process as one rank; returns the signal that asked for a stop, or 0.

    With `stop_at`, training stops for now after that step, and measures itself on all the held-out text that
    `evaluation.held_out_tokens` allows, in float32, so that runs compare whatever they evaluate meanwhile.
    """
    signals: list[int] = []

    def stop_requested() -> bool:
        return bool(signals) or (os.environ.get("RANK", "0") == "0" and (run.path / STOP_FILE).exists())

    previous = {
        number: signal.signal(number, lambda number, _: signals.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with run.rank_lock(), _named_losses(), join(venture.run, lambda hang: run.event("hung", **hang)) as world:
            world.agree(code=_code(), **_decisive(venture))
            with _told_drift(run, world):
                if isinstance(venture, ClassificationVenture):
                    train_classifier(run, venture, world, stop_requested)
                else:
                    train_language_model(run, language_venture(venture), world, stop_requested, stop_at)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return signals[0] if signals else 0


@functools.cache
def _code() -> str:
    """The version and a hash of the program's source files."""
    folder = Path(argosy.__file__).parent
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.py"))
    contents = b"".join(bytes(file) + b"\0" + (folder / file).read_bytes() for file in files)
    return f"{argosy.__version__} {digest(contents)[:12]}, torch {importlib.metadata.version('torch')}"


def _decisive(venture: AnyVenture) -> dict[str, Any]:
    """What all ranks must have alike of a venture; its sources may lie elsewhere, and enter by their hash."""
    included = {"model", "training", "data", "layout"}
    return venture.model_dump(mode="json", include=included, exclude={"data": {"sources"}})


@contextlib.contextmanager
def _named_losses() -> Iterator[None]:
    """What PyTorch raises where another rank is gone is no fault of this one."""
    try:
        yield
    except ArgosyError:
        raise
    except Exception as error:
        if not any(re.search(LOST_TOUCH, str(each)) for each in _causes(error)):
            raise
        rank = os.environ.get("RANK", "0")
        raise RunFailed(
            "rank-lost",
            f"rank {rank} lost touch with the others: {str(error).splitlines()[0]}",
            hint="look at the output of the others; the same command goes on from the last checkpoint",
        ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def _told_drift(run: Run, world: World) -> Iterator[None]:
    try:
        yield
    except Drifted as error:
        if world.is_main:
            run.event("drifted", ranks=error.ranks, step=error.step, message=error.message)
        raise


if __name__ == "__main__":
    main()
