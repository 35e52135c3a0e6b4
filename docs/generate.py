"""Write the generated reference pages: `python docs/generate.py`. A test fails when they are out of date.

venture.md comes from the configuration classes, command-line.md from the verbs, support-matrix.md from what the checks
before training accept; none is edited by hand.
"""

import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

from cyclopts import App, Argument
from pydantic import BaseModel
from support import support_matrix

from argosy.cli.app import app
from argosy.config import PRESETS, ClassificationVenture, Venture, reference_rows

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py; edit the sentence in the code instead. -->\n"

Row = tuple[str, str, str, str]


def venture_page() -> str:
    """Every key of a language model's venture: a heading for each section, a heading for each key."""
    parts = [
        NOTE,
        "# The venture file\n",
        f"`venture.toml` says what a team has and what it wants. It has {len(reference_rows())} keys; "
        "most have defaults. `argosy init` writes a commented one, `argosy config schema` prints the JSON Schema.\n",
        "For one command, any key can be overridden: `--set training.steps=200`. "
        "An entry of a list is named by its number: `--set data.sources.0.weight=2`.\n",
        "A default of `null` means that the key is absent; what then happens is in its sentence.\n",
    ]
    return "\n".join([*parts, *_sections(Venture), _presets()])


def classification_page() -> str:
    """Every key of a classifier's venture."""
    rows = reference_rows(ClassificationVenture)
    parts = [
        NOTE,
        "# The venture of a classifier\n",
        f'With `goal.task = "classification"`, `venture.toml` has these {len(rows)} keys instead of '
        "[those of a language model](venture.md). `argosy config schema classification` prints the JSON Schema.\n",
    ]
    return "\n".join([*parts, *_sections(ClassificationVenture)])


def _sections(venture: type[BaseModel]) -> Iterator[str]:
    for section, keys in groupby(reference_rows(venture), key=lambda row: row[0].rpartition(".")[0]):
        yield _section(venture, section, list(keys))


def _section(venture: type[BaseModel], section: str, keys: list[Row]) -> str:
    if not section:
        title, sentence = "At the top", "Keys outside any section; they come first in the file.\n"
    else:
        title = f"`[[{section.removesuffix('[]')}]]`" if section.endswith("[]") else f"`[{section}]`"
        sentence = f"{_sentence(inspect.getdoc(_model_at(venture, section)))}\n"
    return "\n".join([f"## {title}\n", sentence, *(_key(row) for row in keys)])


def _key(row: Row) -> str:
    key, kind, default, sentence = row
    required = "Required" if default == "required" else f"Default `{default}`"
    kind = kind.replace("\\|", "or")
    kind = kind if "`" in kind else f"`{kind}`"
    return f"### `{key}`\n\n{_sentence(sentence)}\n\n{required}; {kind}.\n"


def _model_at(model: type[BaseModel], section: str) -> type[BaseModel]:
    for part in section.replace("[]", "").split("."):
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return model


def _presets() -> str:
    names = ("dim", "layers", "heads", "kv_heads", "ffn_dim")
    lines = [
        "## Presets\n",
        "The values of `model.preset`. Vocabulary and sequence length stay the venture's own.\n",
        f"| preset | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    lines += [f"| `{name}` | {' | '.join(f'{shape[n]:,}' for n in names)} |" for name, shape in PRESETS.items()]
    return "\n".join([*lines, ""])


def command_page() -> str:
    """Every verb: what it does, how it is called, an example, its arguments and options."""
    parts = [
        NOTE,
        "# The command line\n",
        "The result goes to standard output, progress and messages to standard error. Every verb takes `--json` and "
        "`--help`. The exit status is 0, 1 for a failed run, 2 for a mistake to mend "
        "(see [Errors](errors.md)).\n",
        "VENTURE is a venture file, its folder, or a run. "
        "RUN is a run's path, its name under `./runs`, or its venture.\n",
        "| verb | what it does |\n|---|---|",
    ]
    verbs = list(_verbs(app))
    for name, verb in verbs:
        parts.append(f"| [`{name}`](#{_anchor(f'argosy {name}')}) | {_docstring(verb)[0]} |")
    parts.append("")
    parts += [_verb(name, verb) for name, verb in verbs]
    return "\n".join(parts)


def _verbs(parent: App, prefix: str = "") -> list[tuple[str, App]]:
    found = []
    for name in sorted(name for name in parent if not name.startswith("-")):
        verb = parent[name]
        if verb.default_command is None:
            found += _verbs(verb, f"{prefix}{name} ")
        else:
            found.append((f"{prefix}{name}", verb))
    return found


def _verb(name: str, verb: App) -> str:
    sentence, example = _docstring(verb)
    arguments = verb.assemble_argument_collection(parse_docstring=True)
    rows = [_option(argument) for argument in arguments if argument.name.startswith("--")]
    positional = [row[0].strip("`") for row in rows if not row[0].startswith("`-")]
    usage = " ".join(["argosy", name, *positional, "[OPTIONS]"])
    table = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(
        [
            f"## argosy {name}\n",
            f"{sentence}\n",
            f"```console\n$ {usage}\n```\n",
            f"For example:\n\n```console\n$ {example}\n```\n" if example else "",
            "| argument or option | default | what it is |\n|---|---|---|",
            *table,
            "",
        ]
    )


def _docstring(verb: App) -> tuple[str, str]:
    text = (inspect.getdoc(verb.default_command) or "").partition("Parameters\n---")[0]
    before, _, example = text.partition("Example:")
    return _sentence(before), " ".join(example.split())


def _option(argument: Argument) -> tuple[str, str, str]:
    """Cells (name, default, sentence) of an argument."""
    field, name = argument.field_info, argument.name.lstrip("-").upper()
    default = None if field.default in (field.empty, None, ()) or field.default is False else field.default
    shown = "" if default in (None, "") else f"`{default}`"
    if field.kind is not field.KEYWORD_ONLY:
        optional = field.default is not field.empty
        return f"`[{name}]`" if optional else f"`{name}`", shown or ("" if optional else "required"), _help(argument)
    return f"`{argument.name}{'' if argument.hint is bool else f' {name}'}`", shown, _help(argument)


def _help(argument: Argument) -> str:
    return _sentence(argument.parameter.help)


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def support_page() -> str:
    """What works with what."""
    return "\n".join([NOTE, *support_matrix()])


PAGES = {
    "venture.md": venture_page,
    "classification.md": classification_page,
    "command-line.md": command_page,
    "support-matrix.md": support_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
