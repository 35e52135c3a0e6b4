"""What training by epochs left behind: each figure by epoch, as a mapping and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class History(Mapping[str, list[float]]):
    """Figures by name, one value an epoch: `loss`, each metric, and with validation `val_loss` and so on."""

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}

    def __getitem__(self, name: str) -> list[float]:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.items() if values)
        return f"History({self.epochs} epochs; {last})"

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(next(iter(self.values()), []))

    def append(self, figures: Mapping[str, float]) -> None:
        """Add an epoch; a figure that earlier ones had not is not a number there."""
        before = self.epochs
        for name, value in figures.items():
            values = self._figures.setdefault(name, [])
            values += [float("nan")] * (before - len(values))
            values.append(value)

    def extend(self, history: Mapping[str, Sequence[float | None]]) -> None:
        """Add the epochs of another history; JSON has null for what is not a number."""
        for name, values in history.items():
            numbers = (float("nan") if value is None else value for value in values)
            self._figures.setdefault(name, []).extend(numbers)

    def plot(self, path: Path | str | None = None) -> "Figure":
        """Draw each figure with its validation beside it; with `path`, write a page that needs no network."""
        from plotly.subplots import make_subplots

        names = [name for name in self if not name.startswith("val_")]
        figure = make_subplots(rows=1, cols=max(1, len(names)), subplot_titles=names)
        for column, name in enumerate(names, start=1):
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                if key in self:
                    epochs = list(range(1, len(self[key]) + 1))
                    line = {"type": "scatter", "x": epochs, "y": self[key], "name": label, "legendgroup": label}
                    figure.add_trace({**line, "showlegend": column == 1}, row=1, col=column)
        figure.update_xaxes(title_text="epoch")
        if path is not None:
            figure.write_html(str(path), include_plotlyjs=True)
        return figure
