"""Which layers each rank of a pipeline has."""

from collections.abc import Sequence
from functools import lru_cache

from argosy.config import PipelineSchedule, TransformerConfig


def layer_costs(config: TransformerConfig) -> list[float]:
    """FLOPs of each block for a token, forward; those of the head are the last block's."""
    narrow = 2 * config.dim * config.kv_heads * config.head_dim
    products = 2 * config.dim**2 + narrow + 3 * config.dim * config.ffn_dim
    block = 2.0 * products + 2.0 * config.sequence_length * config.dim
    costs = [block] * config.layers
    costs[-1] += 2.0 * config.dim * config.vocabulary_size
    return costs


def split(costs: Sequence[float], stages: int) -> list[range]:
    """Divide layers among stages, at least one each, so that the costliest stage costs least.

    Dynamic programming over (stages, layers); of equally good ways, the one whose last stages have most layers.
    """
    return list(_split(tuple(costs), stages))


@lru_cache(maxsize=64)
def _split(costs: tuple[float, ...], stages: int) -> tuple[range, ...]:
    count = len(costs)
    sums = [0.0]
    for cost in costs:
        sums.append(sums[-1] + cost)
    best = {(0, 0): (0.0, 0)}
    for stage in range(1, stages + 1):
        for end in range(stage, count - stages + stage + 1):
            tries = [
                (max(best[stage - 1, start][0], sums[end] - sums[start]), start)
                for start in range(stage - 1, end)
                if (stage - 1, start) in best
            ]
            best[stage, end] = min(tries)
    ranges, end = [], count
    for stage in range(stages, 0, -1):
        start = best[stage, end][1]
        ranges.append(range(start, end))
        end = start
    return tuple(ranges[::-1])


def stages_of(rank: int, ranks: int, schedule: PipelineSchedule, virtual_stages: int) -> list[int]:
    """The stages that a rank has, in order: one; every `ranks`-th; or one from each end."""
    if schedule == "zero-bubble":
        return [rank, 2 * ranks - 1 - rank]
    return list(range(rank, ranks * virtual_stages, ranks))


def rank_of(stage: int, ranks: int, schedule: PipelineSchedule) -> int:
    """The rank that has a stage."""
    return min(stage, 2 * ranks - 1 - stage) if schedule == "zero-bubble" else stage % ranks
