"""How good a trained classifier is: accuracy with its interval, confusion, each class, simple means beside it."""

import math
import time

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from argosy.config import RunFailed
from argosy.data import Examples, Preprocessing
from argosy.evaluation.results import ClassAccuracy, Classification, SimpleClassifier
from argosy.training import TrainedClassifier, Trainer

Ints = npt.NDArray[np.int64]
Z_95 = 1.959964


def evaluate_classifier(examples: Examples, classifier: TrainedClassifier) -> Classification:
    """Judge a classifier by the examples it was not trained on."""
    begun = time.perf_counter()
    trainer = Trainer.load(classifier.folder)
    trainer.preprocessing = Preprocessing()  # the examples are prepared
    features, targets = examples.held_out
    logits = trainer.predict(features).astype(np.float64)
    if not np.isfinite(logits).all():
        raise RunFailed(
            "not-finite",
            f"the outputs of {classifier.name} are not finite: training has diverged",
            hint="train again with a lower training.learning_rate",
        )
    predicted = logits.argmax(1)
    confusion = np.zeros((len(examples.summary.classes),) * 2, dtype=np.int64)
    np.add.at(confusion, (targets, predicted), 1)
    low, high = wilson_interval(int(confusion.trace()), len(targets))
    return Classification(
        step=classifier.step,
        epoch=classifier.epoch,
        examples=len(targets),
        loss=float(functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets))),
        accuracy=float(confusion.trace() / len(targets)),
        accuracy_low=low,
        accuracy_high=high,
        classes=tuple(_class_accuracy(name, n, confusion) for n, name in enumerate(examples.summary.classes)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        baselines=_baselines(examples),
        wall_s=time.perf_counter() - begun,
    )


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927), which stays inside 0 and 1."""
    share, squared = successes / trials, Z_95**2 / trials
    middle = (share + squared / 2) / (1 + squared)
    half = math.sqrt(share * (1 - share) * squared + squared**2 / 4) / (1 + squared)
    return max(0.0, middle - half), min(1.0, middle + half)


def _class_accuracy(name: str, number: int, confusion: Ints) -> ClassAccuracy:
    right, found, there = confusion[number, number], confusion[:, number].sum(), confusion[number].sum()
    return ClassAccuracy(
        name=name,
        examples=int(there),
        recall=float(right / there) if there else None,
        precision=float(right / found) if found else None,
    )


def _baselines(examples: Examples) -> tuple[SimpleClassifier, ...]:
    """What needs no training to speak of, on the same examples."""
    train, held_out = (part.features.reshape(len(part.features), -1) for part in (examples.train, examples.held_out))
    targets, classes = examples.held_out.targets, range(len(examples.summary.classes))
    means = np.stack([train[examples.train.targets == number].mean(0) for number in classes])
    # |x - m|² without |x|², which is the same for every class.
    nearest = ((means**2).sum(1) - 2 * held_out @ means.T).argmin(1)
    commonest = np.argmax(examples.summary.class_counts)
    return (
        SimpleClassifier(name="nearest class mean", accuracy=float((nearest == targets).mean())),
        SimpleClassifier(name="always the commonest class", accuracy=float((targets == commonest).mean())),
    )
