"""The sections of `capital.toml` about money that comes and goes."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from argosy.capital.months import DayText, MonthText
from argosy.config import Section

Area = Literal["research", "operations", "marketing"]
Kind = Literal["compute", "people", "data", "storage", "transfer", "inference", "office", "legal", "marketing", "other"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[float, Field(ge=0, le=1e13)]
Yearly = Annotated[float, Field(gt=-1, le=10)]
Probability = Annotated[float, Field(ge=0, le=1)]
LASTS, TRAINED = "the money lasts", "training ends before the money"  # counted in futures besides milestones


class RateConfig(Section):
    """What a unit of another currency is worth; write `[[rates]]` once for each currency and date."""

    currency: Currency
    """Which."""
    worth: float = Field(ge=1e-9, le=1e9)
    """Of one unit, in the currency of the plan."""
    date: DayText
    """Day of the rate; it holds until a later one."""
    source: str = Field(min_length=1)
    """Who says so."""


class CostConfig(Section):
    """What is paid once or again and again; write `[[costs]]` once for each."""

    name: str
    """What for."""
    kind: Kind
    """Under which head it is counted."""
    area: Area = "operations"
    """Whom it serves."""
    amount: Amount
    """Each time, in `currency`."""
    currency: Currency | None = None
    """That of the plan unless given."""
    every: Literal["once", "month", "quarter", "year"] = "month"
    """How often."""
    start: MonthText
    """First month."""
    end: MonthText | None = None
    """Last month; the end of the plan unless given."""
    change_per_year: Yearly = 0.0
    """How the price moves: -0.3 falls by 30 % a year, compounding with each payment."""
    paid_after_months: int = Field(0, ge=0, le=24)
    """From the bill to the payment."""
    committed: bool = False
    """Whether it is owed although nothing is used: a plan that ends early still pays it."""
    prepaid: bool = False
    """Whether all of it is paid at the start, as for a reservation; the expense is still that of each month."""
    provider: str | None = None
    """Who is paid, for credits and for the share of each partner."""


class RoleConfig(Section):
    """People of one role; write `[[people]]` once for each."""

    role: str
    """What they do."""
    area: Area
    """Whom it serves."""
    count: int = Field(1, ge=1)
    """How many."""
    salary: Amount
    """Of one in a year, in `currency`."""
    currency: Currency | None = None
    """That of the plan unless given."""
    on_costs: float = Field(ge=0, le=3)
    """Social security, insurance and the like, as a share of the salary."""
    start: MonthText
    """First month."""
    end: MonthText | None = None
    """Last month; the end of the plan unless given."""
    raise_per_year: Yearly = 0.0
    """Of the salary, each January after the first month."""
    hiring: Amount = 0.0
    """Once for each, in the first month: agency, equipment."""


class TrainingRunConfig(Section):
    """A training that a venture plans; write `[[training]]` once for each."""

    venture: str
    """Its `venture.toml`, relative to this file; the plan is made with what its `[plan]` says."""
    start: MonthText
    """First month."""
    other_runs: float = Field(ge=0, le=100)
    """What failed and small runs cost on top of the final one, as a share of it: 1 doubles the bill. Published costs
    are of final runs only, so there is no default."""
    other_runs_months: int = Field(0, ge=0, le=36)
    """Months before `start` over which those are spread; 0 is the same months as the final run."""
    price_change_per_year: Yearly = 0.0
    """How the price of an accelerator-hour moves from the start of the plan until it is used."""
    contract: Literal["as used", "prepaid"] = "as used"
    """Whether it is paid by the month or at signing."""
    provider: str | None = None
    """Who is paid, for credits."""
    brings: tuple[str, ...] = Field((), strict=False)
    """Names of what would not be without it: of `[[revenue]]` and `[[channels]]`, and of the `[[costs]]`, roles and
    `inference` that they take. It moves with the training where another start is tried."""
    saving_per_month: Amount = 0.0
    """What would be paid without it in each month after it ends, such as for an API, in the currency of the plan."""


class TrafficConfig(Section):
    """What serving the model takes."""

    start: MonthText
    """First month with users."""
    tokens_per_month: float = Field(gt=0)
    """In and out together, in the first month."""
    growth_per_month: float = Field(0.0, gt=-1, le=2)
    """Of that, as a share."""
    usd_per_million_tokens: Amount
    """What serving costs, in US dollars."""
    date: DayText
    """Day of that price."""
    price_change_per_year: Yearly = 0.0
    """How it moves."""
    provider: str | None = None
    """Who is paid, for credits."""
    after_training: bool = False
    """Whether it begins as much later as training ends later."""


class RevenueConfig(Section):
    """What customers pay; write `[[revenue]]` once for each."""

    name: str
    """What for."""
    amount: Amount
    """In the first month, in `currency`."""
    currency: Currency | None = None
    """That of the plan unless given."""
    start: MonthText
    """First month."""
    end: MonthText | None = None
    """Last month; the end of the plan unless given."""
    growth_per_month: float = Field(0.0, gt=-1, le=2)
    """As a share."""
    received_after_months: int = Field(0, ge=0, le=24)
    """From the bill to the money."""
    after_training: bool = False
    """Whether it begins as much later as training ends later."""


class FundingConfig(Section):
    """Money that is not earned; write `[[funding]]` once for each."""

    name: str
    """From whom."""
    kind: Literal["round", "safe", "note", "grant", "prepayment", "venture debt"]
    """What it is."""
    amount: Amount
    """In `currency`."""
    currency: Currency | None = None
    """That of the plan unless given."""
    month: MonthText
    """When it arrives."""
    probability: Probability
    """That it does; 1 is signed."""
    fee: float = Field(0.0, ge=0, lt=1)
    """Of the amount, kept at the start (lawyers, arrangement)."""
    interest_per_year: float = Field(0.0, ge=0, le=1)
    """Of what is still owed (`venture debt`)."""
    interest_only_months: int = Field(0, ge=0, le=60)
    """Before anything is paid back (`venture debt`)."""
    repaid_over_months: int = Field(0, ge=0, le=120)
    """In equal parts after that (`venture debt`)."""

    @model_validator(mode="after")
    def _debt_is_repaid(self) -> "FundingConfig":
        debt = self.kind == "venture debt"
        if debt != bool(self.repaid_over_months):
            raise ValueError(f"kind {self.kind!r} {'needs' if debt else 'has no'} `repaid_over_months`")
        return self


class CreditConfig(Section):
    """What is not cash and pays bills; write `[[credits]]` once for each."""

    name: str
    """Whose: a cloud's credits, a university's accelerators."""
    amount: Amount
    """What it pays at most, in `currency`: what it displaces, not its list price."""
    currency: Currency | None = None
    """That of the plan unless given."""
    start: MonthText
    """First month in which it pays."""
    expires: MonthText
    """Last month in which it pays."""
    kinds: tuple[Kind, ...] = Field(min_length=1, strict=False)
    """Heads of costs it pays for."""
    provider: str | None = None
    """Only what this one is paid; anybody unless given."""
    share: float = Field(1.0, gt=0, le=1)
    """Of each bill, at most."""


class TaxConfig(Section):
    """Tax on profit; none is counted without it."""

    profit_rate: float = Field(ge=0, lt=1)
    """Of a tax year's profit, less losses of earlier years."""
    losses_before: Amount = 0.0
    """Losses of years before the plan that may still be set against profit."""
    losses_offset: float = Field(1.0, ge=0, le=1)
    """Most of a year's profit that earlier losses may take away, where the law limits it."""
    year_ends: int = Field(12, ge=1, le=12)
    """Last month of the tax year."""
    paid_after_months: int = Field(0, ge=0, le=24)
    """From the end of the tax year to the payment."""


class MilestoneConfig(Section):
    """Something to be reached with money left; write `[[milestones]]` once for each."""

    name: str
    """What."""
    month: MonthText
    """When, as planned; it moves with the end of training."""


class UncertaintyConfig(Section):
    """How far what is planned may be off; nothing is unless it is said, but training, whose error the planner knows."""

    price_deviation: float = Field(0.0, ge=0, le=3)
    """Of prices: standard deviation of the logarithm of their walk over a year."""
    hiring_delay_months: float = Field(0.0, ge=0, le=60)
    """Mean delay until a role is filled."""
    revenue_deviation: float = Field(0.0, ge=0, le=5)
    """Standard deviation of the logarithm of each revenue."""
    revenue_delay_months: float = Field(0.0, ge=0, le=60)
    """Mean delay of each revenue."""
    funding_deviation: float = Field(0.0, ge=0, le=5)
    """Standard deviation of the logarithm of what is not signed."""
    funding_delay_months: float = Field(0.0, ge=0, le=60)
    """Mean delay of what is not signed."""


class StatementRuleConfig(Section):
    """Under which head bookings of the bank are counted; write `[[statement]]` once for each. The first
    that fits counts."""

    match: str
    """Regular expression that the booking's text has; capitals do not matter."""
    kind: Kind | Literal["revenue", "funding"]
    """Its head."""

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        return value
