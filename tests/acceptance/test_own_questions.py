"""A venture's own questions, put to its model and its rivals, as a user sees it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.evaluation.endpoints import completion, serving

CHOICES = [
    {"id": f"c{n}", "question": f"the {noun} ", "choices": ["meets the port", "of of of of"], "answer": 0}
    for n, noun in enumerate(("ship", "storm", "crew", "sail", "captain"))
]
WRITTEN = [{"id": "w0", "question": "the ship meets", "reference": ["the port", "港口"]}]
SECTION = """
baselines = false
usd_per_hour = 3.6
[[evaluation.tasks]]
path = "choices.jsonl"
prompt = "{{question}}"
[[evaluation.tasks]]
path = "written.jsonl"
max_tokens = 4
[[evaluation.rivals]]
run = "other"
[[evaluation.rivals]]
answers = "recorded.jsonl"
[[evaluation.rivals]]
name = "paid"
url = "{url}"
model = "them"
api_key_env = "PAID_KEY"
usd_per_million_tokens = [1, 2]
"""


def write_lines(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


@pytest.fixture
def own(argosy: CommandLine, tiny_venture: Path) -> Path:
    """A venture with questions, and answers somebody recorded; the endpoint's address is left open."""
    folder = tiny_venture.parent
    write_lines(folder / "choices.jsonl", CHOICES)
    write_lines(folder / "written.jsonl", WRITTEN)
    recorded = [*({"id": f"c{n}", "answer": n % 2} for n in range(5)), {"id": "w0", "answer": "The port."}]
    write_lines(folder / "recorded.jsonl", recorded)
    argosy.environment["PAID_KEY"] = "s3cret-key"
    return tiny_venture


def test_questions_from_the_file_to_the_report(argosy: CommandLine, own: Path) -> None:
    troubles: list[Any] = [(429, b"busy", {}), *[(403, b"not for you", {})] * 6]  # the last comes first

    def behave(number: int, question: str, headers: Any) -> Any:
        if troubles:
            return troubles.pop()
        return completion("B" if "the storm" in question else "A" if "A. " in question else "港口")

    run = own.parent / "runs" / "tiny"
    argosy("train", str(own))
    shutil.copytree(run, own.parent / "other")
    with serving(behave) as server:
        own.write_text(own.read_text() + SECTION.format(url=server.url))
        error = argosy("run", str(own), code=2).stderr
        assert "not for you" in error and "[endpoint-refused]" in error
        troubles[1:] = []
        server.requests = []
        choices, written = argosy.json("run", str(own))["tasks"]
        assert len(server.requests) == 7, "six questions, one of them twice"

        by_name = {each["name"]: each for each in choices["contestants"]}
        assert list(by_name) == ["this model", "other", "recorded", "paid"]
        ours, paid = by_name["this model"], by_name["paid"]
        assert ours["accuracy"] == 1 and choices["chance"] == 0.5, "what the grammar says is likelier than 'of of'"
        assert ours["lead"] is None and ours["cost_usd"] > 0 and len(ours["calibration"]["bins"]) == 5
        assert paid["right"] == 4 and paid["cost_per_right_usd"] == pytest.approx(5 * 104e-6 / 4)
        assert paid["lead"]["accuracy"] == pytest.approx(0.2) and 0 < paid["lead"]["share_better"] < 1
        assert by_name["recorded"]["right"] == 3 and by_name["recorded"]["cost_usd"] is None
        assert by_name["other"]["calibration"] == ours["calibration"] and paid["calibration"] is None
        assert by_name["other"]["lead"] == {"accuracy": 0, "interval": [0, 0], "share_better": 0}, (
            "it is the same model"
        )
        assert [each["right"] for each in written["contestants"]][2:] == [1, 1] and written["chance"] is None

        lines = [json.loads(line) for line in (run / "evaluation-answers.jsonl").read_text().splitlines()]
        assert len(lines) == 4 * 6
        wrong = [line["id"] for line in lines if line["by"] == "paid" and not line["right"]]
        assert wrong == ["c1"], "every answer can be looked up"
        page = (run / "report.html").read_text()
        assert 'id="tasks"' in page and "Calibration on choices" in page and "not known" in page
        files = [path for path in run.rglob("*") if path.is_file()]
        assert not any(b"s3cret-key" in path.read_bytes() for path in files)

        assert "evaluate: done already" in argosy("report", "tiny").stderr, "a run and its venture are the same"
        write_lines(own.parent / "choices.jsonl", [*CHOICES[:4], {**CHOICES[4], "question": "the old captain "}])
        states = {stage["stage"]: stage["state"] for stage in argosy.json("status", str(own))["stages"]}
        assert states == {"prepare": "done", "train": "done", "evaluate": "stale", "report": "stale"}
        server.requests = []
        text = argosy("evaluate", str(own)).stdout
        assert len(server.requests) == 1, "what is known is not paid for again"
        assert "task choices; a blind guess: 50.0 %" in text and "paid" in text and "not known" in text


def test_everything_wrong_is_said_before_anything_runs(argosy: CommandLine, own: Path) -> None:
    del argosy.environment["PAID_KEY"]
    own.write_text(own.read_text() + SECTION.format(url="http://127.0.0.1:9"))
    write_lines(own.parent / "choices.jsonl", [CHOICES[0], {**CHOICES[1], "answer": 2}])
    (own.parent / "written.jsonl").unlink()
    error = argosy("run", str(own), code=2).stderr
    for said in (
        "choices.jsonl:2: answer = 2: expected a number from 0 to 1",
        "evaluation.tasks.1.path = 'written.jsonl': no file at",
        "evaluation.rivals.0.run = 'other'",
        "PAID_KEY",
    ):
        assert said in error, error
    assert not (own.parent / "runs" / "tiny" / "data").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('evaluation.tasks=[{path="a.jsonl"},{path="b/a.jsonl"}]', "a is the name of more than one"),
        ('evaluation.tasks=[{path="a.jsonl",prompt="Q:"}]', "prompt"),
        ('evaluation.rivals=[{name="x"}]', "give one of `run`, `url` and `answers`"),
        ('evaluation.rivals=[{url="http://x/v1"}]', "`url` and `model` belong together"),
        ('evaluation.rivals=[{url="http://me:secret@x/v1",model="m"}]', "url"),
        ("evaluation.tasks=[]", "rivals have nothing to answer"),
        ('evaluation.rivals=[{answers="this model.jsonl"}]', "this model is the name of more than one"),
    ],
)
def test_keys_that_do_not_go_together(argosy: CommandLine, own: Path, keys: str, said: str) -> None:
    own.write_text(own.read_text() + SECTION.format(url="http://127.0.0.1:9"))
    assert said in argosy("run", str(own), "--set", keys, code=2).stderr
