"""The sections of `capital.toml` about what is not cash, and about whom the plan hangs on."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from argosy.capital.months import MonthText, month_number
from argosy.capital.plan.budget import Amount, Area, Currency, Kind, Probability
from argosy.config import Section

HEADS: Mapping[str, tuple[Kind, Area]] = {  # under which the own cost of each kind of resource is counted
    "accelerators": ("compute", "research"),
    "data licence": ("data", "research"),
    "people": ("people", "operations"),
    "distribution": ("marketing", "marketing"),
}
MEASURES = ("share", "amount", "people", "hours", "accelerators")


class ResourceConfig(Section):
    """What is not cash and stands in for a bill; write `[[resources]]` once for each."""

    name: str
    """What it is."""
    kind: Literal["accelerators", "data licence", "people", "distribution"]
    """Reserved or lent accelerators; a right to text; the time of a university's or a partner's people; reach."""
    displaces: str
    """What need not be bought: the name of a cost, a role, a training's `venture`, or `inference`. A resource is worth
    the cash it displaces and never its list price."""
    share: float | None = Field(None, gt=0, le=1)
    """Of each bill, at most; or"""
    amount: Amount | None = None
    """in all, in `currency`; or"""
    people: float | None = Field(None, gt=0)
    """of a role, in each month; or, of a training:"""
    hours: float | None = Field(None, gt=0)
    """of an accelerator, in all; or"""
    accelerators: int | None = Field(None, ge=1)
    """as many, in each month."""
    hours_per_month: float = Field(730.0, gt=0, le=744)
    """Of each of `accelerators`; always unless given."""
    accelerator: str | None = None
    """Which, as `argosy hardware` lists them; that of the plan unless given."""
    start: MonthText
    """First month in which it can be used."""
    expires: MonthText
    """Last month in which it can be used."""
    areas: tuple[Area, ...] = Field((), strict=False)
    """What it may serve, such as research only; anything unless given."""
    probability: Probability
    """That it comes; 1 is signed."""
    cost_per_month: Amount = 0.0
    """What it costs itself, from `start` to `expires`, used or not."""
    currency: Currency | None = None
    """That of the plan unless given."""
    provider: str | None = None
    """Whose it is, for the share of each partner."""

    @model_validator(mode="after")
    def _is_measured(self) -> "ResourceConfig":
        given = [name for name in MEASURES if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"expected one of {', '.join(MEASURES)} to say how much there is, not {said}")
        if (self.kind == "accelerators") != (given[0] in ("hours", "accelerators")):
            raise ValueError(f"kind {self.kind!r} does not go with {given[0]!r}")
        if (self.kind == "people") != (given[0] == "people"):
            raise ValueError(f"kind {self.kind!r} does not go with {given[0]!r}")
        if self.accelerator is not None and self.kind != "accelerators":
            raise ValueError("`accelerator` is for kind 'accelerators'")
        if month_number(self.expires) < month_number(self.start):
            raise ValueError(f"expires = {self.expires} is before start = {self.start}")
        return self


class PartnerConfig(Section):
    """Whom the plan hangs on, up and down the chain; write `[[partners]]` once for each."""

    name: str
    """As `provider` has it in costs, training, traffic, credits and resources; downstream, as a revenue is named."""
    side: Literal["upstream", "downstream"]
    """Who is paid, or who pays and brings those who pay."""
    provides: tuple[Kind | Literal["distribution", "customers"], ...] = Field(min_length=1, strict=False)
    """What the plan has from it."""
    contract_end: MonthText | None = None
    """Last month of the contract; open unless given."""
    notice_months: int = Field(0, ge=0, le=36)
    """Before the end, by which it has to be renewed or left."""
    alternatives: tuple[str, ...] = Field((), strict=False)
    """Who could take its place."""
    switching_months: int = Field(1, ge=1, le=60)
    """Until one of them does."""
    revenue_share: float | None = Field(None, gt=0, le=1)
    """Of all revenue, downstream; that of the revenue with its name unless given."""

    @model_validator(mode="after")
    def _sides_differ(self) -> "PartnerConfig":
        down = {"distribution", "customers"}
        wrong = [one for one in self.provides if (one in down) != (self.side == "downstream")]
        if wrong:
            raise ValueError(f"a partner {self.side} does not provide {wrong[0]!r}")
        if self.revenue_share is not None and self.side == "upstream":
            raise ValueError("`revenue_share` is for partners downstream")
        if self.name in self.alternatives:
            raise ValueError(f"{self.name!r} is no alternative to itself")
        return self
