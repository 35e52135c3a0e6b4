"""The training loop: time, data, checkpoints, evaluation, stopping. What a step computes is `TrainStep`'s affair."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from argosy.config import Recipe, RunFailed
from argosy.data import Batch
from argosy.parallel import World, phase
from argosy.training.callbacks import Callback, StepMetrics
from argosy.training.checkpoint import Checkpointer
from argosy.training.memory import peak_memory_gib
from argosy.training.profiling import Watch, unwatched
from argosy.training.results import Checkpoint, HeldOut
from argosy.training.step import StepResult, TrainStep


@dataclass
class TrainingLoop:
    """Carries a run from `start` updates done to `end`."""

    step: TrainStep
    """Does one update."""
    batches: Iterator[tuple[int, Batch]]
    """This rank's part of each global batch, from update `start` on."""
    recipe: Recipe
    """Numbers of the run."""
    end: int
    """Updates after which to stop: `recipe.steps`, or fewer for now."""
    checkpointer: Checkpointer
    """Saves complete checkpoints."""
    describe: Callable[[int, float], Checkpoint]
    """Makes the manifest for (updates done, last loss)."""
    evaluate: Callable[[], HeldOut]
    """Measures the held-out loss on all ranks."""
    compare: Callable[[int], None]
    """Compares the replicas after so many updates; raises when they differ."""
    compare_every: int
    """Updates between comparisons; before each checkpoint too."""
    callbacks: Sequence[Callback]
    """Watchers; empty on all ranks but the first."""
    world: World
    """The ranks."""
    stop_requested: Callable[[], bool]
    """Whether this rank was asked to stop."""
    max_skipped_steps: int
    """Non-finite steps in a row that end the run."""
    flops_per_token: float
    """For MFU."""
    peak_flops_per_s: float | None
    """Of one rank's device; None when unknown."""
    watch: Watch = unwatched
    """Entered around each step."""

    def run(self, start: int, *, evaluated: bool = True) -> int:
        """Train; returns the number of updates done, less than `end` when asked to stop.

        `evaluated` tells whether the held-out loss that was due at `start` has been measured; a run stopped between
        a checkpoint and its evaluation makes up for it. Raises `RunFailed` after `max_skipped_steps` non-finite steps
        in a row.
        """
        skipped_in_a_row = 0
        done = start
        self._began = time.perf_counter()
        if self.evaluation_due(start) and not evaluated:
            self._evaluate(start)
        while done < self.end:
            began = time.perf_counter()
            phase("waiting for a batch", done + 1)
            _, batch = next(self.batches)
            inputs, targets = (
                torch.from_numpy(array).to(self.world.device, non_blocking=True)
                for array in (batch.inputs, batch.targets)
            )
            loaded = time.perf_counter()
            with self.watch(done + 1):
                result = self.step(done, inputs, targets, count=self.recipe.tokens_per_step, stop=self.stop_requested())
            done += 1
            self._record(done, result, data_s=loaded - began, step_s=time.perf_counter() - began)
            skipped_in_a_row = skipped_in_a_row + 1 if result.skipped else 0
            if skipped_in_a_row >= self.max_skipped_steps:
                raise RunFailed(
                    "not-finite",
                    f"the gradient was not finite for {skipped_in_a_row} steps in a row, up to step {done}",
                    hint="lower training.learning_rate, or set training.precision = 'float32'; the last checkpoint is "
                    "kept",
                )
            due = self.evaluation_due(done)
            saves = due or result.stop_requested or done == self.end or done % self.recipe.checkpoint_every == 0
            if saves or done % self.compare_every == 0:
                phase("comparing replicas")
                self.compare(done)
            if saves:
                self._save(done, result.loss)
            if result.stop_requested and done < self.recipe.steps:
                break
            if due:
                self._evaluate(done)
        self.checkpointer.wait()
        return done

    def evaluation_due(self, done: int) -> bool:
        """Whether the held-out loss is measured after `done` updates."""
        return done > 0 and (done == self.recipe.steps or done % self.recipe.evaluate_every == 0)

    def _evaluate(self, done: int) -> None:
        phase("evaluation", done)
        held_out = self.evaluate()
        self.checkpointer.wait()  # the best checkpoint is one that exists
        for callback in self.callbacks:
            callback.on_held_out(done, held_out)

    def _save(self, done: int, loss: float) -> None:
        def saved(checkpoint: Checkpoint, seconds: float) -> None:
            for callback in self.callbacks:
                callback.on_checkpoint(checkpoint, seconds)

        phase("saving")
        self.checkpointer.save(self.describe(done, loss), saved)

    def _record(self, done: int, result: StepResult, *, data_s: float, step_s: float) -> None:
        if not self.callbacks:
            return
        rate = self.recipe.tokens_per_step / step_s
        peak = self.peak_flops_per_s
        metrics = StepMetrics(
            step=done,
            loss=result.loss if math.isfinite(result.loss) else None,
            learning_rate=self.step.rate(done - 1),
            gradient_norm=None if result.skipped else result.gradient_norm,
            tokens=done * self.recipe.tokens_per_step,
            tokens_per_s=rate,
            mfu=rate * self.flops_per_token / (peak * self.world.size) if peak else None,
            elapsed_s=time.perf_counter() - self._began,
            step_s=step_s,
            data_s=data_s,
            compute_s=result.compute_s,
            communication_s=result.communication_s,
            memory_gib=peak_memory_gib(self.world.device),
            skipped=result.skipped,
        )
        for callback in self.callbacks:
            callback.on_step(metrics)
