"""One priced round: what converts, what is bought, what the pool and the protected classes get."""

from fractions import Fraction

from argosy.capital.cap_table.anti_dilution import Protected
from argosy.capital.cap_table.conversion import Converting, Impossible, Offer, Solution, solve, solve_rounded, term_used
from argosy.capital.cap_table.instruments import Instrument, best_terms
from argosy.capital.cap_table.ledger import Ledger, Position
from argosy.capital.cap_table.table_config import PricedRoundConfig
from argosy.capital.cap_table.table_results import Adjustment, Conversion, Purchase, RoundResult, TableAt
from argosy.capital.exact import CENTS
from argosy.capital.months import MoneyRounding, cents
from argosy.capital.sales.cents import largest_remainder

ZERO = Fraction(0)


class Unworkable(Exception):
    """Something in the table that cannot be; `key` is where."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key, self.message = key, message


def close_round(ledger: Ledger, instruments: list[Instrument], index: int, rounding: MoneyRounding) -> RoundResult:
    """Carry out round `index` of the table on the ledger, money in cents by `rounding`.

    Raises `Unworkable` when it has no price.
    """
    key, terms = f"cap_table.rounds.{index}", ledger.config.rounds[index]
    if ledger.classes[terms.share_class].price is not None:
        raise Unworkable(f"{key}.share_class", f"{terms.share_class} has a price already: sell a class of its own")
    before = ledger.table(terms.date, f"before {terms.name}")
    money = sum((one.amount for one in terms.investors), ZERO)
    ending = [one for one in instruments if one.converts_in(terms.date, money, unconverted=terms.converts_all)]
    amounts = [Fraction(one.owed_cents(terms.date), CENTS) for one in ending]
    offer = Offer(
        shares=ledger.diluted(terms.date),
        pool=max(ZERO, ledger.unallocated(terms.date)),
        pre_money=terms.pre_money,
        new_money=tuple(one.amount for one in terms.investors),
        converting=tuple(
            Converting(amount, best_terms(one, instruments, ledger.config, terms.date))
            for one, amount in zip(ending, amounts, strict=True)
        ),
        pool_target=terms.pool,
        pool_of=terms.pool_of,
        pool_paid_by=terms.pool_paid_by,
    )
    protected = _protected(ledger, terms)
    offer = offer._replace(protected=tuple(protected.values()), protection_paid_by=terms.protection_paid_by)
    try:
        buyers = _with_pro_rata(ledger, terms, ending, solve(offer))
        found = solve_rounded(offer._replace(new_money=tuple(amount for _, amount, _ in buyers)), ledger.rounding)
    except Impossible as error:
        raise Unworkable(key, str(error)) from None
    classes = _converted_classes(ledger, terms.share_class, found)
    for one, shares, price, share_class in zip(ending, found.converted, found.conversion_prices, classes, strict=True):
        ledger.positions.append(one.became(share_class, shares, price, terms.date))
        one.end("converted", terms.name, terms.date)
    for (holder, _, _), shares in zip(buyers, found.new_shares, strict=True):
        paid = cents(shares * found.price, rounding)
        ledger.positions.append(Position(holder, terms.share_class, shares, terms.date, paid_cents=paid))
    adjustments = _protect(ledger, protected, found)
    ledger.reserved += found.pool_increase
    after = ledger.table(terms.date, terms.name)
    return RoundResult(
        name=terms.name,
        date=terms.date,
        share_class=terms.share_class,
        price=found.price,
        price_exact=str(found.price),
        pre_money=terms.pre_money,
        post_money=terms.pre_money + money,
        amount_cents=cents(money),
        company_capitalization=found.company_capitalization,
        purchases=_purchases(buyers, found, after),
        conversions=_conversions(offer, ending, classes, found, after),
        pool_increase=found.pool_increase,
        adjustments=adjustments,
        before=before,
        after=after,
        founders_dilution=1 - after.founders / before.founders if before.founders else None,
    )


def _with_pro_rata(
    ledger: Ledger, terms: PricedRoundConfig, ending: list[Instrument], exact: Solution
) -> list[tuple[str, Fraction, bool]]:
    """Buyers as (holder, money, whether pro rata): who keeps a share buys that part of the new money, the named
    investors the rest in proportion. The part is shares / company capitalisation (Y Combinator's pro rata side letter).
    All in cents, and no cent is lost.
    """
    keepers = {one.name for one in ledger.config.holders if one.pro_rata}
    entitled: dict[str, Fraction] = {}
    for position in ledger.positions:
        if position.holder in keepers:
            held = ledger.as_converted(position, terms.date)
            entitled[position.holder] = entitled.get(position.holder, ZERO) + held
    for one, shares in zip(ending, exact.converted, strict=True):
        if one.pro_rata or one.terms.holder in keepers:
            entitled[one.terms.holder] = entitled.get(one.terms.holder, ZERO) + shares
    all_of = cents(sum((one.amount for one in terms.investors), ZERO))
    kept = {holder: int(all_of * shares / exact.company_capitalization) for holder, shares in entitled.items()}
    rest = _in_proportion(all_of - sum(kept.values()), [one.amount for one in terms.investors])
    bought = [(holder, Fraction(part, CENTS), True) for holder, part in kept.items()]
    bought += [(one.holder, Fraction(part, CENTS), False) for one, part in zip(terms.investors, rest, strict=True)]
    return [each for each in bought if each[1]]


def _in_proportion(all_of: int, weights: list[Fraction]) -> list[int]:
    """Whole cents in proportion to the weights; those left over go to the largest remainders."""
    total = sum(weights, ZERO)
    return list(largest_remainder({str(i): all_of * one / total for i, one in enumerate(weights)}, all_of).values())


def _converted_classes(ledger: Ledger, sold: str, found: Solution) -> list[str]:
    """The class each conversion becomes: the one sold, or a sub-class for each lower price, so that nobody's preference
    is more than the money paid for it. Prices of the classes are set on the way."""
    terms = ledger.classes[sold]
    ledger.classes[sold] = terms.model_copy(update={"price": found.price, "conversion_price": found.price})
    names = {found.price: sold}
    for price in sorted({*found.conversion_prices} - {found.price}, reverse=True):
        number = len(names)
        while (name := f"{sold}-{number}") in ledger.classes:
            number += 1
        update = {"name": name, "price": price, "conversion_price": price, "authorized": None}
        ledger.classes[name] = terms.model_copy(update=update)
        names[price] = name
    return [names[price] for price in found.conversion_prices]


def _protected(ledger: Ledger, terms: PricedRoundConfig) -> dict[str, Protected]:
    """Classes that a cheaper round adjusts, with what is held of them."""
    return {
        name: Protected(
            one.anti_dilution,
            one.price,
            one.conversion_price or one.price,
            tuple(each.held(terms.date) for each in ledger.positions if each.share_class == name),
        )
        for name, one in ledger.classes.items()
        if one.anti_dilution != "none" and one.price is not None
    }


def _protect(ledger: Ledger, protected: dict[str, Protected], found: Solution) -> tuple[Adjustment, ...]:
    """Lower the conversion prices of classes."""
    adjustments = []
    for (name, one), price in zip(protected.items(), found.protected_prices, strict=True):
        if price < one.conversion_price:
            ledger.classes[name] = ledger.classes[name].model_copy(update={"conversion_price": price})
            adjustments.append(Adjustment(share_class=name, before=one.conversion_price, after=price))
    return tuple(adjustments)


def _purchases(buyers: list[tuple[str, Fraction, bool]], found: Solution, after: TableAt) -> tuple[Purchase, ...]:
    return tuple(
        Purchase(
            holder=holder,
            amount_cents=cents(amount),
            pro_rata=pro_rata,
            shares=shares,
            unspent=amount - shares * found.price,
            ownership=shares / after.fully_diluted,
        )
        for (holder, amount, pro_rata), shares in zip(buyers, found.new_shares, strict=True)
    )


def _conversions(
    offer: Offer, ending: list[Instrument], classes: list[str], found: Solution, after: TableAt
) -> tuple[Conversion, ...]:
    return tuple(
        Conversion(
            key=one.key,
            holder=one.terms.holder,
            kind=one.kind,
            amount_cents=one.owed_cents(after.date),
            interest_cents=one.interest_cents(after.date),
            price=price,
            by=term_used(offer, converting, found),
            shares=shares,
            share_class=share_class,
            ownership=shares / after.fully_diluted,
        )
        for one, converting, share_class, price, shares in zip(
            ending, offer.converting, classes, found.conversion_prices, found.converted, strict=True
        )
    )
