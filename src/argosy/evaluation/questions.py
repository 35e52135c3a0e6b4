"""Questions of one's own and answers to them: read from JSON Lines, checked line by line, judged. Torch-free."""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from argosy.config import TaskConfig, UserError, nearest
from argosy.data import read_objects

LETTERS = string.ascii_uppercase
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SPACE_IN_CJK = re.compile(rf"(?<=[{_CJK}])\s+|\s+(?=[{_CJK}])")
_NUMBER_SIGN = re.compile(r"-(?=\.?\d)|\.(?=\d)")
# A line that is a letter, a reply that begins with "B." or "B)", or says "the answer is B"; the last of these counts.
_LETTER = re.compile(
    r"^[^\w\n]*([A-Za-z])[^\w\n]*$|\A\W*([A-Z])[.):、]"
    r"|(?:(?i:answer|option|choice)(?: is)?|答案|选)[^\w\n]*是?[^\w\n]*([A-Z])\b",
    re.MULTILINE,
)


class Question(NamedTuple):
    """One question and what counts as right."""

    id: str
    text: str
    choices: tuple[str, ...]
    """Empty where the answer is compared with references."""
    accepted: tuple[str, ...]
    """The right choice, or the references."""


class Answer(NamedTuple):
    """What one contestant said."""

    text: str | None
    """None where no choice could be read from the reply."""
    right: bool
    cost_usd: float | None
    """None where it is not known."""
    probabilities: tuple[float, ...] = ()
    """Of the choices, where the contestant is a model of text."""
    right_by_length: bool | None = None
    """Whether the choice with the largest log-likelihood for each byte is right."""


def read_questions(task: TaskConfig, folder: Path) -> list[Question]:
    """Read a task's questions; `folder` is the venture's.

    Raises `UserError` with file, line and key: `missing-source`, `bad-record`, `bad-question`.
    """
    questions: dict[str, Question] = {}
    for place, record in read_objects(folder / task.path):
        question = _question(place, record)
        if question.id in questions:
            raise _bad(place, f"id {question.id!r} is there twice")
        questions[question.id] = question
        if bool(question.choices) != bool(next(iter(questions.values())).choices):
            raise _bad(place, "a task has `choices` in all of its questions or in none; make two files")
    if not questions:
        raise _bad(str(folder / task.path), "the file has no question")
    return list(questions.values())


def read_recorded(path: Path, questions: Iterable[Question]) -> dict[str, Answer]:
    """Read recorded answers to the questions of all tasks, found by `id` or by the question's text; returned by `id`.

    Raises `UserError` when one is missing, cannot be one, or belongs to more than one: `bad-record`, `bad-answer`.
    """
    records: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for place, record in read_objects(path):
        key = record.get("id", record.get("question"))
        if not isinstance(key, str | int) or str(key) in records:
            raise UserError("bad-answer", f"{place}: expected `id` or `question`, each once, found {key!r}")
        records[str(key)] = place, record
    answers: dict[str, Answer] = {}
    for question in questions:
        found = records.get(question.id) or records.get(question.text)
        if found is None or question.id in answers:
            wrong = "has no answer to it" if found is None else "cannot tell it from one of another task"
            raise UserError("bad-answer", f"question {question.id!r}, {question.text[:80]!r}: {path} {wrong}")
        answers[question.id] = _recorded(*found, question)
    return answers


def _recorded(place: str, record: Mapping[str, Any], question: Question) -> Answer:
    answer, cost = record.get("answer"), record.get("cost_usd")
    if question.choices and type(answer) is int and 0 <= answer < len(question.choices):
        answer = question.choices[answer]
    if not isinstance(answer, str):
        expected = f"text or a number from 0 to {len(question.choices) - 1}" if question.choices else "text"
        raise UserError("bad-answer", f"{place}: answer = {answer!r}: expected {expected}")
    if not (cost is None or (type(cost) in (int, float) and 0 <= cost < float("inf"))):
        raise UserError("bad-answer", f"{place}: cost_usd = {cost!r}: expected a number from 0")
    return judged(question, answer, cost)


def judged(question: Question, reply: str, cost_usd: float | None) -> Answer:
    """The answer in a reply: the choice it names, or the text itself, which is right when it equals a reference."""
    if question.choices:
        choice = read_choice(reply, question.choices)
        return Answer(choice, choice in question.accepted, cost_usd)
    return Answer(reply, normalise(reply) in {normalise(reference) for reference in question.accepted}, cost_usd)


def read_choice(reply: str, choices: Sequence[str]) -> str | None:
    """The choice that a reply names by its text or by its letter, or None."""
    for same in (str.strip, normalise):
        matches = [choice for choice in choices if same(choice) == same(reply)]
        if len(matches) == 1:
            return matches[0]
    plain = unicodedata.normalize("NFKC", reply)
    letters = [letter for match in _LETTER.findall(plain) for letter in match if letter]
    place = LETTERS.index(letters[-1].upper()) if letters else len(choices)
    return choices[place] if place < len(choices) else None


def normalise(text: str) -> str:
    """Lower case without punctuation, articles and superfluous spaces, as SQuAD compares (Rajpurkar et al. 2016).

    Beyond that: full-width and other compatibility forms become plain (Unicode NFKC), spaces beside Chinese and
    Japanese characters go, a number keeps its sign and its point. What would vanish altogether stays.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).replace("−", "-").casefold()).strip()
    kept = {match.start() for match in _NUMBER_SIGN.finditer(folded)}
    bare = "".join(c for place, c in enumerate(folded) if place in kept or not _is_punctuation(c))
    return _SPACE_IN_CJK.sub("", " ".join(_ARTICLES.sub(" ", bare).split())) or folded


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _question(place: str, record: Mapping[str, Any]) -> Question:
    if "question" not in record:
        known = f"the keys {', '.join(record)}{nearest('question', record)}" if record else "no keys"
        raise _bad(place, f"no `question` among {known}")
    if ("choices" in record) == ("reference" in record):
        raise _bad(place, "give `choices` and `answer`, or `reference`")
    text, identity = _text(place, "question", record["question"]), record.get("id")
    if not isinstance(identity, str | int):
        identity = Path(place).name
    if "reference" in record:
        given = record["reference"]
        references = given if isinstance(given, list) and given else [given]
        return Question(str(identity), text, (), tuple(_text(place, "reference", each) for each in references))
    choices = record["choices"]
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
        raise _bad(place, f"choices = {choices!r}: expected a list of 2 to {len(LETTERS)} texts")
    if len({_text(place, "choices", choice) for choice in choices}) < len(choices):
        raise _bad(place, f"choices = {choices!r}: expected texts that differ")
    answer = record.get("answer")
    if type(answer) is int and 0 <= answer < len(choices):
        answer = choices[answer]
    if not isinstance(answer, str) or answer not in choices:
        raise _bad(place, f"answer = {answer!r}: expected a number from 0 to {len(choices) - 1}, or one of the choices")
    return Question(str(identity), text, tuple(choices), (answer,))


def _text(place: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _bad(place, f"{key} = {value!r}: expected text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _bad(place, f"{key} = {value!r}: expected text that UTF-8 can hold") from None
    return value


def _bad(place: str, message: str) -> UserError:
    return UserError("bad-question", f"{place}: {message}")
