"""Examples prepared for a classifier: read, split, preprocessed, kept as tensors that anyone can read."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from argosy.config import ClassificationVenture, ExampleSourceConfig, Problem, Record, UserError, nearest
from argosy.data.arrays import Array, Arrays
from argosy.data.digits import mnist
from argosy.data.drawn import drawn_digits
from argosy.data.preprocessing import Preprocessing
from argosy.data.results import FORMAT
from argosy.data.tables import read_table, typed
from argosy.storage import atomic_folder, canonical_json, digest, file_digest, read_json, write_json

FILES = ("train.safetensors", "held_out.safetensors", "preprocessing.json")
SPLIT_DIGITS = 8  # hexadecimal, of the hash that decides where an example goes


class ExampleSet(Record):
    """Prepared examples; kept as `index.json`."""

    format: int
    """Version of this layout."""
    sources: tuple[str, ...]
    """Titles of the sources."""
    examples: int
    """Training examples."""
    held_out_examples: int
    """Examples kept out of training."""
    feature_shape: tuple[int, ...]
    """Shape of one example's features, preprocessed."""
    classes: tuple[str, ...]
    """Names of the classes, in the order of the model's outputs."""
    class_counts: tuple[int, ...]
    """Training examples of each class."""
    held_out_counts: tuple[int, ...]
    """Held-out examples of each class."""
    files: dict[str, str]
    """SHA-256 by file."""


class Examples(NamedTuple):
    """What a classifier is trained on and judged by."""

    summary: ExampleSet
    """What they are."""
    train: Arrays
    """Training examples, preprocessed."""
    held_out: Arrays
    """Examples kept out of training, preprocessed alike."""
    preprocessing: Preprocessing
    """What was learned from the training features."""


class _Raw(NamedTuple):
    """Examples as they were found."""

    features: Array
    """[N, …]."""
    targets: Array
    """Class names or numbers [N]."""
    names: list[str] | None = None
    """Of a table's columns."""

    def chosen(self, rows: Array) -> "_Raw":
        """Some of them."""
        return _Raw(self.features[rows], self.targets[rows], self.names)


def prepare_examples(venture: ClassificationVenture, folder: Path) -> ExampleSet:
    """Read the sources, split, preprocess and write them to `folder`, which appears whole or not at all.

    Raises:
        UserError: `bad-examples`, `damaged-source` or `missing-source`, naming the source.
    """
    parts = [_split(source, venture) for source in venture.data.sources]
    train, held_out = (_together(split, venture) for split in zip(*parts, strict=True))
    names = np.unique(train.targets)
    if len(names) < 2:
        raise UserError("bad-examples", f"all training examples are of one class, {names[0]}")
    preprocessing = Preprocessing(*venture.data.preprocessing)
    features = _float32(preprocessing.fit(train.features, train.names))
    targets = _class_numbers(train.targets, names)
    held_out_features = _float32(preprocessing(held_out.features))
    held_out_targets = _class_numbers(held_out.targets, names)
    with atomic_folder(folder) as temporary:
        save_file({"features": features, "targets": targets}, temporary / FILES[0])
        save_file({"features": held_out_features, "targets": held_out_targets}, temporary / FILES[1])
        write_json(temporary / FILES[2], preprocessing.state())
        index = ExampleSet(
            format=FORMAT,
            sources=tuple(source.title for source in venture.data.sources),
            examples=len(targets),
            held_out_examples=len(held_out_targets),
            feature_shape=features.shape[1:],
            classes=tuple(map(str, names)),
            class_counts=tuple(np.bincount(targets, minlength=len(names)).tolist()),
            held_out_counts=tuple(np.bincount(held_out_targets, minlength=len(names)).tolist()),
            files={name: file_digest(temporary / name) for name in FILES},
        )
        write_json(temporary / "index.json", index.model_dump(mode="json"))
    return index


def open_examples(folder: Path) -> Examples:
    """Open what `prepare_examples` wrote, every file compared with its hash.

    Raises:
        UserError: `missing-data`, `unknown-format`, or `damaged-data` naming the file.
    """
    index = ExampleSet.model_validate_json(canonical_json(read_json(folder / "index.json")))
    for name, sha256 in index.files.items():
        if not (folder / name).is_file() or file_digest(folder / name) != sha256:
            raise UserError("damaged-data", f"{folder / name} is not what was prepared", hint="argosy prepare --force")
    train, held_out = (_arrays(folder / name) for name in FILES[:2])
    return Examples(index, train, held_out, Preprocessing.restored(read_json(folder / FILES[2])))


def example_fingerprint(venture: ClassificationVenture) -> str:
    """Hash the name, size and time of change of every file `prepare_examples` would read; reads none of them."""
    entries: list[tuple[str | int, ...]] = []
    for source in venture.data.sources:
        entries.append((source.kind, source.target))
        if source.path is not None:
            path = _path(source, venture)
            entries.append((path.name, path.stat().st_size, path.stat().st_mtime_ns))
    return digest(canonical_json(entries))


def check_examples(venture: ClassificationVenture) -> list[Problem]:
    """Return what would stop `prepare_examples` before it reads anything."""
    problems = []
    for number, source in enumerate(venture.data.sources):
        try:
            _path(source, venture)
        except UserError as error:
            problems.append(Problem(f"data.sources.{number}.path", error.message, source.path, code=error.code))
    return problems


def _path(source: ExampleSourceConfig, venture: ClassificationVenture) -> Path:
    path = venture.folder / (source.path or "")
    if source.path is not None and not path.is_file():
        beside = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UserError("missing-source", f"no file at {path}{nearest(path.name, beside)}")
    return path


def _split(source: ExampleSourceConfig, venture: ClassificationVenture) -> tuple[_Raw, _Raw]:
    """Training and held-out examples of a source."""
    if source.kind == "mnist":
        train, test = mnist()
        return _Raw(*train), _Raw(*test)
    if source.kind == "drawn-digits":
        train, test = drawn_digits()
        return _Raw(*train), _Raw(*test)
    path = _path(source, venture)
    found = _from_npz(path) if source.kind == "arrays" else _from_table(path, source.target)
    if len(found.features) != len(found.targets):
        raise UserError("bad-examples", f"{path}: {len(found.features)} features and {len(found.targets)} targets")
    chosen = np.fromiter(_held_out(found, venture.data.held_out_fraction), dtype=bool, count=len(found.targets))
    if chosen.all() or not chosen.any():
        raise UserError(
            "bad-examples",
            f"{path}: {len(chosen)} examples are too few to keep {venture.data.held_out_fraction:.0%} of them out",
        )
    return found.chosen(~chosen), found.chosen(chosen)


def _together(parts: Sequence[_Raw], venture: ClassificationVenture) -> _Raw:
    first = parts[0]
    for source, part in zip(venture.data.sources, parts, strict=True):
        for what, found, expected in (
            ("columns", part.names, first.names),
            ("features of shape", list(part.features.shape[1:]), list(first.features.shape[1:])),
        ):
            if found != expected:
                before = f"{venture.data.sources[0].title!r} {expected}"
                raise UserError("bad-examples", f"source {source.title!r} has {what} {found}, {before}")
    features, targets = (np.concatenate(arrays) for arrays in zip(*(part[:2] for part in parts), strict=True))
    return _Raw(features, targets, first.names)


def _held_out(examples: _Raw, fraction: float) -> Iterator[bool]:
    """By the hash of the features alone, so that the same example is never on both sides."""
    limit = int(fraction * 16**SPLIT_DIGITS)
    for row in examples.features:
        content = row.tobytes() if row.dtype != object else repr(row.tolist()).encode()
        yield int(hashlib.sha256(content).hexdigest()[:SPLIT_DIGITS], 16) < limit


def _from_npz(path: Path) -> _Raw:
    try:
        with np.load(path, allow_pickle=False) as archive:
            features, targets = archive["features"], archive["targets"].reshape(-1)
            return _Raw(features[:, None] if features.ndim == 1 else features, targets)
    except KeyError as error:
        raise UserError("bad-examples", f"{path}: {error.args[0]}; expected features and targets") from None
    except (OSError, ValueError) as error:
        raise UserError("damaged-source", f"{path} is no .npz of plain arrays: {error}") from None


def _from_table(path: Path, target: str) -> _Raw:
    columns = read_table(path)
    if target not in columns:
        raise UserError("bad-examples", f"{path}: there is no column {target!r}{nearest(target, columns)}")
    targets = columns.pop(target)
    if not columns or not targets:
        raise UserError("bad-examples", f"{path}: there are no examples")
    missing = np.flatnonzero([value is None or value == "" for value in targets])
    if len(missing):
        raise UserError("bad-examples", f"{path}: row {missing[0] + 1} has no {target!r}")
    features = np.stack([np.array(typed(column), dtype=object) for column in columns.values()], axis=1)
    return _Raw(features, np.array(targets).astype(str), list(columns))


def _class_numbers(targets: Array, names: Array) -> Array:
    numbers = np.searchsorted(names, targets).clip(max=len(names) - 1)
    unknown = np.flatnonzero(names[numbers] != targets)
    if len(unknown):
        raise UserError(
            "bad-examples",
            f"{len(unknown)} held-out examples are of a class that training has not, {targets[unknown[0]]}",
        )
    return numbers.astype(np.int64)


def _float32(features: Array) -> Array:
    """Finite numbers; `UserError` tells which step would make them so."""
    try:
        numbers = features.astype(np.float32)
    except (TypeError, ValueError):
        hint = 'data.preprocessing = ["cleaning", "one_hot", "normalization"]'
        raise UserError("bad-examples", "features hold text or are missing", hint=hint) from None
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        raise UserError(
            "bad-examples",
            f"features: {len(bad):,} values are not finite, the first at {bad[0].tolist()}",
            hint='data.preprocessing = ["cleaning"] fills them in',
        )
    return numbers


def _arrays(path: Path) -> Arrays:
    try:
        return Arrays(**load_file(path))
    except (SafetensorError, TypeError) as error:
        raise UserError("damaged-data", f"{path}: {error}", hint="argosy prepare --force") from None
