"""Whom the plan hangs on, up and down the chain: shares, concentration, what a partner's leaving takes, the gaps."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from argosy.capital.cash.displacing import Displacing, burned
from argosy.capital.cash.lines import Horizon, Line
from argosy.capital.months import month_name, month_number
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.capital.plan.resources_config import PartnerConfig
from argosy.config import Record, UserError, nearest

BANDS = (
    "HHI: sum of the squared shares in percent (Hirschman 1945, Herfindahl 1950). For markets, not for one buyer's "
    "bills, the US agencies call more than 1,800 highly concentrated (Merger Guidelines 2023, section 2.1)"
)
LARGE = 0.5  # share of a head from which one partner without an alternative is a gap


class PartnerShare(Record):
    """One partner, by the figures of the plan."""

    name: str
    """Who."""
    side: str
    """`upstream` or `downstream`."""
    provides: tuple[str, ...]
    """What the plan has from it."""
    cents: int
    """Upstream: its bills in the plan without what resources displace, and what its own resources displace.
    Downstream: revenue."""
    share: float
    """Of all such bills but salaries, or of all revenue."""
    contract_end: str | None
    """Last month of its contract, where that ends inside the plan."""
    notice_by: str | None
    """Last month to give notice or renew, then."""
    after_end_cents: int
    """Of `cents`, what the plan has from it after that."""
    alternatives: tuple[str, ...]
    """Who could take its place."""
    switching_months: int
    """Until one does."""
    lost_cents: int
    """Upstream: bills of the worst `switching_months` on end, which must be bought elsewhere or go without. Downstream:
    revenue of the worst."""
    lost_from: str | None
    """First of those months."""
    forfeited_cents: int
    """What its credits and resources would still displace from then on, which cash would have to pay."""


class Concentration(Record):
    """How few the plan hangs on."""

    of: str
    """A head of costs, `spend` for all of them but salaries, or `revenue`."""
    cents: int
    """In the plan."""
    named: float
    """Share with a name."""
    largest: str | None
    """Who has most."""
    largest_share: float
    """Of all of it."""
    hhi_low: float
    """Herfindahl–Hirschman index, 0 to 10,000, if what has no name is divided among very many."""
    hhi_high: float
    """The same if one has it."""


class Gap(Record):
    """Something that this plan lacks."""

    what: str
    """The gap and its figures."""
    cents: int
    """Bills or revenue behind it."""


class Partners(Record):
    """The register."""

    partners: tuple[PartnerShare, ...]
    """As the plan lists them."""
    concentration: tuple[Concentration, ...]
    """All spend, each head, revenue."""
    bands: str
    """What the index means, and who says so."""
    gaps: tuple[Gap, ...]
    """Largest first."""


Monthly = dict[tuple[str, str | None], list[int]]


def partners_of(
    plan: CapitalPlan, lines: Sequence[Line], resources: Sequence[Displacing], horizon: Horizon
) -> Partners | None:
    """The register with its figures, from every line of the ledger; None without `[[partners]]`.

    Raises `UserError` `bad-partner` for a name that pays and is paid nothing here, or that is there twice.
    """
    if not plan.partners:
        return None
    spend, income, free = _monthly(plan, lines, resources, horizon)
    _check(plan, spend, income)
    shares = tuple(_share(one, spend, income, free, horizon) for one in plan.partners)
    heads = sorted({kind for kind, _ in spend})
    found = [_concentration("spend", spend)]
    found += [_concentration(head, {key: row for key, row in spend.items() if key[0] == head}) for head in heads]
    if income:
        found.append(_concentration("revenue", _income_by_partner(plan, income)))
    gaps = sorted(_gaps(plan, lines, shares, spend, income, horizon), key=lambda gap: -gap.cents)
    return Partners(partners=shares, concentration=tuple(found), bands=BANDS, gaps=tuple(gaps))


def _monthly(
    plan: CapitalPlan, lines: Sequence[Line], resources: Sequence[Displacing], horizon: Horizon
) -> tuple[Monthly, Monthly, dict[str, list[int]]]:
    """Bills by head and provider, revenue by name, and by provider what is had without cash; each by month."""
    costs = [line for line in lines if line.kind != "revenue"]
    costs += [one.own for one in resources if one.own]
    spend: Monthly = defaultdict(lambda: [0] * horizon.months)
    income: Monthly = defaultdict(lambda: [0] * horizon.months)
    free: dict[str, list[int]] = defaultdict(lambda: [0] * horizon.months)
    for line in lines:
        if line.kind == "revenue" and any(line.amounts):
            _add(income["revenue", line.name], line.amounts)
    for line in costs:
        if (line.kind != "people" or line.provider) and any(line.paid):
            _add(spend[line.kind, line.provider], line.paid)
    burnt = burned(costs, plan.credits, resources, horizon)
    for one, paid in zip(resources, burnt.resources, strict=True):
        for number, cents in paid.items():
            due = burnt.dues[number]
            line = costs[due.line]
            salary = line.kind == "people" and line.provider is None
            if not salary:
                spend[line.kind, line.provider][due.month] -= cents
            if not salary or one.config.provider:
                spend[line.kind, one.config.provider][due.month] += cents
    whose = [*(one.provider for one in plan.credits), *(one.config.provider for one in resources)]
    for provider, paid in zip(whose, [*burnt.credits, *burnt.resources], strict=True):
        if provider is not None:
            _add(free[provider], burnt.by_month([paid], horizon.months))
    return {key: row for key, row in spend.items() if sum(row)}, dict(income), free


def _add(row: list[int], more: Sequence[int]) -> None:
    for month, cents in enumerate(more):
        row[month] += cents


def _check(plan: CapitalPlan, spend: Monthly, income: Monthly) -> None:
    names = [one.name for one in plan.partners]
    for number, one in enumerate(plan.partners):
        if one.name in names[:number]:
            raise UserError("bad-partner", f"partners.{number}.name = {one.name!r}: it is there already")
        customers = {str(name) for _, name in income}
        if one.revenue_share is not None and one.name in customers:
            raise UserError(
                "bad-partner", f"partners.{number}.revenue_share: [[revenue]] {one.name!r} says already what it pays"
            )
        if one.side == "upstream":
            known, what = _providers(plan) | {str(name) for _, name in spend if name}, "provider"
        else:
            known, what = customers | ({one.name} if one.revenue_share is not None else set()), "revenue"
        if one.name not in known:
            raise UserError(
                "bad-partner",
                f"partners.{number}.name = {one.name!r} is no {what} of this plan{nearest(one.name, known)}",
                hint=f"this plan has {', '.join(sorted(known)) or 'none'}"
                + ("; or give revenue_share" if one.side == "downstream" else ""),
            )
    shared = sum(one.revenue_share or 0.0 for one in plan.partners)
    if shared > 1 + 1e-9:
        raise UserError("bad-partner", f"partners: revenue_share adds up to {shared:g}, more than all")


def _providers(plan: CapitalPlan) -> set[str]:
    sections = (plan.costs, plan.training, plan.traffic, plan.credits, plan.resources)
    return {one.provider for section in sections for one in section if one.provider is not None}


def _of(partner: PartnerConfig, spend: Monthly, income: Monthly, horizon: Horizon) -> list[int]:
    """Its bills or revenue by month."""
    row = [0] * horizon.months
    if partner.revenue_share is not None:
        for revenue in income.values():
            _add(row, revenue)
        return [round(cents * partner.revenue_share) for cents in row]
    for (_, name), cents in (spend if partner.side == "upstream" else income).items():
        if name == partner.name:
            _add(row, cents)
    return row


def _share(
    partner: PartnerConfig, spend: Monthly, income: Monthly, free: Mapping[str, Sequence[int]], horizon: Horizon
) -> PartnerShare:
    row = _of(partner, spend, income, horizon)
    total = sum(map(sum, (spend if partner.side == "upstream" else income).values()))
    end = None if partner.contract_end is None else month_number(partner.contract_end) - horizon.start
    inside = end is not None and end < horizon.months - 1
    window = min(partner.switching_months, horizon.months)
    sums = [0, *accumulate(row)]
    losses = [sums[month + window] - sums[month] for month in range(horizon.months - window + 1)]
    worst = max(range(len(losses)), key=lambda month: losses[month])
    upstream = partner.side == "upstream"
    return PartnerShare(
        name=partner.name,
        side=partner.side,
        provides=partner.provides,
        cents=sum(row),
        share=sum(row) / total if total else 0.0,
        contract_end=partner.contract_end if inside else None,
        notice_by=month_name(horizon.start + end - partner.notice_months) if inside and end is not None else None,
        after_end_cents=sum(row[max(0, end + 1) :]) if inside and end is not None else 0,
        alternatives=partner.alternatives,
        switching_months=partner.switching_months,
        lost_cents=losses[worst],
        lost_from=horizon.name(worst) if losses[worst] else None,
        forfeited_cents=sum(free.get(partner.name, [])[worst:]) if upstream and losses[worst] else 0,
    )


def _income_by_partner(plan: CapitalPlan, income: Monthly) -> Monthly:
    """Revenue by whom it comes through; of what has no partner of its own name, part comes through those with a share.

    A revenue that is not a partner's is that of many customers.
    """
    partners = {one.name for one in plan.partners if one.side == "downstream"}
    total = sum(map(sum, income.values()))
    rows: Monthly = {key: row for key, row in income.items() if key[1] in partners}
    for one in plan.partners:
        if one.revenue_share is not None:
            rows["revenue", one.name] = [round(total * one.revenue_share)]
    rows["revenue", None] = [max(0, total - sum(map(sum, rows.values())))]
    return rows


def _concentration(of: str, rows: Monthly) -> Concentration:
    by_name: dict[str | None, int] = defaultdict(int)
    for (_, name), row in rows.items():
        by_name[name] += sum(row)
    total, rest = sum(by_name.values()), by_name.pop(None, 0)
    largest = max(by_name, key=lambda name: by_name[name], default=None)
    squares = sum((100 * cents / total) ** 2 for cents in by_name.values()) if total else 0.0
    return Concentration(
        of=of,
        cents=total,
        named=1 - rest / total if total else 0.0,
        largest=largest,
        largest_share=by_name[largest] / total if total and largest is not None else 0.0,
        hhi_low=squares,
        hhi_high=squares + ((100 * rest / total) ** 2 if total else 0.0),
    )


def _gaps(
    plan: CapitalPlan,
    lines: Sequence[Line],
    shares: Sequence[PartnerShare],
    spend: Monthly,
    income: Monthly,
    horizon: Horizon,
) -> Iterator[Gap]:
    """What follows from the figures."""
    yield from _upstream_gaps(plan, spend)
    for share in shares:
        if share.after_end_cents:
            yield _gap(
                f"{share.name}'s contract ends in {share.contract_end}, notice by {share.notice_by}; after that "
                "the plan has {} from it",
                share.after_end_cents,
            )
        if not share.cents:
            yield Gap(what=f"{share.name} is in the register and has no part in this plan", cents=0)
        if share.side == "downstream" and share.share > LARGE and not share.alternatives:
            yield _gap(
                f"{share.share:.0%} of revenue comes through {share.name}, without an alternative: {{}}", share.cents
            )
    down = [one for one in plan.partners if one.side == "downstream"]
    revenue = sum(map(sum, income.values()))
    if revenue and not down:
        yield _gap("revenue of {} has no partner downstream", revenue)
    if not any("distribution" in one.provides for one in down):
        marketing = [line.amounts for line in lines if line.area == "marketing" and line.kind != "revenue"]
        for milestone in plan.milestones:
            month = month_number(milestone.month) - horizon.start
            if 0 <= month < horizon.months and not any(any(cents[: month + 1]) for cents in marketing):
                said = f"milestone {milestone.name} ({milestone.month}): no partner for distribution, nothing spent on "
                yield Gap(what=said + "marketing by then", cents=0)


def _upstream_gaps(plan: CapitalPlan, spend: Monthly) -> Iterator[Gap]:
    register = {one.name: one for one in plan.partners if one.side == "upstream"}
    for provider in sorted({name for _, name in spend if name is not None} - register.keys()):
        paid = sum(sum(row) for (_, name), row in spend.items() if name == provider)
        yield _gap(f"{provider} has bills of {{}} and is not in the register", paid)
    for head in sorted({kind for kind, _ in spend}):
        rows = {name: sum(row) for (kind, name), row in spend.items() if kind == head}
        total = sum(rows.values())
        if rows.get(None):
            yield _gap(f"{head}: bills of {{}} name no provider", rows[None])
        for name, cents in rows.items():
            if name is not None and name in register and head not in register[name].provides:
                yield _gap(f"{name} has bills of {{}} for {head}, which the register does not say it provides", cents)
            alone = name is None or name not in register or not register[name].alternatives
            if name is not None and cents > LARGE * total and alone:
                yield _gap(f"{head}: {cents / total:.0%} is {name}'s, without an alternative: {{}}", cents)


def _gap(what: str, cents: int) -> Gap:
    return Gap(what=what.format(f"{cents / 100:,.0f}"), cents=cents)
