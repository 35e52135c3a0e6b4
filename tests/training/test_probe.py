"""The probe as the doctor runs it: alone, and refusing nonsense."""

import os
import subprocess
import sys

import pytest

from argosy.hardware import HardwareProfile


def probe(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "argosy.training.probe", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_alone_it_prints_one_profile_on_one_line() -> None:
    result = probe("--json", "--quick")
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    profile = HardwareProfile.model_validate_json(line)
    assert profile.speed is not None and profile.speed.all_reduce == ()
    assert profile.software.omp_num_threads == "1"
    for name in ("float32", "bfloat16"):
        assert profile.speed.best_tflops(name) is not None  # type: ignore[arg-type]


def test_unknown_options_are_refused() -> None:
    result = probe("--slow")
    assert result.returncode == 2 and "--slow" in result.stderr


@pytest.mark.parametrize("size", [256, 512])
def test_rates_are_those_of_the_product_that_was_timed(size: int) -> None:
    """The best time times the rate is the operation count, and the operands stay normal numbers."""
    import torch

    from argosy.training import probe as module

    device = torch.device("cpu")
    product = module._product(size, torch.float32, device)()
    assert isinstance(product, torch.Tensor)
    assert product.shape == (size, size)
    assert 0.1 < product.std().item() * size**0.5 < 10  # a product of two such matrices is another such matrix
    nonzero = product[product != 0].abs()
    assert nonzero.min() > torch.finfo(torch.float32).tiny
