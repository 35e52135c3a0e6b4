"""The run's story from its events."""

import pytest

from argosy.report.story import BRIEF, FULL, story

pytestmark = pytest.mark.fast


def at(second: int, kind: str, **details: object) -> dict[str, object]:
    return {"time": f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}+00:00", "kind": kind, **details}


def told(*events: dict[str, object]) -> list[str]:
    return [f"{moment.sentence}: {moment.detail}" for moment in story(list(events)).brief]


def test_a_stage_is_told_once_when_it_ended_and_as_begun_when_it_did_not() -> None:
    begun = at(0, "stage", stage="prepare", state="started")
    assert told(begun) == ["Prepare began: "]
    assert told(begun, at(3, "stage", stage="prepare", state="started")) == [
        "Prepare began: and was cut off",
        "Prepare began: ",
    ]
    assert len(told(begun, at(3, "stage", stage="prepare", state="completed", wall_s=3.0))) == 1
    failed = story([begun, at(3, "stage", stage="prepare", state="failed", message="no text")]).brief[-1]
    assert (failed.detail, failed.tone) == ("no text", "trouble")


def test_a_checkpoint_and_its_held_out_loss_are_one_moment() -> None:
    checkpoint = at(0, "checkpoint", step=1200, seconds=0.1)
    assert len(told(checkpoint, at(1, "held_out", step=1200, loss=2.0, bits_per_byte=1.1))) == 1
    assert len(told(checkpoint, at(1, "held_out", step=1300, loss=2.0, bits_per_byte=1.1))) == 2


def test_troubles_stay_when_routine_is_folded_away() -> None:
    events = [at(step % 3600, "checkpoint", step=step, seconds=0.1) for step in range(3000)]
    events.insert(1500, at(5, "skipped", step=1500, reason="not finite"))
    events.append(at(9, "finished", step=3000))
    found = story(events)
    assert [moment.tone for moment in found.brief] == ["trouble", "milestone"]
    assert len(found.full) == FULL and found.left_out == 3002 - FULL


def test_a_story_of_troubles_keeps_its_beginning_and_its_end() -> None:
    found = story([at(step, "skipped", step=step, reason="") for step in range(200)])
    assert len(found.brief) == BRIEF
    assert found.brief[0].sentence == "Step 0 left out" and found.brief[-1].sentence == "Step 199 left out"


@pytest.mark.parametrize("time", ["", "yesterday", "2026-01-01T00:00:00", None, 5])
def test_events_of_another_version_are_shown_as_they_are(time: object) -> None:
    event = {"time": time, "kind": "solar_flare", "strength": 3, "where": {"rank": 1}}
    assert told(at(0, "finished", step=1), event)[1] == "Solar flare: strength 3, where rank 1"
    assert told({}) == ["Unnamed event: "]
