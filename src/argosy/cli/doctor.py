"""`argosy doctor`, drawn."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from argosy.cli.output import show
from argosy.hardware import Finding, HardwareProfile, Speed, findings, load_profile, measure_profile

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SIGNS = {"problem": "[red bold]✗", "warning": "[yellow]▲", "note": "[cyan]●", "ok": "[green]✓"}
BAR_WIDTH, LABEL_WIDTH = 24, 19


def doctor(refresh: bool, as_json: bool) -> int:
    """Show this machine, measuring it first where that was not done; exit status 1 when something prevents work."""
    profile = (None if refresh else load_profile()) or measure_profile()
    found = findings(profile)
    if as_json:
        result = {**profile.model_dump(mode="json"), "findings": [finding.model_dump() for finding in found]}
        show(result, "", as_json=True)
    else:
        from rich.console import Console

        console = Console(highlight=False)
        for part in describe(profile, found):
            console.print()
            console.print(part)
    return int(any(finding.severity == "problem" for finding in found))


def describe(profile: HardwareProfile, found: tuple[Finding, ...]) -> Iterator["RenderableType"]:
    """What is there, how fast it is, what is missing and how to mend it."""
    yield _machine(profile)
    speed = profile.speed
    if speed and speed.matmul:
        yield _products(speed)
    if speed and speed.all_reduce:
        yield _all_reduce(speed)
    if speed and speed.training:
        yield _training(speed)
    yield _advice(found)
    if speed:
        yield f"[dim]measured {speed.measured_at[:16].replace('T', ' ')} UTC; --refresh measures again[/]"
        if not speed.training and not profile.accelerators:
            yield "[dim]argosy calibrate trains small models too, and plans for this machine rest on them[/]"


def _grid(*rows: tuple[str, ...]) -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True, min_width=LABEL_WIDTH)
    for row in rows:
        table.add_row(*row)
    return table


def _machine(profile: HardwareProfile) -> "Table":
    from rich.markup import escape

    processor, memory, software, speed = profile.processor, profile.memory, profile.software, profile.speed
    cores = f"{processor.usable_cores} usable cores"
    if processor.usable_cores < processor.logical_cores:
        cores += f" of {processor.logical_cores}"
    accelerators = [f"{a.count} × {escape(a.name)}, {a.memory_gib:.0f} GiB" for a in profile.accelerators]
    swap = f"swap {memory.swap_gib:.0f} GiB" if memory.swap_gib else "no swap"
    streams = [f"{rate.kind} {rate.bandwidth_gib_per_s:.0f}" for rate in speed.memory] if speed else []
    reads = [f"{rate.kind} {rate.bandwidth_gib_per_s:.2f}" for rate in speed.disk] if speed else []
    return _grid(
        ("processor", f"{escape(processor.model)}, {cores}"),
        ("accelerators", "\n".join(accelerators) or "none"),
        ("memory", f"{memory.usable_gib:.1f} GiB, {swap}" + _measured(streams)),
        ("disk", f"{profile.disk.free_gib:.3g} GiB free" + _measured(reads)),
        ("software", f"Python {software.python}, PyTorch {software.torch or 'not installed'}"),
    )


def _measured(rates: list[str]) -> str:
    return f"; [cyan]{', '.join(rates)} GiB/s[/]" if rates else ""


def _products(speed: Speed) -> "Table":
    """Matrix products: a row for each precision with a bar for its best, a column for each size."""
    sizes = sorted({rate.size for rate in speed.matmul})
    rates = {(rate.precision, rate.size): rate.tflops for rate in speed.matmul}
    precisions = list(dict.fromkeys(rate.precision for rate in speed.matmul))
    best = {precision: speed.best_tflops(precision) or 0.0 for precision in precisions}
    fastest = max(best.values())
    unit, scale = ("TFLOP/s", 1.0) if fastest >= 10 else ("GFLOP/s", 1000.0)
    table = _grid(("matrix product", *(f"[dim]{size}²[/]" for size in sizes), f"[dim]{unit}[/]"))
    for precision in precisions:
        cells = [f"{rates[precision, size] * scale:.0f}" if (precision, size) in rates else "—" for size in sizes]
        table.add_row(
            f"  {precision}", *cells, f"[cyan]{'━' * max(1, round(BAR_WIDTH * best[precision] / fastest))}[/]"
        )
    return _right(table)


def _all_reduce(speed: Speed) -> "Table":
    """Sums over processes: time by size, and the best rate."""
    rates = speed.all_reduce
    fastest = max(rate.bandwidth_gib_per_s for rate in rates)
    sizes = [f"[dim]{_size(rate.bytes)}[/]" for rate in rates]
    times = [_time(rate.seconds) for rate in rates]
    who = f"  {rates[0].ranks} processes, {rates[0].backend}"
    return _right(_grid(("all-reduce", *sizes, ""), (who, *times, f"[cyan]up to {fastest:.1f} GiB/s[/]")))


def _training(speed: Speed) -> "Table":
    """Training steps: a row for each way to compute, a column for each model."""
    ways = list(dict.fromkeys((one.precision, one.compile, one.ranks) for one in speed.training))
    models = list(dict.fromkeys(one.model.parameter_count() for one in speed.training))
    rates = {(one.precision, one.compile, one.ranks, one.model.parameter_count()): one for one in speed.training}
    table = _grid(("training", *(f"[dim]{size / 1e6:.1f} M[/]" for size in models), "[dim]tokens/s[/]"))
    for way in ways:
        precision, compiled, ranks = way
        title = f"  {precision}{', compiled' if compiled else ''}{f', {ranks} processes' if ranks > 1 else ''}"
        found = [rates.get((*way, size)) for size in models]
        table.add_row(title, *(f"{one.tokens / one.step_time_s:,.0f}" if one else "—" for one in found), "")
    return _right(table)


def _right(table: "Table") -> "Table":
    """Align the figures between the first and the last column to the right."""
    for column in table.columns[1:-1]:
        column.justify = "right"
    return table


def _advice(found: tuple[Finding, ...]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    for finding in found:
        mend = f"\n[dim]→[/] {escape(finding.how_to_mend)}" if finding.how_to_mend else ""
        table.add_row(SIGNS[finding.severity], escape(finding.what) + mend)
    return table


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f} µs"
