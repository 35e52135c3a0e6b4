"""Questions in the report: a row for each contestant, a reliability diagram, and nothing when there are none."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.evaluation import Calibration, CalibrationBin, Contestant, Evaluation, Lead, TaskResult
from argosy.report import render
from argosy.storage import Run
from tests.report.html import Page

NASTY = "<script>alert(1)</script>"
BINS = tuple(CalibrationBin(questions=20, confidence=0.3 + 0.06 * n, accuracy=0.25 + 0.07 * n) for n in range(10))
OURS = Contestant(
    name="this model",
    right=110,
    unreadable=0,
    accuracy=0.55,
    interval=(0.48, 0.62),
    accuracy_by_length=0.6,
    calibration=Calibration(expected_error=0.031, brier=0.512, bins=BINS),
    cost_usd=2.5e-6,
    cost_per_right_usd=4.545e-6,
    lead=None,
)
PAID = Contestant(
    name=NASTY,
    right=90,
    unreadable=3,
    accuracy=0.45,
    interval=(0.38, 0.52),
    accuracy_by_length=None,
    calibration=None,
    cost_usd=None,
    cost_per_right_usd=None,
    lead=Lead(accuracy=0.1, interval=(0.01, 0.19), share_better=0.98),
)
TASK = TaskResult(name="harbours", questions=200, chance=0.25, beyond_training=2, contestants=(OURS, PAID))


def rendered(run: Run, **changes: Any) -> Page:
    evaluation = run.read_result("evaluation", Evaluation)
    tasks = (TASK.model_copy(update=changes), TASK.model_copy(update={"name": "again"}))
    run.write_result("evaluation", evaluation.model_copy(update={"tasks": tasks}))
    return Page(render(run).read_text(encoding="utf-8"))


def test_every_contestant_has_its_row_and_nothing_is_invented(run: Run) -> None:
    assert 'id="tasks"' not in render(run).read_text(encoding="utf-8")
    page = rendered(run)
    assert page.open == [] and NASTY not in page.source
    for said in (
        "harbours 200 questions; a blind guess is right in 25 % of them.",
        f"This model is better than {NASTY} in 98 % of the resamples.",
        "2 are longer than the sequences it was trained on; nothing was cut from them.",
        "this model55.0 %48.0 to 62.060.0 %——2.5e-064.54e-06",
        f"{NASTY} (3 unreadable)45.0 %38.0 to 52.0—+10.0 points, 1.0 to 19.098.0 %not knownnot known",
    ):
        assert said in page.text, said


def test_the_diagram_is_told_in_words_and_numbers(run: Run) -> None:
    page = rendered(run)
    figures = json.loads(page.content["script"][0])
    assert figures["calibration-0"]["data"][0]["y"] == [each.accuracy for each in BINS]
    words = next(each["aria-label"] for each in page.all("div") if each.get("id") == "plot-calibration-1")
    assert "3.1\N{NO-BREAK SPACE}% (expected calibration error); Brier score 0.512" in words
    assert "plot-calibration-0" not in rendered(run, contestants=(PAID,)).source


@pytest.mark.parametrize("value", [None, [], {}, [1], "x", [{"contestants": [{"calibration": {"bins": [1, {}]}}]}]])
def test_a_damaged_result_is_shown_as_far_as_it_goes(run: Run, value: Any) -> None:
    path: Path = run.path / "evaluation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tasks": value}))
    assert Page(render(run).read_text(encoding="utf-8")).open == []
