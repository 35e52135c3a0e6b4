"""What advice says: each piece with the figures it follows from."""

from typing import Literal

from argosy.config import Record

Head = Literal["technology", "data", "resources", "capital"]


class Effect(Record):
    """What a change does to one probability, on the same futures."""

    event: str
    """Of what."""
    before: float
    """As planned."""
    after: float
    """With the change."""
    change: float
    """After less before."""
    standard_error: float
    """Of the change: each future is its own pair."""


class LossChange(Record):
    """What a change does to the predicted loss of the model."""

    before: float
    """As planned, in nats a token."""
    after: float
    """With the change."""
    low: float
    """Of the change, after less before: its interval of 90 %, in which the errors of the law that both share cancel."""
    high: float
    """The same."""


class Dilution(Record):
    """What a change does to the founders' part of the company, after all rounds of the cap table."""

    before: float
    """As planned."""
    after: float
    """With the change."""


class Action(Record):
    """One change of the plan, and what it costs."""

    lever: str
    """Which kind of change."""
    what: str
    """The change itself."""
    level: float
    """How much of it, in the lever's own unit; 0 where no amount of it was found."""
    effects: tuple[Effect, ...]
    """On each probability; the one asked for first."""
    reaches: bool
    """Whether that reaches the target."""
    cost_cents: int
    """Expenses and interest less revenue of all months, more than planned; below 0 it saves."""
    funding_cents: int
    """Money raised, less what is paid back, more than planned."""
    delay_months: float | None
    """By which the median end of training is later; null without a training."""
    loss: LossChange | None
    """Of the training that ends last; null where the model stays as it is."""
    dilution: Dilution | None
    """Null where the cap table stays as it is, or there is none."""
    also_costs: tuple[str, ...]
    """What it costs besides money, in words with figures; nothing converts these into money."""
    not_counted: str
    """What the figures leave out."""
    rank: int | None
    """Among the actions that reach the target and cost nothing but money, the cheapest first; null for others."""


class LeftOut(Record):
    """Something that could not be answered."""

    question: str
    """What."""
    missing: str
    """The key that would answer it, or the reason."""


class Alternative(Record):
    """Another way to have the model or the accelerators."""

    name: str
    """What to do."""
    effects: tuple[Effect, ...]
    """On each probability that it has."""
    cost_cents: int
    """As of an action."""
    months: float | None
    """Median time of the training that ends last; null where nothing is trained."""
    price: str
    """Where its prices are from."""
    gives_up: str
    """What the others would have."""


class Moved(Record):
    """An amount added to an area, or taken from another for it."""

    source: str
    """From where: an area, or the cash."""
    target: str
    """To which area."""
    amount_cents: int
    """How much; 0 where the area has not as much to give."""
    effects: tuple[Effect, ...]
    """On each probability."""
    loss: LossChange | None
    """Of the model, where research gets or gives; null where it stays."""
    bought: str
    """What else that spending does."""


class MonthOfFunding(Record):
    """All money raised by the end of a month."""

    month: str
    """Which."""
    expected: float
    """Mean, in the currency of the plan."""
    low: float
    """Nine of ten futures have more."""
    high: float
    """Nine of ten have less."""


class SourceEffect(Record):
    """What hangs on one source of funding."""

    name: str
    """Which."""
    kind: str
    """Of what kind."""
    month: str
    """When it is planned."""
    probability: float
    """That it comes."""
    amount_cents: int
    """Its amount."""
    without: tuple[Effect, ...]
    """Each probability where it never comes, against where it comes for certain."""


class Allocation(Record):
    """Where the money goes and where it comes from."""

    areas_cents: dict[str, int]
    """Expenses of all months, as planned."""
    moved: tuple[Moved, ...]
    """What moving or adding an amount does."""
    funding: tuple[MonthOfFunding, ...]
    """By month."""
    sources: tuple[SourceEffect, ...]
    """By source."""


class Need(Record):
    """Certain money, in place of rounds that are not signed, that makes the plan as sure as the target."""

    month: str
    """When it arrives."""
    begin: str
    """When the round has to begin."""
    amount_cents: int
    """The least."""
    low_cents: int | None
    """Of its interval of 80 %, from the number of futures."""
    high_cents: int | None
    """The same; null where the interval has no end."""


class FoundersAt(Record):
    """What founders may expect if a round closes with an amount."""

    amount_cents: int
    """Of the round."""
    lasts: float
    """Probability that the money lasts, if it closes as planned."""
    standard_error: float
    """Of that."""
    exit_cents: float
    """Founders' part of the exits, weighted by their probabilities."""
    expected_cents: float
    """The product: nothing where the money does not last."""
    founders: float
    """Their part of the company after the rounds of the cap table."""


class Raising(Record):
    """When and how much to raise."""

    needs: tuple[Need, ...]
    """By month of arrival; in later ones the money may be out before, whatever comes."""
    founders: tuple[FoundersAt, ...]
    """By amount, at the pre-money valuation that the cap table has."""


class Risk(Record):
    """Something the probability hangs on."""

    name: str
    """What."""
    planned: float
    """Probability as planned."""
    worst: float
    """Probability where it turns out at its worst tenth, or does not come at all."""
    worst_error: float
    """Standard error of that."""
    lowered_by: str
    """The action that helps most there; empty where none does."""
    then: float
    """Probability there with that action."""
    standard_error: float
    """Of the difference that the action makes there."""


class MonthOfText(Record):
    """Text that users agreed to, by the end of a month."""

    month: str
    """Which."""
    tokens: float
    """All of it until then."""


class Figure(Record):
    """One input of a computation."""

    name: str
    """What."""
    value: str
    """How much, with its unit."""
    source: str
    """The key of capital.toml, or the figure of the planner or of another verb."""


class Advice(Record):
    """One piece of advice."""

    head: Head
    """Under which it stands."""
    what: str
    """What to do."""
    figures: tuple[Figure, ...]
    """What it follows from."""
    computed: str
    """How the result follows from them."""
    strength: str
    """How sure that is."""
    changes_if: str
    """What would change it."""


class Advised(Record):
    """All of it."""

    currency: str
    """Of the plan."""
    paths: int
    """Futures that each change was tried on."""
    seed: int
    """Of them."""
    target_probability: float
    """What was to be reached."""
    event: str
    """Of what."""
    planned: float
    """That probability as planned."""
    standard_error: float
    """Of it."""
    advice: tuple[Advice, ...]
    """By head."""
    actions: tuple[Action, ...]
    """The least of each lever that reaches the target, or the most there is of it."""
    alternatives: tuple[Alternative, ...]
    """Other ways to have the model and the accelerators, the surest first; the plan itself among them."""
    allocation: Allocation
    """Between research, operations and marketing."""
    raising: Raising
    """When and how much to raise."""
    risks: tuple[Risk, ...]
    """The largest first."""
    text: tuple[MonthOfText, ...]
    """What users agreed to."""
    not_answered: tuple[LeftOut, ...]
    """What takes an input that is not there."""
