"""Which rank works on which matrix, and who sends it; that results are right is for `tests/parity`."""

import pytest
import torch

from argosy.parallel import WholeMatrices
from argosy.parallel.matrices import _givers, _shared_out

pytestmark = pytest.mark.fast


def test_a_whole_is_put_together_from_each_part_once() -> None:
    front, back, nothing = ((slice(*span), slice(0, 5)) for span in ((0, 2), (2, 4), (4, 4)))
    assert _givers([front, back], worker=1) == {0, 1}
    assert _givers([front, back, front, back], worker=3) == {0, 3}, "of two that have the same, the worker itself"
    assert _givers([front, back, nothing], worker=0) == {0, 1, 2}
    whole = (slice(0, 4), slice(0, 5))
    assert _givers([whole, whole, whole], worker=2) == {2}, "who has everything needs nobody"


def test_work_is_shared_out_evenly() -> None:
    costs = [5, 4, 3, 3, 3, 8, 1, 1]
    chosen = _shared_out(costs, 3)
    loads = [sum(cost for cost, rank in zip(costs, chosen, strict=True) if rank == r) for r in range(3)]
    assert sum(loads) == sum(costs) and max(loads) <= 4 / 3 * sum(costs) / 3  # Graham 1969, theorem 2
    assert _shared_out([7], 4).count(0) == 1


def test_one_rank_does_it_all() -> None:
    matrices = [torch.ones(2, 3), torch.ones(4, 1)]
    doubled = WholeMatrices(matrices, None).map(matrices, lambda whole: 2 * whole)
    assert [tensor.tolist() for tensor in doubled] == [[[2.0] * 3] * 2, [[2.0]] * 4]
    assert WholeMatrices([], None).map([], torch.neg) == []
