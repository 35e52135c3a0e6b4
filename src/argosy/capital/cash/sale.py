"""A cap table as what a sale of the company divides."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction

from argosy.capital.cap_table.ledger import POOL
from argosy.capital.cap_table.table_results import CapTable, ClassLine, InstrumentLine
from argosy.capital.cash.lines import Horizon
from argosy.capital.exact import exact
from argosy.capital.months import MoneyRounding, cents, month_number, month_of, spread
from argosy.capital.plan.plan_file import CapitalPlan, table_at
from argosy.capital.sales.exits import Scenario
from argosy.capital.sales.liquidity import Convertible
from argosy.capital.sales.securities import Common, Debt, Options, Participation, Securities, ShareClass, Stake
from argosy.config import UserError


def securities_of(table: CapTable, debts: Iterable[Debt] = ()) -> Securities:
    """What shares in the price of a sale, from a cap table on the day of it.

    Classes keep their terms. Of options and warrants counts what has vested; the unallocated pool gets nothing. Open
    SAFEs and notes get their money back or convert, as their terms say. `debts` are owed besides: see `debts_on`.

    Raises `UserError` `bad-exit` where nobody holds a share yet, or where shares are not whole.
    """
    lines = table.table.lines
    if not any(one.strike is None and one.holder != POOL for one in lines):
        raise UserError("bad-exit", f"on {table.table.date} nobody holds a share, so there is nothing to sell")
    if broken := next((one for one in lines if one.shares.denominator != 1), None):
        raise UserError(
            "bad-exit",
            f"{broken.holder} has {float(broken.shares):,.4f} of {broken.share_class}: a sale divides whole shares",
            hint='cap_table.rounding = { shares = "down" }',
        )
    preferred = tuple(_class(one, table.rounding) for one in table.classes if one.kind == "preferred" and one.shares)
    names = {one.name for one in preferred}
    common: dict[str, int] = defaultdict(int)
    options: list[Options] = []
    stakes: list[Stake] = []
    for line in lines:
        if line.strike is not None and line.vested:
            name = f"{line.holder}: {line.share_class} at {float(line.strike):g} ({len(options)})"
            options.append(Options(name=name, shares=int(line.vested), strike_cents=line.strike * 100))
            stakes.append(Stake(holder=line.holder, security=name, shares=int(line.vested)))
    paid: dict[str, int] = defaultdict(int)
    for one in table.issues:
        stakes.append(
            Stake(
                holder=one.holder,
                security=one.share_class,
                shares=int(one.shares),
                invested_cents=one.paid_cents,
                on=one.paid_on,
            )
        )
        if one.share_class not in names:
            common[one.share_class] += int(one.shares)
            paid[one.share_class] += one.paid_cents
    return Securities(
        common=tuple(Common(name=name, shares=shares, invested_cents=paid[name]) for name, shares in common.items()),
        classes=preferred,
        debts=tuple(debts),
        options=tuple(options),
        convertibles=tuple(_open(one, table, preferred) for one in table.instruments if one.sale is not None),
        idle_options=int(sum(one.shares - one.vested for one in lines if one.strike is not None)),
        stakes=tuple(stakes),
        rounding=table.rounding,
    )


def claims_on(plan: CapitalPlan, source: str, on: date) -> Securities:
    """All claims of a plan on the price of a sale on a day; raises as `table_at` and `securities_of` do."""
    return securities_of(table_at(plan, source, on), debts_on(plan, on))


def scenarios_of(plan: CapitalPlan, source: str) -> tuple[Scenario, ...]:
    """Each of a plan's `[[exits]]`; raises as `claims_on` does."""
    return tuple(
        Scenario(
            name=one.name,
            exit_cents=cents(one.price, plan.rounding),
            probability=exact(one.probability),
            securities=claims_on(plan, source, date.fromisoformat(one.date)),
            on=date.fromisoformat(one.date),
        )
        for one in plan.exits
    )


def debts_on(plan: CapitalPlan, day: date) -> Iterator[Debt]:
    """Signed venture debt that is owed on a day, before that month's payment and with its interest; paid before notes.

    Raises as `Horizon.worth` does.
    """
    for number, source in enumerate(plan.funding):
        drawn = month_number(source.month)
        since = month_of(day) - drawn
        if source.kind != "venture debt" or source.probability < 1 or since < 0:
            continue
        horizon = Horizon(drawn, 1, plan.currency, plan.rates, plan.rounding)
        parts = spread(horizon.cents(source.amount, source.currency), source.repaid_over_months)
        owed = sum(parts[max(0, since - 1 - source.interest_only_months) :])
        interest = cents(Fraction(str(source.interest_per_year)) * owed / 1200, plan.rounding) if since else 0
        if owed:
            yield Debt(name=f"{source.name} (funding {number})", owed_cents=owed + interest, seniority=1)


def _open(one: InstrumentLine, table: CapTable, preferred: Sequence[ShareClass]) -> Convertible:
    assert one.sale is not None
    first = 0 if one.sale.debt else max((each.seniority for each in preferred), default=0)
    return Convertible(
        name=f"{one.holder}'s {one.kind} ({one.key})",
        holder=one.holder,
        terms=one.sale,
        seniority=first if one.sale.seniority is None else one.sale.seniority,
        invested_cents=one.amount_cents,
        on=one.signed,
    )


def _class(one: ClassLine, rounding: MoneyRounding) -> ShareClass:
    participation: Participation = "none"
    if one.participating:
        participation = "full" if one.participation_cap is None else "capped"
    return ShareClass(
        name=one.name,
        shares=int(one.shares),
        invested_cents=_paid(one, one.shares, rounding),
        seniority=one.seniority,
        multiple=one.preference,
        participation=participation,
        cap_multiple=one.participation_cap if one.participating else None,
        conversion_shares=int(one.as_converted),
    )


def _paid(one: ClassLine, shares: Fraction, rounding: MoneyRounding) -> int:
    """Money for shares of a class, at the price it was first issued at."""
    return cents((one.price or Fraction(0)) * shares, rounding)
