"""A language model as a training run: what a rank needs, put together from the venture, and the way through it."""

import contextlib
import math
import sys
from collections.abc import Callable
from typing import Any, cast

import torch

from argosy.config import (
    Execution,
    Precision,
    Recipe,
    UserError,
    Venture,
    execution_of,
    resolve_recipe,
    transformer_config,
)
from argosy.data import BatchPlan, Prefetcher, open_dataset
from argosy.models import empty_model, initial_value
from argosy.parallel import (
    Engine,
    Manner,
    Mesh,
    World,
    blocks_of,
    compare_replicas,
    layout_of,
    parallelize,
    refuse_layout,
)
from argosy.planning import RunPlan
from argosy.progress import progress
from argosy.storage import Run, since_started
from argosy.training.callbacks import Callback, MetricsFile, ProgressLine, Story, TensorBoard, closing
from argosy.training.changes import configuration_of
from argosy.training.checkpoint import Checkpointer
from argosy.training.held_out import held_out_loss_of
from argosy.training.loop import TrainingLoop
from argosy.training.manifest import latest_checkpoint, note_best, read_best
from argosy.training.memory import peak_memory_gib
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES, choose_precision, compile_blocks, matmul_flops_per_s
from argosy.training.profiling import refuse_step, watching
from argosy.training.random_state import seed_everything
from argosy.training.recentring import Recentring
from argosy.training.results import Checkpoint, HeldOut
from argosy.training.schedules import learning_rate_factor
from argosy.training.step import LossModule, TrainStep
from argosy.training.trackers import Tracker

EVALUATION_SHARE = 0.05  # of the tokens between two evaluations


def train_language_model(
    run: Run, venture: Venture, world: World, stop_requested: Callable[[], bool], stop_at: int | None
) -> None:
    """Train from the latest checkpoint to the last step, to `stop_at`, or until any rank is asked to stop."""
    training = _Training(run, venture, world)
    training.tell_start()
    end = min(stop_at or training.recipe.steps, training.recipe.steps)
    done = training.go(end, stop_requested)
    if world.is_main and (done == training.recipe.steps or done < end):
        run.event("finished" if done == training.recipe.steps else "interrupted", step=done)
    if stop_at is not None and done >= end:
        training.measure(done)


class _Training:
    """One rank's model, optimisers, data and checkpoints, as far as the latest checkpoint."""

    def __init__(self, run: Run, venture: Venture, world: World) -> None:
        self.run, self.venture, self.world = run, venture, world
        self.memory_before_gib = peak_memory_gib(world.device)
        self.store = open_dataset(run.data, verify=world.is_main)
        self.config = transformer_config(venture, self.store.index.vocabulary_size)
        self.recipe = resolve_recipe(venture, self.config)
        self.layout = layout_of(venture, world.size)
        if self.recipe.batch_size < self.layout.data * self.layout.shard:
            raise UserError(
                "too-many-ranks",
                f"{world.size} ranks cannot share a batch of {self.recipe.batch_size} sequences",
                hint=f"training.batch_size = {world.size}, or fewer ranks",
            )
        refuse_layout(self.layout, venture.training, self.config, self.recipe)
        refuse_step(venture.training.profile_step, self.recipe.steps)
        self.mesh = Mesh(self.layout, world)
        self.configuration = configuration_of(venture)
        latest = latest_checkpoint(run.checkpoints)
        seed_everything(venture.training.seed + world.rank)
        self.execution, self.reasons = _choose_execution(venture, self.recipe, self.mesh, latest)
        self.engine = self._engine()
        self.optimizers = build_optimizers(
            self.engine.models, venture.training, self.recipe.learning_rate, self.execution.precision, self.mesh
        )
        self.checkpointer = Checkpointer(
            run.checkpoints,
            self.engine,
            self.optimizers,
            keep_last=venture.training.keep_last,
            asynchronous=venture.training.async_checkpoint,
            extra_files=[run.data / "tokenizer.json"],
        )
        skipped = latest.cursor.skipped if latest is not None else ()
        self.plan = BatchPlan(
            self.store, self.recipe.batch_size, self.recipe.sequence_length, venture.training.seed, skipped
        )
        self.start = latest.step if latest is not None else 0
        world.agree(data=self.plan.manifest_sha256, start=self.start)
        if latest is not None:
            self.plan.check_cursor(latest.cursor)
            self.checkpointer.restore(latest)

    def _engine(self) -> Engine:
        execution, seed = self.execution, self.venture.training.seed
        separator_id = self.store.index.separator_id if self.venture.data.document_mask else None
        model = empty_model(self.config)
        model.recompute = execution.recompute
        objective = LossModule(model, DTYPES[execution.precision], separator_id, compiled=execution.compile)
        reshard = self.venture.training.reshard
        manner = Manner(
            dtype=objective.dtype,
            micro_batch=execution.micro_batch,
            accumulation=execution.accumulation,
            schedule=execution.schedule,
            virtual_stages=execution.virtual_stages,
            keeps=None if reshard == "auto" else not reshard,
        )
        engine = parallelize(
            objective, self.mesh, manner, lambda name, shape: initial_value(self.config, name, shape, seed)
        )
        if execution.compile and (problem := self._compiled(engine)):
            self.reasons.append(f"torch.compile does not work here, going on without it: {problem}")
            objective.compiled, self.execution = False, execution.model_copy(update={"compile": False})
        return engine

    def _compiled(self, engine: Engine) -> str:
        """Compile the blocks and try them out at the shape of training; why that does not work, or nothing."""
        rows = -(-self.recipe.batch_size // self.mesh.replicas)
        if self.layout.pipeline == 1:
            rows = min(rows, self.execution.micro_batch)
        shape = rows, self.recipe.sequence_length
        tokens = torch.zeros(shape, dtype=torch.long, device=self.world.device)

        def attempt() -> None:
            engine.backward(tokens, tokens, 1.0)
            for parameter in engine.parameters:
                parameter.grad = None

        return compile_blocks([block for model in engine.models for block in blocks_of(model)], attempt)

    def go(self, end: int, stop_requested: Callable[[], bool]) -> int:
        """Train up to step `end`; returns the number of updates done."""
        run, world, numbers = self.run, self.world, self.recipe
        prefetcher = Prefetcher(self.plan, self.start, end, rank=self.mesh.replica, ranks=self.mesh.replicas)
        step = self._step()
        with contextlib.ExitStack() as stack:
            loop = TrainingLoop(
                step=step,
                batches=iter(stack.enter_context(prefetcher)),
                recipe=numbers,
                end=end,
                checkpointer=self.checkpointer,
                describe=self._describe,
                evaluate=self._evaluate,
                compare=lambda done: compare_replicas(self.engine.parameters, self.mesh, done),
                compare_every=self.venture.run.compare_every,
                callbacks=self._callbacks(stack, end) if world.is_main else [],
                world=world,
                stop_requested=stop_requested,
                max_skipped_steps=self.venture.training.max_skipped_steps,
                flops_per_token=self.config.train_flops_per_token(),
                peak_flops_per_s=_peak_flops_per_s(world, self.execution.precision),
                watch=watching(self.venture.training.profile_step, run.path / "timeline", world, str(self.layout)),
            )
            evaluated = bool(world.broadcast_object(world.is_main and _evaluated(run, self.start)))
            return loop.run(self.start, evaluated=evaluated)

    def _step(self) -> TrainStep:
        training, numbers = self.venture.training, self.recipe
        step = TrainStep(
            self.engine,
            self.optimizers,
            learning_rate=lambda k: numbers.learning_rate * learning_rate_factor(training.schedule, k, numbers),
            gradient_clip=training.gradient_clip,
        )
        row = torch.zeros((1, numbers.sequence_length), dtype=torch.long, device=self.world.device)
        step.settle(lambda: (row, row))
        return step

    def _callbacks(self, stack: contextlib.ExitStack, end: int) -> list[Callback]:
        run, start, tokens_per_step = self.run, self.start, self.recipe.tokens_per_step
        advance = stack.enter_context(progress("training", end * tokens_per_step, "tokens"))
        advance(start * tokens_per_step)
        callbacks: list[Callback] = [
            MetricsFile(run.metrics, start),
            TensorBoard(run.path / "tensorboard", start),
            Story(run),
            BestKeeper(run),
            Recentring(run, _plan_of(run, self.world.size), end),
            *(Tracker(name, run, self.venture) for name in self.venture.run.trackers),
            ProgressLine(advance, start * tokens_per_step),
        ]
        return stack.enter_context(closing(callbacks))

    def _describe(self, done: int, loss: float) -> Checkpoint:
        return Checkpoint(
            step=done,
            tokens=done * self.recipe.tokens_per_step,
            loss=loss if math.isfinite(loss) else None,
            model=self.config,
            recipe=self.recipe,
            configuration=self.configuration,
            layout=self.layout,
            execution=self.execution,
            cursor=self.plan.cursor(done),
            files={},
        )

    def _evaluate(self) -> HeldOut:
        """Of so much text that it takes a small share of the time; in the training's precision."""
        numbers, most = self.recipe, self.venture.evaluation.held_out_tokens
        share = int(EVALUATION_SHARE * numbers.evaluate_every * numbers.tokens_per_step)
        budget = max(numbers.sequence_length * 8, share)
        return self._held_out(min(budget, most or budget), self.execution.precision)

    def measure(self, done: int) -> None:
        """Measure all the held-out text that the venture allows, in float32, and tell the story."""
        held_out = self._held_out(self.venture.evaluation.held_out_tokens, "float32")
        if self.world.is_main:
            self.run.event("rung", step=done, loss=held_out.loss, bits_per_byte=held_out.bits_per_byte)

    def _held_out(self, max_tokens: int | None, precision: Precision) -> HeldOut:
        return held_out_loss_of(
            self.engine, self.store, self.recipe.sequence_length, max_tokens=max_tokens, precision=precision
        )

    def tell_start(self) -> None:
        """Tell the story and the user how training begins, and why so."""
        if not self.world.is_main:
            return
        numbers, start, execution, count = self.recipe, self.start, self.execution, self.config.parameter_count()
        details: dict[str, Any] = {
            "ranks": self.layout.ranks,
            "layout": self.layout.model_dump(),
            "parameters": count,
            "recipe": numbers.model_dump(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "memory_before_gib": self.memory_before_gib,
            **execution.model_dump(),
        }
        self.run.event("resumed" if start else "started", step=start, **details)
        how = f"{self.layout}, {execution.precision}{', compiled' if execution.compile else ''}"
        size = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
        where = f"resuming at step {start}" if start else f"{size} parameters"
        lines = [f"{where}, {numbers.steps} steps of {numbers.tokens_per_step:,} tokens, {how}", *self.reasons]
        for reason in self.reasons:
            self.run.event("choice", reason=reason)
        for line in lines:
            print(f"training: {line}", file=sys.stderr)


class BestKeeper(Callback):
    """Keeps `best.json` pointing at the checkpoint with the lowest held-out loss."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """Note the figure; its checkpoint is complete by now."""
        note_best(self.run.checkpoints, step, held_out)


def _plan_of(run: Run, ranks: int) -> RunPlan | None:
    """What was predicted for so many ranks; nothing for a run that was begun by an older version, or on others."""
    try:
        plan = run.read_result("plan", RunPlan)
    except UserError:
        return None
    return plan if plan.ranks == ranks else None


def _evaluated(run: Run, step: int) -> bool:
    """Whether the held-out loss of `step` has been measured in what is left of the story, and the best is known."""
    return read_best(run.checkpoints) is not None and any(
        event.get("kind") == "held_out" and event.get("step") == step for event in since_started(run.read_events())
    )


def _choose_execution(
    venture: Venture, numbers: Recipe, mesh: Mesh, latest: Checkpoint | None
) -> tuple[Execution, list[str]]:
    """Resolve what the venture leaves to the machine; a resumed run keeps what it started with."""
    training, world, reasons = venture.training, mesh.world, []
    precision: Precision
    if training.precision != "auto":
        precision = training.precision
    elif latest is not None:
        precision = latest.execution.precision
    else:
        chosen = world.broadcast_object(choose_precision(world.device) if world.is_main else None)
        precision, reason = cast(tuple[Precision, str], chosen)
        reasons.append(f"{precision}: {reason}")
    compiled = world.device.type == "cuda" if training.compile == "auto" else training.compile
    if latest is not None and training.compile == "auto":
        compiled = latest.execution.compile
    execution = execution_of(training, numbers, mesh.layout, precision=precision, compiled=compiled)
    return execution, reasons


def _peak_flops_per_s(world: World, precision: Precision) -> float | None:
    """Peak of the device by its data sheet; of a CPU rank, the best matrix product measured now."""
    if world.device.type == "cuda":
        from argosy.hardware import accelerator_peak_flops

        return accelerator_peak_flops(torch.cuda.get_device_name(world.device), precision)
    return matmul_flops_per_s(DTYPES[precision], world.device)
