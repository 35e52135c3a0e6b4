"""What channels bring, and what a customer costs and is worth."""

from argosy.config import Record


class Estimated(Record):
    """A figure and where it lies in eight of ten draws; null where it never is, as a payback that never comes."""

    value: float | None
    """With every step at its median."""
    low: float | None
    """One draw in ten is below."""
    high: float | None
    """One draw in ten is above."""


class MarketPart(Record):
    """One channel, or all. Customers are expectations and may be fractions."""

    name: str
    """Which."""
    spend_cents: tuple[int, ...]
    """[months]."""
    new_customers: tuple[float, ...]
    """[months]: by spend, artefacts and referrals."""
    customers: tuple[float, ...]
    """[months]: those who pay for the month."""
    revenue_cents: tuple[int, ...]
    """[months]: billed."""
    serving_cents: tuple[int, ...]
    """[months]: what serving them costs."""
    bought_customers: Estimated
    """Customers that the spend of the plan wins, those after its end too; without artefacts' leads and referrals."""
    customers_at_end: Estimated
    """In the last month."""
    revenue_in_plan_cents: Estimated
    """Billed in all months."""
    cac_cents: Estimated
    """Cost of acquisition: spend (with people where `[market]` says so) ÷ `bought_customers`."""
    blended_cac_cents: Estimated
    """The same cost ÷ all new customers in the plan, artefacts' and referred ones too."""
    margin_cents: Estimated
    """Of a customer by month: revenue without serving, at the prices of the first month with customers."""
    ltv_cents: Estimated
    """Lifetime value: margin ÷ churn, without referrals."""
    ltv_discounted_cents: Estimated | None
    """The same with each month's margin discounted to the first; null without `discount_per_year`."""
    ltv_to_cac: Estimated
    """Lifetime value ÷ cost of acquisition."""
    payback_months: Estimated
    """Cost of acquisition ÷ margin, of a customer who stays."""
    payback_after_churn_months: Estimated
    """Monthly payments until the margin of those who are left has paid the cost of acquisition."""
    bounded_by_plan: bool
    """Whether a churn of 0 makes the lifetime endless, so that it is counted to the end of the plan."""
    uncertain: bool
    """Whether any step has a range; without one low and high are the value."""


class ArtefactResult(Record):
    """One artefact."""

    name: str
    """Which."""
    kind: str
    """What."""
    month: str
    """When."""
    cost_cents: int
    """Once."""
    new_customers: float
    """In the plan: with its effects less without; 0 where it claims none."""
    sources: tuple[str, ...]
    """Who says so, for each effect."""


class Market(Record):
    """Channels and artefacts of a plan."""

    channels: tuple[MarketPart, ...]
    """Each."""
    total: MarketPart
    """All of them; values for a customer are weighted by `bought_customers`."""
    artefacts: tuple[ArtefactResult, ...]
    """Each."""
    cac_of: str
    """What the cost of acquisition counts."""
    paths: int
    """Draws for low and high."""
    seed: int
    """Of the random numbers."""
