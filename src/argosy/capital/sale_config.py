"""The `[[exits]]` part of capital.toml: at which prices of a sale it is said what everybody gets."""

from datetime import date

from pydantic import Field, field_validator

from argosy.capital.exact import Money, NotNegative
from argosy.config import Section

MOST = 10**13  # as other amounts of the plan


class SaleConfig(Section):
    """A sale of the company that is asked about; write `[[exits]]` once for each."""

    name: str = Field(min_length=1)
    """What it is called."""
    amount: Money
    """Price, in the currency of the plan and whole cents."""
    on: date
    """Day of it."""
    probability: NotNegative | None = None
    """That it happens; where one has it all need it, and they sum to exactly 1. Without, nothing is averaged."""

    @field_validator("amount")
    @classmethod
    def _within(cls, value: Money) -> Money:
        if value > MOST:
            raise ValueError(f"expected at most {MOST:,}")
        return value
