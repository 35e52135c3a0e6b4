"""Questions and recorded answers from files: what is read, what is refused with its place, what counts as equal."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import TaskConfig, UserError
from argosy.evaluation.questions import normalise, read_choice, read_questions, read_recorded

pytestmark = pytest.mark.fast

CHOICE = {"question": "2 + 2 is", "choices": ["3", "4"], "answer": 1}
WRITTEN = {"question": "Capital of France?", "reference": ["Paris", "Paris, France"]}


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_questions_are_read_plain_and_compressed(tmp_path: Path) -> None:
    write(tmp_path / "q.jsonl", CHOICE, {**CHOICE, "id": 7, "answer": "3"})
    (tmp_path / "q.jsonl.gz").write_bytes(gzip.compress((tmp_path / "q.jsonl").read_bytes()))
    first, second = read_questions(TaskConfig(path="q.jsonl"), tmp_path)
    assert first == ("q.jsonl:1", "2 + 2 is", ("3", "4"), ("4",))
    assert second.id == "7" and second.accepted == ("3",)
    assert len(read_questions(TaskConfig(path="q.jsonl.gz"), tmp_path)) == 2
    write(tmp_path / "w.jsonl", WRITTEN)
    (written,) = read_questions(TaskConfig(path="w.jsonl"), tmp_path)
    assert written.choices == () and written.accepted == ("Paris", "Paris, France")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"qestion": "x", "reference": "y"}, "did you mean 'qestion'?"),
        ({}, "no keys"),
        ({"question": " ", "reference": "y"}, "question = ' '"),
        ({"question": "\udcff", "reference": "y"}, "UTF-8"),
        ({"question": "x"}, "`reference`"),
        ({**CHOICE, "reference": "4"}, "or `reference`"),
        ({**CHOICE, "choices": ["4"]}, "a list of 2 to 26"),
        ({**CHOICE, "choices": ["4", 4]}, "choices = 4: expected text"),
        ({**CHOICE, "choices": ["4", "4"]}, "that differ"),
        ({**CHOICE, "answer": 2}, "answer = 2: expected a number from 0 to 1"),
        ({**CHOICE, "answer": True}, "answer = True"),
        ({**CHOICE, "answer": "five"}, "answer = 'five'"),
        ({"question": "x", "choices": ["a", "b"]}, "answer = None"),
        ({"question": "x", "reference": []}, "reference = []"),
        ({"question": "x", "reference": ["a", 3]}, "reference = 3"),
        (WRITTEN, "make two files"),
        ({**CHOICE, "id": "q.jsonl:1"}, "is there twice"),
        ([1], "found list"),
    ],
)
def test_a_bad_question_is_named_with_its_place(tmp_path: Path, record: Any, said: str) -> None:
    write(tmp_path / "q.jsonl", CHOICE, record)
    with pytest.raises(UserError) as error:
        read_questions(TaskConfig(path="q.jsonl"), tmp_path)
    assert f"{tmp_path}/q.jsonl:2: " in str(error.value) and said in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n \n")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}" * 999)[:20])
    (tmp_path / "no.jsonl").write_text("{\n")
    for name, code in (
        ("emty.jsonl", "missing-source"),
        ("empty.jsonl", "bad-question"),
        ("cut.jsonl.gz", "damaged-source"),
        ("no.jsonl", "bad-record"),
        (".", "missing-source"),
    ):
        with pytest.raises(UserError) as error:
            read_questions(TaskConfig(path=name), tmp_path)
        assert error.value.code == code, error.value
        assert "empty.jsonl" in str(error.value) or name != "emty.jsonl"


def test_recorded_answers_are_found_by_id_or_by_question(tmp_path: Path) -> None:
    write(tmp_path / "q.jsonl", CHOICE, {**CHOICE, "id": "b", "question": "1 + 2 is"}, {**CHOICE, "id": 3})
    questions = read_questions(TaskConfig(path="q.jsonl"), tmp_path)
    recorded = write(
        tmp_path / "a.jsonl",
        {"question": "2 + 2 is", "answer": "B", "cost_usd": 0.25},
        {"id": "b", "answer": 0},
        {"id": 3, "answer": "I do not know"},
    )
    first, second, third = read_recorded(recorded, questions).values()
    assert first[:3] == ("4", True, 0.25)
    assert second[:3] == ("3", False, None)
    assert third[:2] == (None, False), "what names no choice is wrong, and known as unreadable"


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "has no answer to it"),
        ([{"id": "x", "answer": 2}], "a.jsonl:1: answer = 2: expected text or a number from 0 to 1"),
        ([{"id": "x", "answer": None}], "answer = None"),
        ([{"id": "x", "answer": 1, "cost_usd": -1}], "cost_usd = -1"),
        ([{"id": "x", "answer": 1}, {"id": "x", "answer": 0}], "a.jsonl:2: expected `id` or `question`, each once"),
        ([{"answer": 1}], "found None"),
        ([{"id": "x", "answer": "\ud83d"}], "expected text that UTF-8 can hold"),
    ],
)
def test_a_bad_recorded_answer_is_named(tmp_path: Path, records: list[Any], said: str) -> None:
    write(tmp_path / "q.jsonl", {**CHOICE, "id": "x"})
    questions = read_questions(TaskConfig(path="q.jsonl"), tmp_path)
    with pytest.raises(UserError) as error:
        read_recorded(write(tmp_path / "a.jsonl", *records), questions)
    assert said in str(error.value) and error.value.code == "bad-answer"
    with pytest.raises(UserError, match="of another task"):
        read_recorded(write(tmp_path / "a.jsonl", {"id": "x", "answer": 1}), [*questions, *questions])


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("B", "Rome"),
        ("b", "Rome"),
        ("**B**", "Rome"),
        ("(B) Rome", "Rome"),
        ("B. Rome", "Rome"),
        ("rome.", "Rome"),
        ("A. Paris: no.\nB. Rome: yes.\nThe answer is B", "Rome"),
        ("The correct option is: (C)", "Bonn"),
        ("Thinking …\n\nC", "Bonn"),
        ("答案是B", "Rome"),
        ("答案：Ｂ", "Rome"),
        ("选 A。", "Paris"),
        ("答案为B", "Rome"),
        ("正确答案是选项B。", "Rome"),
        ("答案是B选项", "Rome"),
        ("选项B", "Rome"),
        ("B选项", "Rome"),
        ("B，因为首都在那里", "Rome"),
        ("B is correct", "Rome"),
        ("B - Rome", "Rome"),
        ("The answer is \\boxed{B}", "Rome"),
        ("B\n\nExplanation: option A is wrong", "Rome"),
        ("B. Rome. Option A is in France.", "Rome"),
        ("Answer: A city in Italy", None),
        ("The answer is A because", "Paris"),
        ("The answer is B.\nx", "Rome"),
        ("E", None),
        ("A city in Italy", None),
        ("", None),
    ],
)
def test_a_reply_names_a_choice(reply: str, choice: str | None) -> None:
    assert read_choice(reply, ("Paris", "Rome", "Bonn")) == choice


def test_choices_that_look_alike_are_told_apart() -> None:
    letters = ("B", "C", "A")
    assert read_choice("B", letters) == "B" and read_choice("B", letters, asked_for_letter=True) == "C"
    assert read_choice("__eq__", ("eq", "__eq__")) == "__eq__"
    assert read_choice("EQ", ("eq", "__eq__")) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Eiffel Tower!", "eiffel tower"),
        ("北京。", "北京"),
        ("「北 京」", "北京"),
        ("ＡＢＣ１２３", "abc123"),
        ("1,000", "1000"),
        ("−5", "-5"),
        ("  a   cat ", "cat"),
        ("STRASSE", "straße"),
        ("5.", "5"),
        ("COVID‑19", "COVID-19"),
        ("1990–1995", "1990-1995"),
        ("½", "1/2"),
    ],
)
def test_what_counts_as_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5", "5"),
        ("–5", "5"),
        ("1.5", "15"),
        ("1/2", "12"),
        ("10:30", "1030"),
        ("A", ""),
        ("+", "-"),
        ("北京", "南京"),
    ],
)
def test_what_does_not(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(st.text(st.sampled_from("aAtThHeE nN.,-5９北京 。«\t"), max_size=12))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=20))
def test_normalising_never_takes_everything(text: str) -> None:
    assert normalise(text) or not text.strip()
