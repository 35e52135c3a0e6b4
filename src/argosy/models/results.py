"""What moving a model leaves behind. Torch-free."""

from argosy.config import Record


class ModelFolder(Record):
    """A model in a folder that was written just now."""

    folder: str
    """Where it is."""
    architecture: str
    """Name of the published class that computes the same."""
    parameters: int
    """Number of trainable scalars."""
