"""Joining, where the machine does not play along."""

from typing import Any

import pytest
import torch
import torch.distributed as dist

import argosy.parallel.world as world
from argosy.config import RunConfig, UserError
from argosy.parallel import World

pytestmark = pytest.mark.fast

# What NCCL 2.28 said to three ranks on one H100.
SHARED = """NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.cpp:93, invalid usage
ncclInvalidUsage: This usually reflects invalid usage of NCCL library.
Last error:
Duplicate GPU detected : rank 2 and rank 0 both on CUDA device 60"""


def test_ranks_that_share_a_gpu_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise dist.DistBackendError(SHARED)

    monkeypatch.setattr(dist, "init_process_group", fail)
    with pytest.raises(UserError, match="rank 2 shares its GPU") as caught:
        world._connect(World(2, 3, torch.device("cpu")), RunConfig(), dist.HashStore())
    assert caught.value.code == "too-few-gpus"
