"""The venture of a classifier: which examples, which network, how it is trained."""

from typing import Literal

from pydantic import Field, model_validator

from argosy.config.venture import AnyVenture, Count, Rows, Schedule, Section

ExampleKind = Literal["mnist", "drawn-digits", "arrays", "table"]
FILES: tuple[ExampleKind, ...] = ("arrays", "table")


class ClassificationGoal(Section):
    """What is to be made."""

    task: Literal["classification"]
    """A model that says which of some classes an example belongs to."""


class ExampleSourceConfig(Section):
    """One source of examples; write `[[data.sources]]` once for each. All have features of one shape."""

    kind: ExampleKind
    """`mnist`, `drawn-digits` (like it, drawn by the project), `arrays` (an `.npz` with `features` and `targets`), or
    `table` (`.csv` with a header, or `.parquet`)."""
    path: str | None = None
    """File, relative to the venture (`arrays`, `table`)."""
    target: str = "target"
    """Column that holds the class (`table`)."""

    @model_validator(mode="after")
    def _path_where_needed(self) -> "ExampleSourceConfig":
        if (self.path is None) == (self.kind in FILES):
            raise ValueError(f"kind {self.kind!r} {'needs a' if self.path is None else 'takes no'} `path`")
        return self

    @property
    def title(self) -> str:
        """The name shown to people."""
        return self.kind if self.path is None else f"{self.kind}:{self.path}"


class ExamplesConfig(Section):
    """Which examples, and how they become numbers."""

    sources: tuple[ExampleSourceConfig, ...] = Field(min_length=1, strict=False)
    """Where examples come from."""
    held_out_fraction: float = Field(0.2, gt=0, lt=0.5)
    """Share of the examples of files kept out of training, chosen by the hash of each; MNIST and the drawn digits have
    a test set of their own."""
    preprocessing: tuple[Literal["cleaning", "one_hot", "normalization"], ...] = Field((), strict=False)
    """Steps learned from the training examples and applied to all, in order."""


class PerceptronConfig(Section):
    """The network: a multi-layer perceptron."""

    hidden: tuple[Rows, ...] = Field((128,), strict=False)
    """Widths of the hidden layers."""


class AugmentationConfig(Section):
    """How images are changed at random during training."""

    shift: float = Field(0.0, ge=0)
    """Pixels at most, to any side."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Degrees at most, either way."""
    noise: float = Field(0.0, ge=0)
    """Standard deviation of what is added to each pixel."""
    cut_out: int = Field(0, ge=0)
    """Side, in pixels, of a square set to 0."""


class ClassifierTrainingConfig(Section):
    """How long, with which optimiser."""

    epochs: Count = 20
    """Passes over the training examples."""
    batch_size: Rows = 128
    """Examples in one step over all ranks."""
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad", "muon"] = "adam"
    """Optimiser by name."""
    learning_rate: float | None = Field(None, gt=0)
    """Peak learning rate; the optimiser's own unless given."""
    schedule: Schedule = "constant"
    """Constant, or after a short warm-up cosine to a tenth, or constant with linear decay to zero (`wsd`)."""
    gradient_clip: float | None = Field(None, gt=0)
    """Largest global gradient norm."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each label spread over all classes."""
    ema_decay: float | None = Field(None, gt=0, lt=1)
    """Decay of an exponential moving average of the weights, which is then what is judged and kept."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """How images are changed at random during training."""
    seed: int = Field(0, ge=0, lt=1 << 31)
    """Seed of the initial weights, of the order and of augmentation."""


class ClassificationVenture(AnyVenture):
    """A classifier, from examples to a report."""

    goal: ClassificationGoal
    """What is to be made."""
    data: ExamplesConfig
    """Which examples, and how they become numbers."""
    model: PerceptronConfig = PerceptronConfig()
    """The network."""
    training: ClassifierTrainingConfig = ClassifierTrainingConfig()
    """How long, with which optimiser."""
