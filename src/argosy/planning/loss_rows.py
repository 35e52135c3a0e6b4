"""Replaying the scaling law on published losses: fitted below a tenth of a family's compute, held against the rest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from argosy.config import UserError
from argosy.planning.rows import Skipped, number, read_table
from argosy.planning.scaling import Point, fit_scaling

NEEDED = ("params", "tokens", "loss")
FITTED_SHARE = 0.1  # of the largest compute of a family


class Held:
    """A family's larger runs beside what its smaller ones predict."""

    def __init__(self, family: str, names: Sequence[str], points: Sequence[Point]) -> None:
        largest = max(point.flops for point in points)
        self.family, self.name_of = family, dict(zip(points, names, strict=True))
        self.small = [point for point in points if point.flops < FITTED_SHARE * largest]
        self.large = [point for point in points if point.flops >= FITTED_SHARE * largest]

    def predictions(self) -> list[tuple[str, Point, tuple[float, float, float]]]:
        """Name, run and prediction of each larger run; raises `UserError` where the smaller ones do not do."""
        law = fit_scaling(self.small, name=self.family, text=self.family)
        return [(self.name_of[point], point, law.predict(point.parameters, point.tokens)) for point in self.large]


def read_families(path: Path) -> tuple[list[Held], list[Skipped]]:
    """The families of a CSV with `params`, `tokens` and `loss` in nats a token: of one text and one tokeniser.

    Rows of another `kind` than `run` are no runs. Raises `UserError` `bad-rows` for a file that is no such table.
    """
    families: dict[str, tuple[list[str], list[Point]]] = {}
    skipped: list[Skipped] = []
    for place, line in read_table(path, NEEDED):
        name = line.get("id") or place
        if (reason := _unusable(line)) is not None:
            skipped.append(Skipped(name, reason))
            continue
        values = [number(line, column, f"{path}: {place}") or 0.0 for column in NEEDED]
        if min(values) <= 0:
            raise UserError("bad-rows", f"{path}: {place}: {', '.join(NEEDED)} are to be more than 0")
        family = ", ".join(filter(None, (line.get("dataset"), line.get("tokenizer")))) or "all"
        names, points = families.setdefault(family, ([], []))
        names.append(name)
        points.append(Point(*values))
    return [Held(family, names, points) for family, (names, points) in families.items()], skipped


def _unusable(line: Mapping[str, str]) -> str | None:
    if line.get("kind", "run") not in ("", "run"):
        return f"kind {line['kind']!r}"
    if line.get("loss_unit", "nats/token") not in ("", "nats/token"):
        return f"losses in {line['loss_unit']}"
    return next((f"no {column}" for column in NEEDED if not (line.get(column) or "").strip()), None)
