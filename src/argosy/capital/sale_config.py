"""The `[[exits]]` part of capital.toml: at which prices of a sale it is said what everybody gets."""

from datetime import date

from pydantic import Field

from argosy.capital.exact import Money, NotNegative
from argosy.config import Section


class SaleConfig(Section):
    """A sale of the company that is asked about; write `[[exits]]` once for each."""

    name: str = Field(min_length=1)
    """What it is called."""
    amount: Money = Field(le=10**13)
    """Price, in the currency of the plan and whole cents."""
    on: date
    """Day of it."""
    probability: NotNegative | None = None
    """That it happens; where one has it all need it, and they sum to exactly 1. Without, nothing is averaged."""
