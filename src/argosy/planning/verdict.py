"""Can it be done: four assessments, each with its figures and the cheapest change that flips it."""

import math
from collections.abc import Sequence

from argosy.planning.failures import HOURS_BETWEEN_FAILURES
from argosy.planning.here import is_here
from argosy.planning.job import Job
from argosy.planning.layouts import Candidate
from argosy.planning.own_trainer import degrees_of, training_keys_of
from argosy.planning.quality import Allocation, Loss, predict_loss
from argosy.planning.results import Assessment, Choice, Cost, Data, Duration, Point, Question, Span, Tenure, Verdict

WORTH_REPEATING = 4.0  # epochs that are worth nearly as much as new text (Muennighoff et al. 2023, section 1)
WORTHLESS = 40.0  # epochs after which more of them add nothing (the same, figure 3)
FAR_FROM_OPTIMAL = 0.03  # nats a token, for as many FLOPs
UNDERSPENT = 0.25  # of the budget, at the high end
OUT_OF_REACH = 10.0  # times over a limit
LEVELS: tuple[Verdict, ...] = ("feasible", "feasible if", "not feasible")


def assess(
    question: Question,
    best: Candidate,
    runners_up: Sequence[Candidate],
    duration: Duration,
    cost: Cost,
    data: Data,
    loss: Loss,
    optimal: Allocation,
    others: Sequence[Choice],
    frontier: Sequence[Point],
) -> tuple[Assessment, ...]:
    """Model architecture, data, compute and storage, algorithm."""
    return (
        _architecture(question, best, loss, optimal),
        _data(question, data, loss),
        _compute(question, best, duration, cost, data, runners_up, frontier),
        _algorithm(others),
    )


def overall(
    question: Question, assessments: Sequence[Assessment], duration: Duration, cost: Cost
) -> tuple[Verdict, str]:
    """The worst of the verdicts, and all of it in a sentence."""
    binding = sorted(
        (one for one in assessments if one.verdict != "feasible"), key=lambda one: -LEVELS.index(one.verdict)
    )
    what = f"{question.model} on {count(question.tokens)} tokens"
    takes = f"{span_of_days(duration)} on {_where(question)}"
    bill = f" and costs {money(cost.usd.middle)} ({span_of_usd(cost.usd)})" if cost.usd else ""
    told = f"{what} takes {takes}{bill}"
    if not binding:
        return "feasible", f"Feasible: {told}."
    worst = binding[0].verdict
    begin = "Not feasible as asked" if worst == "not feasible" else "Feasible if something changes"
    changes = "".join(f" {one.change}" for one in binding if one.change)
    binds = "What binds is " + ", and ".join(one.subject for one in binding)
    return worst, f"{begin}: {told}. {binds}.{changes}"


def _where(question: Question) -> str:
    name = question.accelerator.name
    return name if is_here(question.accelerator) else f"{question.accelerators:,} × {name}"


def _architecture(question: Question, best: Candidate, loss: Loss, optimal: Allocation) -> Assessment:
    shape, active = question.shape, question.shape.parameter_count(active=True)
    # What repeated text costs is the data's matter.
    ratio, behind = question.tokens / active, predict_loss(active, question.tokens).nats_per_token - optimal.loss
    evidence = [
        f"{count(shape.parameter_count())} parameters, {ratio:,.0f} tokens for each that a token meets",
        f"predicted loss {loss.nats_per_token:.2f} nats a token ({loss.low:.2f} to {loss.high:.2f} in nine of ten "
        f"cases) on {loss.text}; with the constants of Hoffmann et al. {loss.hoffmann:.2f}",
        f"for as many FLOPs the best would be {count(optimal.parameters)} parameters on "
        f"{count(optimal.tokens)} tokens: {optimal.loss:.2f}",
    ]
    if not is_here(question.accelerator) and shape.head_dim % 64:
        evidence.append(f"heads are {shape.head_dim} wide; accelerators multiply fastest in multiples of 64")
    if behind > FAR_FROM_OPTIMAL and active > optimal.parameters:
        change = f"Train {count(optimal.parameters)} parameters on {count(optimal.tokens)} tokens for the same money."
        return Assessment(subject="model architecture", verdict="feasible if", evidence=tuple(evidence), change=change)
    if active < optimal.parameters / 1.5:
        evidence.append("smaller than the best for its FLOPs, and so cheaper to serve")
    return Assessment(subject="model architecture", verdict="feasible", evidence=tuple(evidence), change=None)


def _data(question: Question, data: Data, loss: Loss) -> Assessment:
    evidence = [
        f"{count(data.unique_tokens)} tokens that differ ({data.text_gb:,.3g} GB of text), "
        f"seen {data.epochs:.1f} times",
        f"{data.preparation_core_h:,.2g} core-hours to read, split and tokenise; {data.disk_gb:,.3g} GB of disk; "
        f"the loader reads {data.loader_mb_per_s:,.2g} MB a second",
    ]
    if question.unique_tokens is None:
        evidence.append("how much text there is was not said")
    if data.epochs <= WORTH_REPEATING:
        return Assessment(subject="data", verdict="feasible", evidence=tuple(evidence), change=None)
    evidence.append(f"repeated so often they are worth {count(loss.effective_tokens)} tokens seen once")
    more = question.tokens / WORTH_REPEATING * question.bytes_per_token / 1e9 - data.text_gb
    change = (
        f"Find {more:,.3g} GB more text, or train on {count(WORTH_REPEATING * data.unique_tokens)} tokens "
        f"({WORTH_REPEATING:g} epochs), or start from an open model's weights."
    )
    verdict: Verdict = "not feasible" if data.epochs > WORTHLESS else "feasible if"
    return Assessment(subject="data", verdict=verdict, evidence=tuple(evidence), change=change)


def _compute(
    question: Question,
    best: Candidate,
    duration: Duration,
    cost: Cost,
    data: Data,
    others: Sequence[Candidate],
    frontier: Sequence[Point],
) -> Assessment:
    memory, speed = best.memory, best.throughput
    largest = max(memory.parts_gib, key=memory.parts_gib.__getitem__)
    evidence = [
        f"{best.title}: {duration.steps:,} steps of {best.job.batch_size:,g} sequences of "
        f"{question.sequence_length:,} tokens",
        f"{memory.peak_gib:,.1f} GiB at the peak ({memory.low_gib:,.1f} to {memory.high_gib:,.1f}) of "
        f"{memory.capacity_gib:,.0f}: {memory.verdict}; most of it {largest}",
        f"{speed.tokens_per_s_per_accelerator:,.0f} tokens a second on each ({speed.low:,.0f} to {speed.high:,.0f}), "
        f"MFU {100 * speed.mfu:.0f} %",
        f"{span_of_days(duration)}, {duration.failures:,.1f} failures expected; a checkpoint every "
        f"{duration.checkpoint.exact_s / 60:,.0f} minutes, {duration.checkpoint_gb:,.3g} GB, of which each machine's "
        f"main memory holds {duration.saving_host_gb:,.3g} while training goes on",
    ]
    evidence.append(_who_trains(best, others))
    price = cost.price if cost.usd_per_hour is None else f"{cost.usd_per_hour:.2f} USD an hour ({cost.price})"
    if len(cost.parts_usd) > 1:
        price += ": " + ", ".join(f"{name} {money(usd)}" for name, usd in cost.parts_usd.items())
    evidence.append(price if cost.usd is None else f"{money(cost.usd.middle)} at {price}")
    if question.budget_usd and cost.usd and cost.usd.high < UNDERSPENT * question.budget_usd:
        share = 100 * cost.usd.middle / question.budget_usd
        evidence.append(f"that is {share:.2g} % of the budget: money is not what limits this")
    found = [_room(best), _taken_back(question), _deadline(question, duration, frontier), _budget(question, cost)]
    levels: list[tuple[Verdict, str]] = sorted(
        (one for one in found if one is not None), key=lambda one: -LEVELS.index(one[0])
    )
    return Assessment(
        subject="compute and storage",
        verdict=levels[0][0] if levels else "feasible",
        evidence=tuple(evidence),
        change=" ".join(change for _, change in levels) or None,
    )


def _who_trains(best: Candidate, others: Sequence[Candidate]) -> str:
    """Whether Argosy's own trainer has this layout."""
    if best.trained_by_argosy:
        return f"Argosy's own trainer has this layout: {_settings(best.job)}"
    own = next((one for one in others if one.trained_by_argosy), None)
    begin = f"{best.trainer} has this layout; Argosy's own trainer has dense models in 16 and 32 bits"
    if own is None:
        return f"{begin}, in no layout that fits here"
    return f"{begin}, and reaches {own.tokens_per_s:,.0f} tokens a second: {_settings(own.job)}"


def _settings(job: Job) -> str:
    """What to say to `argosy run` so that it trains so."""
    keys = {"batch_size": f"{job.batch_size:g}", "precision": job.arithmetic, "compile": bool(job.compiled)}
    sets = (f"--set training.{name}={str(value).lower()}" for name, value in {**keys, **training_keys_of(job)}.items())
    layout = degrees_of(job)
    return " ".join([*([f"--layout {layout}"] if layout.ranks > 1 else []), *sets])


def _room(best: Candidate) -> tuple[Verdict, str] | None:
    if best.memory.verdict == "fits":
        return None
    over = best.memory.high_gib - best.memory.capacity_gib
    return "feasible if", (
        f"Memory fits as predicted, but one run in ten needs {over:,.1f} GiB more than there is, in every layout that "
        "is as fast: train a hundred steps first, or take more accelerators."
    )


def _taken_back(question: Question) -> tuple[Verdict, str] | None:
    if question.contract != "spot" or question.hours_between_failures != HOURS_BETWEEN_FAILURES:
        return None
    return "feasible if", (
        "Spot machines are taken back, and how often was not said, so that this counts failures alone: give the hours "
        "that yours last, on the average (--hours-between-failures)."
    )


def _deadline(question: Question, duration: Duration, frontier: Sequence[Point]) -> tuple[Verdict, str] | None:
    if question.deadline_days is None or duration.wall_h.high <= (limit := 24 * question.deadline_days):
        return None
    over = duration.wall_h.middle / limit
    budget = math.inf if question.budget_usd is None else question.budget_usd
    enough = [
        point
        for point in frontier
        if point.wall_h <= limit and point.accelerators > question.accelerators and (point.usd or 0.0) <= budget
    ]
    if over <= 1:
        late = f"It is done in time if it goes as predicted; one run in ten takes {days(duration.wall_h.high)}."
        return "feasible if", late
    fewer = f"train on {count(question.tokens / over)} tokens"
    if enough:
        point = enough[0]
        more = point.accelerators - question.accelerators
        bill = f" for {money(point.usd)}" if point.usd is not None else ""
        change = f"{more:,} more {question.accelerator.name} would do it in {days(point.wall_h)}{bill}; or {fewer}."
        return "feasible if", change
    return "not feasible" if over > OUT_OF_REACH else "feasible if", f"In that time: {fewer}."


def _budget(question: Question, cost: Cost) -> tuple[Verdict, str] | None:
    if question.budget_usd is None or (cost.usd is None and is_here(question.accelerator)):
        return None
    if cost.usd is None:
        return "feasible if", "Say what an accelerator-hour costs (--usd-per-hour)."
    budget, bill = question.budget_usd, cost.usd
    if bill.high <= budget:
        return None
    over = bill.middle / budget
    if over <= 1:
        return "feasible if", f"The budget holds if it goes as predicted; one bill in ten is over {money(bill.high)}."
    smaller = question.shape.parameter_count() / math.sqrt(over)
    change = (
        f"{money(budget)} pay for {count(smaller)} parameters on {count(question.tokens / math.sqrt(over))} tokens, "
        f"or for {count(question.tokens / over)} tokens of this model; as asked it takes "
        f"{money(bill.middle - budget)} more."
    )
    return "not feasible" if over > OUT_OF_REACH else "feasible if", change


def _algorithm(others: Sequence[Choice]) -> Assessment:
    better = [one for one in others if one.time < -0.02 and one.verdict == "fits"]
    better.sort(key=lambda one: one.time)
    evidence = [
        f"{one.name}: {100 * one.time:+.0f} % time{f', {money(one.usd)}' if one.usd is not None else ''}; {one.note}"
        for one in better
    ]
    found = tuple(evidence or ["nothing that was tried is faster and fits"])
    return Assessment(subject="algorithm", verdict="feasible", evidence=found, change=None)


def count(value: float) -> str:
    """A number of parameters or tokens, such as 7.2 B."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= size:
            return f"{float(f'{value / size:.3g}'):g} {unit}"
    return f"{value:,.0f}"


def money(usd: float) -> str:
    """US dollars, to three digits."""
    rounded = float(f"{usd:.3g}")
    if abs(rounded) < 0.005:
        return "0 USD"
    return f"{rounded:,.0f} USD" if abs(rounded) >= 10 else f"{rounded:,.2f} USD"


def tenure_row(one: Tenure) -> tuple[str, str, str, str, str]:
    """Name, bill, what of it is bound, from which use it pays, what it gives up."""
    bound = money(one.committed_usd) if one.committed_usd else ""
    worth = "" if one.worth_from is None else f"{100 * one.worth_from:.0f} % of the time"
    return one.name, money(one.usd), bound, worth, one.gives_up


def percent(share: float) -> str:
    """A change, or that there is none worth telling."""
    return "" if abs(share) < 0.005 else f"{100 * share:+.0f} %"


def span_of_usd(span: Span) -> str:
    """Between what."""
    return f"{money(span.low).removesuffix(' USD')} to {money(span.high).removesuffix(' USD')}"


def days(hours: float) -> str:
    """Hours below two days, else days."""
    value, unit = _unit(hours)
    digits = 0 if unit == "minutes" and hours * value >= 10 else 1
    return f"{hours * value:,.{digits}f} {unit}"


def span_of_days(duration: Duration) -> str:
    """The middle, and between what, in one unit."""
    span = duration.wall_h
    scale, _ = _unit(span.middle)
    return f"{days(span.middle)} ({span.low * scale:,.1f} to {span.high * scale:,.1f})"


def _unit(hours: float) -> tuple[float, str]:
    if hours < 1:
        return 60.0, "minutes"
    return (1.0, "hours") if hours < 48 else (1 / 24, "days")
