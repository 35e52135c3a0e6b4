"""What every rank did in one step: computing, communicating, waiting for its turn in a pipeline. Torch-free."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from argosy.config import Record

Kind = Literal["compute", "communication", "waiting", "host"]
KINDS: tuple[Kind, ...] = ("compute", "communication", "waiting", "host")
PARTS = 1000  # of a step: shorter intervals are drawn with their neighbours

_COMMUNICATION = re.compile(r"^(c10d::|_c10d_functional|gloo:|nccl)|wait_tensor|record_param_comms", re.IGNORECASE)
_POINT_TO_POINT = re.compile(r"^(gloo|nccl):(send|recv)|SendRecv", re.IGNORECASE)
_OPERATION = re.compile(r"^(?!autograd::engine)\w+::")


class Interval(Record):
    """A stretch of time in which a rank did one thing."""

    kind: Kind
    """`compute`; `communication`: a collective that nothing overlapped; `waiting`: a place in the pipeline that is
    empty; `host`: Python between operations, and on accelerators whatever leaves them idle."""
    start_ms: float
    """Since the step began on the first rank that began it."""
    end_ms: float
    """Likewise."""


class Action(Record):
    """What a pipeline did with one micro-batch in one of its stages."""

    kind: Literal["F", "B", "I", "W"]
    """Forward, backward, or of a divided backward pass the part for the inputs or that for the weights."""
    stage: int
    """Which stage, from 0."""
    micro_batch: int
    """Which micro-batch, from 0."""
    start_ms: float
    """As of an interval."""
    end_ms: float
    """Likewise."""

    @property
    def name(self) -> str:
        """How the profiler has it."""
        return f"{self.kind}{self.micro_batch} of stage {self.stage}"


class RankTimeline(Record):
    """One rank's step."""

    rank: int
    """Which."""
    compute_ms: float
    """Time of each kind, exactly; what is drawn is rounded."""
    communication_ms: float
    """Likewise."""
    waiting_ms: float
    """Likewise."""
    host_ms: float
    """Likewise."""
    intervals: tuple[Interval, ...]
    """In order, without gaps."""
    actions: tuple[Action, ...] = ()
    """Of a pipeline."""


class Timeline(Record):
    """One step of all ranks: `timeline/timeline.json` of a run, beside each rank's `rank-N.json.gz` for Perfetto."""

    step: int
    """Which, from 1."""
    layout: str
    """Degrees of parallelism."""
    step_ms: float
    """From the first rank's start to the last rank's end, under the profiler, which slows Python down."""
    bubble: float | None
    """Share of the time from a pipeline's first action to its last in which ranks had none; null without a pipeline."""
    ranks: tuple[RankTimeline, ...]
    """One by one."""


class Event(NamedTuple):
    """What the profiler tells of one event; times in ms."""

    name: str
    start: float
    end: float
    flies: bool
    """Whether it goes on beside this thread: a collective under way, not a call."""
    marks: bool
    """Whether it only names what is inside it."""


def intervals(events: Iterable[Event], start: float, end: float) -> list[Interval]:
    """What one thread did between two times, in order and without gaps.

    The innermost event decides. Where that is no operation of its own, a collective under way does: the thread waits.
    """
    edges = sorted(_edges(events, start, end), key=lambda edge: (edge[0], edge[1]))
    found: list[Interval] = []
    stack: list[Event] = []
    flying, before = 0, start
    for time, _, begins, event in [*edges, (end, 0.0, False, None)]:
        if time > before:
            _extend(found, _kind(stack, flying), before, time)
            before = time
        if event is None:
            break
        if event.flies:
            flying += 1 if begins else -1
        elif begins:
            stack.append(event)
        else:
            stack.remove(event)
    return found


def _edges(events: Iterable[Event], start: float, end: float) -> Iterator[tuple[float, float, bool, Event | None]]:
    """(time, order at that time, whether it begins, event): of those that begin together, the longest first."""
    for event in events:
        begin, stop = max(event.start, start), min(event.end, end)
        if stop > begin and not (event.flies and _POINT_TO_POINT.search(event.name)):
            yield begin, begin - stop, True, event
            yield stop, -1e12, False, event


def _kind(stack: Sequence[Event], flying: int) -> Kind:
    top = stack[-1].name if stack else ""
    if _COMMUNICATION.search(top):
        return "communication"
    if _OPERATION.search(top) and not stack[-1].marks:
        return "compute"
    if flying:
        return "communication"
    return "compute" if any(not event.marks for event in stack) else "host"


def device_intervals(events: Iterable[Event], start: float, end: float) -> list[Interval]:
    """The same of an accelerator, whose kernels run side by side: what computes counts first."""
    edges = []
    for event in events:
        begin, stop = max(event.start, start), min(event.end, end)
        if stop > begin:
            edges += [(begin, 1, _kernel(event.name)), (stop, -1, _kernel(event.name))]
    running: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    running["host"] = 1
    found: list[Interval] = []
    before = start
    for time, change, kind in [*sorted(edges), (end, 0, "host")]:
        if time > before:
            _extend(found, next(kind for kind in KINDS if running[kind]), before, time)
            before = time
        running[kind] += change
    return found


def _kernel(name: str) -> Kind:
    if _POINT_TO_POINT.search(name):
        return "waiting"
    return "communication" if _COMMUNICATION.search(name) else "compute"


def _extend(found: list[Interval], kind: Kind, start: float, end: float) -> None:
    if found and found[-1].kind == kind:
        start = found.pop().start_ms
    found.append(Interval(kind=kind, start_ms=start, end_ms=end))


_ACTION = re.compile(r"^([FBIW])(\d+) of stage (\d+)$")


def actions(events: Iterable[Event]) -> list[Action]:
    """What a pipeline did on this rank, by the marks that it left."""
    found = [
        Action(
            kind=match[1],  # type: ignore[arg-type]  # the pattern has no other
            micro_batch=int(match[2]),
            stage=int(match[3]),
            start_ms=event.start,
            end_ms=event.end,
        )
        for event in events
        if (match := _ACTION.match(event.name))
    ]
    return sorted(found, key=lambda action: action.start_ms)


def timeline(step: int, layout: str, ranks: Sequence[tuple[list[Interval], list[Action]]]) -> Timeline:
    """Put the ranks together; where a pipeline is under way and has no work for a rank, the rank is waiting."""
    zero = min(found[0].start_ms for found, _ in ranks)
    worked = [action for _, done in ranks for action in done]
    bubble = None
    if worked:
        began, ended = min(a.start_ms for a in worked), max(a.end_ms for a in worked)
        busy = sum(a.end_ms - a.start_ms for a in worked)
        bubble = max(0.0, 1 - busy / (len(ranks) * (ended - began)))
        ranks = [(list(_with_bubble(found, done, began, ended)), done) for found, done in ranks]
    last = max(found[-1].end_ms for found, _ in ranks)
    rows = [_row(rank, found, done, zero, (last - zero) / PARTS) for rank, (found, done) in enumerate(ranks)]
    return Timeline(step=step, layout=layout, step_ms=round(last - zero, 3), bubble=bubble, ranks=tuple(rows))


def _with_bubble(found: Iterable[Interval], done: Sequence[Action], began: float, ended: float) -> Iterator[Interval]:
    """What is neither compute nor inside an action while the pipeline is under way is waiting."""
    cuts = sorted({began, ended, *(time for action in done for time in (action.start_ms, action.end_ms))})
    for interval in found:
        inside = [time for time in cuts if interval.start_ms < time < interval.end_ms]
        for start, end in zip([interval.start_ms, *inside], [*inside, interval.end_ms], strict=True):
            middle = (start + end) / 2
            acting = any(action.start_ms <= middle <= action.end_ms for action in done)
            empty = began <= middle <= ended and not acting and interval.kind != "compute"
            yield Interval(kind="waiting" if empty else interval.kind, start_ms=start, end_ms=end)


def _row(rank: int, found: Sequence[Interval], done: Sequence[Action], zero: float, shortest_ms: float) -> RankTimeline:
    totals = dict.fromkeys(KINDS, 0.0)
    for interval in found:
        totals[interval.kind] += interval.end_ms - interval.start_ms
    moved = [
        action.model_copy(
            update={"start_ms": round(action.start_ms - zero, 3), "end_ms": round(action.end_ms - zero, 3)}
        )
        for action in done
    ]
    return RankTimeline(
        rank=rank,
        intervals=tuple(_thinned(found, zero, shortest_ms)),
        actions=tuple(moved),
        compute_ms=round(totals["compute"], 3),
        communication_ms=round(totals["communication"], 3),
        waiting_ms=round(totals["waiting"], 3),
        host_ms=round(totals["host"], 3),
    )


def _thinned(found: Sequence[Interval], zero: float, shortest_ms: float) -> list[Interval]:
    """Stretches of at least `shortest_ms`, each of the kind that most of it is."""
    drawn: list[Interval] = []
    totals = dict.fromkeys(KINDS, 0.0)
    start = found[0].start_ms
    for place, interval in enumerate(found):
        totals[interval.kind] += interval.end_ms - interval.start_ms
        if interval.end_ms - start >= shortest_ms or place == len(found) - 1:
            kind = max(KINDS, key=totals.__getitem__)
            _extend(drawn, kind, round(start - zero, 3), round(interval.end_ms - zero, 3))
            start, totals = interval.end_ms, dict.fromkeys(KINDS, 0.0)
    return drawn
