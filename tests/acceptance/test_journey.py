"""One file in, a trained and evaluated model and its report out: as a user sees it."""

import json
from pathlib import Path

from tests.conftest import CommandLine


def test_the_whole_journey(argosy: CommandLine, tiny_venture: Path) -> None:
    result = argosy.json("run", str(tiny_venture))
    held_out = result["held_out"]
    assert {"loss", "perplexity", "bits_per_byte", "tokens"} <= held_out.keys()
    run = Path(result["run"])
    assert run == tiny_venture.parent / "runs" / "tiny"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert lines[-1]["loss"] < lines[0]["loss"]
    for key in (
        "learning_rate",
        "gradient_norm",
        "tokens_per_s",
        "mfu",
        "data_s",
        "compute_s",
        "communication_s",
    ):
        assert lines[-1][key] is not None
    for name in ("report.html", "evaluation.json", "venture.toml", "events.jsonl", "data/tokenizer.json"):
        assert (run / name).is_file(), name
    assert any((run / "tensorboard").iterdir())

    again = argosy("run", str(tiny_venture))
    assert again.stderr.count("done already") == 4, "a second run redoes nothing"

    changed = argosy("run", str(tiny_venture), "--set", 'evaluation.prompts=["a "]')
    assert changed.stderr.count("done already") == 2, "only what changed is redone"

    by_name = argosy("evaluate", "tiny", "--json", "--set", 'evaluation.prompts=["a "]')
    assert json.loads(by_name.stdout)["held_out"] == held_out and by_name.stderr.count("done already") == 3
    status = argosy.json("status", "tiny")
    assert [stage["state"] for stage in status["stages"]] == ["done"] * 4, "a run's name means the same as its venture"
    assert status["step"] == 12 and not status["in_use"]


def test_generate_is_seeded_and_streams(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("train", str(tiny_venture))
    options = ("generate", "tiny", "--prompt", "the ", "--max-tokens", "20", "--seed", "3")
    first, second = argosy.json(*options), argosy.json(*options)
    assert first["text"] == second["text"] != ""
    assert argosy(*options).stdout.startswith("the ")


def test_trace_leads_from_a_batch_to_its_documents(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("prepare", str(tiny_venture))
    rows = argosy.json("trace", str(tiny_venture), "3")
    assert len(rows) == 6
    text = json.dumps(rows)
    assert "doc-" in text and "CC0-1.0" in text and all(row["step"] == 3 for row in rows)
    argosy("trace", str(tiny_venture), "13", code=2)


def test_compare_names_what_differs(argosy: CommandLine, tiny_venture: Path) -> None:
    argosy("train", str(tiny_venture), "--run", "a")
    argosy("train", str(tiny_venture), "--run", "b", "--set", "training.seed=1")
    comparison = json.dumps(argosy.json("compare", "a", "b"))
    assert "training.seed" in comparison


def test_init_writes_a_venture_that_is_valid(argosy: CommandLine, tmp_path: Path) -> None:
    path = Path(argosy.json("init", "my venture")["venture"])
    argosy("init", "my venture", code=2)
    assert 'name = "my-venture"' in (tmp_path / path).read_text()
    assert "did you mean 'classification'" in argosy("init", "other", "--task", "classify", code=2).stderr
    classifier = argosy.json("init", "digits", "--task", "classification")["venture"]
    argosy("train", classifier, "--set", "training.epochs=1")
    assert argosy.json("config", "schema")["title"] == "Venture"
