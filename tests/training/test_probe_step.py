"""A training step as `argosy calibrate` measures it."""

import pytest

from argosy.config import TransformerConfig
from argosy.hardware import MeasuredStep, StepSetup
from argosy.hardware.measure import run_probe

MODEL = TransformerConfig(vocabulary_size=512, dim=64, layers=2, heads=2, kv_heads=2, ffn_dim=160, sequence_length=64)
SETUP = StepSetup(model=MODEL, batch_size=4, micro_batch=2, precision="float32")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_step_is_timed_and_its_memory_read(ranks: int) -> None:
    setup = SETUP.model_copy(update={"ranks": ranks})
    text = run_probe("argosy.training.probe_step", [setup.model_dump_json()], ranks=ranks, accelerators=False)
    found = MeasuredStep.model_validate_json(text)
    assert StepSetup(**found.model_dump(include=set(StepSetup.model_fields))) == setup
    assert 0 < found.step_time_s < 60
    assert 16 * MODEL.parameter_count() / 2**30 < found.peak_memory_gib < 4
