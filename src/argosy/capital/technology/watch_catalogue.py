"""The dated catalogue of technology: what could be chosen instead, who says so, when, and where it applies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from argosy.capital.months import month_number
from argosy.config import Problem, Section, UserError, VentureError, toml_tree, validated
from argosy.hardware import Contract, accelerator

TechnologyKind = Literal["accelerator", "price", "precision", "architecture", "optimiser"]
# What an entry of a kind must say, one of each tuple, so that there is something to compute.
NEEDED: Mapping[TechnologyKind, tuple[str, ...]] = {
    "accelerator": ("accelerator",),
    "price": ("contract", "usd_per_hour"),
    "precision": ("arithmetic",),
    "architecture": ("same_loss", "queries_per_key", "compute_share"),
    "optimiser": ("optimizer",),
}


def _is_dated(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d\d", text):
            month_number(text)
        else:
            date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a month or a day, such as 2026-01 or 2026-01-31, not {text!r}") from None
    return text


class TechnologyConfig(Section):
    """Something that could be chosen instead; write `[[entries]]` once for each."""

    name: str = Field(min_length=1)
    """What; an entry of your own with the name of one of Argosy's replaces it."""
    kind: TechnologyKind
    """Which choice of the venture it stands against."""
    date: Annotated[str, AfterValidator(_is_dated)]
    """Month or day of the figure."""
    source: str = Field(min_length=1)
    """Who published it, and where."""
    figure: str = Field(min_length=1)
    """What was published, as it was published."""
    conditions: str = Field(min_length=1)
    """Under which it was measured, and what it costs besides."""
    accelerator: str | None = None
    """Instead of the venture's (`accelerator`), or the one that a price is of (`price`)."""
    contract: Contract | None = None
    """Of a price; without `usd_per_hour` the cheapest offer that `argosy hardware` lists."""
    usd_per_hour: float | None = Field(None, gt=0)
    """Price of one accelerator."""
    hours_between_failures: float | None = Field(None, gt=0)
    """Of one accelerator at that price, being taken back counted: without it a spot price saves more than it does."""
    arithmetic: Literal["float16", "bfloat16", "float8", "mxfp8", "nvfp4"] | None = None
    """Of the matrix products (`precision`)."""
    same_loss: bool = False
    """Whether size and tokens become those with the least computation for the plan's loss (`architecture`)."""
    queries_per_key: int | None = Field(None, ge=2)
    """Query heads that share a head of keys and values (`architecture`)."""
    optimizer: str | None = None
    """Instead of the venture's (`optimiser`)."""
    instead_of: tuple[str, ...] = Field((), strict=False)
    """Optimisers that the figure compares with; any unless given."""
    compute_share: float | None = Field(None, gt=0, lt=1)
    """Computation for the same loss, as a share of what it took without: published, which no planner can compute."""
    least_parameters: float = Field(0.0, ge=0)
    """Below so many the figure says nothing."""
    most_parameters: float | None = Field(None, gt=0)
    """Above so many the figure says nothing."""

    @model_validator(mode="after")
    def _says_what_changes(self) -> "TechnologyConfig":
        needed = NEEDED[self.kind]
        if not any(getattr(self, key) for key in needed):
            raise ValueError(f"kind {self.kind!r} needs {' or '.join(f'`{key}`' for key in needed)}")
        if self.kind == "optimiser" and self.compute_share is None:
            raise ValueError("kind 'optimiser' needs `compute_share`: what was published")
        if self.kind == "price" and self.usd_per_hour is not None and self.accelerator is None:
            raise ValueError("`usd_per_hour` of a price needs `accelerator`")
        return self

    @property
    def month(self) -> int:
        """Months since the year 0 of the figure."""
        return month_number(self.date[:7])


class CatalogueConfig(Section):
    """What a catalogue of technology says."""

    alone: bool = False
    """Whether Argosy's own entries are left out."""
    entries: tuple[TechnologyConfig, ...] = Field(strict=False)
    """What could be chosen instead."""


def technologies(path: Path | str | None = None) -> tuple[TechnologyConfig, ...]:
    """Argosy's own entries, with those of a file on top; raises `VentureError` with all that is wrong in it."""
    with resources.as_file(resources.files("argosy.capital.technology").joinpath("technologies.toml")) as own:
        shipped = _read(own).entries
    if path is None:
        return shipped
    given = _read(Path(path))
    problems = list(_problems(given.entries))
    if problems:
        raise VentureError(str(path), problems)
    names = {entry.name for entry in given.entries}
    kept = () if given.alone else tuple(entry for entry in shipped if entry.name not in names)
    return (*kept, *given.entries)


def _problems(entries: Sequence[TechnologyConfig]) -> Iterator[Problem]:
    names: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.name in names:
            yield Problem(f"entries.{index}.name", "is there twice", entry.name)
        names.add(entry.name)
        try:
            if entry.accelerator is not None:
                accelerator(entry.accelerator)
        except UserError as error:
            yield Problem(f"entries.{index}.accelerator", error.message, entry.accelerator)


def _read(path: Path) -> CatalogueConfig:
    tree = toml_tree(path, missing=f"no catalogue at {path}", hint="docs/how-to/watch.md begins one")
    return validated(CatalogueConfig, tree, str(path))
