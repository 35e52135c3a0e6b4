"""A model of text answers: batched likelihoods are those of one text at a time, and nothing is cut."""

import copy
from collections.abc import Sequence

import pytest
import torch

from argosy.config import RunFailed, TaskConfig, TransformerConfig
from argosy.data import Tokenizer
from argosy.data.tokenizer import train_tokenizer
from argosy.evaluation import scoring
from argosy.evaluation.questions import Question
from argosy.evaluation.scoring import Row, choice_rows, log_likelihoods, model_answers
from argosy.models import Transformer

pytestmark = pytest.mark.fast

TASK = TaskConfig(path="questions.jsonl")
CHOICES = ("blue", " very deep and cold", "红色的")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["the sea is blue and the ship is very old. Answer: 海"] * 9, 300)


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Transformer:
    config = TransformerConfig(
        vocabulary_size=tokenizer.vocabulary_size, dim=32, layers=2, heads=4, kv_heads=2, ffn_dim=64, sequence_length=16
    )
    made = Transformer(config).eval()
    made.initialise(0)
    with torch.no_grad():
        made.head.weight.mul_(20)  # so that likelihoods differ
    return made


@torch.inference_mode()
def one_at_a_time(model: Transformer, row: Row) -> float:
    """Σ log p by the definition."""
    log_p = model(torch.tensor([row.tokens]))[0].log_softmax(-1)
    return float(sum(log_p[at - 1, row.tokens[at]] for at in range(row.given, len(row.tokens))))


def test_batches_give_what_one_text_at_a_time_gives(
    model: Transformer, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = ["the ", "the sea is blue " * 5, "海"]
    rows = [row for prompt in prompts for row in choice_rows(tokenizer, prompt, CHOICES)]
    naive = [one_at_a_time(model, row) for row in rows]
    assert max(len(row.tokens) for row in rows) > model.config.sequence_length
    done: list[float] = []
    # Rounding: float32 epsilon × terms of a product (64) × layers × tokens scored, relative to scores of about 100.
    for budget in (1, 64, 4096):
        monkeypatch.setattr(scoring, "BATCH_TOKENS", budget)
        assert log_likelihoods(model, rows, done.append) == pytest.approx(naive, rel=1e-5)
    assert sum(done) == 3 * len(rows)
    unpadded = log_likelihoods(model, [row._replace(tokens=row.tokens[:-1]) for row in rows], done.append)
    assert unpadded != pytest.approx(naive, rel=1e-3), "a token less is another score"


def test_all_choices_are_scored_after_the_same_tokens(tokenizer: Tokenizer) -> None:
    rows = choice_rows(tokenizer, "the sea is ", CHOICES)
    assert len({row.given for row in rows}) == 1
    assert len({tuple(row.tokens[: row.given]) for row in rows}) == 1
    assert [tokenizer.decode(row.tokens) for row in rows] == ["the sea is " + choice for choice in CHOICES]
    assert rows[0].tokens[0] == tokenizer.separator_id and rows[0].given >= 1


def asked(choices: Sequence[str], accepted: Sequence[str], text: str = "the sea is") -> Question:
    return Question("q", text, tuple(choices), tuple(accepted))


def test_the_likeliest_choice_is_the_answer(model: Transformer, tokenizer: Tokenizer) -> None:
    questions = [asked(CHOICES, [choice], text) for choice in CHOICES for text in ("the sea is", "the ship is")]
    answers = model_answers(model, tokenizer, 3600.0, TASK, questions, lambda amount: None)
    for question, answer in zip(questions, answers, strict=True):
        rows = choice_rows(tokenizer, TASK.prompt.replace("{question}", question.text), CHOICES)
        nats = torch.tensor([one_at_a_time(model, row) for row in rows])
        lengths = torch.tensor([len(choice.encode()) for choice in CHOICES])
        assert answer.text == CHOICES[nats.argmax()]
        assert answer.right == (answer.text in question.accepted)
        assert answer.right_by_length == (CHOICES[(nats / lengths).argmax()] in question.accepted)
        assert answer.probabilities == pytest.approx(nats.softmax(0).tolist(), abs=1e-4)
    assert len({answer.cost_usd for answer in answers}) == 1 and (answers[0].cost_usd or 0) > 0


def test_a_model_that_has_diverged_is_no_contestant(model: Transformer) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.norm.weight[0] = torch.nan
    with pytest.raises(RunFailed, match="diverged"):
        log_likelihoods(broken, [Row([1, 2, 3], 1)], lambda amount: None)


def test_writing_is_greedy_and_ends_with_the_line(model: Transformer, tokenizer: Tokenizer) -> None:
    text = "the sea is blue " * 9
    task = TASK.model_copy(update={"max_tokens": 12, "prompt": "{question}"})
    (answer,) = model_answers(model, tokenizer, None, task, [asked((), ["x"], text)], lambda amount: None)
    tokens = [tokenizer.separator_id, *tokenizer.encode(text.rstrip())]
    start = len(tokens)
    while len(tokens) < start + 12:
        with torch.inference_mode():
            token = int(model(torch.tensor([tokens]))[0, -1].argmax())
        if token == tokenizer.separator_id:
            break
        tokens.append(token)
    assert answer.text == tokenizer.decode(tokens[start:]).partition("\n")[0].strip()
    assert answer.cost_usd is None and answer.probabilities == ()
