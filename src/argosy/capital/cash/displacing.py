"""Which bills of the ledger credits and resources may pay, and what they do pay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from argosy.capital.cash.burn import Bill, Supply, burn
from argosy.capital.cash.lines import Horizon, Line, cost_line
from argosy.capital.exact import exact
from argosy.capital.months import month_number
from argosy.capital.plan.budget import CostConfig, CreditConfig, RoleConfig
from argosy.capital.plan.resources_config import HEADS, ResourceConfig
from argosy.config import UserError, nearest
from argosy.hardware import AcceleratorSpec, MatmulPrecision, accelerator
from argosy.planning import Plan


@dataclass(frozen=True)
class BoughtHours:
    """The accelerator-hours of a training as the plan buys them."""

    venture: str
    """Which."""
    lines: tuple[str, ...]
    """Names of its lines in the ledger, the final run's first."""
    cents: Fraction
    """Of an hour, in the plan's currency."""
    part: Fraction
    """Of the bill; the rest is storage and the like."""
    count: int
    """Accelerators of the final run."""
    spec: AcceleratorSpec
    """Which they are."""
    precision: MatmulPrecision
    """Of its products."""


@dataclass(frozen=True)
class Displacing:
    """A resource, and what of this plan it can stand in for."""

    config: ResourceConfig
    """What the plan says of it."""
    lines: frozenset[str]
    """Names of the lines of the ledger."""
    own: Line | None
    """What it costs itself."""
    share: Fraction = Fraction(1)
    """Of each bill, at most."""
    final_share: Fraction = Fraction(1)
    """Of the final run's bills, at most: a run on n accelerators leaves no more than 1/n for one beside them."""
    final: str | None = None
    """Name of that line."""
    cents: int | None = None
    """In all (`amount`, `hours`) or in each month (`accelerators`); null has no limit but the share."""
    monthly: bool = False
    """Whether that is for each month."""
    part: Fraction | None = None
    """Of a training's bills, what are accelerator-hours."""
    hour_cents: Fraction | None = None
    """What an hour of it displaces."""
    equivalence: str | None = None
    """How its hours compare with those of the plan."""


@dataclass(frozen=True)
class Due:
    """A bill, or that part of it which is for one month."""

    line: int
    """Number of its line."""
    used: int
    """Month it is for."""
    month: int
    """Month it is paid in."""
    cents: int
    """How much."""
    hours: bool
    """Whether accelerator-hours, where the line has them."""


@dataclass(frozen=True)
class Burned:
    """What pays which bill."""

    dues: Sequence[Due]
    """All bills that are due in the plan."""
    credit_cents: Sequence[int]
    """What each credit has."""
    credits: Sequence[dict[int, int]]
    """What each credit pays of each bill, in cents by its number."""
    resources: Sequence[dict[int, int]]
    """What each displaces."""

    def by_month(self, paid: Sequence[dict[int, int]], months: int) -> list[int]:
        """Cents of each month."""
        found = [0] * months
        for one in paid:
            for number, cents in one.items():
                found[self.dues[number].month] += cents
        return found


def bought_hours(venture: str, found: Plan, lines: Sequence[Line], final_cents: int) -> BoughtHours:
    """The accelerator-hours of a plan whose middle bill is `final_cents` in the currency of the ledger.

    Raises `UserError` `no-price` for a plan without a bill.
    """
    bill, arithmetic = found.cost, found.question.arithmetic
    if bill.usd is None:
        raise UserError("no-price", f"{venture}: {bill.price}")
    part = Fraction(bill.parts_usd.get("accelerators", 0.0)) / Fraction(bill.usd.middle or 1)
    return BoughtHours(
        venture=venture,
        lines=tuple(line.name for line in lines),
        cents=final_cents * part / Fraction(bill.accelerator_hours.middle),
        part=part,
        count=found.question.accelerators,
        spec=found.question.accelerator,
        precision="float8" if arithmetic == "mxfp8" else "float4" if arithmetic == "nvfp4" else arithmetic,
    )


def own_line(config: ResourceConfig, horizon: Horizon) -> Line | None:
    """What a resource costs itself, used or not."""
    if not config.cost_per_month:
        return None
    cost = CostConfig(
        name=f"{config.name}: its own cost",
        kind=HEADS[config.kind][0],
        area=HEADS[config.kind][1],
        amount=config.cost_per_month,
        currency=config.currency,
        start=config.start,
        end=config.expires,
        committed=True,
        provider=config.provider,
    )
    return cost_line(cost, horizon)


def displacing(
    resources: Sequence[ResourceConfig],
    lines: Sequence[Line],
    roles: Sequence[RoleConfig],
    bought: Sequence[BoughtHours],
    horizon: Horizon,
) -> list[Displacing]:
    """Each resource with the bills it is for.

    Raises `UserError` `bad-resource` for one that displaces nothing this plan has, `unknown-accelerator`, `no-rate`.
    """
    return [_displacing(one, lines, roles, bought, horizon) for one in resources]


def _displacing(
    config: ResourceConfig,
    lines: Sequence[Line],
    roles: Sequence[RoleConfig],
    bought: Sequence[BoughtHours],
    horizon: Horizon,
) -> Displacing:
    own = own_line(config, horizon)
    if config.kind == "accelerators":
        return _hours(config, [one for one in bought if one.venture == _known(config, bought)], own, horizon)
    if config.people is not None:
        wanted = _named(config, [one.role for one in roles], "role of [[people]]")
        count = sum(one.count for one in roles if one.role == wanted)
        share = min(Fraction(1), exact(config.people) / count)
        return Displacing(config, frozenset([wanted]), own, share=share)
    trained = {name: one.venture for one in bought for name in one.lines}
    names = {line.name: trained.get(line.name, line.name) for line in lines if line.kind != "revenue"}
    wanted = _named(config, sorted(set(names.values())), "cost, role or training")
    share = exact(config.share) if config.share is not None else Fraction(1)
    first = max(0, month_number(config.start) - horizon.start)
    cents = None if config.amount is None else horizon.cents(config.amount, config.currency, first)
    targets = frozenset(name for name, of in names.items() if of == wanted)
    return Displacing(config, targets, own, share=share, cents=cents)


def _known(config: ResourceConfig, bought: Sequence[BoughtHours]) -> str:
    wanted = _named(config, [one.venture for one in bought], "`venture` of [[training]]")
    prices = {one.cents for one in bought if one.venture == wanted}
    if len(prices) > 1:
        raise UserError(
            "bad-resource",
            f"{config.name} displaces {wanted!r}, which is trained more than once at prices that differ",
            hint="give the same price_change_per_year and start, or an `amount` with another kind",
        )
    return wanted


def _named(config: ResourceConfig, choices: Sequence[str], what: str) -> str:
    if config.displaces not in choices:
        close = nearest(config.displaces, choices)
        raise UserError(
            "bad-resource",
            f"resource {config.name!r}: displaces = {config.displaces!r} is no {what} of this plan{close}",
            hint="this plan has " + (", ".join(sorted(set(choices))) or "none"),
        )
    return config.displaces


def _hours(config: ResourceConfig, bought: Sequence[BoughtHours], own: Line | None, horizon: Horizon) -> Displacing:
    of = bought[0]
    spec = of.spec if config.accelerator is None else accelerator(config.accelerator)
    rate, said = _equivalent(spec, of, config.name)
    hour = of.cents * rate
    hours = exact(config.hours or 0)
    share = Fraction(1)
    if config.accelerators is not None:
        hours = config.accelerators * exact(config.hours_per_month)
        share = min(Fraction(1), config.accelerators * rate * exact(config.hours_per_month) / 730 / of.count)
    return Displacing(
        config,
        frozenset(name for one in bought for name in one.lines),
        own,
        final_share=share,
        final=of.lines[0],
        cents=int(hours * hour),
        monthly=config.accelerators is not None,
        part=of.part,
        hour_cents=hour,
        equivalence=said,
    )


def _equivalent(spec: AcceleratorSpec, of: BoughtHours, name: str) -> tuple[Fraction, str]:
    """Hours of the plan's accelerator that an hour of another is worth: dense peaks, at the same utilisation."""
    precisions: tuple[MatmulPrecision, ...] = (of.precision, "bfloat16", "float16")
    own, plan = (
        next((peak for precision in precisions if (peak := one.peak_flops(precision)) is not None), None)
        for one in (spec, of.spec)
    )
    if own is None or plan is None:
        raise UserError("bad-resource", f"{name}: nobody knows the 16-bit peak of {(of.spec if own else spec).name}")
    rate = exact(own) / exact(plan)
    return rate, (
        f"an hour of {spec.name} displaces {float(rate):.3f} of {of.spec.name} "
        f"({own / 1e12:g} / {plan / 1e12:g} dense TFLOP/s, at the same utilisation)"
    )


def burned(
    lines: Sequence[Line], credits: Sequence[CreditConfig], resources: Sequence[Displacing], horizon: Horizon
) -> Burned:
    """What credits and resources pay.

    Those that expire first do so before others, then the pickiest; where another order pays more, that (`burn`).
    """
    dues = list(_dues(lines, resources))
    supplies: list[tuple[tuple[int, int], tuple[bool, int], Supply]] = []
    for place, credit in enumerate(credits):
        first = max(0, month_number(credit.start) - horizon.start)
        have = horizon.cents(credit.amount, credit.currency, first)
        most = _credit_most(credit, lines, dues, horizon)
        order = (month_number(credit.expires), len(credit.kinds))
        supplies.append((order, (False, place), Supply(have, most)))
    for place, resource in enumerate(resources):
        most = _resource_most(resource, lines, dues, horizon)
        for order, supply in _supplies(resource, most, dues, horizon):
            supplies.append((order, (True, place), supply))
    supplies.sort(key=lambda one: one[0])
    paid = burn([Bill(due.month, due.cents) for due in dues], [supply for *_, supply in supplies])
    found: dict[tuple[bool, int], dict[int, int]] = {}
    total: dict[tuple[bool, int], int] = {}
    for (_, key, supply), pays in zip(supplies, paid, strict=True):
        total[key] = total.get(key, 0) + supply.cents
        for number, cents in pays.items():
            found.setdefault(key, {})[number] = found.get(key, {}).get(number, 0) + cents
    own, other = [(False, place) for place in range(len(credits))], [(True, place) for place in range(len(resources))]
    return Burned(
        dues,
        [total[key] for key in own],
        [found.get(key, {}) for key in own],
        [found.get(key, {}) for key in other],
    )


def _dues(lines: Sequence[Line], resources: Sequence[Displacing]) -> Iterator[Due]:
    """Bills in the order of the ledger; those that a resource may displace in parts by the month they are for."""
    parts: dict[str, Fraction | None] = {name: None for one in resources for name in one.lines}
    parts |= {name: one.part for one in resources if one.part is not None for name in one.lines}
    for number, line in enumerate(lines):
        if line.name not in parts:
            yield from (Due(number, month, month, cents, False) for month, cents in enumerate(line.paid) if cents > 0)
            continue
        part = parts[line.name]
        for used, month, cents in _by_use(line):
            bought = cents if part is None else int(cents * part)
            if bought:
                yield Due(number, used, month, bought, True)
            if cents - bought:
                yield Due(number, used, month, cents - bought, False)


def _by_use(line: Line) -> Iterator[tuple[int, int, int]]:
    """Payments by the month they are for: the first to be used are the first to be paid."""
    used, left = 0, max(0, line.opening) + (line.amounts[0] if line.amounts else 0)
    for month, cents in enumerate(line.paid):
        while cents > 0:
            while left <= 0 and used + 1 < len(line.amounts):
                used += 1
                left = line.amounts[used]
            part = min(cents, left) if left > 0 else cents
            yield used, month, part
            cents, left = cents - part, left - part


def _credit_most(credit: CreditConfig, lines: Sequence[Line], dues: Sequence[Due], horizon: Horizon) -> dict[int, int]:
    """What a credit may pay of each bill."""
    span, share = horizon.span(credit.start, credit.expires), exact(credit.share)
    fits = [line.kind in credit.kinds and credit.provider in (None, line.provider) for line in lines]
    some = ((number, due) for number, due in enumerate(dues) if fits[due.line] and due.month in span)
    return {number: most for number, due in some if (most := due.cents * share.numerator // share.denominator)}


def _resource_most(
    resource: Displacing, lines: Sequence[Line], dues: Sequence[Due], horizon: Horizon
) -> dict[int, int]:
    """What a resource may displace of each bill."""
    config = resource.config
    span = horizon.span(config.start, config.expires)
    fits = [line.name in resource.lines and (not config.areas or line.area in config.areas) for line in lines]
    found = {}
    for number, due in enumerate(dues):
        if fits[due.line] and due.used in span and (resource.part is None or due.hours):
            final = lines[due.line].name == resource.final
            most = int(due.cents * (resource.final_share if final else resource.share))
            if most:
                found[number] = most
    return found


def _supplies(
    resource: Displacing, most: dict[int, int], dues: Sequence[Due], horizon: Horizon
) -> Iterator[tuple[tuple[int, int], Supply]]:
    """One for all months, or one for each: hours that nobody uses in their month are gone."""
    if resource.cents is None:
        yield (0, 0), Supply(sum(most.values()), most)
    elif not resource.monthly:
        yield (month_number(resource.config.expires), 0), Supply(resource.cents, most)
    else:
        for month, numbers in groupby(sorted(most, key=lambda n: dues[n].used), key=lambda n: dues[n].used):
            yield (horizon.start + month, 0), Supply(resource.cents, {number: most[number] for number in numbers})
