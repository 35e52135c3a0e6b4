"""An endpoint that is busy, late, closed, or talks nonsense: asked again or a clear error, and no answer paid twice."""

from pathlib import Path
from typing import Any

import pytest

from argosy.config import ArgosyError, RivalConfig, RunFailed, TaskConfig, UserError
from argosy.evaluation import endpoint
from argosy.evaluation.endpoint import Endpoint
from argosy.evaluation.questions import Answer, Question
from tests.evaluation.endpoints import Answer as Reply
from tests.evaluation.endpoints import Server, completion, serving

pytestmark = pytest.mark.fast

QUESTIONS = [Question(f"q{n}", f"{n} + {n} is", (str(n), str(2 * n)), (str(2 * n),)) for n in range(1, 9)]
TASK = TaskConfig(path="q.jsonl")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries of a hundredth of a second."""
    monkeypatch.setattr(endpoint, "PAUSE_S", 0.01)
    monkeypatch.setattr(endpoint, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setenv("TEST_KEY", "s3cret")


def rival(server: Server, **keys: Any) -> RivalConfig:
    given = {"url": server.url, "model": "them", "api_key_env": "TEST_KEY", "usd_per_million_tokens": (1.0, 2.0)}
    return RivalConfig(**{**given, **keys})


def ask(server: Server, folder: Path, **keys: Any) -> list[Answer]:
    return Endpoint(rival(server, **keys), folder / "replies.jsonl").answers(TASK, QUESTIONS, lambda amount: None)


def test_letters_keys_and_costs(tmp_path: Path) -> None:
    with serving(lambda number, question, headers: completion("B" if question[0] != "3" else "A.")) as server:
        answers = ask(server, tmp_path, request={"temperature": 0, "reasoning_effort": "low"})
    assert [answer.right for answer in answers] == [True, True, False, *[True] * 5]
    assert answers[2].text == "3"
    assert [answer.cost_usd for answer in answers] == pytest.approx([(100 * 1.0 + 2 * 2.0) / 1e6] * len(QUESTIONS))
    for request in server.requests:
        assert request["path"] == "/v1/chat/completions" and request["key"] == "Bearer s3cret"
        assert request["model"] == "them" and request["reasoning_effort"] == "low"
    assert any("1 + 1 is\n\nA. 1\nB. 2" in request["messages"][0]["content"] for request in server.requests)
    assert "s3cret" not in (tmp_path / "replies.jsonl").read_text()


def test_busy_and_late_answers_are_asked_for_again(tmp_path: Path) -> None:
    def behave(number: int, question: str, headers: Any) -> Reply:
        if number < 2:
            return (429, b"slow down", {"Retry-After": "30"}) if number else (503, b"", {})
        return (0, None, {}) if number == 2 else completion("B")

    with serving(behave) as server:
        answers = ask(server, tmp_path, timeout_s=0.4)
    assert all(answer.right for answer in answers) and len(server.requests) == len(QUESTIONS) + 3


@pytest.mark.parametrize(
    ("reply", "kind", "code", "said"),
    [
        ((401, b"wrong key: s3cret", {}), UserError, "endpoint-refused", "HTTP 401: wrong key: …"),
        ((404, b"no such model", {}), UserError, "endpoint-refused", "no such model"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), UserError, "endpoint-refused", "HTTP 302"),
        ((500, b"down", {}), RunFailed, "endpoint-failed", "in 5 tries: HTTP 500: down"),
        ((0, None, {}), RunFailed, "endpoint-failed", "in 2 tries: nothing came for 0.1 s (timeout_s)"),
        ((200, b"<html>", {}), RunFailed, "bad-reply", "b'<html>'"),
        ((200, {"choices": []}, {}), RunFailed, "bad-reply", "choices"),
        ((200, [], {}), RunFailed, "bad-reply", "no chat completion"),
    ],
)
def test_what_came_before_an_error_is_kept(
    tmp_path: Path, reply: Reply, kind: type[ArgosyError], code: str, said: str
) -> None:
    troubled = "8 + 8"

    def behave(number: int, question: str, headers: Any) -> Reply:
        return reply if question.startswith(troubled) else completion("B")

    with serving(behave) as server, pytest.raises(kind) as error:
        ask(server, tmp_path, timeout_s=0.1)
    assert error.value.code == code and said in str(error.value) and server.url in str(error.value)
    assert "s3cret" not in str(error.value)
    assert len((tmp_path / "replies.jsonl").read_text().splitlines()) == len(QUESTIONS) - 1


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    state = {"broken": True}

    def behave(number: int, question: str, headers: Any) -> Reply:
        return (400, b"no", {}) if state["broken"] and question.startswith("5") else completion("B")

    with serving(behave) as server:
        with pytest.raises(UserError):
            ask(server, tmp_path)
        with (tmp_path / "replies.jsonl").open("a") as file:
            file.write('{"request_sha256": "ab')  # as a kill would leave it
        received = len((tmp_path / "replies.jsonl").read_text().splitlines()) - 1
        state["broken"], server.requests = False, []
        assert all(answer.right for answer in ask(server, tmp_path))
        assert len(server.requests) == len(QUESTIONS) - received
        server.requests = []
        assert all(answer.right for answer in ask(server, tmp_path, usd_per_million_tokens=None))
        assert server.requests == []
        ask(server, tmp_path, model="another")
        assert len(server.requests) == len(QUESTIONS), "another model is another answer"


def test_costs_are_not_known_without_prices_or_counts(tmp_path: Path) -> None:
    with serving(lambda number, question, headers: completion("B", tokens=None)) as server:
        assert {answer.cost_usd for answer in ask(server, tmp_path)} == {None}
    with serving(lambda number, question, headers: completion(None)) as server:
        answers = ask(server, tmp_path, usd_per_million_tokens=None)
        assert {(answer.text, answer.right, answer.cost_usd) for answer in answers} == {(None, False, None)}


def test_nobody_there(tmp_path: Path) -> None:
    with serving(lambda number, question, headers: completion("B")) as server:
        pass
    with pytest.raises(RunFailed, match="refused"):
        ask(server, tmp_path)


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "schlüssel"])
def test_a_key_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("TEST_KEY", key)
    with (
        serving(lambda number, question, headers: completion("B")) as server,
        pytest.raises(UserError, match="TEST_KEY") as error,
    ):
        ask(server, tmp_path)
    assert error.value.code == "missing-api-key" and server.requests == []
