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
_NUMBER_SIGN = re.compile(r"-(?=\.?\d)|\.(?=\d)|(?<=\d)[/:^](?=\d)")
_DASH = re.compile("[\u2010-\u2015\u2212]")
# How a reply names its letter, the surest way first. An "A" before a word in small letters is an article.
_LETTER = r"[^\w\n]*([A-Z])(?![A-Za-z0-9'])(?!(?<=A) (?!because|since|as|is|and)[a-z])"
_READ_FIRST = re.compile(r"\W*([A-Za-z])[^\w\n]*(?:\n|\Z)")  # its first line
_SAID_LAST = re.compile(  # "the answer is B", "答案应为选项 B", \boxed{B}
    rf"(?i:answer)(?i: is)?{_LETTER}|\\boxed\{{(?:\\text\{{)?([A-Z])\}}"
    rf"|(?:答案|正确选项|故选|应选)[^\w\n]*(?:应该是|应为|是|为)?[^\w\n]*(?:选项)?{_LETTER}"
)
_BEGINS = re.compile(r"\W*([A-Z])(?:[.):、,]|\s+-\s|\s+is\b|\s*(?:选项|是))")
_NAMED_LAST = re.compile(
    rf"^[^\w\n]*([A-Za-z])[^\w\n]*$|(?i:option|choice)(?i: is)?{_LETTER}|选(?:项|择)?是?{_LETTER}", re.M
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
    _check_text(place, "answer", answer, "bad-answer")
    if not (cost is None or (type(cost) in (int, float) and 0 <= cost < float("inf"))):
        raise UserError("bad-answer", f"{place}: cost_usd = {cost!r}: expected a number from 0")
    return judged(question, answer, cost)


def judged(question: Question, reply: str, cost_usd: float | None, *, asked_for_letter: bool = False) -> Answer:
    """The answer in a reply: the choice it names, or the text itself, which is right when it equals a reference."""
    if question.choices:
        choice = read_choice(reply, question.choices, asked_for_letter=asked_for_letter)
        return Answer(choice, choice in question.accepted, cost_usd)
    return Answer(reply, normalise(reply) in {normalise(reference) for reference in question.accepted}, cost_usd)


def read_choice(reply: str, choices: Sequence[str], *, asked_for_letter: bool = False) -> str | None:
    """The choice that a reply names by its text or by its letter, or None.

    Where choices are letters themselves, a letter alone is the text, unless a letter was asked for.
    """
    plain = unicodedata.normalize("NFKC", reply)
    if asked_for_letter and re.fullmatch(r"\W*[A-Za-z]\W*", plain):
        return _lettered([plain.strip(string.punctuation + string.whitespace)], choices)
    for same in (str.strip, normalise):
        matches = [choice for choice in choices if same(choice) == same(reply)]
        if len(matches) == 1:
            return matches[0]
    letters = [_READ_FIRST.match(plain), *_last(_SAID_LAST, plain), _BEGINS.match(plain), *_last(_NAMED_LAST, plain)]
    return _lettered([match[match.lastindex or 0] for match in letters if match], choices)


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """All matches, the last first."""
    return list(pattern.finditer(text))[::-1]


def _lettered(letters: Iterable[str], choices: Sequence[str]) -> str | None:
    """The choice of the first letter that has one."""
    places = [LETTERS.find(letter.upper()) for letter in letters]
    return next((choices[place] for place in places if 0 <= place < len(choices)), None)


def normalise(text: str) -> str:
    """Lower case without punctuation, articles and superfluous spaces, as SQuAD compares (Rajpurkar et al. 2016).

    Beyond that: full-width and other compatibility forms become plain (Unicode NFKC), spaces beside Chinese and
    Japanese characters go, all dashes are one, a number keeps its sign, its point and what divides it from the next.
    What would vanish altogether stays.
    """
    plain = _DASH.sub("-", unicodedata.normalize("NFKC", text)).replace("\u2044", "/")  # a fraction's own stroke
    folded = unicodedata.normalize("NFKC", plain.casefold()).strip()
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
    _check_text(place, "id", str(identity), "bad-question")
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
    _check_text(place, key, value, "bad-question")
    return value


def _check_text(place: str, key: str, value: str, code: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(code, f"{place}: {key} = {value!r}: expected text that UTF-8 can hold") from None


def _bad(place: str, message: str) -> UserError:
    return UserError("bad-question", f"{place}: {message}")
