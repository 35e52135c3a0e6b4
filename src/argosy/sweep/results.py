"""What a sweep finds: `sweep.json`."""

from typing import Any, Literal

from argosy.config import Record


class Point(Record):
    """A trial as it was measured at a rung."""

    step: int
    """Optimiser updates done."""
    tokens: int
    """Target tokens trained on."""
    loss: float
    """Held-out loss in nats a token, in float32."""
    bits_per_byte: float
    """The same in bits for each byte of the text: comparable between tokenisers."""


class Speed(Record):
    """How long training takes."""

    start_s: float
    """Starting, and measuring at the end."""
    step_s: float
    """One step, evaluations and checkpoints meanwhile included."""


class Trial(Record):
    """One combination of values; an ordinary run in the folder of its label."""

    label: str
    """Name of its run folder."""
    settings: dict[str, Any]
    """Value of each swept key."""
    state: Literal["waiting", "stopped", "done", "failed"] = "waiting"
    """Not measured yet, trained to a rung, trained to its last step, or failed."""
    reason: str = ""
    """Why it failed, or was not trained further."""
    steps: int | None = None
    """Steps of its whole training."""
    points: tuple[Point, ...] = ()
    """One measurement for each rung it was compared at."""
    wall_s: float = 0.0
    """Time spent on it, preparation and start-up included."""
    speed: Speed | None = None
    """Of its last stretch of training."""


class Rung(Record):
    """A place at which trials are compared."""

    share: float
    """Share of each trial's own steps: where all are of the same length, the same step."""
    labels: tuple[str, ...]
    """The trials that are trained to it."""


class Sweep(Record):
    """Combinations of values, each a run, compared by held-out loss at the same share of their training."""

    name: str
    """Name of the venture."""
    venture_sha256: str
    """Hash of what all trials have in common and in which they differ."""
    settings: dict[str, tuple[Any, ...]]
    """The values tried of each key."""
    budget_minutes: float | None
    """Wall time that all trials together may take."""
    trials: tuple[Trial, ...]
    """The combinations: the furthest trained first, of those the best first."""
    rungs: tuple[Rung, ...] = ()
    """The comparisons, in order."""
    finished: bool = False
    """Whether nothing is left to do."""
    best: str | None = None
    """Label of the best trial at the last rung."""
    command: str | None = None
    """What carries the best trial on to its report."""
    notes: tuple[str, ...] = ()
    """What to know before believing it."""

    @property
    def wall_s(self) -> float:
        """Time spent on all trials."""
        return sum(trial.wall_s for trial in self.trials)
