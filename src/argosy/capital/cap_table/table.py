"""From the `[cap_table]` of a plan to the table on a day: issues, grants, maturities and rounds, one after another."""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from functools import partial

from argosy.capital.cap_table.conversion import Converting, Impossible, prices_without_a_round
from argosy.capital.cap_table.instruments import Instrument, best_terms, instruments_of
from argosy.capital.cap_table.ledger import OPTIONS, WARRANTS, Ledger, Position
from argosy.capital.cap_table.rounds import Unworkable, close_round
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.cap_table.table_results import CapTable, RoundResult
from argosy.capital.exact import CENTS
from argosy.capital.months import MoneyRounding, cents
from argosy.config import Problem, VentureError

Event = tuple[date, int, int, Callable[[], str]]
MATURITY = "maturity"  # what ended a note, where no round did


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
            yield one.maturity, 4, i, partial(_mature, ledger, instruments, one)
    for i, terms in enumerate(config.rounds):
        place = (terms.order or 0) * len(config.rounds) + i
        yield terms.date, 5, place, partial(_close, ledger, instruments, rounds, i, rounding)


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


def _mature(ledger: Ledger, instruments: list[Instrument], one: Instrument) -> str:
    """A note without a round by its maturity is paid back, or becomes common at its cap, with all that do that day."""
    day, said = one.maturity, f"{one.terms.holder}'s note"
    assert day is not None
    if one.state == "open" and one.at_maturity == "repay":
        one.end("repaid", MATURITY, day)
        return f"{said} repaid"
    if one.state == "open":
        _convert(ledger, instruments, one, day)
    return f"{said} converted at maturity" if one.by == MATURITY else f"maturity of {said}"


def _convert(ledger: Ledger, instruments: list[Instrument], one: Instrument, day: date) -> None:
    common = next((name for name, terms in ledger.classes.items() if terms.kind == "common"), None)
    count = ledger.diluted(day) + max(Fraction(0), ledger.unallocated(day))
    if not count or common is None:
        raise Unworkable(f"{one.key}.at_maturity", "there are no common shares it could convert into")
    together = [
        each for each in instruments if (each.state, each.at_maturity, each.maturity) == ("open", "convert", day)
    ]
    converting = tuple(
        Converting(Fraction(each.owed_cents(day), CENTS), best_terms(each, instruments, ledger.config, day))
        for each in together
    )
    try:
        prices = [ledger.rounding.of_price(price) for price in prices_without_a_round(count, converting)]
    except Impossible as error:
        raise Unworkable(f"{one.key}.at_maturity", str(error)) from None
    for each, owed, price in zip(together, converting, prices, strict=True):
        each.end("converted", MATURITY, day)
        _issue(ledger, each.became(common, ledger.rounding.count(owed.amount / price), price, day))


def _close(
    ledger: Ledger, instruments: list[Instrument], rounds: list[RoundResult], index: int, rounding: MoneyRounding
) -> str:
    rounds.append(close_round(ledger, instruments, index, rounding))
    return rounds[-1].name


def _check_charter(ledger: Ledger, day: date) -> None:
    for index, terms in enumerate(ledger.config.classes):
        issued = sum((one.shares for one in ledger.positions if one.share_class == terms.name), Fraction(0))
        if terms.authorized is not None and issued > terms.authorized:
            much = f"the charter allows {terms.authorized:,} shares of {terms.name}, and {int(issued):,} are issued"
            raise Unworkable(f"cap_table.classes.{index}.authorized", f"{much} by {day}")
