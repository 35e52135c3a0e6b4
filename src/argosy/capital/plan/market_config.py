"""The sections of `capital.toml` about brand and market: channels that win customers, artefacts that earn trust."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from argosy.capital.months import MonthText, month_number
from argosy.capital.plan.budget import Amount, Currency, MilestoneConfig
from argosy.config import Problem, Section, nearest

Named = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class EstimateConfig(Section):
    """A figure that somebody measured or believes."""

    value: float = Field(ge=0, le=1e9)
    """Its median."""
    range_80: tuple[float, float] | None = Field(None, strict=False)
    """Low and high: one case in ten is below, one above. Certain unless given."""
    source: Named
    """Who says so: a trial of your own, a publication."""

    @model_validator(mode="before")
    @classmethod
    def _has_a_source(cls, given: object) -> object:
        if isinstance(given, int | float):
            raise ValueError(f'{given}: who says so? expected {{ value = {given}, source = "…" }}')
        return given

    @model_validator(mode="after")
    def _in_order(self) -> "EstimateConfig":
        if self.range_80 is not None and not 0 < self.range_80[0] <= self.value <= self.range_80[1] < float("inf"):
            raise ValueError(f"range_80 = {list(self.range_80)}: expected 0 < low ≤ {self.value:g} (the value) ≤ high")
        return self


class PriceConfig(EstimateConfig):
    """An amount of money above nothing."""

    value: float = Field(gt=0, le=1e9)
    """Its median, in the currency of the channel."""


class ShareConfig(EstimateConfig):
    """A part of a whole."""

    value: float = Field(ge=0, le=1)
    """Its median, from 0 to 1."""

    @model_validator(mode="after")
    def _below_all(self) -> "ShareConfig":
        if self.range_80 is not None and self.range_80[1] > 1:
            raise ValueError(f"range_80 = {list(self.range_80)}: a share is 1 at most")
        return self


class ChannelConfig(Section):
    """A way to customers: spend → reach → leads → customers → revenue; write `[[channels]]` once for each."""

    name: Named
    """Which; also names its random numbers."""
    spend: Amount
    """In the first month, in `currency`."""
    currency: Currency | None = None
    """Of all its amounts; that of the plan unless given."""
    start: MonthText
    """First month of spending."""
    end: MonthText | None = None
    """Last month of spending; the end of the plan unless given. Its customers stay."""
    growth_per_month: float = Field(0.0, gt=-1, le=2)
    """Of the spend, as a share."""
    cost_per_thousand: PriceConfig
    """What a thousand contacts cost."""
    leads: ShareConfig
    """Of those reached, who show interest."""
    customers: ShareConfig
    """Of the leads, who begin to pay."""
    delay_months: int = Field(ge=0, le=60)
    """From the spend to the first month that its customers pay for."""
    revenue_per_customer: EstimateConfig
    """By month, in `currency`."""
    serving_per_customer: Amount | None = None
    """What one costs by month, in `currency`; this or `tokens_per_customer`."""
    tokens_per_customer: float | None = Field(None, ge=0, le=1e15)
    """What one uses by month, at the price of the first `[[traffic]]` and on top of its tokens."""
    churn: ShareConfig
    """Of the customers at the end of a month, who do not pay for the next."""
    referrals: ShareConfig | None = None
    """New customers that each customer brings by month without spend; none unless given."""
    received_after_months: int = Field(0, ge=0, le=24)
    """From the bill to the money."""
    after_training: bool = False
    """Whether all of it begins as much later as training ends later."""

    @model_validator(mode="after")
    def _makes_sense(self) -> "ChannelConfig":
        if self.end is not None and month_number(self.end) < month_number(self.start):
            raise ValueError(f"end = {self.end!r}: expected {self.start} (its start) or later")
        if (self.serving_per_customer is None) == (self.tokens_per_customer is None):
            raise ValueError("expected serving_per_customer or tokens_per_customer, one of them (0 is an answer)")
        return self


class EffectConfig(EstimateConfig):
    """What an artefact does for a channel; it needs a source, and halves every `half_life_months`."""

    value: float = Field(gt=0, le=1e6)
    """In the artefact's month: how many leads by month, or the share by which a step rises (0.1 is a tenth more)."""
    channel: str
    """Of which channel."""
    lifts: Literal["leads_per_month", "reach", "leads", "customers"]
    """Leads of its own, or a step of the channel: the contacts reached, the share of leads, of customers (up to 1)."""
    half_life_months: float = Field(gt=0, le=1200)
    """Until half of it is left."""


class ArtefactConfig(Section):
    """What earns trust and talent, a milestone with a cost; write `[[artefacts]]` once for each."""

    name: Named
    """Which."""
    kind: Literal["benchmark page", "model card", "open weights", "paper", "data set", "demo", "other"]
    """What."""
    month: MonthText
    """When, as planned; like milestones it moves with the end of training."""
    cost: Amount
    """Once, in `currency`."""
    currency: Currency | None = None
    """That of the plan unless given."""
    effects: tuple[EffectConfig, ...] = Field((), strict=False)
    """What it does for channels; nothing unless it is said, with a source."""


class MarketConfig(Section):
    """How the figures of the market are counted."""

    include_people: bool = False
    """Whether the people of area marketing are part of what a customer costs, shared out by spend."""


def market_problems(
    channels: Sequence[ChannelConfig],
    artefacts: Sequence[ArtefactConfig],
    milestones: Sequence[MilestoneConfig],
    priced: bool,
) -> Iterable[Problem]:
    """What is wrong across keys: names twice or unknown, tokens without a price (`priced`: there is `[[traffic]]`)."""
    names, own = [one.name for one in channels], [one.name for one in artefacts]
    reached = [*own, *(one.name for one in milestones)]
    for part, written, taken in (("channels", names, names), ("artefacts", own, reached)):
        for number, name in enumerate(written):
            if taken.count(name) > 1:
                yield Problem(f"{part}.{number}.name", "a name for each; artefacts are milestones too", name)
    for number, channel in enumerate(channels):
        if channel.tokens_per_customer is not None and not priced:
            expected = "needs [[traffic]], whose price of tokens it uses; or say serving_per_customer"
            yield Problem(f"channels.{number}.tokens_per_customer", expected, channel.tokens_per_customer)
    for number, artefact in enumerate(artefacts):
        for place, effect in enumerate(artefact.effects):
            if effect.channel not in names:
                hint = nearest(effect.channel, names) or f"; known here: {', '.join(names) or 'none'}"
                yield Problem(f"artefacts.{number}.effects.{place}.channel", f"no such channel{hint}", effect.channel)
