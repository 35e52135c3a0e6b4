"""What training leaves behind. Torch-free."""

from pathlib import Path
from typing import Any

from pydantic import Field

from argosy.config import Execution, Layout, Recipe, Record, TransformerConfig
from argosy.data import Cursor
from argosy.storage import Output


class HeldOut(Record):
    """A model's loss on text it has not seen."""

    loss: float
    """Mean negative log-likelihood of a token, in nats."""
    perplexity: float
    """exp(loss)."""
    bits_per_byte: float
    """Bits for each byte of the text; comparable between tokenisers."""
    tokens: int
    """Tokens predicted."""
    bytes: int
    """Bytes those tokens stand for."""


class Checkpoint(Record):
    """A complete checkpoint: `manifest.json` of its folder."""

    format: int = 1
    """Version of this file's meaning."""
    step: int
    """Optimiser updates done."""
    tokens: int
    """Target tokens trained on."""
    loss: float | None
    """Training loss of the last step, in nats a token; null when it was not finite."""
    model: TransformerConfig
    """Shape of the model."""
    recipe: Recipe
    """Numbers of the run."""
    configuration: dict[str, Any]
    """The keys of the venture that decide what is computed."""
    layout: Layout
    """Layout it was written from."""
    execution: Execution
    """Execution it was written from."""
    cursor: Cursor
    """Place in the data: what must be the same for the next batch to be the next batch."""
    files: dict[str, Output]
    """Every other file of the folder, by relative path."""
    folder: Path = Field(Path(), exclude=True, repr=False)
    """Where it lies (set when it is opened)."""

    @property
    def name(self) -> str:
        """Folder name."""
        return f"step-{self.step:08d}"


class TrainedClassifier(Record):
    """A classifier saved after an epoch: `manifest.json` of its folder."""

    format: int = 1
    """Version of this file's meaning."""
    step: int
    """Optimiser updates done."""
    epoch: int
    """Passes over the training examples done."""
    epochs: int
    """Passes of the whole training."""
    figures: dict[str, float]
    """Loss and accuracy of this epoch, in training and (`val_`) on held-out examples."""
    parameters: int
    """Trainable scalars."""
    configuration: dict[str, Any]
    """The keys of the venture that decide what is computed."""
    data_sha256: str
    """Hash of the prepared examples' `index.json`."""
    layout: Layout
    """Layout it was written from."""
    files: dict[str, Output]
    """Every other file of the folder, by relative path."""
    folder: Path = Field(Path(), exclude=True, repr=False)
    """Where it lies (set when it is opened)."""

    @property
    def name(self) -> str:
        """Folder name."""
        return f"step-{self.step:08d}"
