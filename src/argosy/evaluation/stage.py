"""The evaluation as a stage of a run: what decides its result, and what would stop it. Torch-free."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argosy.config import Problem, RivalConfig, UserError, Venture
from argosy.evaluation.endpoint import api_key
from argosy.evaluation.questions import Question, read_questions, read_recorded
from argosy.storage import file_digest
from argosy.training import latest_checkpoint

ANSWERS, REPLIES = "evaluation-answers.jsonl", "endpoint-replies.jsonl"
MODEL_FILES = ("model.safetensors", "config.json", "tokenizer.json")


def check(venture: Venture) -> list[Problem]:
    """Return what would stop the venture's own questions from being asked; reads them and the recorded answers."""
    problems, questions = [], list[Question]()
    for number, task in enumerate(venture.evaluation.tasks):
        try:
            questions += read_questions(task, venture.folder)
        except UserError as error:
            problems.append(Problem(f"evaluation.tasks.{number}.path", error.message, task.path, code=error.code))
    for number, rival in enumerate(venture.evaluation.rivals):
        key = next(key for key in ("run", "answers", "url") if getattr(rival, key) is not None)
        try:
            _check_rival(rival, venture.folder, questions)
        except UserError as error:
            place = f"evaluation.rivals.{number}.{key}"
            problems.append(Problem(place, error.message, getattr(rival, key), code=error.code))
    return problems


def _check_rival(rival: RivalConfig, folder: Path, questions: list[Question]) -> None:
    if rival.run is not None:
        model_folder(folder / rival.run)
    elif rival.answers is not None:
        read_recorded(folder / rival.answers, questions)
    else:
        api_key(rival)


def model_folder(path: Path) -> Path:
    """Where the model of a run, or a model with its tokeniser, lies; raises `UserError` `missing-rival`."""
    latest = latest_checkpoint(path / "checkpoints")
    folder = path if latest is None else latest.folder / "model"
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if missing:
        raise UserError("missing-rival", f"{path} is neither a trained run nor a model: no {', '.join(missing)}")
    return folder


def inputs_of(venture: Venture) -> Mapping[str, str]:
    """Hash of each file of questions, of recorded answers and of rivals' weights; raises `UserError`, `OSError`."""
    files = {f"task {task.title}": venture.folder / task.path for task in venture.evaluation.tasks}
    for rival in venture.evaluation.rivals:
        if rival.answers is not None:
            files[f"rival {rival.title}"] = venture.folder / rival.answers
        elif rival.run is not None:
            files[f"rival {rival.title}"] = model_folder(venture.folder / rival.run) / MODEL_FILES[0]
    return {name: file_digest(path) for name, path in files.items()}


def configuration_of(venture: Venture) -> Any:
    """The section without where files lie, so that a venture and the copy its run keeps are the same."""
    tree = venture.evaluation.model_dump(mode="json")
    for named, entry in zip(venture.evaluation.named, [*tree["tasks"], *tree["rivals"]], strict=True):
        entry |= {"name": named.title, "path": None, "run": None, "answers": None}
    return tree
