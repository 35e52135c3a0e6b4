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
    usd, low, high, source = price_of(question)
    parts = _besides(question, hours, duration, data)
    if usd is None and not parts:
        return Cost(
            accelerator_hours=hours, usd_per_hour=None, usd=None, parts_usd={}, price=source, ten_percent_usd=None
        )
    rented = Span(
        low=hours.low * (low or usd or 0.0), middle=hours.middle * (usd or 0.0), high=hours.high * (high or usd or 0.0)
    )
    rest = sum(parts.values())
    return Cost(
        accelerator_hours=hours,
        usd_per_hour=usd,
        usd=Span(low=rented.low + rest, middle=rented.middle + rest, high=rented.high + rest),
        parts_usd=({"accelerators": rented.middle} if usd is not None else {}) | parts,
        price=source,
        ten_percent_usd=(rented.middle + parts.get("electricity", 0.0)) * (1 / 0.9 - 1),
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


def price_of(question: Question) -> tuple[float | None, float | None, float | None, str]:
    """Dollars of an accelerator-hour, the lowest and highest of them that are known, and their source."""
    spec, contract = question.accelerator, question.contract
    if question.usd_per_hour is not None:
        return question.usd_per_hour, None, None, "given"
    if question.usd_per_kwh is not None:
        return None, None, None, "owned, so that only electricity is counted"
    if is_here(spec):
        return None, None, None, "this machine is there already; its electricity is not counted"
    if contract == "on demand" and spec.usd_per_hour is not None:
        source = f"median of public lists on demand, read {spec.priced}"
        return spec.usd_per_hour, spec.usd_low, spec.usd_high, source
    if offers := prices_of(spec.name, contract):
        each = [offer.usd_per_hour for offer in offers]
        source = f"median of {len(offers)} public offers, {contract}, read {offers[0].read}"
        return float(np.median(each)), each[0], each[-1], source
    return None, None, None, f"no public price {contract} is known"
