"""A model of text answers questions: choices by their likelihood, others by writing. Nothing is ever cut."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from argosy.config import RunFailed, TaskConfig
from argosy.data import Tokenizer
from argosy.evaluation.questions import Answer, Question, judged
from argosy.evaluation.text import stream_text
from argosy.models import Transformer
from argosy.progress import Advance

BATCH_TOKENS = 4096  # in one forward pass, padding included; a longer text goes alone
LOGIT_ROWS = 512  # at a time: of a large vocabulary, more are gigabytes


class Row(NamedTuple):
    """One text to score: log p(tokens from `given` on | tokens before)."""

    tokens: list[int]
    given: int


def model_answers(
    model: Transformer,
    tokenizer: Tokenizer,
    usd_per_hour: float | None,
    task: TaskConfig,
    questions: Sequence[Question],
    advance: Advance,
) -> list[Answer]:
    """Answer every question of a task; each costs the same share of the time it took."""
    begun = time.perf_counter()
    answer = _choose if questions[0].choices else _write
    answers = answer(model, tokenizer, task, questions, advance)
    if usd_per_hour is None:
        return answers
    cost = (time.perf_counter() - begun) / 3600 * usd_per_hour / len(questions)
    return [each._replace(cost_usd=cost) for each in answers]


def prompt_of(task: TaskConfig, question: Question) -> str:
    """What the model is given."""
    return task.prompt.replace("{question}", question.text)


def _choose(
    model: Transformer, tokenizer: Tokenizer, task: TaskConfig, questions: Sequence[Question], advance: Advance
) -> list[Answer]:
    groups = [choice_rows(tokenizer, prompt_of(task, question), question.choices) for question in questions]
    rows = [row for group in groups for row in group]
    scores = iter(log_likelihoods(model, rows, lambda done: advance(done * len(questions) / len(rows))))
    answers = []
    for question in questions:
        nats = np.array([next(scores) for _ in question.choices])
        share = np.exp(nats - nats.max())
        lengths = [len(choice.encode()) for choice in question.choices]
        text, by_length = question.choices[nats.argmax()], question.choices[(nats / lengths).argmax()]
        probabilities = tuple((share / share.sum()).tolist())
        right, right_by_length = text in question.accepted, by_length in question.accepted
        answers.append(Answer(text, right, None, probabilities, right_by_length))
    return answers


def _write(
    model: Transformer, tokenizer: Tokenizer, task: TaskConfig, questions: Sequence[Question], advance: Advance
) -> list[Answer]:
    answers = []
    for question in questions:
        # A space at the end would be a token of its own, after which no word of the training text begins.
        prompt = prompt_of(task, question).rstrip(" ")
        text = ""
        for piece in stream_text(model, tokenizer, prompt, max_tokens=task.max_tokens, temperature=0, forget=False):
            text += piece
            if "\n" in piece:
                break
        answers.append(judged(question, text.partition("\n")[0].strip(), None))
        advance(1)
    return answers


def choice_rows(tokenizer: Tokenizer, prompt: str, choices: Sequence[str]) -> list[Row]:
    """The prompt followed by each choice, scored after the tokens that all of them and the prompt alone begin with.

    So no choice gains or loses by how the tokeniser joins it to the prompt.
    """
    begin, *texts = [[tokenizer.beginning_id, *tokenizer.encode(prompt + choice)] for choice in ("", *choices)]
    shared = len([*takewhile(lambda tokens: len(set(tokens)) == 1, zip(begin, *texts, strict=False))])
    given = min(shared, *(len(text) - 1 for text in texts))
    return [Row(text, given) for text in texts]


def log_likelihoods(model: Transformer, rows: Sequence[Row], advance: Callable[[float], None]) -> list[float]:
    """Σ log p of each row's tokens, in nats; `advance` is told the rows done. Raises `RunFailed` `not-finite`."""
    scores = [0.0] * len(rows)
    for places in _batches(rows):
        for place, score in zip(places, _score(model, [rows[place] for place in places]), strict=True):
            scores[place] = score
        advance(len(places))
    if not np.isfinite(scores).all():
        raise RunFailed("not-finite", "the likelihood of an answer is not finite: the model that gives it has diverged")
    return scores


def _batches(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Rows of similar length together, the longest first."""
    places: list[int] = []
    for place in sorted(range(len(rows)), key=lambda place: -len(rows[place].tokens)):
        if places and (len(places) + 1) * len(rows[places[0]].tokens) > BATCH_TOKENS:
            yield places
            places = []
        places.append(place)
    if places:
        yield places


@torch.inference_mode()
def _score(model: Transformer, rows: Sequence[Row]) -> list[float]:
    """Padding goes to the right, where causal attention does not look."""
    device = model.embedding.weight.device
    inputs = torch.zeros(len(rows), max(len(row.tokens) for row in rows) - 1, dtype=torch.int64)
    for place, row in enumerate(rows):
        inputs[place, : len(row.tokens) - 1] = torch.tensor(row.tokens[:-1])
    owners = torch.tensor([place for place, row in enumerate(rows) for _ in row.tokens[row.given :]])
    positions = torch.tensor([at for row in rows for at in range(row.given - 1, len(row.tokens) - 1)])
    targets = torch.tensor([token for row in rows for token in row.tokens[row.given :]], device=device)
    states = model.hidden(inputs.to(device))[owners.to(device), positions.to(device)]
    parts = zip(torch.split(states, LOGIT_ROWS), torch.split(targets, LOGIT_ROWS), strict=True)
    nats = torch.cat([functional.cross_entropy(model.head(a).float(), b, reduction="none") for a, b in parts])
    return torch.zeros(len(rows), dtype=torch.float64).index_add(0, owners, -nats.double().cpu()).tolist()
