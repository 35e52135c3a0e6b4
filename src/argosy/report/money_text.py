"""Amounts, shares and probabilities as the pages about money write them."""

from fractions import Fraction

from argosy.capital import CapitalStory
from argosy.report.units import SPACE, count, duration

DAYS_A_MONTH = 730.0 / 24  # as the ledger counts


def amount(cents: float, currency: str = "") -> str:
    """128044700 → 1.28 M USD."""
    written = count(cents / 100) if abs(cents) >= 100 else "0"
    return f"{written}{SPACE}{currency}" if currency else written


def whole(cents: float) -> str:
    """128044700 → 1,280,447."""
    return f"{cents / 100:,.0f}"


def percent(share: float | Fraction, places: int = 1) -> str:
    """0.6581 → 65.8 %."""
    return f"{100 * float(share):.{places}f}{SPACE}%"


def likely(value: float, standard_error: float) -> str:
    """0.757, 0.0043 → 75.7 ± 0.4 %."""
    return f"{100 * value:.1f} ± {100 * standard_error:.1f}{SPACE}%"


def multiple(value: float | Fraction | None) -> str:
    """5.0797 → 5.08 ×, 25934.45 → 25,934 ×."""
    return "—" if value is None else f"{float(value):,.{0 if value >= 1000 else 2}f}{SPACE}×"


def rate(value: float | None) -> str:
    """0.5009 → 50.1 %."""
    return "—" if value is None else percent(round(value, 9) + 0.0)


def months(value: float | None) -> str:
    """13.94 → 13.9 months; None → for ever."""
    return "for ever" if value is None else f"{value:.1f}{SPACE}months"


def hours(value: float) -> str:
    """102.4 → 4 d 6 h."""
    return duration(3600 * value)


def title_of(story: CapitalStory) -> str:
    """Headline of the pages."""
    return story.company or "The money"
