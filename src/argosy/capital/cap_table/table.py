"""From the `[cap_table]` of a plan to the table on a day: issues, grants, maturities and rounds, one after another."""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from functools import partial

from argosy.capital.cap_table.instruments import Instrument, best_terms, instruments_of
from argosy.capital.cap_table.ledger import OPTIONS, WARRANTS, Ledger, Position
from argosy.capital.cap_table.rounds import Unworkable, close_round
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.cap_table.table_results import CapTable, RoundResult
from argosy.capital.exact import CENTS
from argosy.capital.months import MoneyRounding, cents
from argosy.config import Problem, VentureError

Event = tuple[date, int, int, Callable[[], str]]


def cap_table(
    config: CapTableConfig,
    *,
    currency: str = "USD",
    rounding: MoneyRounding = "half-up",
    at: date | None = None,
    source: str = "capital.toml",
) -> CapTable:
    """The table at the end of the day `at` (of the last event unless given), and what each round until then did.

    Raises `VentureError` (naming the key in `source`) for a round without a price, more options than the pool has, or
    more shares than the charter allows.
    """
    ledger = Ledger(config, {one.name: one for one in config.classes})
    instruments = instruments_of(config, rounding)
    rounds: list[RoundResult] = []
    last: date | None = None
    after = "nothing yet"
    try:
        for when, _, _, happen in sorted(_events(ledger, instruments, rounds, rounding), key=lambda event: event[:3]):
            if at is not None and when > at:
                break
            after, last = happen(), when
        day = at or last or config.formed
        if day is None:
            raise Unworkable("cap_table", "nothing is issued in it: add [[cap_table.holdings]]")
        _check_charter(ledger, day)
    except Unworkable as error:
        raise VentureError(source, [Problem(error.key, error.message)]) from None
    return CapTable(
        company=config.company,
        currency=currency,
        rounding=rounding,
        table=ledger.table(day, after),
        classes=ledger.class_lines(day),
        issues=ledger.issues(day),
        instruments=tuple(
            one.line(day, best_terms(one, instruments, config, day)) for one in instruments if one.terms.date <= day
        ),
        rounds=tuple(rounds),
    )


def _events(
    ledger: Ledger, instruments: list[Instrument], rounds: list[RoundResult], rounding: MoneyRounding
) -> Iterable[Event]:
    """All that happens, with its day and its place in the day: issues first, rounds last, in their order."""
    config = ledger.config
    if config.pool is not None:
        yield config.pool.date, 0, 0, partial(_reserve, ledger)
    for i, holding in enumerate(config.holdings):
        price = holding.price if holding.price is not None else ledger.classes[holding.share_class].price
        position = Position(
            holding.holder,
            holding.share_class,
            Fraction(holding.shares),
            holding.date,
            holding.vesting,
            paid_cents=cents((price or Fraction(0)) * holding.shares, rounding),
        )
        yield holding.date, 1, i, partial(_issue, ledger, position)
    for i, grant in enumerate(config.grants):
        kind = OPTIONS if grant.kind == "option" else WARRANTS
        option = Position(grant.holder, kind, Fraction(grant.shares), grant.date, grant.vesting, grant.strike)
        yield grant.date, 2, i, partial(_grant, ledger, option, i)
    for i, one in enumerate(instruments):
        yield one.terms.date, 3, i, partial(_sign, one)
        if one.maturity is not None and one.at_maturity != "extend":
            yield one.maturity, 4, i, partial(_mature, ledger, one)
    for i, terms in enumerate(config.rounds):
        place = (terms.order or 0) * len(config.rounds) + i
        yield terms.date, 5, place, partial(_close, ledger, instruments, rounds, i)


def _reserve(ledger: Ledger) -> str:
    assert ledger.config.pool is not None
    ledger.reserved += ledger.config.pool.shares
    return "the pool"


def _issue(ledger: Ledger, position: Position) -> str:
    ledger.positions.append(position)
    return f"{position.share_class} of {position.holder}"


def _grant(ledger: Ledger, position: Position, index: int) -> str:
    left = ledger.unallocated(position.issued)
    if position.share_class == OPTIONS and position.shares > left:
        there = f"the pool has {int(left):,} left on {position.issued}, and this grants {int(position.shares):,}"
        raise Unworkable(f"cap_table.grants.{index}.shares", there)
    return _issue(ledger, position)


def _sign(one: Instrument) -> str:
    return f"{one.kind} of {one.terms.holder}"


def _mature(ledger: Ledger, one: Instrument) -> str:
    """A note without a round by its maturity is paid back, or becomes common at its cap over the count there is."""
    if one.state != "open":
        return f"maturity of {one.terms.holder}'s note"
    assert one.maturity is not None
    by = "maturity"
    if one.at_maturity == "repay":
        one.end("repaid", by, one.maturity)
        return f"{one.terms.holder}'s note repaid"
    assert one.terms.cap is not None
    count = ledger.diluted(one.maturity) + max(Fraction(0), ledger.unallocated(one.maturity))
    common = next((name for name, terms in ledger.classes.items() if terms.kind == "common"), None)
    if not count or common is None:
        raise Unworkable(f"{one.key}.at_maturity", "there are no common shares it could convert into")
    amount = Fraction(one.owed_cents(one.maturity), CENTS)
    price = ledger.rounding.of_price(one.terms.cap / count)
    shares = ledger.rounding.count(amount / price)
    one.end("converted", by, one.maturity)
    _issue(ledger, one.became(common, shares, price, one.maturity))
    return f"{one.terms.holder}'s note converted at maturity"


def _close(ledger: Ledger, instruments: list[Instrument], rounds: list[RoundResult], index: int) -> str:
    rounds.append(close_round(ledger, instruments, index))
    return rounds[-1].name


def _check_charter(ledger: Ledger, day: date) -> None:
    for index, terms in enumerate(ledger.config.classes):
        issued = sum((one.shares for one in ledger.positions if one.share_class == terms.name), Fraction(0))
        if terms.authorized is not None and issued > terms.authorized:
            much = f"the charter allows {terms.authorized:,} shares of {terms.name}, and {int(issued):,} are issued"
            raise Unworkable(f"cap_table.classes.{index}.authorized", f"{much} by {day}")
