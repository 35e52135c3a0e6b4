"""How far a count of right answers can be trusted: bootstrap and calibration. Torch-free."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from argosy.evaluation.results import Calibration, CalibrationBin, Lead

RESAMPLES, SEED, BINS = 10_000, 0, 10
PERCENTILES = (2.5, 97.5)

Floats = npt.NDArray[np.float64]


def resampled_means(values: Sequence[float]) -> Floats:
    """Means of `RESAMPLES` samples drawn from `values` with replacement, each as large (Efron 1979).

    How often each different value is drawn is multinomial, so that the samples need not be drawn one by one.
    """
    kinds, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    draws = np.random.default_rng(SEED).multinomial(len(values), counts / len(values), size=RESAMPLES)
    return np.asarray(draws @ kinds / len(values))


def interval(means: Floats) -> tuple[float, float]:
    """The 95 % percentile interval of resampled means."""
    low, high = np.percentile(means, PERCENTILES)
    return float(low), float(high)


def lead(ours: Sequence[bool], theirs: Sequence[bool]) -> Lead:
    """Accuracy of ours less theirs on the same questions; both answers to a question are resampled together."""
    paired = [float(own) - float(other) for own, other in zip(ours, theirs, strict=True)]
    means = resampled_means(paired)
    return Lead(accuracy=float(np.mean(paired)), interval=interval(means), share_better=float(np.mean(means > 0)))


def calibrate(probabilities: Sequence[Sequence[float]], right: Sequence[int]) -> Calibration:
    """Compare the probability of each chosen answer with how often such answers are right.

    `probabilities` has those of a question's choices, `right` the place of the right one. Bins hold equally many
    questions (Nguyen & O'Connor 2015); the expected calibration error is Σ share · |accuracy - confidence| over them
    (Naeini et al. 2015). The Brier score is the mean of Σ (probability - outcome)² over the choices (Brier 1950).
    """
    confidence = np.array([max(row) for row in probabilities])
    correct = np.array([int(np.argmax(row)) == place for row, place in zip(probabilities, right, strict=True)])
    order = np.argsort(confidence, kind="stable")
    bins = tuple(
        CalibrationBin(
            questions=len(part), confidence=float(confidence[part].mean()), accuracy=float(correct[part].mean())
        )
        for part in np.array_split(order, min(BINS, len(order)))
    )
    gaps = [abs(each.accuracy - each.confidence) * each.questions for each in bins]
    squares = [
        sum((share - (place == at)) ** 2 for at, share in enumerate(row))
        for row, place in zip(probabilities, right, strict=True)
    ]
    return Calibration(expected_error=sum(gaps) / len(order), brier=float(np.mean(squares)), bins=bins)
