"""The shares of a company as they stand, and the table they make on a day."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from argosy.capital.cap_table.calendar import vested
from argosy.capital.cap_table.table_config import CapTableConfig, ClassConfig, VestingConfig
from argosy.capital.cap_table.table_results import ClassLine, Issue, TableAt, TableLine, Total
from argosy.capital.exact import Rounding

POOL, OPTIONS, WARRANTS = "unallocated pool", "options", "warrants"


@dataclass(frozen=True)
class Position:
    """Shares, options or a warrant of one issue."""

    holder: str
    share_class: str  # a class of shares, OPTIONS or WARRANTS
    shares: Fraction
    issued: date
    vesting: VestingConfig | None = None
    strike: Fraction | None = None
    paid_cents: int = 0
    paid_on: date | None = None  # before `issued` where a SAFE or a note converted

    def vested(self, at: date) -> Fraction:
        """The holder's own by `at`."""
        terms = self.vesting
        if terms is None or self.shares.denominator != 1:
            return self.shares
        until = at if terms.left is None else min(at, terms.left)
        if terms.accelerated is not None and terms.accelerated <= until:
            return self.shares
        months = {"months": terms.months, "cliff_months": terms.cliff_months, "every_months": terms.every_months}
        return Fraction(vested(int(self.shares), terms.start or self.issued, until, **months))

    def held(self, at: date) -> Fraction:
        """Shares that are still the holder's: whoever leaves keeps what vested."""
        if self.vesting is not None and self.vesting.left is not None and self.vesting.left <= at:
            return self.vested(at)
        return self.shares


@dataclass
class Ledger:
    """All positions, the classes' prices, the pool. Rounds change it; tables are made from it."""

    config: CapTableConfig
    classes: dict[str, ClassConfig]
    positions: list[Position] = field(default_factory=list)
    reserved: Fraction = Fraction(0)

    @property
    def rounding(self) -> Rounding:
        """The table's own."""
        return self.config.rounding

    def ratio(self, share_class: str) -> Fraction:
        """Common shares for one share of the class."""
        found = self.classes.get(share_class)
        if found is None or found.kind == "common" or found.price is None:
            return Fraction(1)
        return found.price / (found.conversion_price or found.price)

    def as_converted(self, position: Position, at: date) -> Fraction:
        """Common shares a position is, or converts into."""
        return self.rounding.count(position.held(at) * self.ratio(position.share_class))

    def unallocated(self, at: date) -> Fraction:
        """Pool that is not granted; less than 0 where more was granted than there is."""
        granted = (one.held(at) for one in self.positions if one.share_class == OPTIONS)
        return self.reserved - sum(granted, Fraction(0))

    def diluted(self, at: date) -> Fraction:
        """Fully diluted count without the unallocated pool."""
        return sum((self.as_converted(one, at) for one in self.positions), Fraction(0))

    def table(self, at: date, after: str) -> TableAt:
        """The table on a day."""
        pool = max(Fraction(0), self.unallocated(at))
        total = self.diluted(at) + pool
        cells: dict[tuple[str, str, Fraction | None], list[Fraction]] = {}
        for one in self.positions:
            sums = cells.setdefault((one.holder, one.share_class, one.strike), [Fraction(0)] * 3)
            for i, more in enumerate((one.held(at), min(one.vested(at), one.held(at)), self.as_converted(one, at))):
                sums[i] += more
        if pool:
            cells[POOL, POOL, None] = [pool, Fraction(0), pool]
        lines = tuple(
            TableLine(
                holder=holder,
                share_class=share_class,
                shares=shares,
                vested=own,
                as_converted=common,
                ownership=_part(common, total),
                strike=strike,
            )
            for (holder, share_class, strike), (shares, own, common) in cells.items()
            if shares
        )
        founders = {one.name for one in self.config.holders if one.kind == "founder"}
        unissued = {OPTIONS, WARRANTS, POOL}
        return TableAt(
            date=at,
            after=after,
            lines=lines,
            by_holder=tuple(sorted(_totals(lines, "holder", total), key=lambda one: -one.as_converted)),
            by_class=_totals(lines, "share_class", total),
            outstanding=sum((one.as_converted for one in lines if one.share_class not in unissued), Fraction(0)),
            fully_diluted=total,
            founders=_part(sum((one.as_converted for one in lines if one.holder in founders), Fraction(0)), total),
        )

    def class_lines(self, at: date) -> tuple[ClassLine, ...]:
        """The classes as they stand, with terms."""
        lines = []
        for name, terms in self.classes.items():
            held = [one for one in self.positions if one.share_class == name]
            lines.append(
                ClassLine(
                    name=name,
                    shares=sum((one.held(at) for one in held), Fraction(0)),
                    as_converted=sum((self.as_converted(one, at) for one in held), Fraction(0)),
                    conversion_price=terms.conversion_price or terms.price,
                    **{
                        key: getattr(terms, key)
                        for key in (
                            "kind",
                            "seniority",
                            "preference",
                            "participating",
                            "participation_cap",
                            "price",
                            "anti_dilution",
                        )
                    },
                )
            )
        return tuple(lines)

    def issues(self, at: date) -> tuple[Issue, ...]:
        """Every issue of shares that are still held."""
        return tuple(
            Issue(
                holder=one.holder,
                share_class=one.share_class,
                shares=held,
                paid_cents=int(one.paid_cents * held / one.shares),
                paid_on=one.paid_on or one.issued,
            )
            for one in self.positions
            if one.strike is None and (held := one.held(at))
        )


def _totals(lines: tuple[TableLine, ...], key: str, total: Fraction) -> tuple[Total, ...]:
    sums: dict[str, Fraction] = {}
    for line in lines:
        name = getattr(line, key)
        sums[name] = sums.get(name, Fraction(0)) + line.as_converted
    return tuple(Total(name=name, as_converted=n, ownership=_part(n, total)) for name, n in sums.items())


def _part(some: Fraction, total: Fraction) -> Fraction:
    return some / total if total else Fraction(0)
