"""The verbs that move models: export and import."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from argosy.cli.app import Json, Overrides, _open, app

if TYPE_CHECKING:
    from argosy.models import ModelFolder

NO_OVERRIDES = Overrides()
Replace = Annotated[bool, Parameter(name="--force", negative="", help="Replace the model that is in the output.")]


def find_model(target: str, options: Overrides) -> tuple[Path, Path]:
    """The folder of a model, and the folder it belongs to: the run whose newest it is, or itself."""
    from argosy import workflow

    if (Path(target) / "model.safetensors").is_file():
        return Path(target), Path(target)
    _, run = _open(target, options)
    return workflow.trained_model(run), run.path


@app.command(name="export")
def export_model(
    run: str,
    *,
    to: str = "huggingface",
    output: Path | None = None,
    options: Overrides = NO_OVERRIDES,
    force: Replace = False,
    json: Json = False,
) -> None:
    """Write a trained model as a folder that transformers loads with no code of ours.

    Example: argosy export runs/my-venture --to huggingface

    Parameters
    ----------
    run
        Run, venture file or its folder, or the folder of a model.
    to
        Format: huggingface.
    output
        Folder to make; else `huggingface` in the run or the model's folder.
    """
    from argosy import exchange
    from argosy.cli.output import show

    model, home = find_model(run, options)
    result = exchange.export_model(model, output or home / "huggingface", to=to, replace=force)
    load = f"transformers.AutoModelForCausalLM.from_pretrained({result.folder!r})"
    show(result, f"{_described(result)}\nload it with: {load}", as_json=json)


@app.command(name="import")
def import_model(folder: Path, *, output: Path | None = None, force: Replace = False, json: Json = False) -> None:
    """Read a Hugging Face folder of the Llama family, so that `generate` and `export` take it as they take a run.

    Example: argosy import downloads/tinyllama --output models/tinyllama

    Parameters
    ----------
    folder
        Folder with config.json, safetensors and tokenizer.json.
    output
        Folder to make; else `models/` and the folder's name.
    """
    from argosy import exchange
    from argosy.cli.output import show

    result = exchange.import_model(folder, output or Path("models") / folder.resolve().name, replace=force)
    show(result, f"{_described(result)}\ntry it with: argosy generate {result.folder}", as_json=json)


def _described(result: "ModelFolder") -> str:
    return f"{result.architecture}, {result.parameters:,} parameters: {result.folder}"
