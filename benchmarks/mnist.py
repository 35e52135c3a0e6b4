"""MNIST, 784-128-10, Adam, 20 epochs of batches of 128: Argosy beside Keras and a bare PyTorch loop.

Each program runs in a process of its own, on a terminal, its progress bar on, one after the other for each seed. `fit`
is defining, training and evaluating; `process` is everything from starting Python, imports included.
"""

import json
import statistics
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from _common import Results, arguments, header, print_table
from _peers import PEERS, peer_versions, run_program
from argosy.data import mnist

# These take turns, seed by seed; then those whose time is not what Argosy's is measured by.
RIVALS = {
    "argosy": ("mnist_argosy.py", {}),
    "bare torch loop": ("mnist_torch.py", {}),
    "keras on tensorflow": ("mnist_keras.py", {"python": PEERS, "environment": {"KERAS_BACKEND": "tensorflow"}}),
}
OTHERS = {
    "argosy, images augmented": ("mnist_augmented.py", {}),
    "keras on torch": ("mnist_keras.py", {"python": PEERS, "environment": {"KERAS_BACKEND": "torch"}}),
}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="mnist")
    seeds = range(1 if options.quick else 5)
    head = header(["argosy", "torch"], seeds=len(seeds), peers=peer_versions(["keras", "tensorflow-cpu", "torch"]))
    results = Results(options.output, head, fresh=options.fresh)
    with tempfile.TemporaryDirectory() as folder:
        data = save_mnist(Path(folder))
        for group, seed in product((RIVALS,) if options.quick else (RIVALS, OTHERS), seeds):
            names = list(group)
            first = seed % len(names)  # so that none always comes after the same one
            for name in names[first:] + names[:first]:
                program, how = group[name]
                results.measure(f"{name}, seed {seed}", lambda p=program, h=how, s=seed: run_program(p, data, s, **h))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = summary(results, len(seeds))
    fastest = min(row[2] for row in rows if row[0].startswith("keras"))
    print_table(
        ("", "accuracy", "fit, s", "process, s", "fit / fastest Keras"),
        [
            (name, f"{right:.4f}", f"{fit:.1f}", f"{wall:.1f}", f"{fit / fastest:.2f}")
            for name, right, fit, wall in rows
        ],
    )


def save_mnist(folder: Path) -> Path:
    """MNIST as one file that every program reads."""
    train, test = mnist()
    path = folder / "mnist.npz"
    np.savez(path, x_train=train.features, y_train=train.targets, x_test=test.features, y_test=test.targets)
    return path


def summary(results: Results, seeds: int) -> list[tuple[str, float, float, float]]:
    """(program, mean accuracy, median seconds of fit, median seconds of the process)."""
    rows = []
    for name in dict.fromkeys(key.rpartition(",")[0] for key in results.measurements):
        runs = [results.measurements[f"{name}, seed {seed}"] for seed in range(seeds)]
        accuracy = statistics.mean(run["accuracy"] for run in runs)
        fit, wall = (statistics.median(run[key] for run in runs) for key in ("seconds", "wall_s"))
        rows.append((name, accuracy, fit, wall))
    return rows


if __name__ == "__main__":
    main()
