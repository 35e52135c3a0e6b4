"""The data card: which text the model saw, whose it is, and what was wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass

from argosy.report.tree import Tree, branch, branches, number, text
from argosy.report.units import count, share, size
from argosy.report.views import RunView

NOT_KNOWN = "—"


@dataclass(frozen=True)
class SourceRow:
    """One source, in columns."""

    title: str
    """Name."""
    kind: str
    """Kind of source."""
    licences: str
    """Licences, the commonest first, with their share where there are several."""
    documents: str
    """Training documents."""
    bytes: str
    """Their size."""
    tokens: str
    """Their tokens."""
    weight: str
    """Share of the training rows, where the venture gives one."""
    held_out: str
    """Held-out documents and their size."""
    trouble: str
    """Documents with invalid UTF-8, empty ones, skipped records."""


@dataclass(frozen=True)
class DataCard:
    """The whole corpus."""

    sources: tuple[SourceRow, ...]
    """In the venture's order."""
    figures: tuple[tuple[str, str, str], ...]
    """(figure, what it is, exactly)."""
    licences: tuple[tuple[str, int, float], ...]
    """(licence, documents, share of all), the commonest first."""
    encoder: str
    """Which encoder made the tokens, and why."""


def data_card(view: RunView) -> DataCard | None:
    """The card of a prepared corpus; None before `prepare`."""
    if not view.dataset:
        return None
    sources = branches(view.dataset, "sources")
    return DataCard(
        sources=tuple(_row(source, sources) for source in sources),
        figures=_figures(view.dataset),
        licences=_licences(sources),
        encoder=text(view.dataset, "encoder") or "",
    )


def _row(source: Tree, sources: list[Tree]) -> SourceRow:
    weights = sum(number(each, "weight") or 0 for each in sources)
    weight = number(source, "weight")
    licences = _licences([source])
    return SourceRow(
        title=text(source, "title") or "source",
        kind=text(source, "kind") or NOT_KNOWN,
        licences=", ".join(name if len(licences) == 1 else f"{name} {share(part)}" for name, _, part in licences)
        or text(source, "license")
        or "unstated",
        documents=_shown(source, "documents", count),
        bytes=_shown(source, "bytes", size),
        tokens=_shown(source, "tokens", count),
        weight=share(weight / weights) if weight is not None and weights else "by size",
        held_out=f"{_shown(source, 'held_out_documents', count)} ({_shown(source, 'held_out_bytes', size)})",
        trouble=_trouble(source),
    )


def _shown(tree: Tree, key: str, unit: Callable[[float], str]) -> str:
    value = number(tree, key)
    return NOT_KNOWN if value is None else unit(value)


def _trouble(source: Tree) -> str:
    kinds = (("invalid_utf8", "with invalid UTF-8"), ("skipped", "bad records skipped"), ("empty", "empty"))
    found = [f"{value:,.0f} {what}" for key, what in kinds if (value := number(source, key))]
    return ", ".join(found) or "none"


def _licences(sources: list[Tree]) -> tuple[tuple[str, int, float], ...]:
    totals: dict[str, int] = {}
    for source in sources:
        for name in branch(source, "licenses"):
            totals[name] = totals.get(name, 0) + int(number(source, "licenses", name) or 0)
    whole = sum(totals.values()) or 1
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name, documents, documents / whole) for name, documents in ranked)


def _figures(dataset: Tree) -> tuple[tuple[str, str, str], ...]:
    found = []
    per_token = number(dataset, "bytes_per_token")
    if per_token is not None:
        found.append((f"{per_token:.2f}", "bytes a token", str(per_token)))
    for key, what in (("vocabulary_size", "tokens in the vocabulary"), ("documents", "training documents")):
        value = number(dataset, key)
        if value is not None:
            found.append((count(value), what, f"{value:,.0f}"))
    held, seen = number(dataset, "held_out_bytes"), number(dataset, "bytes")
    if held is not None and seen:
        found.append((share(held / (held + seen)), f"held out ({size(held)})", f"{held:,.0f} bytes"))
    inexact = number(dataset, "inexact_documents")
    if inexact:
        found.append((f"{inexact:,.0f}", "documents the tokens do not give back exactly", f"{inexact:,.0f}"))
    return tuple(found)
