"""Progress bars on standard error, with a rate and the time left; silent when it is not a terminal."""

import contextlib
from collections.abc import Callable, Iterator

Advance = Callable[..., None]


@contextlib.contextmanager
def progress(title: str, total: float | None, unit: str) -> Iterator[Advance]:
    """Yield `advance(amount, note="")`; `total` is in `unit`s, or None when the end is not known."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda amount, note="": None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
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
