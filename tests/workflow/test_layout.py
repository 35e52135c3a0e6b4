"""`layout = "auto"`: chosen by the planner among what training accepts, kept by the run."""

from pathlib import Path

import pytest

from argosy.config import Layout, UserError, Venture, load_venture
from argosy.hardware import Accelerator, HardwareProfile
from argosy.parallel import check
from argosy.storage import Run
from argosy.workflow.layout import settled
from tests.hardware.machines import SOUND
from tests.planning.test_machine import calibrated, keep

pytestmark = pytest.mark.fast


def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: HardwareProfile | None) -> None:
    monkeypatch.setattr("argosy.workflow.layout.load_profile", lambda: profile)
    keep(monkeypatch, tmp_path, profile)


def test_a_run_keeps_the_layout_that_the_planner_chose(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_venture: Path
) -> None:
    measured(monkeypatch, tmp_path, calibrated()[0])
    venture = load_venture(tiny_venture, ["layout=auto", "training.recompute=true"])
    run = Run(tmp_path / "run")
    assert settled(venture, run, choose=False) is venture
    chosen = settled(venture, run)
    assert isinstance(chosen, Venture) and type(chosen.layout) is Layout and chosen.training.recompute
    assert chosen.training.micro_batch and 6 % chosen.layout.data == 0
    run.write_venture(chosen.model_copy(update={"layout": Layout(pipeline=2)}))
    assert settled(venture, run).layout == Layout(pipeline=2)
    assert settled(venture, run, fresh=True) == chosen
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert settled(venture, run).layout == Layout(data=3)


def test_the_layout_on_accelerators_is_one_that_training_accepts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_venture: Path
) -> None:
    eight = Accelerator(name="NVIDIA H100 80GB HBM3", memory_gib=79.6, count=8, bfloat16=True)
    measured(monkeypatch, tmp_path, SOUND.model_copy(update={"accelerators": (eight,)}))
    shape = ["model.dim=4096", "model.layers=32", "model.heads=32", "model.kv_heads=8", "data.sequence_length=4096"]
    venture = load_venture(tiny_venture, ["layout=auto", *shape, "training.batch_size=64"])
    chosen = settled(venture, Run(tmp_path / "run"))
    assert chosen.layout.ranks == 8 and chosen.layout.data < 8 and not check(chosen)
    with pytest.raises(UserError, match="no layout fits"):
        settled(load_venture(tiny_venture, ["layout=auto", *shape, "model.layers=1000"]), Run(tmp_path / "run"))


def test_a_machine_that_was_never_measured_asks_for_a_layout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_venture: Path
) -> None:
    measured(monkeypatch, tmp_path, None)
    with pytest.raises(UserError, match="--layout data=2"):
        settled(load_venture(tiny_venture, ["layout=auto"]), Run(tmp_path / "run"))
