"""What may happen after each epoch: callbacks of the trainer, and early stopping."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from argosy.config import UserError, nearest

if TYPE_CHECKING:
    from argosy.training.trainer import Trainer


class EpochCallback:
    """Does nothing; subclasses override what they need. Called on every rank with the same figures."""

    def on_begin(self, trainer: "Trainer") -> None:
        """Before the first epoch of a `fit`."""

    def on_epoch(self, trainer: "Trainer", epoch: int, figures: Mapping[str, float]) -> None:
        """After each epoch (from 1) and its validation; set `trainer.stop_training` to make it the last."""

    def on_end(self, trainer: "Trainer") -> None:
        """After the last epoch."""


class EarlyStopping(EpochCallback):
    """Ends training when `monitor` has not improved for `patience` epochs, and puts the best weights back.

    A figure improves by falling, one whose name ends in `accuracy` by rising.
    """

    def __init__(self, monitor: str = "val_loss", patience: int = 3, *, restore_best: bool = True) -> None:
        self.monitor, self.patience, self.restore_best = monitor, patience, restore_best
        self.sign = -1.0 if monitor.endswith("accuracy") else 1.0
        self.best, self.best_epoch = float("inf"), 0
        self._weights: dict[str, Tensor] = {}

    def on_begin(self, trainer: "Trainer") -> None:
        """Forget what was best in another `fit`."""
        self.best, self.best_epoch, self._weights = float("inf"), trainer.history.epochs, {}

    def on_epoch(self, trainer: "Trainer", epoch: int, figures: Mapping[str, float]) -> None:
        """Compare with the best."""
        if self.monitor not in figures:
            known = nearest(self.monitor, figures) or f"; there are {', '.join(figures)}"
            raise UserError("unknown-metric", f"monitor = {self.monitor!r} is not measured{known}")
        value = self.sign * figures[self.monitor]
        if value < self.best:
            self.best, self.best_epoch = value, epoch
            self._weights = {name: t.detach().clone() for name, t in trainer.judged.state_dict().items()}
        elif epoch - self.best_epoch >= self.patience:
            trainer.stop_training = True

    def on_end(self, trainer: "Trainer") -> None:
        """Put the best weights back."""
        if self.restore_best and self._weights:
            trainer.judged.load_state_dict(self._weights)
