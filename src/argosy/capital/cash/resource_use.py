"""What becomes of credits and resources: what they displace, what expires, and what would use it."""

from collections.abc import Callable, Sequence

import numpy as np

from argosy.capital.cash.displacing import BoughtHours, Displacing, burned, displacing
from argosy.capital.cash.futures import Stream
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.cash.resource_changes import Change, Changed, Counted, Ledger, counted
from argosy.capital.months import month_name, month_number
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.config import Record

SPARE = "it spares no cash: without it others would pay the same bills"


class ResourceUse(Record):
    """What becomes of one."""

    name: str
    """Which."""
    kind: str
    """`credits`, or the kind of the resource."""
    displaces: str
    """What it pays."""
    provider: str | None
    """Whose it is."""
    probability: float
    """That it comes."""
    unit: str
    """Of what there is."""
    offered: float | None
    """Of it in the plan; null for a share of bills."""
    unused: float | None
    """Of it at the end; null for a share of bills."""
    displaced_cents: int
    """Bills it pays."""
    cost_cents: int
    """What it costs itself, in the plan."""
    worth_cents: int
    """Cash the plan would pay more without it, where others pay what they can in its place; its own cost is taken
    off."""
    first_month: str | None
    """First bill it pays."""
    last_month: str | None
    """Last bill it pays."""
    expires: str
    """Last month in which it can be used."""
    warn_from: str | None
    """Month from which it is time to use what will expire; null where nothing will."""
    warning: str | None
    """What will expire and when, or why it is worth nothing."""
    stated: str | None
    """How accelerators are compared."""
    changes: tuple[Change, ...]
    """What would use more of it: moving a training, buying from its provider, a later expiry."""


class Resources(Record):
    """What pays the bills of the plan, to the cent: bills = cash + credits + resources."""

    bills_cents: int
    """Due in the plan, own costs of resources included."""
    credits_cents: int
    """Paid by credits."""
    resources_cents: int
    """Displaced by other resources."""
    cash_cents: int
    """Paid in cash."""
    costs_cents: int
    """Of the bills: what resources cost themselves."""
    uses: tuple[ResourceUse, ...]
    """Credits, then resources, as the plan lists them."""


def resources_of(plan: CapitalPlan, horizon: Horizon, ledger: Callable[[CapitalPlan], Ledger]) -> Resources | None:
    """What credits and resources do; `ledger` prices a plan, and prices those that are tried. None without any."""
    if not plan.credits and not plan.resources:
        return None
    now = counted(plan, horizon, ledger)
    changed = Changed(now, horizon, ledger)
    by_credits, by_resources = (
        sum(sum(paid.values()) for paid in some) for some in (now.burnt.credits, now.burnt.resources)
    )
    own = [sum(one.own.paid) if one.own else 0 for one in now.resources]
    return Resources(
        bills_cents=now.cash + by_credits + by_resources,
        credits_cents=by_credits,
        resources_cents=by_resources,
        cash_cents=now.cash,
        costs_cents=sum(own),
        uses=(
            *(_credit_use(now, place, horizon, changed) for place in range(len(plan.credits))),
            *(_resource_use(now, place, horizon, changed) for place in range(len(plan.resources))),
        ),
    )


def resource_streams(
    plan: CapitalPlan, costs: Sequence[Line], bought: Sequence[BoughtHours], horizon: Horizon
) -> list[Stream]:
    """Credits, then what each resource adds to those before it less its own cost, the signed ones first."""
    found = displacing(plan.resources, costs, plan.people, bought, horizon)
    with_them: list[Displacing] = []
    before, streams = [0] * horizon.months, []
    for number, one in [(0, None), *sorted(enumerate(found), key=lambda row: row[1].config.probability < 1)]:
        with_them += [] if one is None else [one]
        lines = [*costs, *(each.own for each in with_them if each.own)]
        burnt = burned(lines, plan.credits, with_them, horizon)
        owned = [sum(each.own.paid[month] for each in with_them if each.own) for month in range(horizon.months)]
        total = burnt.by_month([*burnt.credits, *burnt.resources], horizon.months)
        after = [paid - cost for paid, cost in zip(total, owned, strict=True)]
        name = "credits" if one is None else f"{one.config.name} (resource {number})"
        probability = 1.0 if one is None else one.config.probability
        streams.append(Stream(name, (np.array(after) - np.array(before)) / 100, probability=probability))
        before = after
    return streams


def _credit_use(now: Counted, place: int, horizon: Horizon, changed: Changed) -> ResourceUse:
    credit, have, used = now.plan.credits[place], now.burnt.credit_cents[place], now.used(place)
    left = have - used
    worth = _worth(now, place, horizon)
    warned = _warned(f"{left / 100:,.0f} of {have / 100:,.0f} {horizon.currency}", left > 0, credit.expires, now.plan)
    return ResourceUse(
        name=credit.name,
        kind="credits",
        displaces=" and ".join(credit.kinds) + (f" from {credit.provider}" if credit.provider else ""),
        provider=credit.provider,
        probability=1.0,
        unit=horizon.currency,
        offered=have / 100,
        unused=left / 100,
        displaced_cents=used,
        cost_cents=0,
        worth_cents=worth,
        **_months(now, place, horizon),
        expires=credit.expires,
        **(_and(warned, SPARE) if used and worth <= 0 else warned),
        stated=None,
        changes=tuple(changed.best(place)) if left else (),
    )


def _resource_use(now: Counted, index: int, horizon: Horizon, changed: Changed) -> ResourceUse:
    resource, place = now.resources[index], len(now.plan.credits) + index
    config, used = resource.config, now.used(place)
    cost = sum(resource.own.paid) if resource.own else 0
    unit, offered, unused = _measured(now, index, horizon)
    left = used == 0 if unused is None or offered is None else unused > 1e-9 * offered
    said = f"{unused:,.0f} of {offered:,.0f} {unit}" if used and offered is not None else "all of it"
    warned = _warned(said, left, config.expires, now.plan)
    worth = _worth(now, place, horizon)
    if not used:
        warned["warning"] = f"it displaces nothing, so it is worth nothing: {_why(now, index, horizon)}"
    elif worth <= 0:
        saved = f"it costs {cost / 100:,.0f} and spares {(worth + cost) / 100:,.0f} of cash"
        warned = _and(warned, saved if cost else SPARE)
    return ResourceUse(
        name=config.name,
        kind=config.kind,
        displaces=config.displaces,
        provider=config.provider,
        probability=config.probability,
        unit=unit,
        offered=offered,
        unused=unused,
        displaced_cents=used,
        cost_cents=cost,
        worth_cents=worth,
        **_months(now, place, horizon),
        expires=config.expires,
        **warned,
        stated=resource.equivalence,
        changes=tuple(changed.best(place)) if left else (),
    )


def _worth(now: Counted, place: int, horizon: Horizon) -> int:
    """Cash without it less cash with it."""
    credits, index = list(now.plan.credits), place - len(now.plan.credits)
    others, lines = list(now.resources), list(now.lines)
    if index < 0:
        del credits[place]
    elif (own := others.pop(index).own) is not None:
        lines.remove(own)
    return Counted(now.plan, lines, others, burned(lines, credits, others, horizon)).cash - now.cash


def _and(warned: dict[str, str | None], more: str) -> dict[str, str | None]:
    return warned | {"warning": "; ".join(filter(None, (warned["warning"], more)))}


def _measured(now: Counted, index: int, horizon: Horizon) -> tuple[str, float | None, float | None]:
    """Unit, what there is in the plan, and what of it is unused."""
    resource, paid = now.resources[index], now.burnt.resources[index]
    config, used = resource.config, sum(paid.values())
    months = len(horizon.span(config.start, config.expires))
    if config.amount is not None and resource.cents is not None:
        return horizon.currency, resource.cents / 100, (resource.cents - used) / 100
    if config.people is not None:
        count = sum(role.count for role in now.plan.people if role.role == config.displaces)
        worked = sum(cents / now.burnt.dues[number].cents for number, cents in paid.items()) * count
        return "months of a person", config.people * months, max(0.0, config.people * months - worked)
    if resource.hour_cents is None:
        return "share", None, None
    offered = config.hours or (config.accelerators or 0) * config.hours_per_month * months
    exhausted = 0 < used == resource.cents and not resource.monthly
    spent = float(used / resource.hour_cents) if resource.hour_cents else 0.0
    # A month's hours are worth whole cents; what is lost by that is no hour unused.
    least = float(max(1, months) / resource.hour_cents) if resource.hour_cents else 0.0
    unused = 0.0 if exhausted or offered - spent <= least else offered - spent
    return "hours", offered, unused


def _why(now: Counted, index: int, horizon: Horizon) -> str:
    resource = now.resources[index]
    config = resource.config
    span = horizon.span(config.start, config.expires)
    due = [due for due in now.burnt.dues if now.lines[due.line].name in resource.lines]
    if not due:
        return f"{config.displaces} is never paid in this plan"
    if not any(one.used in span for one in due):
        used = sorted({one.used for one in due})
        between = f"from {horizon.name(used[0])} to {horizon.name(used[-1])}"
        return f"{config.displaces} is needed {between}, this is there from {config.start} to {config.expires}"
    if config.areas and not any(now.lines[one.line].area in config.areas for one in due):
        return f"{config.displaces} serves {now.lines[due[0].line].area}, this only {' and '.join(config.areas)}"
    if resource.part == 0:
        return f"{config.displaces} is planned on accelerators that cost nothing"
    return "credits and other resources pay all of that"


def _months(now: Counted, place: int, horizon: Horizon) -> dict[str, str | None]:
    months = [now.burnt.dues[number].month for number in now.paid[place]]
    ends = (horizon.name(min(months)), horizon.name(max(months))) if months else (None, None)
    return dict(zip(("first_month", "last_month"), ends, strict=True))


def _warned(what: str, left: bool, expires: str, plan: CapitalPlan) -> dict[str, str | None]:
    if not left:
        return {"warn_from": None, "warning": None}
    return {
        "warn_from": month_name(month_number(expires) - plan.warn_months),
        "warning": f"{what} will expire unused at the end of {expires}",
    }
