"""How `argosy train --dry-run` shows what the ranks of a layout would take."""

from argosy.cli.output import show, table
from argosy.config import AnyVenture
from argosy.planning import DryRun, RankComparison

UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
ROWS = (
    ("parameters_bytes", "parameters"),
    ("gradients_bytes", "gradients"),
    ("optimizer_bytes", "optimiser"),
    ("activations_bytes", "activations"),
    ("peak_bytes", "memory at the peak"),
)


def show_dry_run(venture: AnyVenture, *, as_json: bool) -> None:
    """Count, and show the ranks one after another."""
    from argosy.workflow import dry_run

    found = dry_run(venture)
    show(found, _summary(found), as_json=as_json)


def _summary(found: DryRun) -> str:
    how, tokens = found.execution, found.batch_size * found.sequence_length
    lines = [
        f"{found.parameters / 1e6:,.1f} M parameters as {found.layout}, {found.layout.ranks} ranks in {how.precision}",
        f"steps of {tokens:,} tokens, micro-batches of {how.micro_batch} × {found.sequence_length:,}"
        + (", activations recomputed" if how.recompute else ""),
    ]
    for one in found.ranks:
        used = one.counted
        stages = f", stage {', '.join(map(str, used.stages))}" if found.layout.pipeline > 1 else ""
        lines += ["", f"rank {used.rank}{stages}", table(_rows(one), ("each step", "dry run", "planned", "ratio"))]
    lines += [
        "",
        f"bytes of a collective are those of whole tensors; counted in {found.seconds:.0f} s, nothing was run",
    ]
    return "\n".join(lines)


def _rows(one: RankComparison) -> list[tuple[str, ...]]:
    counted, planned = one.counted, one.planned
    rows: list[tuple[str, ...]] = []
    for name, words in ROWS:
        sizes = (_size(getattr(side, name)) for side in (counted, planned))
        rows.append((words, *sizes, _ratio(one, name)))
    rows.append(("FLOPs", f"{counted.flops:.4g}", f"{planned.flops:.4g}", _ratio(one, "flops")))
    for kind in sorted({*counted.exchanges, *planned.exchanges}):
        sides = (side.exchanges.get(kind) for side in (counted, planned))
        said = ("none" if side is None else f"{_size(side.bytes)} in {side.calls:,}" for side in sides)
        rows.append((kind.replace("_", "-"), *said, _ratio(one, kind)))
    return rows


def _ratio(one: RankComparison, name: str) -> str:
    return f"{one.ratios[name]:.3f}" if name in one.ratios else ""


def _size(size: int) -> str:
    """In the largest unit of which there is one."""
    unit, name = next(((unit, name) for unit, name in UNITS if size >= unit), (1, "B"))
    return f"{size / unit:,.2f} {name}" if unit > 1 else f"{size} B"
