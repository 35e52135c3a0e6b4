"""The `[[exits]]` part of capital.toml: sales of the company that are asked about."""

from pydantic import Field

from argosy.capital.budget import Amount, Probability
from argosy.capital.months import DayText
from argosy.config import Section


class ExitConfig(Section):
    """A sale of the company; write `[[exits]]` once for each."""

    name: str = Field(min_length=1)
    """What it would be."""
    price: Amount
    """In the currency of the plan."""
    date: DayText
    """Day of the sale."""
    probability: Probability
    """If the money lasts; those of all exits add up to 1, and one at a price of 0 is no sale."""
