"""Experiment trackers behind the callback door: Weights & Biases and MLflow. Torch-free.

Where they log, and as whom, follows their own environment variables (WANDB_MODE, MLFLOW_TRACKING_URI and so on).
"""

import importlib.util
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from argosy.config import AnyVenture, Problem
from argosy.storage import Run, digest, venture_tree
from argosy.training.callbacks import Scalars

CLOSING_S = 60.0  # what a tracker may take at the end
Figures = Mapping[str, float]


def check(venture: AnyVenture) -> list[Problem]:
    """Return a problem for each tracker whose package is not installed."""
    return [
        Problem("run.trackers", f"needs a package: pip install 'argosy[{name}]'", name, code="missing-package")
        for name in venture.run.trackers
        if (spec := importlib.util.find_spec(name)) is None or spec.origin is None  # a folder of that name is none
    ]


class Service(NamedTuple):
    """An open tracker."""

    last_step: int
    """Newest step it has from before: those up to here came from the same training, and are the same."""
    log: Callable[[Sequence[tuple[int, Figures]]], None]
    """Take (step, figures by name)."""
    close: Callable[[], None]
    """End, for now or for good."""


class Tracker(Scalars):
    """Hands every figure to a tracker from a thread of its own: it may be slow or fail, and training goes on."""

    def __init__(self, name: str, run: Run, venture: AnyVenture) -> None:
        self._name, self._run, self._venture = name, run, venture
        self._queue: queue.SimpleQueue[tuple[int, Figures] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"argosy-{name}", daemon=True)
        self._thread.start()

    def scalars(self, step: int, values: Mapping[str, float | None]) -> None:
        """Queue what is known."""
        if self._thread.is_alive():
            self._queue.put((step, {name: value for name, value in values.items() if value is not None}))

    def on_end(self) -> None:
        """Let the thread come to its end, within reason."""
        self._queue.put(None)
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            self._warn(f"it did not take everything in {CLOSING_S:.0f} s")

    def _work(self) -> None:
        try:
            service = OPEN[self._name](self._run, self._venture)
            for items in self._batches():
                service.log([item for item in items if item[0] > service.last_step])
            service.close()
        except Exception as error:
            self._warn(f"{type(error).__name__}: {error}")

    def _batches(self) -> Iterator[list[tuple[int, Figures]]]:
        """Everything that waits, again and again until the end."""
        while True:
            items = [self._queue.get()]
            while not self._queue.empty():
                items.append(self._queue.get())
            yield [item for item in items if item is not None]
            if None in items:
                return

    def _warn(self, reason: str) -> None:
        self._run.event("fallback", what=self._name, reason=reason)
        print(f"training: going on without {self._name}: {reason}", file=sys.stderr, flush=True)


def identity(run: Run) -> str:
    """The same for a training and all its resumptions; another after it began anew or went back."""
    times = [event.get("time") for event in run.read_events() if event.get("kind") in ("started", "rewound")]
    return digest(f"{run.path.resolve().name} {times[-1] if times else ''}".encode())[:16]


def _open_wandb(run: Run, venture: AnyVenture) -> Service:
    import wandb

    folder = os.environ.get("WANDB_DIR", str(run.path))
    made = wandb.init(
        project=venture.name,
        name=run.path.name,
        id=identity(run),
        resume="allow",
        dir=folder,
        config=venture_tree(venture),
    )

    def log(items: Sequence[tuple[int, Figures]]) -> None:
        for step, figures in items:
            made.log(dict(figures), step=step)

    return Service(made.step - 1, log, made.finish)


def _open_mlflow(run: Run, venture: AnyVenture) -> Service:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient()
    experiment = client.get_experiment_by_name(venture.name)
    place = experiment.experiment_id if experiment else client.create_experiment(venture.name)
    found = client.search_runs([place], f"tags.argosy = '{identity(run)}'")
    if found:
        key = found[0].info.run_id
        client.update_run(key, status="RUNNING")
    else:
        key = client.create_run(place, tags={"argosy": identity(run)}, run_name=run.path.name).info.run_id
        client.log_batch(key, params=[Param(name, str(value)) for name, value in _leaves(venture_tree(venture))])
    last = max((metric.step for metric in client.get_metric_history(key, "train/loss")), default=0) if found else 0

    def log(items: Sequence[tuple[int, Figures]]) -> None:
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for step, figures in items for name, value in figures.items()]
        for start in range(0, len(metrics), 1000):  # MLflow takes no more at once
            client.log_batch(key, metrics=metrics[start : start + 1000])

    return Service(last, log, lambda: client.set_terminated(key))


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


OPEN: dict[str, Callable[[Run, AnyVenture], Service]] = {"wandb": _open_wandb, "mlflow": _open_mlflow}
