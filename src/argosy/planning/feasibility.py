"""The plan: one question answered whole. How to lay it out, how long, at what cost, how good; and can it be done."""

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from argosy.config import UserError, Venture, optimal_batch_tokens
from argosy.planning.asking import question_of
from argosy.planning.bill import cost_of
from argosy.planning.choices import choices
from argosy.planning.failures import (
    HOURS_BETWEEN_FAILURES,
    HOURS_BETWEEN_FAILURES_RANGE,
    Interval,
    Reliability,
    checkpoint_interval,
    wall_times,
)
from argosy.planning.here import BATCH_CHANGE, is_here
from argosy.planning.job import USUAL_NETWORK_GBIT_PER_S, Job, stack_of
from argosy.planning.layouts import Candidate, Searched, search
from argosy.planning.quality import FLOPS_PER_PARAMETER_AND_TOKEN, compute_optimal, predict_loss
from argosy.planning.results import Budgeted, Cost, Data, Duration, Plan, Point, Question, Span
from argosy.planning.tenures import tenures
from argosy.planning.verdict import assess, overall
from argosy.planning.ways import ways

GIVEN_BATCH_CHANGE = 0.05  # how far a batch that was asked for may be missed, so that ranks divide it
DRAWS, RATES = 2000, 10
Z80 = 1.2816  # of a normal distribution, between whose negative and itself lie 80 %
FRONTIER = (0.25, 0.5, 1.0, 2.0, 4.0)
BUDGETS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SAVED_BYTES = 12.0  # of a parameter: weight and two moments in float32
SAVE_BYTES_PER_S = 2e9  # of eight accelerators together, to a shared file system; an assumption
IN_A_MACHINE = 8  # accelerators, usually
LEAST_GOODPUT = 0.05  # below it a job hardly ends
RESTART_S = 600.0  # noticing, a new machine, loading; an assumption
PREPARED_BYTES_PER_CORE_S = 12e6  # reading, splitting and tokenising: benchmarks/results/prepare_memory.json
SHARD_BYTES = 4.0  # of a token beyond a vocabulary of 65,536, else 2


def plan(asked: Question | Venture) -> Plan:
    """Answer a question, or the one that a venture asks.

    Raises `UserError` `no-layout` when the model fits on those accelerators in no way, naming what would hold it.
    """
    question = question_of(asked, {}) if isinstance(asked, Venture) else asked
    shape = question.shape
    found = _search(question)
    duration = duration_of(question, found.best)
    data = _data(question, duration, found.best)
    cost = cost_of(question, duration, data)
    active = shape.parameter_count(active=True)
    loss = predict_loss(active, question.tokens, question.unique_tokens)
    optimal = compute_optimal(FLOPS_PER_PARAMETER_AND_TOKEN * active * question.tokens)
    others = tuple(choices(found.best, cost.usd.middle if cost.usd else None))
    frontier = tuple(_frontier(question))
    speed = found.best.throughput
    rates = {"low": speed.low, "middle": speed.tokens_per_s_per_accelerator, "high": speed.high}
    all_ways = tuple(ways(question, cost, Span(**{name: rate * found.best.job.ranks for name, rate in rates.items()})))
    assessments = assess(question, found.best, found.runners_up, duration, cost, data, loss, optimal, others, frontier)
    verdict, summary = overall(question, assessments, duration, cost)
    return Plan(
        question=question,
        parameters=shape.parameter_count(),
        active_parameters=active,
        flops=question.tokens * shape.train_flops_per_token(question.sequence_length),
        layout=found.best,
        runners_up=found.runners_up,
        layouts_tried=found.tried,
        duration=duration,
        cost=cost,
        loss=loss,
        compute_optimal=optimal,
        data=data,
        budgets=tuple(_budgets(question, cost)),
        frontier=frontier,
        choices=others,
        ways=all_ways,
        tenures=tuple(tenures(question, cost)),
        assessments=assessments,
        verdict=verdict,
        summary=summary,
        assumed=_assumed(question),
    )


def _budgets(question: Question, cost: Cost) -> Iterator[Budgeted]:
    """Less and more of the same computing, at the same speed."""
    active = question.shape.parameter_count(active=True)
    for share in BUDGETS:
        tokens = share * question.tokens
        yield Budgeted(
            accelerator_hours=share * cost.accelerator_hours.middle,
            usd=None if cost.usd is None else share * cost.usd.middle,
            tokens=tokens,
            loss=predict_loss(active, tokens, question.unique_tokens).nats_per_token,
            optimal=compute_optimal(FLOPS_PER_PARAMETER_AND_TOKEN * active * tokens),
        )


def _frontier(question: Question) -> Iterator[Point]:
    """Fewer and more accelerators, as far as the model fits on them and they can share its batch."""
    for factor in (1.0,) if is_here(question.accelerator) else FRONTIER:
        count = round(question.accelerators * factor)
        if count < 1 or (factor != 1 and count == question.accelerators):
            continue
        asked = question.model_copy(update={"accelerators": count})
        try:
            best = _search(asked).best
        except UserError:
            continue
        duration = duration_of(asked, best)
        bill = cost_of(asked, duration, _data(asked, duration, best)).usd
        yield Point(accelerators=count, wall_h=duration.wall_h.middle, usd=bill.middle if bill else None)


def _search(question: Question) -> Searched:
    change = BATCH_CHANGE if question.batch_tokens is None else GIVEN_BATCH_CHANGE
    return search(job_of(question), question.goal, batch_change=change)


def job_of(question: Question) -> Job:
    """The job to be laid out; raises `UserError` `bad-option` for a batch that holds no sequence."""
    shape, length = question.shape, question.sequence_length
    head = 6.0 * shape.vocabulary_size * shape.dim
    if question.batch_tokens is not None and question.batch_tokens < length:
        raise UserError(
            "bad-option",
            f"batch_tokens = {question.batch_tokens:g}: less than one sequence of {length:,} tokens",
            hint="--sequence-length, or a larger batch",
        )
    flops = question.tokens * (shape.train_flops_per_token(length) - head)
    wanted = question.batch_tokens or optimal_batch_tokens(flops)
    spec = question.accelerator
    return Job(
        shape=shape,
        sequence_length=length,
        batch_size=max(1.0, round(wanted / length)),
        micro_batch=1,
        accelerator=spec,
        ranks=question.accelerators,
        arithmetic=question.arithmetic,
        compiled=True,
        stack=stack_of(spec),
        chunked_loss=True,
        recent_attention=True,
    )


def duration_of(question: Question, best: Candidate) -> Duration:
    """How long it takes in a layout."""
    useful_s = question.tokens / best.tokens_per_s
    size = SAVED_BYTES * question.shape.parameter_count()
    save_s = max(2.0, size / (SAVE_BYTES_PER_S * max(1.0, question.accelerators / 8)))
    reliability = Reliability(
        accelerators=question.accelerators,
        hours_between_failures=question.hours_between_failures,
        save_s=save_s,
        restart_s=RESTART_S,
    )
    down_s = reliability.save_s + reliability.restart_s
    if reliability.failures_per_s * down_s > -math.log(LEAST_GOODPUT):
        raise UserError(
            "bad-option",
            f"hours_between_failures = {reliability.hours_between_failures:g}: {reliability.accelerators:,} "
            f"accelerators would fail every {1 / reliability.failures_per_s:,.3g} s, and saving and restarting take "
            f"{down_s:,.0f} s",
            hint="hours of one accelerator, not of the job; published: 15,000 to 80,000",
        )
    interval = checkpoint_interval(reliability)
    drawn = _drawn_wall_s(useful_s, interval, reliability, best)
    low, middle, high = (float(np.quantile(drawn, share)) / 3600 for share in (0.1, 0.5, 0.9))
    return Duration(
        steps=max(1, round(question.tokens / best.job.tokens_per_step)),
        useful_h=useful_s / 3600,
        wall_h=Span(low=low, middle=middle, high=high),
        failures=reliability.failures_per_s * useful_s / interval.goodput,
        goodput=interval.goodput,
        checkpoint=interval,
        checkpoint_gb=size / 1e9,
        saving_host_gb=size / 1e9 * min(1.0, IN_A_MACHINE / question.accelerators),
        save_s=save_s,
    )


def _drawn_wall_s(
    useful_s: float, interval: Interval, reliability: Reliability, best: Candidate
) -> npt.NDArray[np.float64]:
    """Wall times, the speed drawn from its interval and the failure rate from those that were published."""
    runs = DRAWS // RATES
    low, high = (hours / HOURS_BETWEEN_FAILURES for hours in HOURS_BETWEEN_FAILURES_RANGE)
    drawn = []
    for number, scale in enumerate(np.geomspace(low, high, RATES)):
        hours = reliability.hours_between_failures * float(scale)
        like = reliability.model_copy(update={"hours_between_failures": hours})
        drawn.append(wall_times(useful_s, interval.exact_s, like, runs=runs, seed=number))
    speed = best.throughput
    # Each part of the interval once, so that the median is the middle.
    normal = [
        NormalDist(0, math.log(speed.high / speed.low) / (2 * Z80)).inv_cdf((n + 0.5) / DRAWS) for n in range(DRAWS)
    ]
    times: npt.NDArray[np.float64] = np.concatenate(drawn) * np.exp(np.random.default_rng(0).permutation(normal))
    return times


def _data(question: Question, duration: Duration, best: Candidate) -> Data:
    unique = min(question.unique_tokens or question.tokens, question.tokens)
    text = unique * question.bytes_per_token
    each = SHARD_BYTES if question.shape.vocabulary_size > 1 << 16 else SHARD_BYTES / 2
    return Data(
        unique_tokens=unique,
        epochs=question.tokens / unique,
        text_gb=text / 1e9,
        disk_gb=(text + each * unique) / 1e9 + 3 * duration.checkpoint_gb,
        preparation_core_h=text / PREPARED_BYTES_PER_CORE_S / 3600,
        loader_mb_per_s=best.tokens_per_s * each / 1e6,
    )


def _assumed(question: Question) -> tuple[str, ...]:
    found = [
        f"a checkpoint is written at {SAVE_BYTES_PER_S / 1e9:g} GB/s by eight accelerators together",
        f"a failure costs {RESTART_S / 60:g} minutes besides what is repeated",
        f"one failure in {question.hours_between_failures:,.0f} accelerator-hours (published: 15,000 to 80,000)",
    ]
    if question.batch_tokens is None:
        found.append("within a quarter the batch that Bi et al. 2024 found best for as many FLOPs")
    spec = question.accelerator
    if spec.network_gbit_per_s is None and question.accelerators > spec.link_domain and not is_here(spec):
        found.append(f"a network of {USUAL_NETWORK_GBIT_PER_S:g} Gbit/s for each accelerator, which nobody published")
    if question.unique_tokens is None:
        found.append("as much text as is trained on, each token once, a tenth of it where an open model is trained on")
    found.append(f"{question.bytes_per_token:g} bytes of text a token")
    if question.usd_per_gb_month is None and question.usd_per_gb_moved is None:
        found.append("storage and transfer are not in the bill: nobody gave their prices")
    return tuple(found)
