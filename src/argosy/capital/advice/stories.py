"""The money of a venture as its pages tell it: one result, from which the report and the one page are made."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from argosy.capital.advice.advice_results import Advised
from argosy.capital.advice.advising import advise
from argosy.capital.cap_table.parties import LENDERS, Ownership, by_party, ownership
from argosy.capital.cap_table.table_results import CapTable
from argosy.capital.cash.assembling import HOURS_A_MONTH, horizon_of
from argosy.capital.cash.outlooks import Chances, Outlook, chances, outlook
from argosy.capital.cash.pricing import Planner, Pricer
from argosy.capital.cash.sale import claims_on, scenarios_of
from argosy.capital.exact import Exact, exact
from argosy.capital.months import month_name, month_number
from argosy.capital.plan.budget import TrainingRunConfig
from argosy.capital.plan.plan_file import CapitalPlan, load_capital, table_at
from argosy.capital.sales.exits import ExitReturns, Expected, WeightedReturns, exit_returns, weighted_returns
from argosy.config import Record
from argosy.planning import Span
from argosy.storage import canonical_json, digest

Kind = Literal["founder", "employee", "advisor", "investor", "other"]
PATHS: Any = {
    "training": {"__all__": {"venture"}},
    "options": {"__all__": {"venture"}},
    "cap_table": {"ocf", "ocf_schema"},
}
POINTS = 40  # prices of a sale on the curve, besides none
BEYOND = Fraction(5, 4)  # of the highest price asked about, where the curve ends


class Source(Record):
    """One source of money, in the currency of the plan."""

    name: str
    """From whom."""
    kind: str
    """What it is."""
    month: str
    """When it arrives."""
    cents: int
    """How much."""
    probability: float
    """That it does; 1 is signed."""


class Use(Record):
    """What one head takes over all months."""

    kind: str
    """Head."""
    cents: int
    """Expenses, whatever pays them."""
    share: float
    """Of all expenses."""


class Trained(Record):
    """What a run's training took, as far as its metrics go."""

    steps: int
    """Optimiser updates done."""
    wall_h: float
    """Of those updates; what was lost to failures and had to be done again is not in it."""
    process_hours: float
    """The same times the processes that worked on each."""


class TrainingStory(Record):
    """A planned training as an engineer asks about it, and what it took where the run has it."""

    venture: str
    """Its file, as capital.toml has it."""
    model: str
    """What is trained."""
    parameters: int
    """Trainable scalars."""
    tokens: float
    """To train on."""
    accelerators: str
    """How many of which."""
    layout: str
    """How it is divided among them."""
    steps: int
    """Optimiser updates."""
    wall_h: Span
    """How long it takes, failures included; eight of ten lie between."""
    accelerator_hours: Span
    """Number times wall time."""
    usd_per_hour: float
    """Of one accelerator, today."""
    usd: Span
    """The bill at that price."""
    price: str
    """Where the price is from, and its date."""
    begins: str
    """First month."""
    ends: str
    """Month in which the median ends."""
    actual: Trained | None
    """What it took; null where the run has not trained."""
    actual_usd: float | None
    """That at the plan's price, a process counted as one of the plan's accelerators."""


class Sale(Record):
    """One sale that was asked about."""

    name: str
    """What it is called."""
    probability: Exact
    """That it happens, if the money lasts."""
    returns: ExitReturns
    """What everybody gets."""
    paid_cents: dict[str, int]
    """The same by party."""


class SaleCurve(Record):
    """What everybody gets at every price of a sale."""

    on: date
    """Day of it, the last one asked about."""
    exits_cents: tuple[int, ...]
    """Prices."""
    paid_cents: dict[str, tuple[int, ...]]
    """What each party gets at each."""


class CapitalStory(Record):
    """Everything the pages about money show."""

    company: str
    """Legal name."""
    about: str
    """What it does."""
    about_zh: str
    """The same in Chinese."""
    plan_sha256: str
    """Hash of the plan these figures are of, ventures' paths left out."""
    currency: str
    """Of all amounts that name none."""
    start: date
    """First day of the plan."""
    months: int
    """How far it goes."""
    raising_months: int
    """From the first talk about a round until its money is there."""
    outlook: Outlook
    """The ledger."""
    chances: Chances
    """Its futures."""
    milestones: dict[str, str]
    """Months they are planned for."""
    funding: tuple[Source, ...]
    """Money that is not earned, in order."""
    sought_cents: int
    """Of it, what is not certain."""
    uses: tuple[Use, ...]
    """What money and credits are used for, largest first."""
    expenses_cents: int
    """All of it."""
    trainings: tuple[TrainingStory, ...]
    """Each planned training."""
    holders: dict[str, Kind]
    """What each holder of the table is."""
    table: CapTable | None
    """Who owns what after all that is planned; null without a cap table."""
    ownership: Ownership | None
    """The same by party, from round to round."""
    sales: tuple[Sale, ...]
    """What sales pay; none where none is asked about."""
    expected: tuple[Expected, ...]
    """Averages over them; none where they have no probabilities."""
    curve: SaleCurve | None
    """The same at other prices."""
    advice: Advised | None
    """What follows from all this; null where it was not asked for."""


def capital_story(
    source: Path,
    *,
    trained: Trained | None = None,
    of: str = "venture.toml",
    paths: int = 10_000,
    seed: int = 0,
    advised: bool = False,
) -> CapitalStory:
    """Compute everything the pages show of the plan in `source`; `trained` is what the training of `of` took.

    Advice tries many changes on as many futures and takes most of the time. Raises as `load_capital`, `outlook`,
    `cap_table`, `exit_returns` and `advise` do.
    """
    plan = load_capital(source)
    folder = source if source.is_dir() else source.parent
    start, horizon = plan.start, horizon_of(plan)
    assert start is not None  # horizon_of refuses it
    money, planner = outlook(plan, folder), Planner(folder)
    uses: dict[str, int] = defaultdict(int)
    for month in money.signed.months:
        for kind, spent in month.expenses_cents.items():
            uses[kind] += spent
    expenses = sum(uses.values())
    funding = tuple(_sources(plan))
    table = None if plan.cap_table is None else table_at(plan, str(source))
    kinds = _kinds(plan)
    weighted = weighted_returns(scenarios_of(plan, str(source))) if plan.exits else None
    sales = () if weighted is None else tuple(_sales(plan, str(source), weighted))
    return CapitalStory(
        company="" if table is None else table.company,
        about=plan.about,
        about_zh=plan.about_zh or plan.about,
        plan_sha256=_hash(plan),
        currency=plan.currency,
        start=start,
        months=horizon.months,
        raising_months=plan.raising_months,
        outlook=money,
        chances=chances(plan, folder, paths=paths, seed=seed),
        milestones={
            **{one.name: one.month for one in plan.milestones},
            **{one.name: one.month for one in plan.artefacts},
        },
        funding=funding,
        sought_cents=sum(one.cents for one in funding if one.probability < 1),
        uses=tuple(
            Use(kind=kind, cents=spent, share=spent / expenses)
            for kind, spent in sorted(uses.items(), key=lambda one: -one[1])
        ),
        expenses_cents=expenses,
        trainings=tuple(_training(one, planner, trained if one.venture == of else None) for one in plan.training),
        holders=kinds,
        table=table,
        ownership=None if table is None else ownership(table, kinds, start.isoformat()),
        sales=sales,
        expected=() if weighted is None else weighted.holders,
        curve=_curve(plan, sales, str(source)) if sales else None,
        advice=advise(plan, folder, paths=paths, seed=seed) if advised else None,
    )


def _hash(plan: CapitalPlan) -> str:
    tree: dict[str, Any] = plan.model_dump(mode="json", exclude=PATHS)
    return digest(canonical_json(tree))


def _kinds(plan: CapitalPlan) -> dict[str, Kind]:
    return {one.name: one.kind for one in plan.cap_table.holders} if plan.cap_table else {}


def _sources(plan: CapitalPlan) -> Iterator[Source]:
    horizon = horizon_of(plan)
    for one in sorted(plan.funding, key=lambda one: one.month):
        month = month_number(one.month) - horizon.start
        if 0 <= month < horizon.months:
            amount = horizon.cents(one.amount, one.currency, month)
            yield Source(name=one.name, kind=one.kind, month=one.month, cents=amount, probability=one.probability)


def _training(asked: TrainingRunConfig, price: Pricer, trained: Trained | None) -> TrainingStory:
    found = price(asked)
    question, cost = found.question, found.cost
    assert cost.usd is not None and cost.usd_per_hour is not None  # the outlook refuses a training without a price
    return TrainingStory(
        venture=asked.venture,
        model=question.model,
        parameters=found.parameters,
        tokens=question.tokens,
        accelerators=f"{question.accelerators} × {question.accelerator.name}",
        layout=found.layout.title,
        steps=found.duration.steps,
        wall_h=found.duration.wall_h,
        accelerator_hours=cost.accelerator_hours,
        usd_per_hour=cost.usd_per_hour,
        usd=cost.usd,
        price=cost.price,
        begins=asked.start,
        ends=month_name(month_number(asked.start) + int(found.duration.wall_h.middle / HOURS_A_MONTH)),
        actual=trained,
        actual_usd=None if trained is None else trained.process_hours * cost.usd_per_hour,
    )


def _sales(plan: CapitalPlan, source: str, weighted: WeightedReturns) -> Iterator[Sale]:
    """Each sale by the table of its own day."""
    for one, returns in zip(plan.exits, weighted.exits, strict=True):
        paid = _by_party(returns, _kinds(plan), table_at(plan, source, returns.on))
        yield Sale(name=one.name, probability=exact(one.probability), returns=returns, paid_cents=paid)


def _by_party(sale: ExitReturns, kinds: Mapping[str, str], owners: CapTable) -> dict[str, int]:
    paid = {one.holder: one.paid_cents for one in sale.holders}
    found = by_party(paid, kinds, [one.name for one in owners.table.by_holder])
    return found | ({LENDERS: owed} if (owed := sale.exit_cents - sum(paid.values())) else {})


def _curve(plan: CapitalPlan, sales: Sequence[Sale], source: str) -> SaleCurve:
    on = max(date.fromisoformat(one.date) for one in plan.exits)
    top = max(one.returns.exit_cents for one in sales) * BEYOND
    prices = [int(top * point / POINTS) for point in range(POINTS + 1)]
    owners, kinds, securities = table_at(plan, source, on), _kinds(plan), claims_on(plan, source, on)
    paid = [_by_party(exit_returns(securities, price, on=on), kinds, owners) for price in prices]
    return SaleCurve(
        on=on,
        exits_cents=tuple(prices),
        paid_cents={party: tuple(one.get(party, 0) for one in paid) for party in paid[-1]},
    )
