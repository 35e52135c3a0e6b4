"""What evaluation finds. Torch-free."""

from argosy.config import Record
from argosy.training import HeldOut


class Baseline(Record):
    """What needs no accelerator, on the same held-out text."""

    name: str
    """`xz -9` or `byte 5-gram`."""
    bits_per_byte: float
    """Bits for each byte of the held-out text."""
    note: str
    """How it was measured."""


class Sample(Record):
    """A continuation of a prompt."""

    prompt: str
    """Given text."""
    text: str
    """Generated text."""
    tokens_per_s: float
    """Speed of generation."""


class Evaluation(Record):
    """How good the trained model is."""

    held_out: HeldOut
    """Loss on text kept out of training."""
    baselines: tuple[Baseline, ...]
    """The same text by simpler means."""
    samples: tuple[Sample, ...]
    """Continuations of the venture's prompts."""
    step: int
    """Step of the checkpoint evaluated."""
    wall_s: float
    """Duration."""
