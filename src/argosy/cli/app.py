"""The verbs."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

import argosy
from argosy.config.errors import ArgosyError, UserError

if TYPE_CHECKING:
    from cyclopts import Token

    from argosy.config import AnyVenture
    from argosy.storage import Run

app = App(
    name="argosy",
    help="From a budget to a trained, audited language model.\n\nStart with: argosy init my-venture && "
    "argosy run my-venture",
    version=argosy.__version__,
    suppress_keyboard_interrupt=False,
)


def _whole(_: object, tokens: "Sequence[Token]") -> int:
    """The number an option is given as digits; left to itself 2.5 would be rounded, and nobody told."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"expected a whole number, not {tokens[0].value!r}") from None


WholeNumber = Annotated[int, Parameter(converter=_whole)]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON on standard output.")]
Force = Annotated[bool, Parameter(name="--force", negative="", help="Do this stage again from the start.")]
DryRun = Annotated[bool, Parameter(negative="", help="Only count what ranks take: memory, FLOPs, communication.")]
AllowChanges = Annotated[
    bool, Parameter(name="--allow-changes", negative="", help="Resume although training keys changed.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Overrides:
    """Options every stage takes."""

    set: Annotated[
        tuple[str, ...],
        Parameter(name="--set", negative="", help="Override a key: --set training.steps=200."),
    ] = ()
    layout: Annotated[
        str | None, Parameter(name="--layout", help="Degrees of parallelism: data=2,tensor=2; auto for the planner's.")
    ] = None
    run: Annotated[Path | None, Parameter(name="--run", help="Run folder, instead of runs/NAME.")] = None

    @property
    def keys(self) -> tuple[str, ...]:
        """All that is overridden, as `key=value`."""
        return (*([f"layout={self.layout}"] if self.layout is not None else []), *self.set)


def _open(target: str, overrides: Overrides) -> tuple["AnyVenture", "Run"]:
    """Find the venture and the run folder behind a venture file, a folder, a run folder or a run's name."""
    from argosy.config import load_venture
    from argosy.storage import Run

    path = Path(target)
    is_run = (path / "receipts").is_dir() or not (path.suffix == ".toml" or path.exists())
    if is_run and path.suffix != ".toml":
        found = Run.find(target)
        return load_venture(found.path / "venture.toml", overrides.keys), Run(overrides.run or found.path)
    venture = load_venture(path, overrides.keys)
    return venture, Run(overrides.run) if overrides.run else Run.of(venture)


@app.command
def init(folder: Path, *, task: str = "language-model", json: Json = False) -> None:
    """Write a commented venture to edit.

    Example: argosy init my-venture

    Parameters
    ----------
    folder
        Folder to make; its name becomes the venture's.
    task
        What is to be made: language-model or classification.
    """
    from argosy.cli.init import write_venture
    from argosy.cli.output import show

    path = write_venture(folder, task)
    show({"venture": str(path)}, f"wrote {path}\nedit it, then: argosy run {path}", as_json=json)


@app.command
def run(
    venture: str,
    *,
    options: Overrides = Overrides(),
    force: Force = False,
    allow_changes: AllowChanges = False,
    json: Json = False,
) -> None:
    """Carry out the whole journey: prepare, train, evaluate, report. What is done already is not done again.

    Example: argosy run venture.toml --set training.tokens=200_000

    Parameters
    ----------
    venture
        Venture file, its folder, or a run to go on with.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import journey_summary

    parsed, target = _open(venture, options)
    workflow.run_until(parsed, "report", target, afresh=force, options=workflow.Options(allow_changes=allow_changes))
    result, text = journey_summary(target)
    show(result, text, as_json=json)


@app.command
def prepare(venture: str, *, options: Overrides = Overrides(), force: Force = False, json: Json = False) -> None:
    """Read, split, tokenise and shard the text.

    Example: argosy prepare venture.toml --json

    Parameters
    ----------
    venture
        Venture file, its folder, or a run.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import data_summary

    parsed, target = _open(venture, options)
    dataset = workflow.prepare(parsed, target, force=force)
    show(dataset, data_summary(dataset), as_json=json)


@app.command
def train(
    venture: str,
    *,
    options: Overrides = Overrides(),
    force: Force = False,
    allow_changes: AllowChanges = False,
    skip_batches: tuple[int, int] | None = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train, from the latest checkpoint if there is one; Ctrl-C saves first.

    Example: argosy train venture.toml --layout data=4

    Parameters
    ----------
    venture
        Venture file, its folder, or a run to go on with.
    skip_batches
        First and last batch to leave out, such as those behind a loss spike: goes back to the checkpoint before them.
    """
    from argosy import workflow
    from argosy.cli.dry_run import show_dry_run
    from argosy.cli.output import show
    from argosy.cli.summary import training_summary

    parsed, target = _open(venture, options)
    if dry_run:
        show_dry_run(parsed, as_json=json)
        return
    added = workflow.Options(allow_changes=allow_changes, skip_batches=skip_batches)
    checkpoint = workflow.train(parsed, target, force=force, options=added)
    shown = {**checkpoint.model_dump(mode="json"), "folder": str(checkpoint.folder)}
    show(shown, training_summary(checkpoint), as_json=json)


@app.command
def evaluate(venture: str, *, options: Overrides = Overrides(), force: Force = False, json: Json = False) -> None:
    """Measure the trained model on text it has not seen, beside xz and a 5-gram model; finishes training first.

    Example: argosy evaluate runs/my-venture --json

    Parameters
    ----------
    venture
        Run, venture file or its folder.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import evaluation_summary

    parsed, target = _open(venture, options)
    evaluation = workflow.evaluate(parsed, target, force=force)
    show(evaluation, evaluation_summary(evaluation), as_json=json)


@app.command
def generate(
    run: str,
    *,
    prompt: str = "",
    options: Overrides = Overrides(),
    temperature: float = 0.8,
    top_p: float = 0.95,
    top_k: int = 0,
    seed: int = 0,
    max_tokens: int = 200,
    json: Json = False,
) -> None:
    """Continue a prompt with a trained model, token by token as they come.

    Example: argosy generate runs/my-venture --prompt "def main(" --temperature 0.7

    Parameters
    ----------
    run
        Run, venture file or its folder, or the folder of a model.
    prompt
        Text to continue.
    temperature
        0 takes the likeliest token each time.
    top_p
        Sample among the likeliest tokens that make up this probability.
    top_k
        Sample among this many likeliest tokens; 0 for all.
    seed
        Same seed, same text.
    max_tokens
        Stop after this many.
    """
    from argosy import workflow
    from argosy.cli.exchange import find_model
    from argosy.cli.output import show

    model, _ = find_model(run, options)
    sampling = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "seed": seed,
        "max_tokens": max_tokens,
    }
    text = ""
    for piece in workflow.generate(model, prompt, **sampling):
        if not json:
            sys.stdout.write(piece if text else prompt + piece)
            sys.stdout.flush()
        text += piece
    show({"prompt": prompt, "text": text, **sampling}, "", as_json=json)


@app.command
def report(venture: str, *, options: Overrides = Overrides(), force: Force = False, json: Json = False) -> None:
    """Write report.html, one page that holds the whole run.

    Example: argosy report runs/my-venture

    Parameters
    ----------
    venture
        Run, venture file or its folder.
    """
    from argosy import workflow
    from argosy.cli.output import show

    parsed, target = _open(venture, options)
    path = workflow.report(parsed, target, force=force)
    show({"report": str(path)}, str(path), as_json=json)


@app.command
def doctor(*, refresh: bool = False, json: Json = False) -> int:
    """Tell what this machine has, how fast it really is, what is missing and how to mend it.

    Example: argosy doctor --refresh

    Parameters
    ----------
    refresh
        Measure again instead of showing the last measurement.
    """
    from argosy.cli.doctor import doctor as examine

    return examine(refresh, json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb; exit status 0, 1 for a failed run, 2 for the user's mistake."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character shows another
    try:
        code = _run(tokens)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    if "RANK" in os.environ:
        # As a rank, leave without tearing down the interpreter: gloo's threads may abort it when all is done.
        os._exit(code)
    sys.exit(code)


def _run(tokens: Sequence[str]) -> int:
    try:
        outcome: Any = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        return outcome if isinstance(outcome, int) and not isinstance(outcome, bool) else 0
    except CycloptsError as error:
        failure: ArgosyError = UserError("bad-command", _first_line(error), hint=_usage(tokens))
    except ArgosyError as error:
        failure = error
    except BrokenPipeError:
        raise
    except OSError as error:
        failure = UserError("file-access", f"{error.filename or 'a file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        failure = ArgosyError("stopped", "stopped")
        failure.exit_code = 130
    return _fail(failure, as_json="--json" in tokens)


def _fail(error: ArgosyError, *, as_json: bool) -> int:
    from argosy.cli.output import show_error

    show_error(error, as_json=as_json)
    return error.exit_code


def _first_line(error: CycloptsError) -> str:
    return " ".join(str(error).split())


def _usage(tokens: Sequence[str]) -> str:
    verb = next((token for token in tokens if not token.startswith("-")), "")
    return f"argosy {verb} --help" if verb in {name for name in app if not name.startswith("-")} else "argosy --help"
