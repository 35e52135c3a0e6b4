"""A run: one venture carried out in one folder, with a lock, receipts, results and its story."""

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
import tomli_w
from pydantic import ValidationError

import argosy
from argosy.config import AnyVenture, Record, UserError, Venture, load_venture, nearest
from argosy.storage.files import (
    append_line,
    atomic_write,
    canonical_json,
    digest,
    disk_errors,
    file_digest,
    read_json,
    write_json,
)

T = TypeVar("T", bound=Record)
Event = TypeVar("Event", bound=Mapping[str, Any])
HASHED_BYTES = 1 << 20
LOCK, RANKS_LOCK = "run.lock", "ranks.lock"


class Output(Record):
    """One file a stage wrote."""

    bytes: int
    """Size."""
    sha256: str
    """Hash of the content."""


def described(files: Iterable[Path], folder: Path) -> dict[str, Output]:
    """Size and hash of files, by their path inside `folder`."""
    return {
        str(path.relative_to(folder)): Output(bytes=path.stat().st_size, sha256=file_digest(path)) for path in files
    }


class Receipt(Record):
    """Proof that a stage completed: what went in, what came out, with which versions. Written last."""

    stage: str
    """Name of the stage."""
    inputs: dict[str, str]
    """Hash of each input by name."""
    configuration_sha256: str
    """Hash of the part of the venture this stage depends on."""
    outputs: dict[str, Output]
    """Files written, by path inside the run."""
    versions: dict[str, str]
    """Software that did it."""
    started_at: str
    """Time of the start, ISO 8601, UTC."""
    wall_s: float
    """Duration."""
    exit: str = "completed"
    """How the stage ended."""


class Run:
    """A run folder; creating the object touches nothing."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.data = self.path / "data"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.events = self.path / "events.jsonl"
        self.report = self.path / "report.html"

    @classmethod
    def of(cls, venture: AnyVenture) -> "Run":
        """The run a venture writes to by default: `runs/<name>` in the venture's folder."""
        return cls(venture.folder / "runs" / venture.name)

    @classmethod
    def find(cls, name: str) -> "Run":
        """Open an existing run by path, by venture folder or file, or by its name under `./runs`.

        Raises `UserError` with the nearest name when there is none.
        """
        given = Path(name)
        candidates = [given, Path("runs") / name]
        if given.suffix == ".toml" or (given / "venture.toml").is_file():
            with contextlib.suppress(UserError):
                candidates.append(cls.of(load_venture(given)).path)
        for path in candidates:
            if (path / "receipts").is_dir():
                return cls(path)
        known = [p.name for p in Path("runs").glob("*") if p.is_dir()]
        raise UserError(
            "unknown-run",
            f"{name!r} is not a run: no run folder at {' or '.join(map(str, candidates))}{nearest(name, known)}",
            hint="`argosy run venture.toml` makes one; --run DIR names it",
        )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for one writer, when no rank of an earlier one is left.

        Raises `UserError` naming the process that holds it. The operating system releases it on any death.
        """
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with (self.path / RANKS_LOCK).open("a") as ranks:
                    fcntl.flock(ranks, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read(200).strip() or "unknown"
                raise UserError(
                    "run-locked",
                    f"{self.path} is in use by another process ({holder})",
                    hint="wait for it, stop it, or give this one its own folder with --run DIR",
                ) from None
            file.truncate(0)
            file.write(f"pid {os.getpid()} on {platform.node()}")
            file.flush()
            yield

    @contextlib.contextmanager
    def rank_lock(self) -> Iterator[None]:
        """Keep others from writing while this rank lives, even when the command that started it was killed."""
        with (self.path / RANKS_LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # waits for those who only look
            yield

    def in_use(self) -> bool:
        """Whether a process holds the lock."""
        for name in (LOCK, RANKS_LOCK):
            with contextlib.suppress(FileNotFoundError), (self.path / name).open("rb") as file:
                try:
                    fcntl.flock(file, (fcntl.LOCK_SH if name == LOCK else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
        return False

    def write_venture(self, venture: AnyVenture) -> None:
        """Keep the venture as it was run, overrides included."""
        with atomic_write(self.path / "venture.toml") as temporary:
            temporary.write_text(tomli_w.dumps(venture_tree(venture)), encoding="utf-8")

    def venture(self) -> AnyVenture:
        """The venture this run carried out."""
        return load_venture(self.path / "venture.toml")

    def event(self, kind: str, **details: Any) -> None:
        """Add one line to the run's story."""
        self.path.mkdir(parents=True, exist_ok=True)
        append_line(self.events, {"time": now(), "kind": kind, **details})

    def read_events(self) -> list[dict[str, Any]]:
        """The run's story; lines that a kill cut are left out."""
        events = []
        for line in self.events.read_bytes().splitlines() if self.events.exists() else []:
            with contextlib.suppress(orjson.JSONDecodeError):
                events.append(orjson.loads(line))
        return [event for event in events if isinstance(event, dict)]

    def write_result(self, name: str, result: Record) -> None:
        """Keep a stage's small typed result as `<name>.json`."""
        write_json(self.path / f"{name}.json", result.model_dump(mode="json"))

    def read_result(self, name: str, kind: type[T]) -> T:
        """Read a stage's result; raises `UserError` when the stage has not run or the file is damaged."""
        path = self.path / f"{name}.json"
        try:
            return kind.model_validate_json(canonical_json(read_json(path)))
        except ValidationError as error:
            raise UserError(
                "damaged-file", f"{path} is not what this version writes: {error.errors()[0]['msg']}"
            ) from None

    def receipt(self, stage: str) -> Receipt | None:
        """The receipt of a stage, or None where there is none that can be read."""
        path = self.path / "receipts" / f"{stage}.json"
        try:
            return Receipt.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def forget(self, stage: str) -> None:
        """Withdraw a stage's receipt before it is redone."""
        (self.path / "receipts" / f"{stage}.json").unlink(missing_ok=True)

    def is_current(self, stage: str, inputs: Mapping[str, str], configuration: Any) -> bool:
        """Whether the stage's receipt matches these inputs and configuration and its files are still there.

        Files of up to a mebibyte are compared by their hash, larger ones by their size.
        """
        receipt = self.receipt(stage)
        return (
            receipt is not None
            and receipt.inputs == dict(inputs)
            and receipt.configuration_sha256 == digest(canonical_json(configuration))
            and all(
                (path := self.path / name).is_file()
                and path.stat().st_size == output.bytes
                and (output.bytes > HASHED_BYTES or file_digest(path) == output.sha256)
                for name, output in receipt.outputs.items()
            )
        )

    def write_receipt(
        self,
        stage: str,
        *,
        inputs: Mapping[str, str],
        configuration: Any,
        outputs: list[Path],
        started: float,
        versions: Mapping[str, str],
    ) -> None:
        """Record that `stage`, begun at `started` (seconds since the epoch), completed."""
        receipt = Receipt(
            stage=stage,
            inputs=dict(inputs),
            configuration_sha256=digest(canonical_json(configuration)),
            outputs=described(outputs, self.path),
            versions={"argosy": argosy.__version__, "python": platform.python_version(), **versions},
            started_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
            wall_s=round(time.time() - started, 3),
        )
        write_json(self.path / "receipts" / f"{stage}.json", receipt.model_dump(mode="json"))


def venture_tree(venture: AnyVenture) -> dict[str, Any]:
    """A venture as nested mappings that mean the same in any folder: its paths are absolute."""
    tree = venture.model_dump(mode="json", exclude_none=True)
    for entry in tree["data"]["sources"]:
        if "path" in entry:
            if isinstance(venture, Venture):
                entry.setdefault("name", f"{entry['kind']}:{entry['path']}")
            entry["path"] = str((venture.folder / entry["path"]).resolve())
    if not isinstance(venture, Venture):
        return tree
    if "tokenizer" in tree["data"]:
        tree["data"]["tokenizer"] = str((venture.folder / tree["data"]["tokenizer"]).resolve())
    questions = tree["evaluation"]
    for named, entry in zip(venture.evaluation.named, [*questions["tasks"], *questions["rivals"]], strict=True):
        paths = {key: entry[key] for key in ("path", "run", "answers") if key in entry}
        entry |= {key: str((venture.folder / path).resolve()) for key, path in paths.items()}
        entry["name"] = named.title
    return tree


def since_started(events: Sequence[Event]) -> Sequence[Event]:
    """The story since training last began from nothing, without the steps that were gone back over."""
    story: list[Event] = []
    for event in events:
        if event.get("kind") == "started":
            story = []
        elif event.get("kind") == "rewound":
            story = [before for before in story if before.get("step", 0) <= event.get("step", 0)]
        story.append(event)
    return story


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
