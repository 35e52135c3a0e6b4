"""Read a venture file, apply overrides, and report every problem at once."""

import json
import re
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from argosy.config.classification import ClassificationVenture
from argosy.config.errors import Problem, UserError, VentureError, nearest
from argosy.config.venture import AnyVenture, Venture

Whole = TypeVar("Whole", bound=BaseModel)
VENTURES: Mapping[str, type[AnyVenture]] = {"language-model": Venture, "classification": ClassificationVenture}


def load_venture(path: Path | str, overrides: Sequence[str] = ()) -> AnyVenture:
    """Return the validated venture at `path` with `section.key=value` overrides applied.

    Raises:
        UserError: the file is missing or not TOML, or an override is not `key=value`.
        VentureError: keys or values are wrong; all of them are listed.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "venture.toml"
    tree = toml_tree(path, missing=f"no venture at {path}", hint="`argosy init DIR` writes one")
    for override in overrides:
        _apply_override(tree, override)
    return venture_from_tree(tree, folder=path.resolve().parent, source=str(path))


def toml_tree(path: Path, *, missing: str, hint: str) -> dict[str, Any]:
    """What the TOML file at `path` holds; `UserError` (`missing` and `hint` where it is not there) when it cannot."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("missing-file", missing, hint=hint) from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise UserError("bad-toml", f"{path} is not valid TOML: {error}") from None
    except RecursionError:
        raise UserError("bad-toml", f"{path} is nested too deeply") from None
    except OSError as error:
        raise UserError("missing-file", f"cannot read {path}: {error.strerror}") from None


def venture_from_tree(tree: Mapping[str, Any], *, folder: Path, source: str) -> AnyVenture:
    """Validate a venture given as nested mappings; `source` is how errors name it."""
    if "folder" in tree:
        raise VentureError(source, [Problem("folder", "unknown key", code="unknown-key")])
    goal = tree.get("goal", {})
    task = goal.get("task", "language-model") if isinstance(goal, Mapping) else "language-model"
    if task not in VENTURES:
        expected = f"expected {' or '.join(VENTURES)}{nearest(str(task), VENTURES)}"
        raise VentureError(source, [Problem("goal.task", expected, task)])
    return validated(VENTURES[task], {**tree, "folder": folder}, source)


def validated(model: type[Whole], tree: Mapping[str, Any], source: str) -> Whole:
    """The record `model` made of nested mappings; `VentureError` lists all that is wrong, `source` names the file."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise VentureError(source, _problems(error, model)) from None


def language_venture(venture: AnyVenture) -> Venture:
    """A venture whose goal is a language model; `UserError` for another."""
    if not isinstance(venture, Venture):
        raise UserError("wrong-goal", f"{venture.name} makes a classifier, and this is for language models")
    return venture


def _apply_override(tree: dict[str, Any], override: str) -> None:
    key, value = parse_override(override)
    *sections, name = key.split(".")
    node: Any = tree
    for depth, section in enumerate(sections):
        if isinstance(node, list):
            if not section.isdecimal() or int(section) >= len(node):
                where = ".".join(sections[:depth])
                raise UserError("bad-override", f"--set {override!r}: {where} has {len(node)} entries, from 0")
            node = node[int(section)]
        else:
            node = node.setdefault(section, {})
        if not isinstance(node, dict | list):
            raise UserError("bad-override", f"--set {override!r}: {'.'.join(sections)} is not a section")
    if isinstance(node, list):
        raise UserError("bad-override", f"--set {override!r}: name an entry, as in data.sources.0.path=…")
    node[name] = value


def parse_override(override: str) -> tuple[str, Any]:
    """Return key and value of `section.key=value`; what is no TOML value is a bare word."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise UserError("bad-override", f"--set {override!r} is not key=value", hint="--set training.steps=200")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text


_PIECES = re.compile(
    r"""(?P<word>"(?:\\.|[^"\\])*"|'[^']*'|[^\]\[{},])|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)"""
)


def split_override(override: str) -> list[str]:
    """Return `key=value` for each value of `key=value,value`; commas inside quotes and brackets part nothing.

    Equal values count once. Raises `UserError` where there is no value.
    """
    key, equals, text = override.partition("=")
    values, depth = [""], 0
    for piece in _PIECES.finditer(text):
        depth += (piece.lastgroup == "open") - (piece.lastgroup == "close")
        if piece.lastgroup == "comma" and depth <= 0:
            values.append("")
        else:
            values[-1] += piece[0]
    written = [f"{key}{equals}{value.strip()}" for value in values]
    found = {json.dumps(parse_override(each), default=str): each for each in written}
    if not all(value.strip() for value in values):
        raise UserError("bad-override", f"--set {override!r}: a value is missing", hint="--set training.seed=0,1")
    return list(found.values())


def _problems(error: ValidationError, model: type[BaseModel]) -> Iterable[Problem]:
    items = error.errors(include_url=False)
    for item in items:
        if any(other["loc"][: len(item["loc"])] == item["loc"] and other["loc"] != item["loc"] for other in items):
            continue  # a list whose entry is wrong is also reported as too short
        location = [str(part) for part in item["loc"] if not str(part).startswith(("literal[", "function-"))]
        key = ".".join(location) or "venture"
        if item["type"] == "extra_forbidden":
            choices = _keys_at(model, location[:-1])
            hint = nearest(location[-1], choices) or f"; known here: {', '.join(choices)}"
            yield Problem(key, f"unknown key{hint}", item["input"], code="unknown-key")
        elif item["type"] == "missing":
            yield Problem(key, "required key is missing", code="missing-key")
        elif item["type"] == "value_error":
            yield Problem(key, str(item["ctx"]["error"]))
        elif item["type"] == "literal_error":
            value, expected = item["input"], item["ctx"]["expected"]
            choices = [choice.strip().strip("'") for choice in expected.replace(" or ", ", ").split(",")]
            yield Problem(key, f"expected {expected}{nearest(str(value), choices)}", value)
        else:
            message = item["msg"]
            expected = message.removeprefix("Input should be ").removeprefix("Value should be ")
            yield Problem(key, f"expected {expected}", item["input"])


def _keys_at(model: type[BaseModel], location: Iterable[str]) -> list[str]:
    for part in location:
        if part.isdigit():
            continue
        field = model.model_fields.get(part)
        nested = field and next(iter(_models_in(field.annotation)), None)
        if not nested:
            return []
        model = nested
    return [name for name, field in model.model_fields.items() if not field.exclude]


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)


def reference_rows(model: type[BaseModel] = Venture, prefix: str = "") -> list[tuple[str, str, str, str]]:
    """Every key of the venture as (dotted key, type, default, sentence), in file order."""
    rows: list[tuple[str, str, str, str]] = []
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        nested = next(iter(_models_in(field.annotation)), None)
        if nested is not None:
            many = "[]" if nested is not field.annotation else ""
            rows += reference_rows(nested, f"{prefix}{name}{many}.")
            continue
        schema = model.model_json_schema()["properties"][name]
        default = "required" if field.is_required() else json.dumps(field.default)
        rows.append((prefix + name, _type_name(schema), default, " ".join((field.description or "").split())))
    return rows


def _type_name(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type_name(s) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return " \\| ".join(f"`{choice}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema.get("type", "value"))
