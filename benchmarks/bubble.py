"""How much of a pipeline's time its ranks have nothing to do, against the formula; aim: within 15 %.

Every forward and backward pass of a micro-batch is timed in a real pipeline of equally costly stages, by the wall clock
and by the time its thread computed. From the first follows the bubble as it was; from the second, by a replay in which
a pass begins when its rank is free and what it needs is there, the bubble without other programs, without what Python
does between passes and without sending; with the mean time of each kind of pass in every stage, the one that is due to
the order alone. With fewer cores than ranks, only the second means anything.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table
from _schedules import Action, Done, bubble, formula, parsed, replayed

SCHEDULES = {"gpipe": 1, "1f1b": 1, "interleaved": 2, "zero-bubble": 2}
MODEL = {"vocabulary_size": 64, "dim": 256, "layers": 8, "heads": 4, "kv_heads": 4, "ffn_dim": 768}
MODEL |= {"sequence_length": 256, "tied_embeddings": False, "qk_norm": False, "norm_eps": 1e-5, "rope_theta": 10_000.0}
SETUP = {"model": MODEL, "rows": 1, "warm_up": 2}
AIM = 0.15


def cases(quick: bool) -> dict[int, list[dict[str, Any]]]:
    """Pipelines by their number of ranks."""
    found: dict[int, list[dict[str, Any]]] = {}
    for ranks, counts in {2: (2, 4, 8), 4: (8,)}.items():
        for schedule, virtual in SCHEDULES.items():
            for count in counts[1:2] if quick else counts:
                case = {"schedule": schedule, "virtual_stages": virtual, "micro_batches": count, "ranks": ranks}
                found.setdefault(ranks, []).append({"name": f"{schedule}, {ranks} ranks, {count} micro-batches"} | case)
        if quick:
            break
    return found


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="bubble")
    setup = {**SETUP, "repetitions": 3 if options.quick else 7}
    results = Results(options.output, header(["torch"], **setup, threads_per_rank=1), fresh=options.fresh)
    cores = results.head["hardware"]["usable_cores"]
    for ranks, some in cases(options.quick).items():
        missing = [case for case in some if case["name"] not in results.measurements]
        timed = together({**setup, "cases": missing}, ranks) if missing else {}
        for case in some:
            results.measure(case["name"], lambda c=case, t=timed, r=ranks: judged(c, t[c["name"]], enough=r <= cores))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = [
        (
            name,
            shown(one["formula"]),
            shown(one["replayed"]),
            off(one, "replayed"),
            off(one, "replayed_evenly"),
            shown(one["wall"]),
            off(one, "wall"),
        )
        for name, one in results.measurements.items()
    ]
    print_table(
        ("bubble", "formula", "by thread time", "off by", "with even stages", "by the wall clock", "off by"), rows
    )


def together(setup: dict[str, Any], ranks: int) -> dict[str, Any]:
    """Time the cases of so many ranks in one set of processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    command = [sys.executable, *launcher, "-m", "benchmarks.programs.bubble_rank", json.dumps(setup)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["name"]: line["repetitions"] for line in lines}


def judged(case: dict[str, Any], repetitions: list[list[list[Any]]], *, enough: bool) -> dict[str, Any]:
    """The bubble by the formula, by a replay of median thread times, and the median by the wall clock."""
    order = [[parsed(mark) for mark, *_ in rank] for rank in repetitions[0]]
    seconds = [
        {
            action: statistics.median(once[rank][place][3] for once in repetitions)
            for place, action in enumerate(actions)
        }
        for rank, actions in enumerate(order)
    ]
    walls = [
        bubble([[Done(parsed(mark), start, end) for mark, start, end, _ in rank] for rank in once])
        for once in repetitions
    ]
    return {
        "formula": formula(case["schedule"], case["ranks"], case["virtual_stages"], case["micro_batches"]),
        "replayed": bubble(replayed(order, seconds)),
        "replayed_evenly": bubble(replayed(order, evened(seconds))),
        "wall": statistics.median(walls) if enough else None,
        "wall_not_taken": None if enough else f"{case['ranks']} ranks share fewer cores",
        "load_average_1min": round(os.getloadavg()[0], 1),
        "seconds": {
            f"{kind} on rank {rank}": spent for rank in range(len(order)) for kind, spent in kinds(seconds[rank])
        },
    }


def evened(seconds: list[dict[Action, float]]) -> list[dict[Action, float]]:
    """The mean seconds of each kind of pass, in every stage: what is left is what the order itself costs."""
    by_kind: dict[str, list[float]] = {}
    for action, spent in (pair for rank in seconds for pair in rank.items()):
        by_kind.setdefault(action.kind, []).append(spent)
    return [{action: statistics.fmean(by_kind[action.kind]) for action in rank} for rank in seconds]


def kinds(seconds: dict[Action, float]) -> list[tuple[str, float]]:
    """Median seconds of a rank's forward, backward, input and weight passes."""
    by_kind = {kind: [spent for action, spent in seconds.items() if action.kind == kind] for kind in "FBIW"}
    return [(kind, round(statistics.median(some), 5)) for kind, some in by_kind.items() if some]


def shown(share: float | None) -> str:
    """A share in per cent."""
    return "" if share is None else f"{100 * share:.1f} %"


def off(one: dict[str, Any], how: str) -> str:
    """How far a measurement is from the formula, of the formula; with a mark beyond the aim."""
    if one["formula"] is None or one[how] is None:
        return ""
    error = one[how] / one["formula"] - 1
    return f"{100 * error:+.0f} %{'' if abs(error) <= AIM else ' !'}"


if __name__ == "__main__":
    main()
