"""What watches a run from outside the loop: the metrics file, TensorBoard, the run's story, the progress bar."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from argosy.config import Record
from argosy.progress import Advance
from argosy.storage import Run, atomic_write
from argosy.training.results import Checkpoint, HeldOut


class StepMetrics(Record):
    """One line of `metrics.jsonl`."""

    step: int
    """Optimiser updates done, from 1."""
    loss: float | None
    """Mean over the tokens of the global batch, in nats, before the update; null when it was not finite."""
    learning_rate: float
    """Rate used."""
    gradient_norm: float | None
    """Global norm before clipping; null when it was not finite."""
    tokens: int
    """Target tokens trained on so far."""
    tokens_per_s: float
    """Over all ranks, in this step."""
    mfu: float | None
    """Share of the hardware's peak (PaLM's definition); null when the peak is not known."""
    elapsed_s: float
    """Wall time since training began in this process, everything included."""
    step_s: float
    """Wall time of the step."""
    data_s: float
    """Waiting for the batch."""
    compute_s: float
    """Forward, backward and optimiser."""
    communication_s: float
    """Waiting for other ranks that nothing overlapped."""
    memory_gib: float
    """Peak memory of rank 0 so far: the accelerator's, else resident."""
    skipped: bool
    """Whether the update was left out because the gradient was not finite."""


C = TypeVar("C", bound="Callback")


class Callback:
    """Does nothing at each point; subclasses override what they need. Called on rank 0 only."""

    def on_step(self, metrics: StepMetrics) -> None:
        """After every optimiser step."""

    def on_checkpoint(self, checkpoint: Checkpoint, seconds: float) -> None:
        """After a checkpoint became complete."""

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """After a held-out evaluation."""

    def on_end(self) -> None:
        """When the loop is left, however it is."""


class MetricsFile(Callback):
    """Appends every step to `metrics.jsonl`, which on resuming is first cut back to the checkpoint."""

    def __init__(self, path: Path, resume_step: int) -> None:
        _keep_lines(path, lambda line: line["step"] <= resume_step)
        self._file = path.open("ab")

    def on_step(self, metrics: StepMetrics) -> None:
        """Write one line."""
        line = orjson.dumps(metrics.model_dump(mode="json"))
        self._file.write(line + b"\n")
        self._file.flush()

    def on_end(self) -> None:
        """Close the file."""
        self._file.close()


def _keep_lines(path: Path, wanted: Callable[[Any], bool]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    with atomic_write(path) as temporary, path.open("rb") as old, temporary.open("wb") as new:
        for line in old:
            with contextlib.suppress(orjson.JSONDecodeError, KeyError, TypeError):  # a line cut by a kill
                if wanted(orjson.loads(line)):
                    new.write(line)


class Story(Callback):
    """Adds checkpoints, held-out losses and skipped steps to `events.jsonl`."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_step(self, metrics: StepMetrics) -> None:
        """Tell of a skipped step."""
        if metrics.skipped:
            self.run.event("skipped", step=metrics.step, reason="the gradient was not finite")

    def on_checkpoint(self, checkpoint: Checkpoint, seconds: float) -> None:
        """Tell of a complete checkpoint."""
        self.run.event("checkpoint", step=checkpoint.step, seconds=round(seconds, 3))

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """Tell of a held-out loss."""
        self.run.event("held_out", step=step, loss=held_out.loss, bits_per_byte=held_out.bits_per_byte)


class Scalars(Callback):
    """Gives every figure a name."""

    def scalars(self, step: int, values: Mapping[str, float | None]) -> None:
        """Take figures by name; null where one is not known."""
        raise NotImplementedError

    def on_step(self, metrics: StepMetrics) -> None:
        """Each number under its own name."""
        names = ("loss", "learning_rate", "gradient_norm", "tokens_per_s", "mfu", "memory_gib")
        self.scalars(metrics.step, {f"train/{name}": getattr(metrics, name) for name in names})

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """The held-out loss."""
        self.scalars(step, {"held_out/loss": held_out.loss, "held_out/bits_per_byte": held_out.bits_per_byte})


class TensorBoard(Scalars):
    """Writes TensorBoard events, from this thread, so that a full disk is an error like any other."""

    def __init__(self, folder: Path, resume_step: int) -> None:
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._records = RecordWriter(str(folder / f"events.out.tfevents.{time.time():.6f}.{resume_step}"))
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        # Tells TensorBoard to drop what an interrupted run wrote after the checkpoint.
        start = SessionLog(status=SessionLog.SessionStatus.Value("START"))
        self._write(Event(wall_time=time.time(), step=resume_step + 1, session_log=start))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())

    def scalars(self, step: int, values: Mapping[str, float | None]) -> None:
        """Write them."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        known = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if value is not None]
        self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=known)))

    def on_end(self) -> None:
        """Flush."""
        self._records.close()


class ProgressLine(Callback):
    """Moves a progress bar by the tokens of each step."""

    def __init__(self, advance: Advance, tokens: int) -> None:
        self._advance, self._tokens, self._held_out = advance, tokens, ""

    def on_step(self, metrics: StepMetrics) -> None:
        """Advance by this step's tokens."""
        amount, self._tokens = metrics.tokens - self._tokens, metrics.tokens
        loss = "loss not finite" if metrics.loss is None else f"loss {metrics.loss:.3f}"
        self._advance(amount, note=f"step {metrics.step}  {loss}{self._held_out}")

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """Show the newest held-out figure."""
        self._held_out = f"  held-out {held_out.bits_per_byte:.3f} bits/byte"


@contextlib.contextmanager
def closing(callbacks: list[C]) -> Iterator[list[C]]:
    """Call every callback's `on_end` on the way out."""
    try:
        yield callbacks
    finally:
        for callback in callbacks:
            callback.on_end()
