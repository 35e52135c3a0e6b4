"""Where tests find the shared data, a venture that trains in a second, and the program started as a user would."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# Tests share the cores already, and threads that spin while they wait make small products a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ranks cannot share a GPU; `CUDA_VISIBLE_DEVICES=0 pytest tests/training` looks at what one process does on it.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest
from hypothesis import settings

settings.register_profile("argosy", deadline=None)  # no test asserts seconds
settings.load_profile("argosy")

NO_DATA = "shared data not found: set ARGOSY_DATA"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data: `$ARGOSY_DATA`, else `../shared/data` beside the repository root."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ARGOSY_DATA", default))
    if not folder.is_dir():
        pytest.skip(NO_DATA)
    return folder


TINY = """
name = "tiny"
[data]
sequence_length = 32
vocabulary_size = 320
held_out_fraction = 0.1
[[data.sources]]
kind = "jsonl"
path = "corpus.jsonl"
[model]
dim = 32
layers = 2
heads = 4
kv_heads = 2
[training]
steps = 12
batch_size = 6
learning_rate = 5e-3
precision = "float32"
checkpoint_every = 4
[evaluation]
prompts = ["the "]
sample_tokens = 8
"""


def write_corpus(path: Path, documents: int = 60) -> None:
    """A corpus drawn by a fixed generator: sentences over a small grammar, so that a model can learn something."""
    chance = random.Random(7)
    nouns, verbs = ["ship", "captain", "storm", "port", "crew", "sail"], ["meets", "leaves", "sees", "fears"]
    with path.open("w", encoding="utf-8") as file:
        for number in range(documents):
            sentences = [
                f"the {chance.choice(nouns)} {chance.choice(verbs)} the {chance.choice(nouns)}"
                for _ in range(chance.randint(5, 40))
            ]
            file.write(json.dumps({"id": f"doc-{number}", "text": ". ".join(sentences), "license": "CC0-1.0"}) + "\n")


@pytest.fixture
def tiny_venture(tmp_path: Path) -> Path:
    """A venture that trains in a second: a drawn corpus and 12 steps of a two-layer model."""
    write_corpus(tmp_path / "corpus.jsonl")
    path = tmp_path / "venture.toml"
    path.write_text(TINY)
    return path


class CommandLine:
    """Starts the program as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `argosy arguments` in its own process group."""
        command = [sys.executable, "-m", "argosy", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored in a background job
            **pipes,
        )

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `argosy arguments` to its end and check its exit status; never a traceback."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, f"exit {process.returncode}, expected {code}\n{out}\n{err}"
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *arguments: str) -> Any:
        """The parsed standard output of `argosy arguments --json`."""
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture
def argosy(tmp_path: Path) -> CommandLine:
    """The command line, started in the test's folder."""
    return CommandLine(tmp_path)
