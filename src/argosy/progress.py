"""Progress bars on standard error, with a rate and the time left; silent when it is not a terminal."""

import contextlib
from collections.abc import Callable, Iterator

Advance = Callable[..., None]
REFRESHES_PER_S = 2  # drawing takes milliseconds of the interpreter, which a training step has to wait for


@contextlib.contextmanager
def progress(title: str, total: float | None, unit: str) -> Iterator[Advance]:
    """Yield `advance(amount, note="")`; `total` is in `unit`s, or None when the end is not known."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda amount, note="": None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20, table_column=Column(min_width=12)),
        TextColumn("{task.percentage:>3.0f}%", table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[rate]}", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
        TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    with Progress(*columns, console=console, transient=True, expand=True, refresh_per_second=REFRESHES_PER_S) as bars:
        task = bars.add_task(title, total=total, rate="", note="")

        def advance(amount: float, note: str = "") -> None:
            speed = bars.tasks[0].speed
            rate = f"{_compact(speed)} {unit}/s" if speed else ""
            bars.update(task, advance=amount, rate=rate, note=note)

        yield advance


def _compact(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f} {letter}"
    return f"{value:.1f}"
