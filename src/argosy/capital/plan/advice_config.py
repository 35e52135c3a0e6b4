"""The sections of `capital.toml` that advice is asked with: what to reach, and what nobody but the user knows."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from argosy.capital.months import DayText, MonthText
from argosy.capital.plan.budget import Amount, Probability
from argosy.config import Section

Between = Annotated[float, Field(gt=0, lt=1)]


class SafeNowConfig(Section):
    """A SAFE that could be signed now, at the terms that investors offer."""

    cap: float = Field(gt=0, le=1e13)
    """Post-money valuation cap."""
    discount: float = Field(0.0, ge=0, lt=1)
    """On the price of the round that converts it."""
    month: MonthText
    """When its money arrives."""
    probability: Probability
    """That it does; 1 is signed."""


class FlywheelConfig(Section):
    """From what users write to the text of the next training."""

    consented: Probability
    """Share of the traffic whose users agree to its use in training."""
    kept: Probability
    """Share of that which is worth training on after cleaning."""
    next_run_tokens: float = Field(gt=0)
    """New text that the next training needs."""


class AdviceConfig(Section):
    """What advice is to reach."""

    target_probability: Between = 0.9
    """How sure the plan is to be; advice looks for the least that makes it so."""
    event: str = "the money lasts"
    """Of what: `the money lasts`, `training ends before the money`, or a milestone's name."""
    moved: Amount | None = Field(None, gt=0)
    """What is moved between research, operations and marketing to see what it does; a twentieth of all funding unless
    given."""
    spot_hours_between_failures: float | None = Field(None, gt=0)
    """Of one spot accelerator, its share of what is taken back included; spot machines are not priced without it."""
    safe: SafeNowConfig | None = None
    """A SAFE that could be signed now."""
    flywheel: FlywheelConfig | None = None
    """From usage to text."""


class ExitConfig(Section):
    """A sale of the company, if the money lasts; write `[[exits]]` once for each."""

    name: str
    """What it would be."""
    price: Amount
    """In the currency of the plan."""
    date: DayText
    """Day of the sale."""
    probability: Probability
    """If the money lasts; those of all exits add up to 1, and one at a price of 0 is no sale."""


class OptionConfig(Section):
    """Another way to have the model, with its prices; write `[[options]]` once for each. It replaces every training."""

    name: str
    """What to call it."""
    date: DayText
    """Day of its prices."""
    source: str = Field(min_length=1)
    """Whose prices these are."""
    venture: str | None = None
    """A `venture.toml` to plan instead, relative to this file."""
    accelerators: str | None = None
    """How many of what, such as `"32xA100"`."""
    usd_per_hour: float | None = Field(None, gt=0)
    """Of one accelerator, in US dollars."""
    training_usd: float | None = Field(None, ge=0)
    """What the model costs where somebody offers it, in US dollars; 0 for an API."""
    training_months: float | None = Field(None, ge=0)
    """How long that takes; 0 where nothing is trained."""
    covers: Literal["final run", "whole development"] | None = None
    """What `training_usd` is of; the share of other runs is added to the final run only."""
    price_per_million_tokens: Amount | None = None
    """What serving costs then, in US dollars; as in `[[traffic]]` unless given."""

    @model_validator(mode="after")
    def _says_what(self) -> "OptionConfig":
        offered = self.training_usd is not None
        if offered != (self.training_months is not None) or offered != (self.covers is not None):
            raise ValueError("`training_usd`, `training_months` and `covers` come together")
        if self.training_usd and not self.training_months:
            raise ValueError("`training_months` is 0 where nothing is trained, and then `training_usd` is 0 too")
        planned = [name for name in ("venture", "accelerators", "usd_per_hour") if getattr(self, name) is not None]
        if offered and planned:
            raise ValueError(f"`training_usd` is a price for all of it; `{planned[0]}` is for the planner")
        if not offered and not planned:
            raise ValueError("give `training_usd`, `venture`, `accelerators` or `usd_per_hour`: what is other about it")
        return self
