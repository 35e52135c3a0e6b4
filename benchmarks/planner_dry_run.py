"""The planner against the dry run, from 125 M to 70 B parameters: memory of the fullest rank, FLOPs, collectives.

Two figures are compared with what one rank of the real job needs on tensors without data: *on paper*,
`planning.count_rank`, and what `argosy plan` says of such a layout, which holds libraries' workspaces too.

    python benchmarks/planner_dry_run.py [--quick] [--json]

Resumes; `--quick` takes the four smallest.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks._common import Results, arguments, header

from argosy.config import PRESETS, Execution, Layout, TrainingConfig, TransformerConfig
from argosy.planning import RankSetup, count_rank, predict, shape_of
from argosy.training import dry_run

GIB = 2**30
AIM = 0.08
LLAMA_70B = {"dim": 8192, "layers": 80, "heads": 64, "kv_heads": 8, "ffn_dim": 28672}  # Touvron et al. 2023, table 1
LLAMA_13B = {"dim": 5120, "layers": 40, "heads": 40, "kv_heads": 40, "ffn_dim": 13824}  # Touvron et al. 2023a, table 2
SMALL, TINY = PRESETS["gpt2-small"], PRESETS["tinyllama-1.1b"]
SEVEN, EIGHT = PRESETS["llama-2-7b"], PRESETS["llama-3-8b"]

# name: (shape, vocabulary, tokens of a sequence, layout, sequences of a rank, of a micro-batch, recompute)
CONFIGURATIONS: dict[str, tuple[Any, int, int, dict[str, int], int, int, bool]] = {
    "125M, one process": (SMALL, 50_257, 1024, {}, 8, 8, False),
    "125M, data=8": (SMALL, 50_257, 1024, {"data": 8}, 8, 8, False),
    "1.1B, shard=8": (TINY, 32_000, 2048, {"shard": 8}, 4, 4, False),
    "1.1B, data=2,shard=8, recomputed": (TINY, 32_000, 2048, {"data": 2, "shard": 8}, 8, 8, True),
    "7B, shard=64": (SEVEN, 32_000, 4096, {"shard": 64}, 1, 1, False),
    "7B, shard=8,tensor=8": (SEVEN, 32_000, 4096, {"shard": 8, "tensor": 8}, 2, 2, False),
    "8B, shard=16,context=4": (EIGHT, 128_256, 32_768, {"shard": 16, "context": 4}, 1, 1, True),
    "8B, shard=8,pipeline=4": (EIGHT, 128_256, 8192, {"shard": 8, "pipeline": 4}, 8, 1, False),
    "13B, shard=64": (LLAMA_13B, 32_000, 4096, {"shard": 64}, 1, 1, False),
    "13B, shard=4,tensor=4,pipeline=4": (
        LLAMA_13B,
        32_000,
        4096,
        {"shard": 4, "tensor": 4, "pipeline": 4},
        8,
        1,
        False,
    ),
    "70B, shard=64,tensor=8, recomputed": (LLAMA_70B, 128_256, 8192, {"shard": 64, "tensor": 8}, 1, 1, True),
    "70B, shard=512, recomputed": (LLAMA_70B, 128_256, 8192, {"shard": 512}, 1, 1, True),
}


def setups(name: str) -> list[RankSetup]:
    """The first and the last stage's first rank of a configuration, all in bfloat16 with AdamW."""
    shape, vocabulary, length, degrees, rows, micro_batch, recompute = CONFIGURATIONS[name]
    layout = Layout(**degrees)
    found = RankSetup(
        model=TransformerConfig(**shape, vocabulary_size=vocabulary, sequence_length=length),
        layout=layout,
        execution=Execution(micro_batch=micro_batch, precision="bfloat16", compile=False, recompute=recompute),
        training=TrainingConfig(),
        batch_size=rows * layout.data * layout.shard,
    )
    last = layout.ranks - layout.ranks // layout.pipeline
    return [found.model_copy(update={"rank": rank}) for rank in sorted({0, last})]


def measure(name: str) -> dict[str, Any]:
    """What the fuller of those ranks takes, by the dry run."""
    began, used_s = time.perf_counter(), _children_s()
    counted = max(dry_run(setups(name)), key=lambda one: one.peak_bytes)
    return {
        "rank": counted.rank,
        "states_gib": counted.states_bytes / GIB,
        "peak_gib": counted.peak_bytes / GIB,
        "flops": counted.flops,
        "exchanges": {kind: one.model_dump() for kind, one in counted.exchanges.items()},
        "seconds": time.perf_counter() - began,
        "processor_s": _children_s() - used_s,
        "most_resident_gib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20,
    }


def planned(name: str, rank: int) -> dict[str, Any]:
    """What the planner says of it, both ways."""
    setup = next(one for one in setups(name) if one.rank == rank)
    found = count_rank(setup)
    return {
        "parameters": setup.model.parameter_count(),
        "ranks": setup.layout.ranks,
        "states_gib": found.states_bytes / GIB,
        "peak_gib": found.peak_bytes / GIB,
        "flops": found.flops,
        "exchanges": {kind: one.model_dump() for kind, one in found.exchanges.items()},
        "flops_of_mfu": flops_of_mfu(setup),
        "plan_gib": plan_gib(setup),
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def plan_gib(setup: RankSetup) -> dict[str, float]:
    """The interval of `argosy plan` for this layout on H100."""
    found = predict(setup.model, setup.layout, setup.execution, "H100", batch_size=setup.batch_size).memory
    return {"low": found.low_gib, "middle": found.peak_gib, "high": found.high_gib}


def flops_of_mfu(setup: RankSetup) -> float:
    """An even share of 6N + 12LDT for each token of a step."""
    tokens = setup.batch_size * setup.model.sequence_length
    return tokens * shape_of(setup.model).train_flops_per_token(setup.model.sequence_length) / setup.layout.ranks


def main() -> None:
    """Measure, and print a table or JSON."""
    options = arguments(__doc__ or "", name="planner_dry_run")
    results = Results(options.output, header(["torch"], aim=AIM), fresh=options.fresh)
    names = list(CONFIGURATIONS)[: 4 if options.quick else None]
    counted = {name: results.measure(name, lambda name=name: measure(name)) for name in names}  # type: ignore[misc]
    figures = {name: planned(name, one["rank"]) for name, one in counted.items()}
    off = {name: figures[name]["plan_gib"]["middle"] / one["peak_gib"] - 1 for name, one in counted.items()}
    within = sum(abs(one) <= AIM for one in off.values())
    tree = {**results.tree(), "planned": figures, "within_aim": within, "of": len(names)}
    options.output.write_text(json.dumps(tree, indent=2) + "\n")
    if options.json:
        print(json.dumps(tree, indent=2))
        return
    print(f"{'GiB of the fullest rank':38} {'dry run':>9} {'on paper':>9} {'argosy plan':>16}    FLOPs  collectives")
    for name, one in counted.items():
        paper = figures[name]
        same = "equal" if paper["exchanges"] == one["exchanges"] else "DIFFER"
        print(
            f"{name:38} {one['peak_gib']:9.2f} {paper['peak_gib']:9.2f} {paper['plan_gib']['middle']:9.2f} "
            f"{off[name]:+6.1%} {paper['flops'] / one['flops'] - 1:+8.2%}  {same}"
        )
    print(f"{within} of {len(names)} within {AIM:.0%}; of a pipeline, the fuller of its first and last stage")


if __name__ == "__main__":
    main()
