"""Carrying out a sweep: its rungs, and `sweep.json` after every stretch of training, so that it can be interrupted."""

import contextlib
import math
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from argosy import workflow
from argosy.config import ArgosyError, Recipe, RunFailed, UserError, Venture, resolve_recipe, transformer_config
from argosy.data import open_dataset
from argosy.parallel import external_world
from argosy.report import render_sweep
from argosy.storage import (
    Run,
    atomic_folder,
    canonical_json,
    digest,
    read_json,
    since_started,
    venture_tree,
    write_json,
)
from argosy.sweep.grid import Combination, combinations
from argosy.sweep.halving import MARGIN, Job, next_rung, target
from argosy.sweep.notes import conclude, ranked
from argosy.sweep.results import Point, Rung, Speed, Sweep, Trial
from argosy.training import latest_checkpoint

PILOT_STEPS = 8  # fewer where the first rung may come earlier
BUDGET_ENDED = "the budget ended"
OWN_FAULT = {"not-finite", "rank-failed", "rank-died"}  # of a combination; any other failure ends the sweep


def sweep(
    venture: Path | str, overrides: Sequence[str], folder: Path | None = None, *, budget_minutes: float | None = None
) -> tuple[Sweep, Path]:
    """Train every combination of the values in `overrides` (`key=value,value`) and compare them.

    Each is an ordinary run below `folder` (`runs/<name>-sweep` unless given). Without a budget all are trained to their
    end, with one by successive halving. Called again it goes on where it was; nothing is done twice. A combination
    that fails is noted with its reason. Returns what was found, and the folder.

    Raises:
        UserError: a key or value is wrong, or the folder holds a sweep with a budget, and this is another.
        RunFailed: all combinations failed, or the disk is full.
    """
    if external_world():
        raise UserError("bad-command", "a sweep starts its own processes: call it without torchrun, srun or the like")
    grid = combinations(venture, overrides)
    first = grid[0].venture
    folder = folder or Run.of(first).path.with_name(f"{first.name}-sweep")
    asked = Sweep(
        name=first.name,
        venture_sha256=digest(canonical_json([venture_tree(each.venture) for each in grid])),
        settings={key: _distinct(each.settings[key] for each in grid) for key in grid[0].settings},
        budget_minutes=budget_minutes,
        trials=tuple(Trial(label=each.label, settings=each.settings) for each in grid),
    )
    with Run(folder).lock():
        return _Sweeper(folder, grid, _taken_up(folder, asked)).carry_out(), folder


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values that need not be hashable, each once."""
    found: list[Any] = []
    found.extend(value for value in values if value not in found)
    return tuple(found)


def _taken_up(folder: Path, asked: Sweep) -> Sweep:
    """The sweep that was begun in the folder, or the one asked for with what is known about its trials."""
    try:
        begun = Sweep.model_validate_json((folder / "sweep.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return asked
    if asked.budget_minutes is not None:
        if (begun.venture_sha256, begun.budget_minutes) == (asked.venture_sha256, asked.budget_minutes):
            return begun
        raise UserError(
            "sweep-changed",
            f"{folder} holds a sweep whose venture, values or budget ({begun.budget_minutes} minutes) are others",
            hint="--run DIR for another folder; without a budget every combination goes on to its end",
        )
    known = {trial.label: trial for trial in begun.trials if (folder / trial.label).is_dir()}
    trials = []
    for trial in asked.trials:
        if (before := known.get(trial.label)) is not None:
            failed = {"state": "failed", "reason": before.reason} if before.state == "failed" else {}
            trial = trial.model_copy(update={"wall_s": before.wall_s, **failed})
        trials.append(trial)
    return asked.model_copy(update={"trials": tuple(trials)})


class _Sweeper:
    """The sweep as far as it is, and what its trials are made of."""

    def __init__(self, folder: Path, grid: Sequence[Combination], begun: Sweep) -> None:
        self.folder, self.sweep = folder, begun
        self.trials = {trial.label: trial for trial in begun.trials}
        self.ventures = {each.label: each.venture for each in grid}
        self.recipes: dict[str, Recipe] = {}
        self.step_flops: dict[str, float] = {}
        self.held_out: dict[str, tuple[int, int]] = {}

    def carry_out(self) -> Sweep:
        """Go on to the end; everything known is written down on the way."""
        if not self.sweep.finished:
            self._prepare()
            try:
                while (rung := self._rung()) and all(self._climb(label, rung) for label in self._waiting(rung)):
                    pass
                self.sweep = conclude(self.sweep, self.folder, same_text=len(set(self.held_out.values())) == 1)
                self._write()
            finally:
                render_sweep(self.folder)
        if all(trial.state == "failed" for trial in self.sweep.trials):
            reasons = "".join(f"\n  {trial.label}: {trial.reason}" for trial in self.sweep.trials)
            raise RunFailed("sweep-failed", f"every combination failed{reasons}", hint="sweep other values")
        return self.sweep

    def _write(self) -> None:
        write_json(self.folder / "sweep.json", self.sweep.model_dump(mode="json"))

    def _note(self, label: str, **changes: Any) -> None:
        self.trials[label] = self.trials[label].model_copy(update=changes)
        self.sweep = self.sweep.model_copy(update={"trials": tuple(self.trials.values())})
        self._write()

    @contextlib.contextmanager
    def _timed(self, label: str) -> Iterator[None]:
        """Count the time of the block to a trial, however it is left."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._note(label, wall_s=round(self.trials[label].wall_s + time.monotonic() - began, 3))

    def _prepare(self) -> None:
        """Prepare text once for all trials that read it in the same way."""
        donors: list[Run] = []
        for label, venture in self.ventures.items():
            run = Run(self.folder / label)
            with self._timed(label):
                _share_data(run, venture, donors)
                workflow.prepare(venture, run)
            donors.append(run)
            index = open_dataset(run.data, verify=False).index
            self.held_out[label] = index.held_out_documents, index.held_out_bytes
            config = transformer_config(venture, index.vocabulary_size)
            self.recipes[label] = recipe = resolve_recipe(venture, config)
            self.step_flops[label] = config.train_flops_per_token() * recipe.tokens_per_step
            self._note(label, steps=recipe.steps)

    def _rung(self) -> Rung | None:
        """The rung that is not complete, else the next; None when there is none.

        A rung at which all failed never was: of those that were let go before it, the best climb instead.
        """
        rungs, limited = self.sweep.rungs, self.sweep.budget_minutes is not None
        while rungs and all(self.trials[label].state == "failed" for label in rungs[-1].labels):
            rungs = rungs[:-1]
            self.sweep = self.sweep.model_copy(update={"rungs": rungs})
        if rungs and self._waiting(rungs[-1]):
            return rungs[-1]
        if limited and not rungs:
            self._pilot()
        labels = [t.label for t in ranked(self.sweep.trials) if len(t.points) == len(rungs) and t.state != "failed"]
        if not labels or (rungs and rungs[-1].share == 1.0):
            return None
        share, count = 1.0, len(labels)
        if limited:
            plan = next_rung([self._job(label) for label in labels], self._left_s(), compared=bool(rungs))
            for label in labels[plan[1] if plan else 0 :]:
                self._note(label, reason="not among the best third" if rungs and plan else BUDGET_ENDED)
            if plan is None:
                return None
            share, count = plan
        rung = Rung(share=share, labels=tuple(labels[:count]))
        self.sweep = self.sweep.model_copy(update={"rungs": (*rungs, rung)})
        for label in rung.labels:
            self._note(label, reason="")
        return rung

    def _waiting(self, rung: Rung) -> list[str]:
        """The trials that have not come to the newest rung."""
        trials = [self.trials[label] for label in rung.labels]
        return [t.label for t in trials if len(t.points) < len(self.sweep.rungs) and t.state != "failed"]

    def _pilot(self) -> None:
        """Train one trial a few steps, so that there is a time to reckon with."""
        for label, recipe in self.recipes.items():
            if any(trial.speed for trial in self.trials.values()) or self._left_s() <= 0:
                return
            self._train(label, max(1, min(PILOT_STEPS, recipe.steps // (4 * len(self.trials)))))

    def _left_s(self) -> float:
        budget = self.sweep.budget_minutes
        return math.inf if budget is None else 60 * budget - self.sweep.wall_s

    def _job(self, label: str) -> Job:
        """What a trial takes: as it was measured, else by its FLOPs and the slowest measured."""
        speed = self.trials[label].speed
        if speed is None:
            known = [
                (t.speed, self.step_flops[label] / self.step_flops[t.label]) for t in self.trials.values() if t.speed
            ]
            speed = Speed(
                start_s=max((speed.start_s for speed, _ in known), default=0.0),
                step_s=max((speed.step_s * ratio for speed, ratio in known), default=0.0),
            )
        return Job(self.recipes[label].steps, _step(Run(self.folder / label)), speed.step_s, speed.start_s)

    def _climb(self, label: str, rung: Rung) -> bool:
        """Train a trial to a rung and measure it there; False when the budget does not allow it any more."""
        if self._job(label).cost_s(rung.share) / MARGIN > self._left_s():
            for left in self._waiting(rung):
                self._note(left, reason=BUDGET_ENDED)
            return False
        recipe = self.recipes[label]
        event = self._train(label, target(recipe.steps, rung.share))
        if event is None:
            return True
        if event["loss"] is None:
            self._note(label, state="failed", reason="the held-out loss is not finite")
            return True
        step = event["step"]
        tokens, measured = step * recipe.tokens_per_step, {key: event[key] for key in ("loss", "bits_per_byte")}
        points = (*self.trials[label].points, Point(step=step, tokens=tokens, **measured))
        self._note(label, state="done" if step == recipe.steps else "stopped", points=points)
        return True

    def _train(self, label: str, step: int) -> Mapping[str, Any] | None:
        """Train a trial to a step; returns the event of its measurement there, None when it failed."""
        run, before, began = Run(self.folder / label), _step(Run(self.folder / label)), time.monotonic()
        if _measured(run, step) is None:
            run.forget("train")  # of a training that was ended without the sweep, and so without its measurement
        print(f"sweep: {label} to step {step} of {self.recipes[label].steps}", file=sys.stderr, flush=True)
        try:
            with self._timed(label):
                workflow.run_until(self.ventures[label], "train", run, options=workflow.Options(stop_at=step))
        except ArgosyError as error:
            if error.code == "interrupted":
                error.hint = "the same command goes on with the sweep"
            if error.code not in OWN_FAULT:
                raise
            self._note(label, state="failed", reason=error.message)
            return None
        steps, seconds = _step(run) - before, _elapsed_s(run)
        if steps > 0:
            start_s = max(0.0, time.monotonic() - began - seconds)
            self._note(label, speed=Speed(start_s=start_s, step_s=seconds / steps))
        return _measured(run, step)


def _share_data(run: Run, venture: Venture, donors: Sequence[Run]) -> None:
    """Give a run that has none the prepared text of another, where that is what it would prepare."""
    if run.data.exists():
        return
    stage = workflow.journey(venture).stage("prepare")
    inputs, configuration = stage.inputs(run, venture), stage.configuration(venture)
    for donor in donors:
        if donor.is_current("prepare", inputs, configuration):
            with run.lock(), atomic_folder(run.data) as folder:
                for file in donor.data.iterdir():
                    _link(file, folder / file.name)
            run.write_venture(venture)
            write_json(run.path / "receipts" / "prepare.json", read_json(donor.path / "receipts" / "prepare.json"))
            return


def _link(file: Path, other: Path) -> None:
    try:
        other.hardlink_to(file)  # files of prepared text are replaced, never changed
    except OSError:
        shutil.copyfile(file, other)


def _step(run: Run) -> int:
    latest = latest_checkpoint(run.checkpoints)
    return 0 if latest is None else latest.step


def _measured(run: Run, step: int) -> Mapping[str, Any] | None:
    """The last event of a measurement at `step` or later."""
    events = [e for e in since_started(run.read_events()) if e["kind"] == "rung" and e["step"] >= step]
    return events[-1] if events else None


def _elapsed_s(run: Run) -> float:
    """Time from the first step of the last stretch of training to its last one."""
    with run.metrics.open("rb") as file:
        file.seek(max(0, run.metrics.stat().st_size - 4096))
        return float(orjson.loads(file.read().splitlines()[-1])["elapsed_s"])
