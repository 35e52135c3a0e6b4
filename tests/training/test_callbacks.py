"""The metrics file is cut back on resuming; TensorBoard's events can be read back."""

import json
import struct
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from argosy.training.callbacks import MetricsFile, StepMetrics, TensorBoard
from argosy.training.results import HeldOut

pytestmark = pytest.mark.fast


def metrics(step: int) -> StepMetrics:
    """A line for `step`."""
    return StepMetrics(
        step=step,
        loss=1 / step,
        learning_rate=1e-3,
        gradient_norm=None if step == 2 else 1.0,
        tokens=step,
        tokens_per_s=1.0,
        mfu=None,
        elapsed_s=1.0,
        step_s=1.0,
        data_s=0.0,
        compute_s=1.0,
        communication_s=0.0,
        memory_gib=1.0,
        skipped=step == 2,
    )


def test_lines_after_the_checkpoint_go_and_a_cut_line_too(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = MetricsFile(path, 0)
    for step in (1, 2, 3, 4):
        first.on_step(metrics(step))
    first.on_end()
    with path.open("ab") as file:
        file.write(b'{"step":5,"lo')
    second = MetricsFile(path, 2)
    second.on_step(metrics(3))
    second.on_end()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def _events(path: Path) -> list[Event]:
    data, events = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("Q", data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("I", data[8:12])[0] == masked_crc32c(data[:8])
        assert struct.unpack("I", data[12 + length : 16 + length])[0] == masked_crc32c(body)
        events.append(Event.FromString(body))
        data = data[16 + length :]
    return events


def test_tensorboard_events_hold_the_figures(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, 0)
    for step in (1, 2):
        board.on_step(metrics(step))
    board.on_held_out(2, HeldOut(loss=2.5, perplexity=1.0, bits_per_byte=1.25, tokens=1, bytes=1))
    board.on_end()
    (path,) = tmp_path.iterdir()
    events = _events(path)
    assert events[0].file_version == "brain.Event:2"
    values = {(e.step, v.tag): v.simple_value for e in events for v in e.summary.value}
    assert values[1, "train/loss"] == 1.0 and values[2, "train/loss"] == 0.5
    assert (2, "train/gradient_norm") not in values, "what was not finite is not drawn"
    assert values[2, "held_out/bits_per_byte"] == 1.25
