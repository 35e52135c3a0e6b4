"""Where each figure comes from: the hash of every file the page read, and whether a receipt vouches for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from argosy.report.tree import branch, number, text
from argosy.report.views import RunView
from argosy.storage import file_digest

State = Literal["vouched", "changed", "receipt", "parts", "unreceipted"]


@dataclass(frozen=True)
class Trace:
    """A file the page read."""

    file: str
    """Path inside the run."""
    bytes: int
    """Size."""
    sha256: str
    """Hash of what was read."""
    state: State
    """A receipt has this hash, or another one; the file is a receipt; receipts hash its parts; or none names it."""
    stage: str | None
    """Stage whose receipt names it."""


@dataclass(frozen=True)
class Link:
    """One input of a stage."""

    name: str
    """What the stage calls it."""
    sha256: str
    """Hash it had."""
    origin: str | None
    """The output of an earlier stage with that hash, as `stage: file`; None for what comes from outside the run."""


@dataclass(frozen=True)
class StageCard:
    """A completed stage: its receipt, in order of reading."""

    stage: str
    """Name."""
    wall_s: float | None
    """Duration."""
    share: float
    """Of the time of all stages."""
    started_at: str
    """ISO 8601, as the receipt has it."""
    inputs: tuple[Link, ...]
    """What went in."""
    configuration_sha256: str
    """Hash of the part of the venture it depends on."""
    outputs: tuple[tuple[str, int | None, str], ...]
    """(file, size in bytes, hash)."""
    versions: tuple[tuple[str, str], ...]
    """(software, version)."""


def traces(view: RunView) -> dict[str, Trace]:
    """Hash the files the page's figures come from; `events.jsonl` still grows and is not among them."""
    files = ["venture.toml", "data/index.json", "plan.json", "metrics.jsonl", view.checkpoint_file, "evaluation.json"]
    files += ["timeline/timeline.json", "capital.json", "capital.toml"]
    files += [f"receipts/{stage}.json" for stage in view.receipts]
    found = {}
    for file in files:
        path = view.run.path / file
        if file and path.is_file():
            digest = file_digest(path)
            stage, expected = _vouched(view, file)
            found[file] = Trace(file, path.stat().st_size, digest, _state(file, digest, expected), stage)
    return found


def _state(file: str, digest: str, expected: str | None) -> State:
    if file.startswith("receipts/"):
        return "receipt"
    if file == "venture.toml":
        return "parts"
    return "unreceipted" if expected is None else "vouched" if expected == digest else "changed"


def _vouched(view: RunView, file: str) -> tuple[str | None, str | None]:
    for stage, receipt in view.receipts.items():
        expected = text(receipt, "outputs", file, "sha256")
        if expected is not None:
            return stage, expected
    return None, None


def stage_cards(view: RunView) -> list[StageCard]:
    """The receipts, each input followed back to the stage that made it."""
    whole = sum(number(receipt, "wall_s") or 0.0 for receipt in view.receipts.values()) or 1.0
    made = {sha256: f"{stage}: {file}" for stage, file, _, sha256 in _outputs(view)}
    return [
        StageCard(
            stage=stage,
            wall_s=number(receipt, "wall_s"),
            share=(number(receipt, "wall_s") or 0.0) / whole,
            started_at=text(receipt, "started_at") or "",
            inputs=tuple(
                Link(name, str(sha256), made.get(str(sha256))) for name, sha256 in branch(receipt, "inputs").items()
            ),
            configuration_sha256=text(receipt, "configuration_sha256") or "",
            outputs=tuple((file, size, sha256) for maker, file, size, sha256 in _outputs(view) if maker == stage),
            versions=tuple((name, str(version)) for name, version in branch(receipt, "versions").items()),
        )
        for stage, receipt in view.receipts.items()
    ]


def _outputs(view: RunView) -> Iterator[tuple[str, str, int | None, str]]:
    """Yield (stage, file, size in bytes, hash)."""
    for stage, receipt in view.receipts.items():
        for file, output in branch(receipt, "outputs").items():
            size = number(output, "bytes")
            yield stage, file, None if size is None else int(size), text(output, "sha256") or ""
