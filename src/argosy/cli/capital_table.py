"""The verbs of the cap table: who owns what, and what a round does to it."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json
from argosy.cli.capital import PlanFile, capital_app
from argosy.cli.output import show, table

if TYPE_CHECKING:
    from fractions import Fraction


@capital_app.command
def captable(
    plan: PlanFile,
    *,
    at: Annotated[str | None, Parameter(help="Day of the table, as 2027-01-31; the last event's unless given.")] = None,
    json: Json = False,
) -> None:
    """Show who holds what, by holder and class, and what each round did.

    Example: argosy capital captable capital.toml --at 2027-01-31
    """
    day = None if at is None else capital.day(at)
    found = capital.load_capital(plan)
    result = capital.table_at(found, str(plan), day)
    show(result, _table_text(result), as_json=json)


@capital_app.command(name="raise")
def raise_verb(
    plan: PlanFile,
    *,
    pre_money: Annotated[str, Parameter(help="Valuation before the new money: 12_000_000.")],
    amount: Annotated[str, Parameter(help="New money.")],
    pool: Annotated[str, Parameter(help="Share the unallocated pool has afterwards: 0.1.")] = "0",
    protection_paid_by: Annotated[
        Literal["everyone", "existing"], Parameter(help="Whose part anti-dilution's shares come out of.")
    ] = "everyone",
    date: Annotated[str | None, Parameter(help="Day it closes; after all that is in the plan unless given.")] = None,
    instead_of: Annotated[str | None, Parameter(help="A round of the plan this one replaces, on its day.")] = None,
    json: Json = False,
) -> None:
    """Model the next priced round: price, conversions, who owns what before and after.

    Example: argosy capital raise capital.toml --pre-money 12_000_000 --amount 3_000_000 --pool 0.1
    """
    found, path = capital.read_capital(plan, converting=False)
    result = capital.raise_round(
        capital.checked_for_raise(found, path),
        pre_money=capital.asked("--pre-money", pre_money),
        amount=capital.asked("--amount", amount, cents=True),
        pool=capital.asked("--pool", pool, below_one=True),
        protection_paid_by=protection_paid_by,
        on=None if date is None else capital.day(date, option="--date"),
        instead_of=instead_of,
        currency=found.currency,
        rounding=found.rounding,
        source=str(path),
    )
    show(result, _round_text(result, found.currency), as_json=json)


def _table_text(found: "capital.CapTable") -> str:
    parts = [f"{found.company}, {found.table.date}, after {found.table.after}"]
    if found.table.fully_diluted:
        by_class = [(one.name, _count(one.as_converted), _percent(one.ownership)) for one in found.table.by_class]
        parts += [_lines(found.table), table(by_class, ("class", "as converted", "fully diluted"))]
    else:
        parts.append("Nobody holds a share yet.")
    waiting = [one for one in found.instruments if one.state == "open"]
    if waiting:
        rows = [(one.holder, one.kind, _money(one.amount_cents), _money(one.interest_cents)) for one in waiting]
        parts.append("Not shares yet:\n" + table(rows, ("holder", "what", found.currency, "interest")))
    parts += [_round_line(one, found.currency) for one in found.rounds]
    return "\n\n".join(parts)


def _lines(found: "capital.TableAt") -> str:
    rows = [
        (
            one.holder,
            one.share_class,
            _count(one.shares),
            _count(one.vested),
            _count(one.as_converted),
            _percent(one.ownership),
        )
        for one in found.lines
    ]
    total = ("all", "", "", "", _count(found.fully_diluted), "100.00 %")
    return table([*rows, total], ("holder", "class", "shares", "vested", "as converted", "fully diluted"))


def _round_line(one: "capital.RoundResult", currency: str) -> str:
    gone = "" if one.founders_dilution is None else f"; founders {_percent(one.before.founders)}"
    gone += f" → {_percent(one.after.founders)}" if gone else ""
    lines = [
        f"{one.name}, {one.date}: {_money(one.amount_cents)} {currency} at {float(one.pre_money):,.0f} before, "
        f"{float(one.post_money):,.0f} after; {_price(one.price)} a share{gone}"
    ]
    lines += [
        f"  {each.holder}'s {each.kind} of {_money(each.amount_cents)} → {_count(each.shares)} {each.share_class} "
        f"at {_price(each.price)} ({each.by}), {_percent(each.ownership)}"
        for each in one.conversions
    ]
    lines += [
        f"  {each.holder} buys {_count(each.shares)} for {_money(each.amount_cents)}, {_percent(each.ownership)}"
        f"{' (pro rata)' if each.pro_rata else ''}"
        for each in one.purchases
    ]
    if one.pool_increase:
        lines.append(f"  pool + {_count(one.pool_increase)}")
    lines += [
        f"  {each.share_class} converts at {_price(each.after)} instead of {_price(each.before)} (anti-dilution)"
        for each in one.adjustments
    ]
    added = one.after.fully_diluted * one.price - one.post_money
    if one.adjustments and added > one.post_money / 1000:  # less is the rounding of shares
        lines.append(f"  that adds shares on top: at this price all are worth {float(added):,.0f} {currency} more")
    return "\n".join(lines)


def _round_text(one: "capital.RoundResult", currency: str) -> str:
    before = {each.name: each for each in one.before.by_holder}
    rows = []
    for each in one.after.by_holder:
        old = before.get(each.name)
        earlier = ("", "") if old is None else (_count(old.as_converted), _percent(old.ownership))
        rows.append((each.name, *earlier, _count(each.as_converted), _percent(each.ownership)))
    counts = (_count(one.before.fully_diluted), "100.00 %", _count(one.after.fully_diluted), "100.00 %")
    owners = table([*rows, ("all", *counts)], ("holder", "before", "", "after", ""))
    lost = one.founders_dilution
    said = "" if lost is None else f"\n\nFounders give up {_percent(lost)} of what they had."
    return f"{_round_line(one, currency)}\n\n{owners}{said}"


def _count(shares: "Fraction") -> str:
    return f"{int(shares):,}" if shares.denominator == 1 else f"{float(shares):,.4f}"


def _percent(part: "Fraction") -> str:
    return f"{float(part):.2%}".replace("%", " %")


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}".removesuffix(".00")


def _price(price: "Fraction") -> str:
    return f"{float(price):,.6f}".rstrip("0").rstrip(".")
