"""`argosy plan` as its users meet it: words in, a verdict out, and what is wrong is named."""

import json
from pathlib import Path

import pytest

from tests.conftest import CommandLine

pytestmark = pytest.mark.fast
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "plans"
SEVEN = ("plan", "--size", "7B", "--accelerators", "64xH100", "--tokens", "140B")


def test_a_plan_for_people_and_as_json(argosy: CommandLine) -> None:
    text = argosy(*SEVEN).stdout
    for said in (
        "Feasible: 7B on 140 B tokens takes",
        "compute and storage",
        "slower: more",
        "8-bit products",
        "assumed",
    ):
        assert said in text
    tree = json.loads(argosy(*SEVEN, "--json").stdout)
    assert tree["verdict"] == "feasible" and tree["question"]["accelerators"] == 64
    assert tree["layout"]["memory"]["verdict"] == "fits" and len(tree["assessments"]) == 4


def test_a_plan_as_a_page_and_two_kept_ones_side_by_side(argosy: CommandLine, tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    assert f"page: {page}" in argosy(*SEVEN, "--page", str(page)).stdout and page.stat().st_size > 100_000
    for name, number in (("one", "64xH100"), ("other", "128xH100")):
        words = ("plan", "--size", "7B", "--accelerators", number, "--json")
        (tmp_path / f"{name}.json").write_text(argosy(*words).stdout)
    text = argosy("compare", str(tmp_path / "one.json"), str(tmp_path / "other.json")).stdout
    assert "128 × H100 SXM" in text and "costs" in text
    words = ("plan", "--size", "7B", "--accelerators", "64xH100", "--what-if", "tokens=70B", "--json")
    (tmp_path / "other.json").write_text(argosy(*words).stdout)
    assert "costs" in argosy("compare", str(tmp_path / "one.json"), str(tmp_path / "other.json")).stdout
    (tmp_path / "other.json").write_text("{}")
    assert "is no plan" in argosy("compare", str(tmp_path / "one.json"), str(tmp_path / "other.json"), code=2).stderr


def test_a_bill_has_the_parts_that_have_a_price(argosy: CommandLine) -> None:
    words = ("--usd-per-kwh", "0.2", "--usd-per-gb-month", "0.02", "--usd-per-gb-moved", "0.05", "--json")
    cost = json.loads(argosy(*SEVEN, *words).stdout)["cost"]
    assert set(cost["parts_usd"]) == {"storage", "transfer", "electricity"}, "owned: no rent"
    kilowatts = 64 * 0.7 * 1.5
    assert cost["parts_usd"]["electricity"] == pytest.approx(kilowatts * 0.2 * cost["accelerator_hours"]["middle"] / 64)
    assert sum(cost["parts_usd"].values()) == pytest.approx(cost["usd"]["middle"])


def test_what_if_sets_plans_side_by_side(argosy: CommandLine) -> None:
    changes = ("--what-if", "accelerators=128xH100", "--what-if", "sequence-length=8192")
    text = argosy(*SEVEN, *changes).stdout
    assert "as asked" in text and "128 × H100 SXM" in text and "sequence-length=8192" in text
    tree = json.loads(argosy(*SEVEN, *changes, "--json").stdout)
    assert tree["what_if"]["accelerators=128xH100"]["duration"]["useful_h"] < tree["duration"]["useful_h"]


@pytest.mark.parametrize(
    ("name", "verdict"), [("seven-b", "feasible"), ("legal-assistant", "feasible if"), ("own-text", "feasible if")]
)
def test_the_examples_are_planned(argosy: CommandLine, name: str, verdict: str) -> None:
    tree = json.loads(argosy("plan", str(EXAMPLES / f"{name}.toml"), "--json").stdout)
    assert tree["verdict"] == verdict and tree["question"]["model"] in ("7B", "3B")


def test_options_go_before_the_venture(argosy: CommandLine) -> None:
    path = str(EXAMPLES / "own-text.toml")
    tree = json.loads(argosy("plan", path, "--accelerators", "16xH200", "--text-gb", "500", "--json").stdout)
    assert tree["question"]["accelerators"] == 16 and tree["question"]["accelerator"]["name"].startswith("H200")
    tree = json.loads(argosy("plan", path, "--set", "model.size=1B", "--set", "plan.text_gb=50", "--json").stdout)
    assert tree["question"]["model"] == "1B" and tree["data"]["text_gb"] == 50


def test_a_config_of_hugging_face_is_planned(argosy: CommandLine, tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 8192,
        "vocab_size": 128_256,
        "tie_word_embeddings": True,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    tree = json.loads(argosy("plan", "--model", str(path), "--accelerators", "8xA100", "--json").stdout)
    assert tree["parameters"] == 1_235_814_400, "Llama 3.2 1B"
    path.write_text(json.dumps({**config, "model_type": "lama"}))
    assert "did you mean 'llama'" in argosy("plan", "--model", str(path), "--accelerators", "8xA100", code=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "7B"), "argosy calibrate"),
        (("--accelerators", "8xH100"), "give a size"),
        (("--size", "7B", "--accelerators", "8xH10O"), "did you mean"),
        (("--size", "700B", "--accelerators", "8xH100"), "would hold it"),
        (("--size", "7B", "--accelerators", "8xH100", "--budget-usd", "0"), "budget_usd"),
        (("--size", "7B", "--accelerators", "8xH100", "--deadline", "2020-01-01"), "that day is past"),
        (("--size", "7B", "--accelerators", "8xH100", "--what-if", "tokns=1B"), "did you mean 'tokens'"),
        (("--size", "7B", "--accelerators", "8xH100", "--what-if", "text_gb=much"), "is no number"),
        (("--size", "7B", "--accelerators", "8xH100", "--set", "model.size=1B"), "none is given"),
        (("missing.toml",), "missing.toml"),
    ],
)
def test_what_cannot_be_planned_says_why(argosy: CommandLine, words: tuple[str, ...], said: str) -> None:
    result = argosy("plan", *words, code=2)
    assert said in result.stderr and "Traceback" not in result.stderr
