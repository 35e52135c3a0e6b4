"""`python -m argosy.training.worker RUN [STOP_AT]`: one rank of a training run."""

import contextlib
import math
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from argosy.config import (
    AnyVenture,
    ArgosyError,
    ClassificationVenture,
    Execution,
    Layout,
    Precision,
    Recipe,
    TransformerConfig,
    UserError,
    Venture,
    language_venture,
    resolve_recipe,
    transformer_config,
)
from argosy.data import BatchPlan, Prefetcher, TokenStore, open_dataset
from argosy.models import Transformer
from argosy.parallel import World, die_with_parent, join, report_failure
from argosy.progress import progress
from argosy.storage import Run, canonical_json, digest, disk_errors, since_started
from argosy.training.callbacks import Callback, MetricsFile, ProgressLine, Story, TensorBoard, closing
from argosy.training.changes import configuration_of
from argosy.training.checkpoint import Checkpointer
from argosy.training.classifier import train_classifier
from argosy.training.held_out import held_out_loss
from argosy.training.loop import TrainingLoop
from argosy.training.manifest import latest_checkpoint, note_best, read_best
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES, choose_precision, compile_blocks, matmul_flops_per_s
from argosy.training.random_state import seed_everything
from argosy.training.results import Checkpoint, HeldOut
from argosy.training.schedules import learning_rate_factor
from argosy.training.stage import STOP_FILE
from argosy.training.step import LossModule, TrainStep
from argosy.training.trackers import Tracker

EVALUATION_SHARE = 0.05  # of the tokens between two evaluations


def main() -> None:
    """Run one rank; a failure is written where the launcher finds it."""
    die_with_parent()
    run = Run(sys.argv[1])
    try:
        with disk_errors(run.path):
            work(run, run.venture(), int(sys.argv[2]) if len(sys.argv) > 2 else None)
    except ArgosyError as error:
        details = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        report_failure("rank", int(os.environ.get("RANK", "0")), details)
        sys.exit(error.exit_code)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        details = {
            "code": "rank-failed",
            "message": f"rank {os.environ.get('RANK', '0')}: {type(error).__name__}: {error}",
            "hint": f"at {Path(last.filename).name}:{last.lineno}; the whole traceback is above",
            "exit_code": 1,
            "traceback": traceback.format_exc(),
        }
        report_failure("rank", int(os.environ.get("RANK", "0")), details)
        sys.exit(1)


def work(run: Run, venture: AnyVenture, stop_at: int | None) -> int:
    """Train in this process as one rank; returns the signal that asked for a stop, or 0.

    With `stop_at`, training stops for now after that step, and measures itself on all the held-out text that
    `evaluation.held_out_tokens` allows, in float32, so that runs compare whatever they evaluate meanwhile.
    """
    signals: list[int] = []
    previous = {
        number: signal.signal(number, lambda number, _: signals.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with run.rank_lock(), join(venture.run) as world:
            if isinstance(venture, ClassificationVenture):
                train_classifier(run, venture, world, lambda: bool(signals) or (run.path / STOP_FILE).exists())
            else:
                _train(run, language_venture(venture), world, signals, stop_at)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return signals[0] if signals else 0


def _train(run: Run, venture: Venture, world: World, signals: list[int], stop_at: int | None) -> None:
    store = open_dataset(run.data, verify=world.is_main)
    config = transformer_config(venture, store.index.vocabulary_size)
    numbers = resolve_recipe(venture, config)
    if numbers.batch_size < world.size:
        raise UserError(
            "too-many-ranks",
            f"{world.size} ranks cannot share a batch of {numbers.batch_size} sequences",
            hint=f"training.batch_size = {world.size}, or fewer ranks",
        )
    configuration = configuration_of(venture)
    latest = latest_checkpoint(run.checkpoints)
    seed_everything(venture.training.seed + world.rank)
    model = _build_model(config, venture, world)
    execution, reasons = _choose_execution(venture, numbers, model, world, latest)
    optimizers = build_optimizers(model, venture.training, numbers.learning_rate, execution.precision)
    checkpointer = Checkpointer(
        run.checkpoints,
        model,
        optimizers,
        world=world,
        keep_last=venture.training.keep_last,
        asynchronous=venture.training.async_checkpoint,
        extra_files=[run.data / "tokenizer.json"],
    )
    skipped = latest.cursor.skipped if latest is not None else ()
    plan = BatchPlan(store, numbers.batch_size, numbers.sequence_length, venture.training.seed, skipped)
    start = latest.step if latest is not None else 0
    world.agree(configuration=digest(canonical_json(configuration)), data=plan.manifest_sha256, start=start)
    if latest is not None:
        plan.check_cursor(latest.cursor)
        checkpointer.restore(latest)
    layout = Layout(data=world.size)
    if world.is_main:
        _tell_start(run, config, numbers, layout, execution, start, reasons)

    end = min(stop_at or numbers.steps, numbers.steps)
    prefetcher = Prefetcher(plan, start, end, rank=world.rank, ranks=world.size)
    separator_id = store.index.separator_id if venture.data.document_mask else None
    step = TrainStep(
        LossModule(model, DTYPES[execution.precision], separator_id),
        optimizers,
        learning_rate=lambda k: numbers.learning_rate * learning_rate_factor(venture.training.schedule, k, numbers),
        gradient_clip=venture.training.gradient_clip,
        micro_batch=execution.micro_batch,
        world=world,
    )
    row = torch.zeros((1, numbers.sequence_length), dtype=torch.long, device=world.device)
    step.settle(row, row)

    def describe(done: int, loss: float) -> Checkpoint:
        return Checkpoint(
            step=done,
            tokens=done * numbers.tokens_per_step,
            loss=loss if math.isfinite(loss) else None,
            model=config,
            recipe=numbers,
            configuration=configuration,
            layout=layout,
            execution=execution,
            cursor=plan.cursor(done),
            files={},
        )

    with contextlib.ExitStack() as stack:
        callbacks: list[Callback] = []
        if world.is_main:
            advance = stack.enter_context(progress("training", end * numbers.tokens_per_step, "tokens"))
            advance(start * numbers.tokens_per_step)
            callbacks = stack.enter_context(
                closing(
                    [
                        MetricsFile(run.metrics, start),
                        TensorBoard(run.path / "tensorboard", start),
                        Story(run),
                        BestKeeper(run),
                        *(Tracker(name, run, venture) for name in venture.run.trackers),
                        ProgressLine(advance, start * numbers.tokens_per_step),
                    ]
                )
            )
        loop = TrainingLoop(
            step=step,
            batches=iter(stack.enter_context(prefetcher)),
            recipe=numbers,
            end=end,
            checkpointer=checkpointer,
            describe=describe,
            evaluate=lambda: _evaluate(model, store, venture, numbers, execution, world),
            callbacks=callbacks,
            world=world,
            stop_requested=lambda: bool(signals) or (world.is_main and (run.path / STOP_FILE).exists()),
            max_skipped_steps=venture.training.max_skipped_steps,
            flops_per_token=config.train_flops_per_token(),
            peak_flops_per_s=_peak_flops_per_s(world, execution.precision),
        )
        evaluated = bool(world.broadcast_object(world.is_main and _evaluated(run, start)))
        done = loop.run(start, evaluated=evaluated)
    if world.is_main and (done == numbers.steps or done < end):
        run.event("finished" if done == numbers.steps else "interrupted", step=done)
    if stop_at is not None and done >= end:
        held_out = held_out_loss(
            model,
            store,
            numbers.sequence_length,
            max_tokens=venture.evaluation.held_out_tokens,
            document_mask=venture.data.document_mask,
            world=world,
        )
        if world.is_main:
            run.event("rung", step=done, loss=held_out.loss, bits_per_byte=held_out.bits_per_byte)


class BestKeeper(Callback):
    """Keeps `best.json` pointing at the checkpoint with the lowest held-out loss."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_held_out(self, step: int, held_out: HeldOut) -> None:
        """Note the figure; its checkpoint is complete by now."""
        note_best(self.run.checkpoints, step, held_out)


def _evaluated(run: Run, step: int) -> bool:
    """Whether the held-out loss of `step` has been measured in what is left of the story, and the best is known."""
    return read_best(run.checkpoints) is not None and any(
        event.get("kind") == "held_out" and event.get("step") == step for event in since_started(run.read_events())
    )


def _build_model(config: TransformerConfig, venture: Venture, world: World) -> Transformer:
    model = Transformer(config)
    model.initialise(venture.training.seed)
    model.to(world.device)
    model.recompute = venture.training.recompute
    return model


def _choose_execution(
    venture: Venture, numbers: Recipe, model: nn.Module, world: World, latest: Checkpoint | None
) -> tuple[Execution, list[str]]:
    """Resolve what the venture leaves to the machine; a resumed run keeps what it started with."""
    training, reasons = venture.training, []
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
    rows = -(-numbers.batch_size // world.size)
    micro_batch = min(training.micro_batch or rows, rows)
    if compiled:
        problem = compile_blocks(
            model, lambda: _try_out(model, precision, (micro_batch, numbers.sequence_length), world)
        )
        if problem:
            reasons.append(f"torch.compile does not work here, going on without it: {problem}")
            compiled = False
    execution = Execution(
        micro_batch=micro_batch,
        precision=precision,
        compile=compiled,
        recompute=training.recompute,
    )
    return execution, reasons


def _try_out(model: nn.Module, precision: Precision, shape: tuple[int, int], world: World) -> None:
    """One forward and backward pass at the shape of training, thrown away."""
    tokens = torch.zeros(shape, dtype=torch.long, device=world.device)
    loss, _ = LossModule(model, DTYPES[precision])(tokens, tokens)
    loss.backward()
    model.zero_grad(set_to_none=True)


def _peak_flops_per_s(world: World, precision: Precision) -> float | None:
    """Peak of the device by its data sheet; of a CPU rank, the best matrix product measured now."""
    if world.device.type == "cuda":
        from argosy.hardware import accelerator_peak_flops

        return accelerator_peak_flops(torch.cuda.get_device_name(world.device), precision)
    return matmul_flops_per_s(DTYPES[precision], world.device)


def _evaluate(
    model: nn.Module, store: TokenStore, venture: Venture, numbers: Recipe, execution: Execution, world: World
) -> HeldOut:
    budget = max(numbers.sequence_length * 8, int(EVALUATION_SHARE * numbers.evaluate_every * numbers.tokens_per_step))
    return held_out_loss(
        model,
        store,
        numbers.sequence_length,
        max_tokens=min(budget, venture.evaluation.held_out_tokens or budget),
        precision=execution.precision,
        document_mask=venture.data.document_mask,
        world=world,
    )


def _tell_start(
    run: Run,
    config: TransformerConfig,
    numbers: Recipe,
    layout: Layout,
    execution: Execution,
    start: int,
    reasons: list[str],
) -> None:
    details: dict[str, Any] = {
        "ranks": layout.ranks,
        "layout": layout.model_dump(),
        "parameters": config.parameter_count(),
        "recipe": numbers.model_dump(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        **execution.model_dump(),
    }
    run.event("resumed" if start else "started", step=start, **details)
    for reason in reasons:
        run.event("choice", reason=reason)
    how = f"{layout}, {execution.precision}{', compiled' if execution.compile else ''}"
    count = config.parameter_count()
    size = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
    where = f"resuming at step {start}" if start else f"{size} parameters"
    print(
        f"training: {where}, {numbers.steps} steps of {numbers.tokens_per_step:,} tokens, {how}",
        file=sys.stderr,
    )
    for reason in reasons:
        print(f"training: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
