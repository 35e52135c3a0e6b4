"""What a plan costs: accelerators by their price, and what was given prices for besides."""

import numpy as np

from argosy.hardware import prices_of
from argosy.planning.here import is_here
from argosy.planning.results import Cost, Data, Duration, Question, Span

HOURS_A_MONTH = 730.0
AROUND = 1.5  # times an accelerator's own power: hosts, network, cooling; an assumption
MODEL_BYTES = 4.0  # of a parameter, when the result is moved


def cost_of(question: Question, duration: Duration, data: Data) -> Cost:
    """The bill, by part; parts that nobody gave a price for are not in it."""
    hours = Span(**{name: getattr(duration.wall_h, name) * question.accelerators for name in Span.model_fields})
    usd, source = price_of(question)
    parts = _besides(question, hours, duration, data)
    if usd is None and not parts:
        return Cost(
            accelerator_hours=hours, usd_per_hour=None, usd=None, parts_usd={}, price=source, ten_percent_usd=None
        )
    an_hour = (usd or 0.0) + parts.get("electricity", 0.0) / hours.middle
    spent = Span(**{name: value * an_hour for name, value in hours.model_dump().items()})
    rest = parts.get("storage", 0.0) + parts.get("transfer", 0.0)
    return Cost(
        accelerator_hours=hours,
        usd_per_hour=usd,
        usd=Span(low=spent.low + rest, middle=spent.middle + rest, high=spent.high + rest),
        parts_usd=({"accelerators": hours.middle * usd} if usd is not None else {}) | parts,
        price=source,
        ten_percent_usd=spent.middle * (1 / 0.9 - 1),
    )


def _besides(question: Question, hours: Span, duration: Duration, data: Data) -> dict[str, float]:
    found = {}
    if question.usd_per_gb_month is not None:
        months = max(1.0, duration.wall_h.middle / HOURS_A_MONTH)
        found["storage"] = question.usd_per_gb_month * data.disk_gb * months
    if question.usd_per_gb_moved is not None:
        moved = data.text_gb + MODEL_BYTES * question.shape.parameter_count() / 1e9
        found["transfer"] = question.usd_per_gb_moved * moved
    power_w = question.accelerator.power_w
    if question.usd_per_kwh is not None and power_w is not None:
        found["electricity"] = question.usd_per_kwh * power_w / 1000 * AROUND * hours.middle
    return found


def price_of(question: Question) -> tuple[float | None, str]:
    """Dollars of an accelerator-hour, and their source with the lowest and the highest of them that are known."""
    spec, contract = question.accelerator, question.contract
    if question.usd_per_hour is not None:
        return question.usd_per_hour, "given"
    if question.usd_per_kwh is not None and spec.power_w is not None:
        return None, "owned, so that only electricity is counted"
    if question.usd_per_kwh is not None or is_here(spec):
        whose = "this machine is there already" if is_here(spec) else "owned"
        return None, f"{whose}; its electricity is not counted, since nobody knows its power"
    if contract == "on demand" and spec.usd_per_hour is not None:
        between = f", {spec.usd_low:.2f} to {spec.usd_high:.2f}" if spec.usd_low and spec.usd_high else ""
        return spec.usd_per_hour, f"median of public lists on demand{between}, read {spec.priced}"
    if offers := prices_of(spec.name, contract):
        each = [offer.usd_per_hour for offer in offers]
        between = f"{each[0]:.2f} to {each[-1]:.2f}"
        source = f"median of {len(offers)} public offers {contract}, {between}, read {offers[0].read}"
        return float(np.median(each)), source
    return None, f"no public price {contract} is known"
