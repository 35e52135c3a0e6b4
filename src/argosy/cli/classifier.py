"""A classifier's results as a person wants to read them in a terminal."""

from typing import TYPE_CHECKING

from argosy.cli.output import table

if TYPE_CHECKING:
    from argosy.data import ExampleSet
    from argosy.evaluation import Classification
    from argosy.training import TrainedClassifier

WIDE = 20  # classes: more would not fit a terminal


def examples_summary(examples: "ExampleSet") -> str:
    """How many of each class."""
    rows = zip(examples.classes, examples.class_counts, examples.held_out_counts, strict=True)
    counted = [(name, f"{train:,}", f"{held_out:,}") for name, train, held_out in rows]
    shape = " × ".join(map(str, examples.feature_shape))
    total = ("all", f"{examples.examples:,}", f"{examples.held_out_examples:,}")
    return f"{table([*counted, total], ('class', 'examples', 'held out'))}\n\neach of {shape} numbers"


def classifier_summary(trained: "TrainedClassifier") -> str:
    """Where training ended."""
    figures = ", ".join(f"{name} {value:.4g}" for name, value in trained.figures.items())
    return f"trained to epoch {trained.epoch}, {figures}: {trained.folder}"


def classification_summary(found: "Classification") -> str:
    """Accuracy beside simpler means; which class is taken for which."""
    rows = [("this model", found.accuracy), *((b.name, b.accuracy) for b in found.baselines)]
    rows.sort(key=lambda row: -row[1])
    bars = [(name, f"{100 * share:.2f} %", "█" * round(40 * share)) for name, share in rows]
    parts = [
        f"{found.examples:,} held-out examples, loss {found.loss:.4f}; 95 % interval of the accuracy "
        f"{100 * found.accuracy_low:.2f} to {100 * found.accuracy_high:.2f} %",
        table(bars, ("", "accuracy", "more is better")),
    ]
    if len(found.classes) <= WIDE:
        names = [one.name for one in found.classes]
        cells = [
            (name, *(str(count or "·") for count in row)) for name, row in zip(names, found.confusion, strict=True)
        ]
        parts.append("true class (rows), predicted (columns):\n" + table(cells, ("", *names)))
    return "\n\n".join(parts)
