"""Which layouts training accepts today."""

from argosy.config import AnyVenture, Problem

SUPPORTED_DEGREES = ("data",)


def check(venture: AnyVenture) -> list[Problem]:
    """Return a problem for each degree of the layout that training does not do."""
    return [
        Problem(f"layout.{degree}", f"training divides over {', '.join(SUPPORTED_DEGREES)} only", value)
        for degree, value in venture.layout.model_dump().items()
        if value > 1 and degree not in SUPPORTED_DEGREES
    ]
