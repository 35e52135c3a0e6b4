"""The trainer: step, optimisers, schedules, the one loss pass, metrics, checkpoints, callbacks."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.training.changes import (
        check_classifier_unchanged,
        check_unchanged,
        classifier_configuration,
        configuration_of,
        data_changed,
    )
    from argosy.training.epochs import EarlyStopping, EpochCallback
    from argosy.training.held_out import held_out_loss
    from argosy.training.inventory import (
        Inventory,
        StoredCheckpoint,
        checkpoint_at,
        pruned,
        stored_checkpoints,
        stored_tensors,
        verified,
    )
    from argosy.training.loss import summed_loss
    from argosy.training.manifest import (
        best_checkpoint,
        complete_checkpoints,
        latest_checkpoint,
        latest_classifier,
        trained_checkpoint,
        trained_classifier,
    )
    from argosy.training.results import Checkpoint, HeldOut, TrainedClassifier
    from argosy.training.rewinding import rewind
    from argosy.training.stage import train, train_classes
    from argosy.training.tracing import trace
    from argosy.training.trackers import check
    from argosy.training.trainer import Trainer

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "EpochCallback",
    "HeldOut",
    "Inventory",
    "StoredCheckpoint",
    "TrainedClassifier",
    "Trainer",
    "best_checkpoint",
    "check",
    "check_classifier_unchanged",
    "check_unchanged",
    "checkpoint_at",
    "classifier_configuration",
    "complete_checkpoints",
    "configuration_of",
    "data_changed",
    "held_out_loss",
    "latest_checkpoint",
    "latest_classifier",
    "pruned",
    "rewind",
    "stored_checkpoints",
    "stored_tensors",
    "summed_loss",
    "trace",
    "train",
    "train_classes",
    "trained_checkpoint",
    "trained_classifier",
    "verified",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Checkpoint": "results",
        "HeldOut": "results",
        "TrainedClassifier": "results",
        "best_checkpoint": "manifest",
        "complete_checkpoints": "manifest",
        "check_unchanged": "changes",
        "check_classifier_unchanged": "changes",
        "classifier_configuration": "changes",
        "configuration_of": "changes",
        "data_changed": "changes",
        "latest_checkpoint": "manifest",
        "latest_classifier": "manifest",
        "trained_checkpoint": "manifest",
        "trained_classifier": "manifest",
        "held_out_loss": "held_out",
        **dict.fromkeys(("Inventory", "StoredCheckpoint", "checkpoint_at"), "inventory"),
        **dict.fromkeys(("pruned", "stored_checkpoints", "stored_tensors", "verified"), "inventory"),
        "summed_loss": "loss",
        "rewind": "rewinding",
        "train": "stage",
        "train_classes": "stage",
        "check": "trackers",
        "trace": "tracing",
        "EarlyStopping": "epochs",
        "EpochCallback": "epochs",
        "Trainer": "trainer",
    },
)
