"""Short tables of what is not cash, and of whom the plan hangs on."""

from collections.abc import Iterator

from argosy import capital
from argosy.cli.capital import whole
from argosy.cli.output import table


def resources_text(found: "capital.Resources") -> str:
    """What each displaces, what expires and when to be warned, what would use it."""
    rows = [
        (
            one.name,
            one.displaces,
            whole(one.displaced_cents),
            whole(one.worth_cents),
            f"{one.probability:.0%}",
            one.last_month or "never",
            one.expires,
        )
        for one in found.uses
    ]
    header = ("not cash", "displaces", "bills", "worth in cash", "probability", "last used", "expires")
    parts = [
        "What is not cash, with all that is hoped for:\n" + table(rows, header),
        f"bills of {whole(found.bills_cents)} are paid by cash {whole(found.cash_cents)}, "
        f"credits {whole(found.credits_cents)}, resources {whole(found.resources_cents)}",
    ]
    parts += ["\n".join(_warnings(found))] if any(one.warning or one.stated for one in found.uses) else []
    return "\n\n".join(parts)


def _warnings(found: "capital.Resources") -> Iterator[str]:
    for one in found.uses:
        if one.stated:
            yield f"{one.name}: {one.stated}"
        if one.warning:
            yield f"{one.name}: {f'from {one.warn_from}: ' if one.warn_from else ''}{one.warning}"
        for change in one.changes:
            spared = f"uses {whole(change.used_cents)} more and spares {whole(change.cash_cents)} of cash"
            yield f"  {change.what}: {spared}"


def partners_text(found: "capital.Partners") -> str:
    """Shares, concentration, gaps."""
    rows = [
        (
            one.name,
            one.side,
            whole(one.cents),
            f"{one.share:.0%}",
            ", ".join(one.alternatives) or "none",
            one.switching_months,
            whole(one.lost_cents),
            whole(one.forfeited_cents),
            one.contract_end or "",
        )
        for one in found.partners
    ]
    header = (
        "partner", "side", "in the plan", "share", "alternatives", "months to switch", "at stake then",
        "credits lost", "ends",
    )  # fmt: skip
    concentrated = [
        (
            one.of,
            whole(one.cents),
            one.largest or "nobody named",
            f"{one.largest_share:.0%}",
            _range(one.hhi_low, one.hhi_high),
        )
        for one in found.concentration
    ]
    parts = [
        "Partners:\n" + table(rows, header),
        table(concentrated, ("of", "in the plan", "largest", "its share", "HHI")) + f"\n{found.bands}.",
    ]
    parts += ["Gaps of this plan:\n" + "\n".join(f"- {gap.what}" for gap in found.gaps)] if found.gaps else []
    return "\n\n".join(parts)


def _range(low: float, high: float) -> str:
    same = round(low) == round(high)
    return f"{low:,.0f}" if same else f"{low:,.0f} to {high:,.0f}, as what has no name is many or one"
