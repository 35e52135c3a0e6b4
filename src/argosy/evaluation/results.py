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


class CalibrationBin(Record):
    """Questions answered with about the same confidence."""

    questions: int
    """How many."""
    confidence: float
    """Mean probability of the chosen answers."""
    accuracy: float
    """Share of them that is right."""


class Calibration(Record):
    """Whether a model knows what it knows."""

    expected_error: float
    """Expected calibration error: mean distance of confidence and accuracy."""
    brier: float
    """Brier score: mean squared error of the probabilities, from 0 (certain and right) to 2."""
    bins: tuple[CalibrationBin, ...]
    """Equally many questions each, by rising confidence."""


class Lead(Record):
    """This model over another on the same questions."""

    accuracy: float
    """Accuracy of this model less that of the other."""
    interval: tuple[float, float]
    """95 % of the resampled differences lie between these."""
    share_better: float
    """Share of the resamples in which this model is the better one."""


class Contestant(Record):
    """What one model, endpoint or file of answers reached."""

    name: str
    """`this model`, or the name of the rival."""
    right: int
    """Questions answered rightly."""
    unreadable: int
    """Replies that name none of the choices; they count as wrong."""
    accuracy: float
    """Share answered rightly."""
    interval: tuple[float, float]
    """95 % of the resampled accuracies lie between these."""
    accuracy_by_length: float | None
    """The same when log-likelihoods are divided by the choice's bytes; null for other than models of text."""
    calibration: Calibration | None
    """Null for other than models of text that choose."""
    cost_usd: float | None
    """Cost of a question; null where it is not known."""
    cost_per_right_usd: float | None
    """Cost of a question answered rightly; null where it is not known or none is."""
    lead: Lead | None
    """Lead of this model over it; null for this model itself."""


class TaskResult(Record):
    """Questions of the venture's own, and how they were answered."""

    name: str
    """Name of the task."""
    questions: int
    """How many."""
    chance: float | None
    """Accuracy of a blind guess; null where there are no choices."""
    beyond_training: int
    """Questions longer than the sequences this model was trained on; nothing is cut from them."""
    contestants: tuple[Contestant, ...]
    """This model first."""


class Evaluation(Record):
    """How good the trained model is."""

    held_out: HeldOut
    """Loss on text kept out of training."""
    baselines: tuple[Baseline, ...]
    """The same text by simpler means."""
    samples: tuple[Sample, ...]
    """Continuations of the venture's prompts."""
    tasks: tuple[TaskResult, ...] = ()
    """Answers to the venture's own questions."""
    step: int
    """Step of the checkpoint evaluated."""
    wall_s: float
    """Duration."""


class ClassAccuracy(Record):
    """How one class is told apart."""

    name: str
    """Its name."""
    examples: int
    """Held-out examples of it."""
    recall: float | None
    """Share of them that was recognised; null when there are none."""
    precision: float | None
    """Share of what was taken for it that is; null when nothing was."""


class SimpleClassifier(Record):
    """What needs no training, on the same held-out examples."""

    name: str
    """`nearest class mean` or `always the commonest class`."""
    accuracy: float
    """Share of the examples it gets right."""


class Classification(Record):
    """How good a trained classifier is."""

    step: int
    """Step of the model evaluated."""
    epoch: int
    """Its epoch."""
    examples: int
    """Held-out examples."""
    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    """Share of the examples it gets right."""
    accuracy_low: float
    """Lower end of the 95 % interval (Wilson 1927)."""
    accuracy_high: float
    """Upper end of it."""
    classes: tuple[ClassAccuracy, ...]
    """Each class."""
    confusion: tuple[tuple[int, ...], ...]
    """Examples by true class (row) and predicted class (column)."""
    baselines: tuple[SimpleClassifier, ...]
    """The same examples by simpler means."""
    wall_s: float
    """Duration."""
