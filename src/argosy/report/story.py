"""The run's story: `events.jsonl` in sentences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from argosy.report.tree import Tree, branch, number, text
from argosy.report.units import count, duration, moment, plain, share

Tone = Literal["routine", "milestone", "trouble"]
BRIEF, FULL = 40, 1000  # moments shown at once, and at most


@dataclass(frozen=True)
class Moment:
    """One line of the story."""

    time: str
    """ISO 8601, as written."""
    after: str
    """Time since the story began."""
    sentence: str
    """What happened."""
    detail: str
    """What there is to add."""
    tone: Tone
    """Ordinary, a turning point, or something that went wrong."""


@dataclass(frozen=True)
class Story:
    """The moments of a run."""

    brief: tuple[Moment, ...]
    """What matters: all of it when there is little."""
    full: tuple[Moment, ...]
    """Everything, up to a limit; empty when the brief story is all there is."""
    left_out: int
    """Moments beyond that limit."""


def story(events: list[Tree]) -> Story:
    """Tell the story, routine moments folded away when there are many."""
    begun = next((time for event in events if (time := moment(text(event, "time") or ""))), None)
    moments: list[Moment] = []
    for place, event in enumerate(events):
        told = _tell(event, events[place + 1 :])
        if told is None:
            continue
        time = moment(text(event, "time") or "")
        seconds = (time - begun).total_seconds() if time and begun and bool(time.tzinfo) == bool(begun.tzinfo) else 0.0
        if moments and (joined := _joined(moments[-1], told)):
            moments[-1] = joined
            continue
        moments.append(replace(told, after="start" if seconds < 0.001 else f"+{duration(seconds)}"))
    if len(moments) <= BRIEF:
        return Story(tuple(moments), (), 0)
    important = [m for m in moments if m.tone != "routine"]
    brief = important if len(important) <= BRIEF else important[: BRIEF // 2] + important[-BRIEF // 2 :]
    return Story(tuple(brief), tuple(moments[:FULL]), max(0, len(moments) - FULL))


def _tell(event: Tree, later: list[Tree]) -> Moment | None:
    kind = text(event, "kind") or "unnamed event"
    if kind == "stage":
        return _tell_stage(event, later)
    tell = _TELLERS.get(kind, _anything)
    sentence, detail, tone = tell(event)
    return Moment(text(event, "time") or "", "", sentence, detail, tone)


def _tell_stage(event: Tree, later: list[Tree]) -> Moment | None:
    stage, state, wall_s = text(event, "stage") or "?", text(event, "state"), number(event, "wall_s")
    time = text(event, "time") or ""
    if state == "completed":
        took = f"in {duration(wall_s)}" if wall_s is not None else ""
        return Moment(time, "", f"{stage.capitalize()} completed", took, "milestone")
    if state == "failed":
        return Moment(time, "", f"{stage.capitalize()} failed", text(event, "message") or "", "trouble")
    after = next((e for e in later if e.get("kind") == "stage" and e.get("stage") == stage), None)
    if after is not None and after.get("state") in ("completed", "failed"):
        return None  # its end will be told
    return Moment(time, "", f"{stage.capitalize()} began", "and was cut off" if after else "", "routine")


def _joined(first: Moment, second: Moment) -> Moment | None:
    """A checkpoint and the held-out loss of the same step as one moment."""
    step = first.sentence.removeprefix("Checkpoint of step ")
    if second.sentence != f"Held-out loss at step {step}":
        return None
    detail = ", ".join(part for part in (first.detail, second.detail) if part)
    return replace(first, sentence=f"Checkpoint and held-out loss of step {step}", detail=detail)


def _step(event: Tree) -> str:
    step = number(event, "step")
    return "?" if step is None else f"{step:,.0f}"


def _begun(event: Tree) -> tuple[str, str, Tone]:
    parameters, ranks = number(event, "parameters"), number(event, "ranks")
    steps = number(branch(event, "recipe"), "steps")
    parts = [
        f"{count(parameters)} parameters" if parameters else "",
        f"{steps:,.0f} steps" if steps else "",
        f"{ranks:.0f} process{'es' if ranks > 1 else ''}" if ranks else "",
        text(event, "precision") or "",
        "compiled" if event.get("compile") is True else "",
    ]
    sentence = "Training began" if event.get("kind") == "started" else f"Training resumed at step {_step(event)}"
    return sentence, ", ".join(part for part in parts if part), "milestone"


def _recentred(event: Tree) -> tuple[str, str, Tone]:
    seconds, correction = number(event, "step_time_s"), number(event, "correction")
    detail = f"a step takes {duration(seconds)}" if seconds is not None else ""
    if correction is not None:
        detail += f", {correction:.2f} times as long as predicted"
    return f"The first {_step(event)} steps were timed", detail, "routine"


def _saved(event: Tree) -> tuple[str, str, Tone]:
    seconds = number(event, "seconds")
    return (
        f"Checkpoint of step {_step(event)}",
        f"saved in {duration(seconds)}" if seconds is not None else "",
        "routine",
    )


def _epoch(event: Tree) -> tuple[str, str, Tone]:
    epoch, accuracy = number(event, "epoch"), number(event, "val_accuracy")
    detail = f"{share(accuracy)} of the held-out examples right" if accuracy is not None else ""
    return f"Epoch {epoch or 0:,.0f} ended and was saved", detail, "routine"


def _judged(event: Tree) -> tuple[str, str, Tone]:
    loss, bits = number(event, "loss"), number(event, "bits_per_byte")
    parts = [f"{loss:.3f} nats a token" if loss is not None else "", f"{bits:.3f} bits a byte" if bits else ""]
    return f"Held-out loss at step {_step(event)}", ", ".join(part for part in parts if part), "routine"


def _restarted(event: Tree) -> tuple[str, str, Tone]:
    lost_s = number(event, "lost_s")
    lost = f"{duration(lost_s)} of work lost" if lost_s is not None else ""
    parts = [text(event, "reason") or "", lost]
    return f"Started again from step {_step(event)}", "; ".join(part for part in parts if part), "trouble"


def _resized(event: Tree) -> tuple[str, str, Tone]:
    layout = branch(event, "layout")
    degrees = [f"{name} {degree:.0f}" for name in layout if (degree := number(layout, name) or 0) > 1]
    ranks = number(event, "ranks") or 0
    sentence = f"Going on with {ranks:.0f} process{'es' if ranks > 1 else ''} from step {_step(event)}"
    return sentence, "; ".join([", ".join(degrees) or "one process", text(event, "reason") or ""]), "trouble"


def _anything(event: Tree) -> tuple[str, str, Tone]:
    """An event this version does not know is shown as it is."""
    rest = ", ".join(f"{key} {plain(value)}" for key, value in event.items() if key not in ("time", "kind"))
    return (text(event, "kind") or "unnamed event").replace("_", " ").capitalize(), rest, "routine"


def _about(what: str, key: str, tone: Tone) -> Callable[[Tree], tuple[str, str, Tone]]:
    """Tell with `what`, where {step} stands for the step, and the text at `key`."""
    return lambda event: (what.format(step=_step(event), what=text(event, "what") or ""), text(event, key) or "", tone)


_TELLERS: dict[str, Callable[[Tree], tuple[str, str, Tone]]] = {
    "started": _begun,
    "resumed": _begun,
    "recentred": _recentred,
    "checkpoint": _saved,
    "held_out": _judged,
    "rung": _judged,
    "epoch": _epoch,
    "choice": _about("A choice for this machine", "reason", "routine"),
    "fallback": _about("Went on without {what}", "reason", "trouble"),
    "skipped": _about("Step {step} left out", "reason", "trouble"),
    "rewound": _about("Went back to step {step}", "reason", "milestone"),
    "restarted": _restarted,
    "resized": _resized,
    "hung": _about("Ranks waited in vain in step {step}", "message", "trouble"),
    "drifted": _about("Replicas differ after step {step}", "message", "trouble"),
    "interrupted": _about("Stopped and saved at step {step}", "signal", "trouble"),
    "failed": _about("Training failed", "message", "trouble"),
    "finished": _about("Training finished at step {step}", "reason", "milestone"),
}
