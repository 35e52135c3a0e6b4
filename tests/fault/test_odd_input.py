"""What nobody means to type or keep: an error that names it, never a traceback, and nothing lost."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import CommandLine


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three steps; tests work on copies."""
    from tests.conftest import TINY, write_corpus

    folder = tmp_path_factory.mktemp("trained")
    write_corpus(folder / "corpus.jsonl")
    text = TINY.replace("steps = 12", "steps = 3").replace("checkpoint_every = 4", "checkpoint_every = 1")
    (folder / "venture.toml").write_text(text)
    CommandLine(folder)("run", "venture.toml")
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> CommandLine:
    """The command line in a copy of the trained venture."""
    subprocess.run(["cp", "-a", f"{trained}/.", tmp_path], check=True)
    return CommandLine(tmp_path)


@pytest.mark.parametrize(
    "override",
    [
        "training.seed=18446744073709551616",
        "training.steps=-99999999999999999999",
        "training.batch_size=10000000000000",
        "training.learning_rate=inf",
        "data.tokenizer_sample_mib=inf",
        "data.sources.².path=x",
        "name=\udcff",
    ],
)
def test_odd_values_name_their_key(argosy: CommandLine, tiny_venture: Path, override: str) -> None:
    result = argosy("run", str(tiny_venture), "--json", "--set", override, code=2)
    error = json.loads(result.stdout)["error"]
    assert override.partition("=")[0].split(".")[-1] in error["message"]


@pytest.mark.parametrize("target", ["corpus.jsonl", "corpus.jsonl/x", "x" * 300])
def test_init_where_no_folder_can_be(argosy: CommandLine, tiny_venture: Path, target: str) -> None:
    assert target in argosy("init", target, code=2).stderr


def test_places_that_cannot_be_written(argosy: CommandLine, tiny_venture: Path) -> None:
    (argosy.folder / "runs").write_text("a file")
    assert "runs" in argosy("run", str(tiny_venture), code=2).stderr
    assert "/proc/x" in argosy("run", str(tiny_venture), "--run", "/proc/x", code=2).stderr
    (argosy.folder / "deep.toml").write_text("a=" + "[" * 5000)
    assert "nested" in argosy("run", "deep.toml", code=2).stderr


def test_damaged_small_files_are_made_again_or_named(copy: CommandLine) -> None:
    run = copy.folder / "runs" / "tiny"
    figure = copy.json("evaluate", ".")["held_out"]["bits_per_byte"]
    (run / "receipts" / "prepare.json").write_text('{"a": 1}')
    (run / "checkpoints" / "best.json").write_text("{")
    with (run / "metrics.jsonl").open("a") as file:
        file.write("{}\n")
    evaluation = run / "evaluation.json"
    evaluation.write_text(evaluation.read_text().replace(f'"bits_per_byte": {figure}', '"bits_per_byte": 0.1'))
    index = (run / "data" / "index.json").read_bytes()
    (run / "data" / "index.json").write_bytes(index.replace(b'"documents":', b'"docvments":'))
    assert copy.json("run", ".")["held_out"]["bits_per_byte"] == figure
    assert (run / "data" / "index.json").read_bytes() == index


def test_a_finished_run_outlives_its_text(copy: CommandLine) -> None:
    (copy.folder / "corpus.jsonl").unlink()
    assert copy("evaluate", ".").stderr.count("done already") == 3
    assert "corpus.jsonl" in copy("train", ".", "--force", code=2).stderr
    assert copy.json("status", ".")["step"] == 3, "what cannot be made again is not removed"


def test_a_forced_run_looks_before_it_removes(copy: CommandLine) -> None:
    copy("run", ".", "--force", "--set", "data.sources.0.path=typo.jsonl", code=2)
    assert copy.json("status", ".")["step"] == 3


def test_nothing_left_to_train_is_said(copy: CommandLine) -> None:
    error = copy("run", ".", "--allow-changes", "--set", "training.learning_rate=1e-6", code=2).stderr
    assert "3 in all, and 3 are done" in error
    assert "1e-06" not in (copy.folder / "runs" / "tiny" / "venture.toml").read_text()


def test_trace_tells_of_what_was_trained(copy: CommandLine) -> None:
    before = copy.json("trace", ".", "2")
    assert copy.json("trace", ".", "2", "--set", "training.seed=5", "--set", "training.batch_size=3") == before


def test_terminals_and_pipes(copy: CommandLine) -> None:
    copy.environment |= {"PYTHONIOENCODING": "ascii"}
    copy("run", ".")
    copy("generate", ".", "--max-tokens", "5", "--prompt", "é")
    assert "UTF-8" in copy("generate", ".", "--prompt", "\udcff", code=2).stderr
    process = copy.start("run", "nothere", "--json")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()


def test_ctrl_c_outside_training_says_so(argosy: CommandLine, tiny_venture: Path) -> None:
    corpus = argosy.folder / "corpus.jsonl"
    corpus.write_bytes(corpus.read_bytes() * 8000)  # half a minute's work
    process = argosy.start("prepare", str(tiny_venture))
    while not (argosy.folder / "runs" / "tiny" / "events.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    while process.poll() is None:  # once, on a busy machine, the first was not heeded; why is not known
        process.send_signal(signal.SIGINT)
        time.sleep(5)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "argosy: stopped" in error and "Traceback" not in error


def test_a_stop_that_was_left_behind_is_not_obeyed(copy: CommandLine) -> None:
    (copy.folder / "runs" / "tiny" / "stop").touch()
    place = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29621"}
    copy.environment |= place
    copy("train", ".", "--force")
