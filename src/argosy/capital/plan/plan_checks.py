"""What is wrong with a capital plan that its sections cannot see alone: a currency without a rate, an early end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from argosy.capital.exact import exact
from argosy.capital.months import month_name, month_number, month_of
from argosy.capital.plan.budget import LASTS, TRAINED
from argosy.config import Problem, Section, nearest

if TYPE_CHECKING:
    from argosy.capital.plan.plan_file import CapitalPlan

LONGEST_WORTH = 12_000  # months: with gains without an end the discount makes the rest nothing


def plan_problems(plan: "CapitalPlan") -> Iterable[Problem]:
    """Every problem of the plan but its cap table's, by key."""
    rated = {one.currency for one in plan.rates}
    seen: set[tuple[str, str]] = set()
    for i, rate in enumerate(plan.rates):
        if rate.currency == plan.currency:
            yield Problem(f"rates.{i}.currency", f"another currency than the plan's, {plan.currency}", rate.currency)
        if (rate.currency, rate.date) in seen:
            yield Problem(f"rates.{i}.date", f"one rate of {rate.currency} a day, this is the second", rate.date)
        seen.add((rate.currency, rate.date))
    if plan.exits and (chances := sum(exact(one.probability) for one in plan.exits)) != 1:
        said = f"they sum to {float(chances):g}, expected exactly 1; an exit at a price of 0 is no sale"
        yield Problem("exits.0.probability", said, code="bad-probabilities")
    for key, one in _entries(plan):
        priced = key.startswith(("training.", "traffic."))  # in dollars
        currency: str | None = "USD" if priced else getattr(one, "currency", None)
        if currency is not None and currency not in (plan.currency, *rated):
            expected = f"a currency with [[rates]] in {plan.currency}: date, worth and source"
            yield Problem(
                key if priced else f"{key}.currency",
                expected + nearest(currency, [*rated, plan.currency]),
                currency,
                code="no-rate",
            )
        start = getattr(one, "start", None)
        for last in ("end", "expires"):
            end = getattr(one, last, None)
            if start is not None and end is not None and month_number(end) < month_number(start):
                yield Problem(f"{key}.{last}", f"{start}, its first month, or later", end)
    yield from _names(plan)
    yield from _brought(plan)
    if plan.start is not None and plan.worth_until is not None:
        months = month_number(plan.worth_until) - month_of(plan.start)
        if not 0 <= months < LONGEST_WORTH:
            expected = f"a month from the plan's start on, {LONGEST_WORTH // 12} years after it at most"
            yield Problem("worth_until", expected, plan.worth_until)


def _brought(plan: "CapitalPlan") -> Iterable[Problem]:
    """Of what a training brings: names that lead nowhere, and no rate to value it at."""
    known = [one.name for one in plan.revenue] + [one.name for one in plan.channels]
    known += [one.name for one in plan.costs] + [one.role for one in plan.people]
    known += ["inference"] if plan.traffic else []
    ends = [] if plan.start is None else [month_name(month_of(plan.start) + plan.months - 1)]
    last = min([*ends, *([plan.worth_until] if plan.worth_until else [])], default=None)
    for i, training in enumerate(plan.training):
        for j, name in enumerate(training.brings):
            if name not in known:
                expected = f"a name in [[revenue]], [[channels]], [[costs]] or [[people]]{nearest(name, known)}"
                yield Problem(f"training.{i}.brings.{j}", expected, name)
            elif known.count(name) > 1:
                yield Problem(f"training.{i}.brings.{j}", f"a name of one thing, {known.count(name)} have it", name)
        if not (training.brings or training.saving_per_month):
            continue
        if plan.discount_per_year is None:
            yield Problem("discount_per_year", f"a rate such as 0.15, to value what training.{i} brings")
        if last and training.start > last:
            expected = f"expected {last} or sooner, the last month of the plan and of what counts (worth_until)"
            yield Problem(f"training.{i}.start", expected, training.start)


def _names(plan: "CapitalPlan") -> Iterable[Problem]:
    """Of what `simulate` counts: two of one name would be one."""
    taken = {LASTS, TRAINED, *(one.name for one in plan.artefacts)}
    for i, one in enumerate(plan.milestones):
        if one.name in taken:
            yield Problem(f"milestones.{i}.name", "a name that nothing else has which simulate counts", one.name)
        taken.add(one.name)
    for i, artefact in enumerate(plan.artefacts):
        if artefact.name in (LASTS, TRAINED):
            yield Problem(f"artefacts.{i}.name", "a name that nothing else has which simulate counts", artefact.name)


def _entries(plan: "CapitalPlan") -> Iterable[tuple[str, Section]]:
    """Every entry of every list, with its key."""
    for name in type(plan).model_fields:
        value = getattr(plan, name)
        if isinstance(value, tuple) and name != "rates":
            yield from ((f"{name}.{i}", one) for i, one in enumerate(value) if isinstance(one, Section))
