"""Channels and artefacts of a capital plan as text."""

from argosy import capital
from argosy.cli.capital import whole
from argosy.cli.output import table


def market_text(found: "capital.Market", currency: str) -> str:
    """A row for each channel, one for all where there are several, a line for each artefact."""
    parts = [*found.channels, *([found.total] if len(found.channels) > 1 else [])]
    header = ("channel", "spend", "customers at end", "CAC", "LTV", "LTV / CAC", "payback, months")
    texts = []
    if parts:
        said = f"Customers, in {currency}; CAC counts {found.cac_of}, LTV is margin ÷ churn, payback is after churn:"
        texts.append(f"{said}\n{table(map(_row, parts), header)}")
    if any(one.uncertain for one in parts):
        texts.append("In brackets: eight of ten draws.")
    if any(one.bounded_by_plan for one in found.channels):
        texts.append("Without churn a customer counts to the end of the plan.")
    for one in found.artefacts:
        brings = f"{one.new_customers:+,.1f} customers in the plan by {'; '.join(one.sources)}"
        effect = brings if one.sources else "no effect counted"
        texts.append(f"{one.month}  {one.name} ({one.kind}): costs {whole(one.cost_cents)}, {effect}")
    return "\n".join(texts)


def _row(part: "capital.MarketPart") -> tuple[str, ...]:
    def shown(one: "capital.Estimated", unit: float, form: str, never: str) -> str:
        value, low, high = (never if x is None else f"{x / unit:{form}}" for x in (one.value, one.low, one.high))
        return f"{value} ({low} to {high})" if part.uncertain and (low, high) != (never, never) else value

    return (
        part.name,
        whole(sum(part.spend_cents)),
        shown(part.customers_at_end, 1, ",.1f", "none"),
        shown(part.cac_cents, 100, ",.0f", "none"),
        shown(part.ltv_cents, 100, ",.0f", "none"),
        shown(part.ltv_to_cac, 1, ".2f", "none"),
        shown(part.payback_after_churn_months, 1, ".0f", "never"),
    )
