"""Pictures and tables of explanation/parallelism.md: `python docs/parallelism.py [blocks]`.

Pictures are drawn from what the code does: who holds which part of a weight is read from the parameters of each rank,
who has which tokens from the division of sequences, what pipelines do from the order of their schedules. With `blocks`,
only the tables in the page are written again.
"""

import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PAGE, IMAGES, RESULTS = DOCS / "explanation" / "parallelism.md", DOCS / "images", ROOT / "benchmarks" / "results"
QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "1B on 8 × H100": {"size": "1B", "accelerators": "8xH100"},
    "70B on 64 × H100": {"size": "70B", "accelerators": "64xH100"},
    "405B on 1,024 × H100": {"size": "405B", "accelerators": "1024xH100"},
    "7B on 64 × H100, sequences of 131,072": {"size": "7B", "accelerators": "64xH100", "sequence_length": 131_072},
}
SCHEDULES: Mapping[Any, tuple[str, int]] = {
    "gpipe": ("GPipe", 1),
    "1f1b": ("1F1B", 1),
    "interleaved": ("Interleaved 1F1B", 2),
    "zero-bubble": ("Zero bubble (ZB-V)", 2),
}
STAGES, MICRO_BATCHES = 4, 8
LONGEST = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}  # a backward pass has twice the products of a forward pass


# Tables


def planned_block() -> str:
    """What the planner chooses for four questions, and why not something else."""
    import argosy

    lines = ["| | chosen | next best | why not |", "| --- | --- | --- | --- |"]
    for name, asked in QUESTIONS.items():
        plan = argosy.plan(argosy.ask(**asked))
        for place, other in enumerate(plan.runners_up[:3]):
            first = f"{name} | **{plan.layout.title}**" if place == 0 else " | "
            lines.append(f"| {first} | {other.title} | {other.lost} |")
    return "\n".join(lines)


def parity_block() -> str:
    """The cells of `benchmarks/parity.py` by the kinds of parallelism in them."""
    path = RESULTS / "parity.json"
    if not path.exists():
        return "*Not measured yet: `python benchmarks/parity.py`.*"
    tree = json.loads(path.read_text())
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, found in tree["measurements"].items():
        rows.setdefault(_kinds(name), []).append(found)
    figures = ("loss", "held_out", "gradient", "weight")
    lines = ["| kinds | cells | passed | loss | held-out loss | gradient | weight |", "|" + " --- |" * 7]
    for kinds, some in sorted(rows.items(), key=lambda row: (_rank(row[0]), row[0])):
        worst = [max((one[figure] for one in some if figure in one), default=None) for figure in figures]
        cells = ["" if value is None else f"{value:.1e}" for value in worst]
        passed = sum(one["passed"] for one in some)
        lines.append(f"| {kinds} | {len(some)} | {passed} | {' | '.join(cells)} |")
    head = tree["versions"]
    return "\n".join([*lines, "", f"PyTorch {head['torch']}, {tree['date']}."])


def _kinds(name: str) -> str:
    if "control" in name:
        return "broken on purpose (has to differ)"
    if "bfloat16" in name:
        return "in bfloat16"
    degrees = re.findall(r"(data|shard|tensor|pipeline|context)=", name)
    return " × ".join(degrees) or "one process"


def _rank(kinds: str) -> int:
    return 99 if kinds.startswith(("in ", "broken")) else kinds.count("×") + (kinds != "one process")


def bubble_block() -> str:
    """What `benchmarks/bubble.py` measured."""
    path = RESULTS / "bubble.json"
    if not path.exists():
        return "*Not measured yet: `python benchmarks/bubble.py`.*"
    tree = json.loads(path.read_text())
    lines = ["| schedule | formula | by thread time | by the wall clock |", "| --- | --- | --- | --- |"]
    for name, found in tree["measurements"].items():
        shares = (found["formula"], found["replayed"], found["wall"])
        cells = ["" if share is None else f"{100 * share:.1f} %" for share in shares]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    hardware = tree["hardware"]
    loads = [found["load_average_1min"] for found in tree["measurements"].values()]
    lines += [
        "",
        f"{hardware['usable_cores']} cores of {hardware['cpu']}, {tree['date']}; so many programs wanted a core ",
    ]
    lines[-1] += f"meanwhile: {min(loads):.0f} to {max(loads):.0f}."
    return "\n".join(lines)


BLOCKS: Mapping[str, Callable[[], str]] = {"planned": planned_block, "parity": parity_block, "bubble": bubble_block}


def with_blocks(page: str) -> str:
    """The page with its tables written again."""
    for name, make in BLOCKS.items():
        begin, end = f"<!-- begin {name}: written by docs/parallelism.py -->", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{make()}\n\n{end}{rest.partition(end)[2]}"
    return page


# Pictures


def schedule_pictures() -> None:
    """A chart for each schedule, with passes that take what their products do."""
    from benchmarks._schedules import bubble, orders, replayed

    from argosy.report import Bar, gantt_svg

    for schedule, (title, virtual) in SCHEDULES.items():
        order = orders(schedule, STAGES, virtual, MICRO_BATCHES)
        done = replayed(order, [{action: LONGEST[action.kind] / virtual for action in some} for some in order])
        lanes = [
            (
                f"rank {rank}",
                [
                    Bar(
                        one.start,
                        one.end,
                        f"{one.action.kind}{' odd' if one.action.stage >= STAGES else ''}",
                        str(one.action.micro_batch),
                    )
                    for one in some
                ],
            )
            for rank, some in enumerate(done)
        ]
        kinds = {one.action.kind for some in done for one in some}
        names = {"F": "forward", "B": "backward", "I": "backward, inputs", "W": "backward, weights"}
        share = f"bubble {100 * bubble(done):.0f} %"
        words = (
            f"{STAGES} ranks, {MICRO_BATCHES} micro-batches, the numbers in the boxes; a rank's second stage is paler"
        )
        chart = gantt_svg(
            f"{title}: {share}", lanes, {k: n for k, n in names.items() if k in kinds}, "forward passes", words
        )
        (IMAGES / f"schedule-{schedule}.svg").write_text(chart, encoding="utf-8")


def weight_picture() -> None:
    """Which part of the two matrices of a feed-forward network each rank of data=2, shard=2, tensor=2 holds."""
    from argosy.config import Layout

    names = {"w1": "w1, its rows divided twice", "w2": "w2, columns, then rows"}
    layout = Layout(data=2, shard=2, tensor=2)
    held = {name: _held(layout, name) for name in names}
    parts, left = [], 30.0
    for name, title in names.items():
        rows, columns, regions = held[name]
        scale = 240 / max(rows, columns)
        parts.append(f'<text class="title" x="{left}" y="24">{title} [{rows} × {columns}]</text>')
        for place, ((top, bottom, first, last), ranks) in enumerate(regions.items()):
            x, y = left + first * scale, 40 + top * scale
            width, height = (last - first) * scale, (bottom - top) * scale
            parts.append(
                f'<rect class="k{place}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
                f'<text class="in" x="{x + width / 2:.1f}" y="{y + height / 2 + 4:.1f}">'
                f"ranks {', '.join(map(str, ranks))}</text>"
            )
        left += max(columns * scale, 270) + 30
    words = "The parts of two weights that each of eight ranks holds"
    (IMAGES / "parallel-weight.svg").write_text(_svg(max(left, 560), 300, parts, words), encoding="utf-8")


Region = tuple[int, int, int, int]


def _held(layout: Any, module: str) -> tuple[int, int, dict[Region, list[int]]]:
    """Rows and columns of a weight, and for each (top, bottom, left, right) of it the ranks that hold that part.

    How tensor parallelism places it is in its plan; FSDP divides rows.
    """
    import torch
    from torch.distributed.tensor import Replicate, Shard

    from argosy.parallel import Mesh, World, local_part
    from argosy.parallel.tensor import KINDS, TRANSFORMER_PLAN

    rows, columns = {"w1": (32, 16), "w2": (16, 32)}[module]
    kind = next(
        kind for pattern, kind in TRANSFORMER_PLAN.items() if fnmatch(f"blocks.0.feed_forward.{module}", pattern)
    )
    placements = (Replicate(), Shard(0), KINDS[kind][1]["weight"])
    regions: dict[Region, list[int]] = {}
    for rank in range(layout.ranks):
        places = Mesh(layout, World(rank, layout.ranks, torch.device("cpu"))).places
        grid = SimpleNamespace(
            ndim=3,
            get_coordinate=lambda places=places: [places[name] for name in ("data", "shard", "tensor")],
            size=lambda index: (layout.data, layout.shard, layout.tensor)[index],
        )
        like: Any = SimpleNamespace(device_mesh=grid, placements=placements)
        own = local_part(torch.arange(rows * columns).view(rows, columns), like)
        down, along = own // columns, own % columns
        region = (int(down.min()), int(down.max()) + 1, int(along.min()), int(along.max()) + 1)
        regions.setdefault(region, []).append(rank)
    return rows, columns, regions


def context_picture() -> None:
    """Which queries each of four ranks has, and which keys they see."""
    import torch

    from argosy.parallel.context import Sequence

    ranks, chunks, side = 4, 8, 26
    owner: dict[int, int] = {}
    for rank in range(ranks):
        sequence = Sequence()
        sequence.rank, sequence.ranks = rank, ranks
        owner |= dict.fromkeys(sequence.positions(chunks, torch.device("cpu")).tolist(), rank)
    parts = ['<text class="title" x="30" y="24">Causal attention over 8 chunks, 4 ranks</text>']
    for row, column in itertools.product(range(chunks), range(chunks)):
        if column <= row:
            x, y = 110 + column * side, 40 + row * side
            half = f"M{x} {y}V{y + side}H{x + side}Z" if row == column else f"M{x} {y}h{side}v{side}h-{side}Z"
            parts.append(f'<path class="k{owner[row]}" d="{half}"/>')
    work = dict.fromkeys(range(ranks), 0.0)
    for row in range(chunks):
        parts.append(f'<text class="end" x="100" y="{58 + row * side}">queries: rank {owner[row]}</text>')
        work[owner[row]] += row + 0.5
    for rank, chunks_seen in work.items():
        parts.append(f'<rect class="k{rank}" x="350" y="{44 + rank * side}" width="14" height="14"/>')
        parts.append(f'<text x="372" y="{56 + rank * side}">rank {rank}: {chunks_seen:g} chunks × chunks</text>')
    words = "Each rank has one chunk from the front and one from the back, and all do the same work"
    (IMAGES / "parallel-context.svg").write_text(_svg(560, 270, parts, words), encoding="utf-8")


STYLE = """
text{font:12px system-ui,sans-serif;fill:#546771}.title{font-size:14px;font-weight:600;fill:#0f2029}
.in{fill:#fff;text-anchor:middle}.end{text-anchor:end}rect,path{stroke:#fff}
.k0{fill:#0b5a7a}.k1{fill:#a8195f}.k2{fill:#8a6110}.k3{fill:#4d6b2f}
@media (prefers-color-scheme:dark){text{fill:#91a6af}.title{fill:#e6eef0}.in{fill:#0a151b}rect,path{stroke:#0a151b}
.k0{fill:#6cc5e4}.k1{fill:#f27ab3}.k2{fill:#e0b65a}.k3{fill:#a3c585}}
""".replace("\n", "")


def _svg(width: float, height: float, parts: Iterable[str], words: str) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
        f"<title>{words}</title><style>{STYLE}</style>{body}</svg>\n"
    )


def main() -> None:
    """Write the tables, and unless only those are asked for, the pictures."""
    if sys.argv[1:] != ["blocks"]:
        sys.path.insert(0, str(ROOT))
        IMAGES.mkdir(exist_ok=True)
        schedule_pictures()
        weight_picture()
        context_picture()
    PAGE.write_text(with_blocks(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
