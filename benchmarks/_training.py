"""Training beside peers: a prepared run, and the peers' programs that train on its tokens, whose shape they share."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _peers import LITGPT, PEERS, PROGRAMS
from argosy.config import Recipe, TransformerConfig, resolve_recipe, transformer_config
from argosy.data import TokenStore, open_dataset
from argosy.storage import Run


@dataclass(frozen=True)
class Variant:
    """One way to run one trainer."""

    trainer: str
    """Argosy, or a peer."""
    precision: str
    """Of the matrix products."""
    compile: bool
    """Whether the model is compiled."""
    backend: str = ""
    """Of Keras."""

    @property
    def name(self) -> str:
        """For the results."""
        backend = f" on {self.backend}" if self.backend else ""
        return f"{self.trainer}{backend}, {self.precision}{', compiled' if self.compile else ''}"

    @property
    def environment(self) -> dict[str, str]:
        """Of a peer's program."""
        if self.trainer == "litgpt":
            return {} if self.compile else {"TORCHDYNAMO_DISABLE": "1"}
        return {"KERAS_BACKEND": self.backend, "TF_CPP_MIN_LOG_LEVEL": "2"} if self.backend else {}

    @property
    def python(self) -> Path:
        """The interpreter of a peer's program."""
        return LITGPT if self.trainer == "litgpt" else PEERS


@dataclass(frozen=True)
class Prepared:
    """A venture whose text is prepared."""

    venture: Path
    run: Run

    @property
    def store(self) -> TokenStore:
        """Its tokens."""
        return open_dataset(self.run.data, verify=False)

    @property
    def shape(self) -> TransformerConfig:
        """Its model."""
        return transformer_config(self.run.venture(), self.store.index.vocabulary_size)

    @property
    def recipe(self) -> Recipe:
        """Its training, every default resolved."""
        return resolve_recipe(self.run.venture(), self.shape)

    def copy(self) -> Run:
        """A run of its own on the same tokens."""
        return Run(shutil.copytree(self.run.path, tempfile.mkdtemp(dir=self.venture.parent), dirs_exist_ok=True))

    def command(self, run: Run, *settings: str) -> list[object]:
        """`argosy train` on a copy."""
        changes = [part for setting in settings for part in ("--set", setting)]
        return [sys.executable, "-m", "argosy", "train", self.venture, "--run", run.path, *changes]


def prepared(folder: Path, text: str) -> Prepared:
    """Write the venture `text` to a new folder and prepare its data."""
    folder.mkdir()
    venture = folder / "venture.toml"
    venture.write_text(text)
    run = Run(folder / "prepared")
    subprocess.run(
        [sys.executable, "-m", "argosy", "prepare", venture, "--run", run.path], check=True, stdout=sys.stderr
    )
    return Prepared(venture, run)


def write_setup(path: Path, data: Prepared, variant: Variant, **more: Any) -> Path:
    """The file that a peer's program reads (`programs/language.py`); step ends go beside it."""
    training = data.run.venture().training
    tree = {
        "model": data.shape.model_dump(),
        "recipe": training.model_dump(mode="json") | data.recipe.model_dump(),
        "tokens": str(data.run.data / data.store.index.shards[0].file),
        "precision": variant.precision,
        "compile": variant.compile,
        "ends": str(path.with_suffix(".ends")),
        "seconds": None,
        "started": time.time(),
        "defaults": False,
        "seed": 0,
        **more,
    }
    path.write_text(json.dumps(tree))
    return path


def peer_command(variant: Variant, setup: Path) -> list[object]:
    """Train until killed."""
    return [variant.python, PROGRAMS / f"train_{variant.trainer}.py", setup, setup.with_suffix(".result")]
