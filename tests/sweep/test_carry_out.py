"""A sweep with training replaced by a formula: rungs, failures, interruptions, budgets, what is concluded."""

from pathlib import Path
from typing import Any

import pytest

from argosy import workflow
from argosy.config import RunFailed, TransformerConfig, UserError, Venture
from argosy.storage import Run, append_line, write_json
from argosy.sweep import carry_out, sweep
from argosy.sweep.grid import label_of
from argosy.training import latest_checkpoint
from tests.evaluation.checkpoints import checkpoint_of
from tests.report.html import Page

MODEL = TransformerConfig(
    vocabulary_size=260, sequence_length=8, dim=8, layers=1, heads=1, kv_heads=1, ffn_dim=8, tied_embeddings=False
)
RATES = ("training.learning_rate=1e-4,1e-3,1e-2,1e-1", "training.steps=80")
LABELS = [f"learning_rate={rate}" for rate in (0.0001, 0.001, 0.01, 0.1)]
STEP_S, START_S = 1.0, 0.5


class Sea:
    """Trains by a formula and tells the time: 0.01 is the best learning rate, and `diverging` ones fail."""

    def __init__(self) -> None:
        self.now = 0.0
        self.started: list[str] = []
        self.trained: list[tuple[str, int, int]] = []
        self.diverging: set[float] = set()
        self.diverging_after: dict[float, int] = {}
        self.interrupt_after: int | None = None
        self.prepare = workflow.run_until

    def run_until(self, venture: Venture, last: str, run: Run, **options: Any) -> Run:
        """In place of `workflow.run_until`."""
        if last != "train":
            return self.prepare(venture, last, run, **options)
        rate, stop_at = venture.training.learning_rate or 0.0, options["options"].stop_at
        latest = latest_checkpoint(run.checkpoints)
        start = latest.step if latest else 0
        self.now += START_S
        self.started.append(run.path.name)
        if self.interrupt_after == len(self.trained):
            raise KeyboardInterrupt
        if rate in self.diverging or stop_at > self.diverging_after.get(rate, stop_at):
            raise RunFailed("not-finite", "the gradient was not finite")
        if start < stop_at:
            self.trained.append((run.path.name, start, stop_at))
            self.now += STEP_S * (stop_at - start)
            made = checkpoint_of(MODEL, run.checkpoints).model_copy(update={"step": stop_at})
            write_json(run.checkpoints / made.name / "manifest.json", made.model_dump(mode="json"))
            append_line(run.metrics, {"step": stop_at, "elapsed_s": STEP_S * (stop_at - start)})
        bits = abs(rate - 0.01) + 1 / stop_at
        run.event("rung", step=stop_at, loss=bits, bits_per_byte=bits)
        return run


@pytest.fixture
def sea(monkeypatch: pytest.MonkeyPatch) -> Sea:
    sea = Sea()
    monkeypatch.setattr(workflow, "run_until", sea.run_until)
    monkeypatch.setattr(carry_out.time, "monotonic", lambda: sea.now)
    return sea


def test_without_a_budget_all_are_trained_to_their_end(sea: Sea, tiny_venture: Path) -> None:
    found, folder = sweep(tiny_venture, RATES)
    assert folder == tiny_venture.parent / "runs" / "tiny-sweep"
    assert sea.trained == [(label, 0, 80) for label in LABELS]
    assert [trial.label for trial in found.trials] == [LABELS[n] for n in (2, 1, 0, 3)]
    assert found.best == LABELS[2] and found.command == f"argosy run {folder / LABELS[2]}" and not found.notes
    assert [trial.state for trial in found.trials] == ["done"] * 4 and found.finished
    page = Page((folder / "sweep.html").read_text())
    assert page.open == [] and "Best is training.learning_rate = 0.01" in page.text
    assert 'id="plot-by-0"' in page.source and "http" not in "".join(page.content["style"])
    files = [next((folder / label / "data").glob("train-*.bin")) for label in LABELS]
    assert len({file.stat().st_ino for file in files}) == 1, "one set of prepared text"

    more, _ = sweep(tiny_venture, ("training.learning_rate=1e-2,3e-2", "training.steps=80"))
    assert sea.trained[4:] == [("learning_rate=0.03", 0, 80)], "what is there is taken as it is"
    assert more.notes == ("the best training.learning_rate is 0.01, the lowest that was tried: extend the range",)


def test_a_budget_trains_the_best_third_further(sea: Sea, tiny_venture: Path) -> None:
    found, _ = sweep(tiny_venture, RATES, budget_minutes=2.5)
    assert found.wall_s <= 150 and found.rungs[0].labels == tuple(LABELS)
    assert [len(rung.labels) for rung in found.rungs] == [4, 2, 1]
    assert found.best == LABELS[2] and found.trials[0].points[-1].step > found.trials[1].points[-1].step
    assert [trial.reason for trial in found.trials[2:]] == ["not among the best third"] * 2
    steps = [[point.step for point in trial.points] for trial in found.trials]
    assert steps[0][:2] == steps[1] and steps[1][:1] == steps[2] == steps[3], "compared at the same steps"
    before = list(sea.trained)
    assert sweep(tiny_venture, RATES, budget_minutes=2.5)[0] == found and sea.trained == before
    with pytest.raises(UserError, match="holds a sweep") as caught:
        sweep(tiny_venture, RATES, budget_minutes=4)
    assert caught.value.code == "sweep-changed"
    rest, _ = sweep(tiny_venture, RATES)
    assert [trial.points[-1].step for trial in rest.trials] == [80] * 4, "without a budget all go on from there"


def test_what_does_not_fit_is_told(sea: Sea, tiny_venture: Path) -> None:
    found, _ = sweep(tiny_venture, RATES, budget_minutes=0.4)
    nothing, _ = sweep(tiny_venture, RATES, tiny_venture.parent / "nothing", budget_minutes=0.01)
    assert nothing.best is None and nothing.notes == ("nothing was compared: the budget is too small",)
    left_out = [trial for trial in found.trials if not trial.points]
    assert left_out and all(trial.reason == "the budget ended" for trial in left_out)
    assert found.wall_s <= 24 and found.best
    assert "of its steps" in found.notes[-1]


def test_a_failure_is_noted_and_the_sweep_goes_on(sea: Sea, tiny_venture: Path) -> None:
    sea.diverging = {0.1}
    found, _ = sweep(tiny_venture, RATES)
    assert found.trials[-1].state == "failed" and "not finite" in found.trials[-1].reason
    assert found.best == LABELS[2]
    again, _ = sweep(tiny_venture, RATES)
    assert again.trials[-1].reason == found.trials[-1].reason and sea.started.count(LABELS[3]) == 1, "not again"
    sea.diverging = {1e-4, 1e-3, 1e-2, 1e-1}
    with pytest.raises(RunFailed, match="every combination failed") as caught:
        sweep(tiny_venture, RATES, tiny_venture.parent / "other")
    assert caught.value.code == "sweep-failed"


def test_when_the_best_diverge_those_let_go_climb_instead(sea: Sea, tiny_venture: Path) -> None:
    first = sweep(tiny_venture, RATES, tiny_venture.parent / "first", budget_minutes=2.5)[0].trials[-1].points[0].step
    sea.diverging_after = {1e-2: first, 1e-3: first}
    found, _ = sweep(tiny_venture, RATES, budget_minutes=2.5)
    assert [trial.state for trial in found.trials[2:]] == ["failed", "failed"]
    assert found.best == LABELS[0] and len(found.trials[0].points) > 1, "never one that failed, however good it was"
    assert found.trials[0].reason == "" and not any("let go" in note for note in found.notes)
    assert sweep(tiny_venture, RATES, budget_minutes=2.5)[0] == found


def test_figures_of_different_held_out_text_do_not_compare(sea: Sea, tiny_venture: Path) -> None:
    found, _ = sweep(tiny_venture, ("data.held_out_fraction=0.1,0.4", "training.steps=80"))
    assert "the figures do not compare" in found.notes[0]


@pytest.mark.parametrize("budget_minutes", [None, 2.5])
def test_interrupted_anywhere_it_goes_on_where_it_was(
    sea: Sea, tiny_venture: Path, tmp_path: Path, budget_minutes: float | None
) -> None:
    straight, _ = sweep(tiny_venture, RATES, tmp_path / "straight", budget_minutes=budget_minutes)
    whole, count = list(sea.trained), len(sea.trained)
    for cut in range(count):
        sea.trained, sea.interrupt_after = [], cut
        with pytest.raises(KeyboardInterrupt):
            sweep(tiny_venture, RATES, tmp_path / f"cut-{cut}", budget_minutes=budget_minutes)
        sea.interrupt_after = None
        found, _ = sweep(tiny_venture, RATES, tmp_path / f"cut-{cut}", budget_minutes=budget_minutes)
        assert found.best == straight.best
        if budget_minutes is None:
            assert sea.trained == whole, "nothing was done twice"
        assert [len(trial.points) for trial in found.trials] == [len(trial.points) for trial in straight.trials]


def test_a_sweep_of_nothing_and_of_nonsense_is_refused(tiny_venture: Path) -> None:
    for overrides in ((), ("training.seed=1",)):
        with pytest.raises(UserError, match="nothing to compare"):
            sweep(tiny_venture, overrides)
    with pytest.raises(UserError, match="steps"):
        sweep(tiny_venture, ("training.stesp=1,2",))
    assert not (tiny_venture.parent / "runs").exists()


def test_labels_are_readable_and_distinct() -> None:
    assert label_of({"training.learning_rate": 1e-4, "model.size": "3M"}) == "learning_rate=0.0001,size=3M"
    assert label_of({"data.sources.0.weight": 1, "data.sources.1.weight": 2}).startswith("data.sources.0.weight=1,")
    odd = [label_of({"data.tokenizer": name}) for name in ("a/b", "a:b", "a" * 200, "a" * 201)]
    assert len(set(odd)) == 4 and not any("/" in label for label in odd)
