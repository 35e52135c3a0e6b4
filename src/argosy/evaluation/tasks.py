"""The venture's own questions: everyone is asked, every answer is kept, accuracies come with what they are worth."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import orjson

from argosy.config import OWN_NAME, TaskConfig, Venture
from argosy.data import Tokenizer, load_tokenizer
from argosy.evaluation.endpoint import Endpoint
from argosy.evaluation.questions import Answer, Question, read_questions, read_recorded
from argosy.evaluation.results import Contestant, TaskResult
from argosy.evaluation.scoring import model_answers, prompt_of
from argosy.evaluation.stage import ANSWERS, REPLIES, model_folder
from argosy.evaluation.statistics import calibrate, interval, lead, resampled_means
from argosy.evaluation.text import open_model
from argosy.models import Transformer
from argosy.progress import Advance, progress
from argosy.storage import atomic_write

Tasks = list[tuple[TaskConfig, list[Question]]]
Ask = Callable[[TaskConfig, Sequence[Question], Advance], list[Answer]]


def answer_tasks(venture: Venture, model: Transformer, tokenizer: Tokenizer, folder: Path) -> tuple[TaskResult, ...]:
    """Put every task to this model and its rivals, and keep the answers in `folder/evaluation-answers.jsonl`.

    Raises what reading, an endpoint or opening a rival's model raises.
    """
    tasks = [(task, read_questions(task, venture.folder)) for task in venture.evaluation.tasks]
    if not tasks:
        return ()
    total = sum(len(questions) for _, questions in tasks) * (1 + len(venture.evaluation.rivals))
    with progress("Questions", total, "questions") as advance:
        given = {
            name: [ask(task, questions, advance) for task, questions in tasks]
            for name, ask in _contestants(venture, tasks, model, tokenizer, folder)
        }
    results = []
    with atomic_write(folder / ANSWERS) as temporary, temporary.open("wb") as file:
        for place, (task, questions) in enumerate(tasks):
            answers = {name: each[place] for name, each in given.items()}
            for name, some in answers.items():
                file.writelines(_line(task, name, *pair) for pair in zip(questions, some, strict=True))
            results.append(_result(task, questions, answers, _long(task, questions, model, tokenizer)))
    return tuple(results)


def _contestants(
    venture: Venture, tasks: Tasks, model: Transformer, tokenizer: Tokenizer, folder: Path
) -> Iterator[tuple[str, Ask]]:
    """This model, then each rival, opened when its turn comes."""
    price = venture.evaluation.usd_per_hour
    yield OWN_NAME, partial(model_answers, model, tokenizer, price)
    for rival in venture.evaluation.rivals:
        if rival.run is not None:
            source = model_folder(venture.folder / rival.run)
            yield rival.title, partial(model_answers, open_model(source), load_tokenizer(source), price)
        elif rival.answers is not None:
            every = [question for _, questions in tasks for question in questions]
            yield rival.title, partial(_recorded, read_recorded(venture.folder / rival.answers, every))
        else:
            yield rival.title, Endpoint(rival, folder / REPLIES).answers


def _recorded(
    answers: Mapping[str, Answer], task: TaskConfig, questions: Sequence[Question], advance: Advance
) -> list[Answer]:
    advance(len(questions))
    return [answers[question.id] for question in questions]


def _long(task: TaskConfig, questions: Sequence[Question], model: Transformer, tokenizer: Tokenizer) -> int:
    """How many questions are longer than the sequences the model was trained on."""
    lengths = [len(tokenizer.encode(prompt_of(task, question))) for question in questions]
    return sum(length >= model.config.sequence_length for length in lengths)


def _result(
    task: TaskConfig, questions: Sequence[Question], answers: dict[str, list[Answer]], beyond_training: int
) -> TaskResult:
    ours = answers[OWN_NAME]
    return TaskResult(
        name=task.title,
        questions=len(questions),
        chance=float(np.mean([1 / len(q.choices) for q in questions])) if questions[0].choices else None,
        beyond_training=beyond_training,
        contestants=tuple(
            _contestant(name, questions, some, None if some is ours else ours) for name, some in answers.items()
        ),
    )


def _contestant(
    name: str, questions: Sequence[Question], answers: list[Answer], ours: list[Answer] | None
) -> Contestant:
    right = [answer.right for answer in answers]
    by_length = [answer.right_by_length for answer in answers if answer.right_by_length is not None]
    probabilities = [answer.probabilities for answer in answers if answer.probabilities]
    places = [question.choices.index(question.accepted[0]) for question in questions] if probabilities else []
    costs = [answer.cost_usd for answer in answers if answer.cost_usd is not None]
    cost = sum(costs) if len(costs) == len(answers) else None
    return Contestant(
        name=name,
        right=sum(right),
        unreadable=sum(answer.text is None for answer in answers),
        accuracy=float(np.mean(right)),
        interval=interval(resampled_means(right)),
        accuracy_by_length=float(np.mean(by_length)) if by_length else None,
        calibration=calibrate(probabilities, places) if probabilities else None,
        cost_usd=None if cost is None else cost / len(answers),
        cost_per_right_usd=cost / sum(right) if cost is not None and any(right) else None,
        lead=None if ours is None else lead([answer.right for answer in ours], right),
    )


def _line(task: TaskConfig, name: str, question: Question, answer: Answer) -> bytes:
    record = {"task": task.title, "id": question.id, "question": question.text, "by": name, **answer._asdict()}
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
