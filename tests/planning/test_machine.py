"""Plans for this machine: its coefficients are found again, and a plan says what it rests on."""

import math
from pathlib import Path

import numpy as np
import pytest

from argosy.config import Layout, UserError, load_venture, resolve_recipe, transformer_config
from argosy.hardware import AllReduceRate, HardwareProfile, MeasuredStep, MemoryRate, StepSetup
from argosy.hardware.calibration import reference_steps
from argosy.planning import Machine, ask, plan, plan_run, question_of
from argosy.planning import machine as physics
from tests.hardware.machines import SOUND, SPEED

pytestmark = pytest.mark.fast

REDUCED = AllReduceRate(ranks=2, backend="gloo", bytes=32 << 20, seconds=0.03, bandwidth_gib_per_s=1.0)
STREAM = MemoryRate(device="cpu", kind="triad", bandwidth_gib_per_s=20.0)
NEW = SOUND.model_copy(update={"speed": SPEED.model_copy(update={"memory": (STREAM,), "all_reduce": (REDUCED,)})})


def calibrated(seed: int = 0, noise: float = 0.02) -> tuple[HardwareProfile, Machine]:
    """A machine whose coefficients are drawn from their priors, and the same as its own steps tell of it."""
    chance = np.random.default_rng(seed)
    truth = Machine(NEW)
    for name, priors in (("_time", physics.TIME_PRIORS), ("_memory", physics.MEMORY_PRIORS)):
        fitted = getattr(truth, name)
        deviation = np.array([width for _, width in priors.values()])
        setattr(truth, name, fitted._replace(point=fitted.point + chance.normal(0, deviation)))
    steps = tuple(
        MeasuredStep(
            **setup.model_dump(),
            step_time_s=truth.step_time_s(setup).middle * math.exp(chance.normal(0, noise)),
            peak_memory_gib=truth.peak_memory_gib(setup).middle * math.exp(chance.normal(0, noise)),
        )
        for setup in reference_steps(NEW)
    )
    assert NEW.speed is not None
    return NEW.model_copy(update={"speed": NEW.speed.model_copy(update={"training": steps})}), truth


def other(setup: StepSetup, dim: int, layers: int, batch_size: int) -> StepSetup:
    model = setup.model.model_copy(
        update={"dim": dim, "layers": layers, "heads": dim // 64, "kv_heads": dim // 64, "ffn_dim": 3 * dim}
    )
    return setup.model_copy(update={"model": model, "batch_size": batch_size, "micro_batch": 4})


def test_a_machine_is_known_by_its_training_steps() -> None:
    off, memory_off, held = [], [], []
    for seed in range(6):
        profile, truth = calibrated(seed)
        machine = Machine(profile)
        for setup in list(reference_steps(NEW))[:20:3]:
            asked = other(setup, 320, 9, 16)
            found, right = machine.step_time_s(asked), truth.step_time_s(asked).middle
            off.append(abs(found.middle / right - 1))
            held.append(found.low <= right <= found.high)
            memory_off.append(abs(machine.peak_memory_gib(asked).middle / truth.peak_memory_gib(asked).middle - 1))
    assert np.median(off) < 0.06 and np.median(memory_off) < 0.05
    assert np.mean(held) > 0.7


def test_what_was_never_measured_is_said_with_a_wide_interval() -> None:
    setup = next(reference_steps(NEW))
    before, after = Machine(NEW).step_time_s(setup), Machine(calibrated()[0]).step_time_s(setup)
    assert before.high / before.low > 1.5 * after.high / after.low


def test_more_work_takes_longer_and_more_room() -> None:
    machine = Machine(calibrated()[0])
    setup = next(reference_steps(NEW))
    base = other(setup, 256, 4, 8)
    for larger in (other(setup, 512, 4, 8), other(setup, 256, 8, 8), other(setup, 256, 4, 16)):
        assert machine.step_time_s(larger).middle > machine.step_time_s(base).middle
    again = base.model_copy(update={"recompute": True})
    assert machine.step_time_s(again).middle > machine.step_time_s(base).middle
    assert machine.peak_memory_gib(again).middle < machine.peak_memory_gib(base).middle
    states = machine.peak_memory_gib(base).parts["states"]
    assert states == pytest.approx(16 * base.model.parameter_count() / 2**30, rel=0.1)


def test_muon_takes_longer_and_less_room() -> None:
    machine, setup = Machine(calibrated()[0]), next(reference_steps(NEW))
    muon, sgd = (setup.model_copy(update={"optimizer": name}) for name in ("muon", "sgd"))
    assert machine.step_time_s(muon).middle > machine.step_time_s(setup).middle > machine.step_time_s(sgd).middle
    states = [machine.peak_memory_gib(one).parts["states"] for one in (setup, muon, sgd)]
    assert states == sorted(states, reverse=True) and states[2] == pytest.approx(0.75 * states[0])


def test_references_need_no_cores_that_are_not_there() -> None:
    one = SOUND.processor.model_copy(update={"usable_cores": 1})
    assert {setup.ranks for setup in reference_steps(SOUND.model_copy(update={"processor": one}))} == {1}
    assert {setup.compile for setup in reference_steps(SOUND)} == {False, True}
    bare = SOUND.software.model_copy(update={"compiler": None})
    assert {setup.compile for setup in reference_steps(SOUND.model_copy(update={"software": bare}))} == {False}


def keep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: HardwareProfile | None) -> None:
    """Let this machine be a made-up one."""
    from argosy.planning import here

    monkeypatch.setattr(here, "load_profile", lambda: profile)
    here._machine.cache_clear()


def test_a_plan_without_accelerators_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile, _ = calibrated()
    keep(monkeypatch, tmp_path, profile)
    found = plan(ask(size="10M", vocabulary_size=8192, sequence_length=512, tokens="50M"))
    assert "on this machine" in found.summary and found.layout.job.ranks in (1, 2, 4, 8)
    assert found.layout.memory.verdict == "fits" and found.layout.throughput.nearest[0].source.startswith("measured")
    assert found.duration.useful_h * 3600 * found.layout.tokens_per_s == pytest.approx(50e6)
    assert found.cost.usd is None and "electricity" in found.cost.price
    assert {one.name.split()[0] for one in found.choices} >= {"recomputation:"}
    paid = plan(ask(size="10M", vocabulary_size=8192, sequence_length=512, tokens="50M", usd_per_hour=0.5))
    assert paid.cost.usd and paid.cost.usd.middle == pytest.approx(0.5 * paid.duration.wall_h.middle)
    with pytest.raises(UserError, match="this machine leaves"):
        plan(ask(size="7B", tokens="1B"))


def test_only_what_argosy_trains_is_predicted_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep(monkeypatch, tmp_path, calibrated()[0])
    asked = ask(size="10M", vocabulary_size=8192, sequence_length=512, tokens="50M")
    for changes in ({"gated": False}, {"window": 128, "windowed_layers": 2}, {"query_bias": True}):
        with pytest.raises(UserError, match="only Argosy's own transformer"):
            plan(asked.model_copy(update={"shape": asked.shape.model_copy(update=changes)}))
    with pytest.raises(UserError, match="every precision that was measured is tried"):
        ask(size="10M", arithmetic="float8")
    found = plan(asked)
    told = next(one for one in found.assessments if one.subject == "compute and storage").evidence
    job = found.layout.job
    assert any(f"--set training.precision={job.arithmetic}" in line for line in told)
    assert job.arithmetic in found.layout.title
    kept = plan(asked.model_copy(update={"batch_tokens": 7 * 512.0}))
    assert kept.layout.job.batch_size == 7 and kept.layout.job.ranks == 1


def test_a_venture_is_asked_for_what_it_would_train(tmp_path: Path) -> None:
    words = [
        'name = "v"',
        "[[data.sources]]",
        'kind = "text"',
        'path = "*.txt"',
        "[model]",
        'size = "20M"',
        "[training]",
        "steps = 300",
    ]
    (tmp_path / "venture.toml").write_text("\n".join(words))
    venture = load_venture(tmp_path)
    recipe = resolve_recipe(venture, transformer_config(venture, venture.data.vocabulary_size))  # type: ignore[arg-type]
    asked = question_of(venture, {"accelerators": "8xH100"})  # type: ignore[arg-type]
    assert asked.tokens == 300 * recipe.tokens_per_step and asked.batch_tokens is None
    assert plan(load_venture(tmp_path, ("plan.accelerators=8xH100",))).question == asked
    larger = question_of(venture, {"accelerators": "8xH100", "size": "50M"})  # type: ignore[arg-type]
    assert larger.shape.vocabulary_size == asked.shape.vocabulary_size == venture.data.vocabulary_size


def test_a_machine_that_was_never_measured_is_not_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", str(tmp_path))
    with pytest.raises(UserError) as error:
        ask(size="10M")
    assert error.value.code == "not-measured" and "argosy calibrate" in error.value.hint


def test_a_run_is_planned_as_it_is_configured(tiny_venture: Path) -> None:
    venture = load_venture(tiny_venture)
    config = transformer_config(venture, 320)  # type: ignore[arg-type]
    recipe = resolve_recipe(venture, config)  # type: ignore[arg-type]
    unknown = plan_run(venture, config, recipe, None, Layout())  # type: ignore[arg-type]
    assert unknown.step_time_s is None and "argosy calibrate" in unknown.basis
    assert (unknown.parameters, unknown.tokens) == (config.parameter_count(), 12 * 6 * 32)
    known = plan_run(venture, config, recipe, calibrated()[0], Layout())  # type: ignore[arg-type]
    assert known.step_time_s and known.train_h and known.peak_memory_gib
    assert known.train_h.middle == pytest.approx(12 * known.step_time_s.middle / 3600)
    assert known.execution.precision == "float32" and "training steps measured here" in known.basis
    assert "no training step" in plan_run(venture, config, recipe, NEW, Layout()).basis  # type: ignore[arg-type]
    assert plan_run(venture, config, recipe, calibrated()[0], Layout(data=2)).ranks == 2  # type: ignore[arg-type]
