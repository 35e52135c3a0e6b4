"""Questions as people put them: `7B`, `8xH100`, `140B`, a `config.json`, a venture with a `[plan]`."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from argosy.config import (
    PRESETS,
    TransformerConfig,
    UserError,
    Venture,
    nearest,
    parse_size,
    resolve_recipe,
    shape_for_size,
    transformer_config,
)
from argosy.hardware import AcceleratorSpec, accelerator
from argosy.planning.here import accelerators_here, is_here
from argosy.planning.published import published_shape
from argosy.planning.results import Question
from argosy.planning.shape import ModelShape, shape_of

TOKENS_PER_PARAMETER = 20.0  # Hoffmann et al. 2022, table 3
VOCABULARY = 128_256  # of a new model, unless it is said
_COUNTED = re.compile(r"(?:(\d+)\s*[x×*]\s*)?(.+)", re.IGNORECASE)
_DAYS = re.compile(r"(\d+(?:\.\d+)?)\s*d(?:ays?)?", re.IGNORECASE)


def ask(
    *,
    accelerators: str | None = None,
    shape: ModelShape | None = None,
    size: str | None = None,
    model: str | None = None,
    vocabulary_size: int = VOCABULARY,
    tokens: str | None = None,
    deadline: str | None = None,
    text_gb: float | None = None,
    bytes_per_token: float = 4.0,
    **rest: Any,
) -> Question:
    """Make a question of words: a `size` or a `model` (a preset or a `config.json`), `accelerators` such as `8xH100`.

    Without `accelerators` it is for this machine. A `shape` goes before both, and `model` is then its name. `tokens`
    are 20 a parameter unless given; `deadline` is a date or so many days (`45d`). `rest` are further fields. Raises
    `UserError` for what cannot be understood, with the nearest that can.
    """
    if shape is None and (size is None) == (model is None):
        raise UserError("bad-option", "give a size (--size 7B) or a model (--model config.json), one of them")
    if shape is None:
        shape = _sized(size, vocabulary_size) if size is not None else _named(model or "", vocabulary_size)
    spec, number = accelerators_here() if accelerators is None else counted_accelerators(accelerators)
    if is_here(spec) and "arithmetic" in rest:
        raise UserError(
            "bad-option",
            f"arithmetic = {rest['arithmetic']!r}: on this machine every precision that was measured is tried",
            hint="leave it out, or name accelerators: --accelerators 8xH100",
        )
    active = shape.parameter_count(active=True)
    wanted = TOKENS_PER_PARAMETER * active if tokens is None else _amount("tokens", tokens)
    of_token = _positive("bytes_per_token", bytes_per_token)
    fields = {
        "model": model or str(size),
        "shape": shape,
        "tokens": wanted,
        "accelerator": spec,
        "accelerators": number,
        "deadline_days": None if deadline is None else days_until(deadline),
        "unique_tokens": None if text_gb is None else _positive("text_gb", text_gb) * 1e9 / of_token,
        "bytes_per_token": of_token,
        **{name: value for name, value in rest.items() if value is not None},
    }
    try:
        return Question(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError("bad-option", f"{name} = {first['input']!r}: {first['msg']}") from None


def question_of(venture: Venture, overrides: Mapping[str, Any]) -> Question:
    """The question that a venture asks by its model, its training and its `[plan]`; `overrides` go before it.

    It is for this machine when no accelerators are named.
    """
    words = venture.plan.model_dump(exclude_none=True) | {k: v for k, v in overrides.items() if v is not None}
    length = int(words.setdefault("sequence_length", venture.data.sequence_length))
    vocabulary = int(words.setdefault("vocabulary_size", venture.data.vocabulary_size))
    training = venture.training
    if training.batch_size is not None:
        words.setdefault("batch_tokens", training.batch_size * length)
    if "size" in words or "model" in words:  # another model, on as much as the venture says in so many words
        if training.tokens is not None:
            words.setdefault("tokens", str(training.tokens))
        return ask(**words)
    data = venture.data.model_copy(update={"sequence_length": length, "vocabulary_size": vocabulary})
    asked = venture.model_copy(update={"data": data})
    config = transformer_config(asked, vocabulary)
    recipe = resolve_recipe(asked, config)
    words.setdefault("tokens", str(recipe.steps * recipe.tokens_per_step))
    return ask(**words, shape=shape_of(config), model=venture.model.size or venture.model.preset or venture.name)


def counted_accelerators(text: str) -> tuple[AcceleratorSpec, int]:
    """`8xH100` as its accelerator and number; raises `UserError` for an unknown one, with the nearest."""
    match = _COUNTED.fullmatch(text.strip())
    if match is None or (match[1] is not None and int(match[1]) == 0):
        raise UserError("bad-option", f"accelerators = {text!r}: expected a number and a name", hint="8xH100")
    return accelerator(match[2]), int(match[1] or 1)


def days_until(text: str) -> float:
    """Days from today to a date, or so many days; raises `UserError` for what is neither or past."""
    if match := _DAYS.fullmatch(text.strip()):
        return float(match[1])
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise UserError(
            "bad-option", f"deadline = {text!r}: expected a date or a number of days", hint="2027-03-01 or 45d"
        ) from None
    left = (day - datetime.now(UTC).date()).days
    if left <= 0:
        raise UserError("bad-option", f"deadline = {text}: that day is past")
    return float(left)


def _sized(size: str, vocabulary_size: int) -> ModelShape:
    _positive("vocabulary_size", vocabulary_size)
    numbers = shape_for_size(size, vocabulary_size, tied_embeddings=False)
    return _shape(numbers, vocabulary_size)


def _named(model: str, vocabulary_size: int) -> ModelShape:
    if model in PRESETS:
        return _shape(PRESETS[model], vocabulary_size)
    path = Path(model)
    if not path.exists():
        raise UserError(
            "bad-option",
            f"model = {model!r} is no preset and no file{nearest(model, PRESETS)}",
            hint=f"presets: {', '.join(PRESETS)}; or the config.json of a model",
        )
    return published_shape(path)


def _shape(numbers: Mapping[str, int | float | bool], vocabulary_size: int) -> ModelShape:
    tree = {**numbers, "vocabulary_size": vocabulary_size, "sequence_length": 1}
    return shape_of(TransformerConfig.model_validate(tree))


def _amount(name: str, text: str) -> float:
    try:
        return parse_size(text.replace(",", "").replace("_", ""))
    except UserError:
        raise UserError("bad-option", f"{name} = {text!r} is not a number such as '300M' or '1.5T'") from None


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise UserError("bad-option", f"{name} = {value:g}, expected more than 0")
    return value
