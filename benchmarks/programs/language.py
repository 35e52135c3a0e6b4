"""What the programs that train a language model share: their setup, rows of tokens, a clock, the held-out text."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HELD_OUT_ROWS = 8


def read_setup() -> SimpleNamespace:
    """The JSON file that the command line names first: shape, recipe, files, how long."""
    return json.loads(Path(sys.argv[1]).read_text(), object_hook=lambda tree: SimpleNamespace(**tree))


def token_rows(setup: SimpleNamespace) -> np.ndarray:
    """Argosy's shard of training tokens as rows that overlap by one token, [N, T + 1]; a view of the memory map."""
    length = setup.model.sequence_length
    tokens = np.memmap(setup.tokens, dtype="<u2", mode="r")
    return np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[::length]


class Clock:
    """Writes down when each step ended, and knows when the time is over."""

    def __init__(self, setup: SimpleNamespace) -> None:
        self.setup, self.steps = setup, 0
        self.ends = Path(setup.ends).open("w", buffering=1)  # noqa: SIM115 (open until the program is killed)

    def step(self) -> bool:
        """Note the end of a step; whether it was the last."""
        self.steps += 1
        self.ends.write(f"{time.perf_counter()}\n")
        return self.setup.seconds is not None and time.time() - self.setup.started >= self.setup.seconds


def held_out_nats(setup: SimpleNamespace, logits_of: Callable[[np.ndarray], np.ndarray]) -> float:
    """Summed nats of the held-out targets [N, T], -100 left out; `logits_of` maps tokens [b, T] to logits [b, T, V]."""
    with np.load(setup.held_out) as file:
        inputs, targets = file["inputs"], file["targets"]
    nats = 0.0
    for start in range(0, len(inputs), HELD_OUT_ROWS):
        logits, target = logits_of(inputs[start : start + HELD_OUT_ROWS]), targets[start : start + HELD_OUT_ROWS]
        largest = logits.max(-1, keepdims=True)
        normaliser = largest[..., 0] + np.log(np.exp(logits - largest).sum(-1))
        chosen = np.take_along_axis(logits, np.maximum(target, 0)[..., None], -1)[..., 0]
        nats += float(((normaliser - chosen) * (target >= 0)).sum(dtype=np.float64))
    return nats
