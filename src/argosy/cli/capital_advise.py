"""The verb of advice: what to do about the money, with its figures."""

from typing import Annotated

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json, WholeNumber
from argosy.cli.capital import PlanFile, capital_app, whole
from argosy.cli.capital_plan import check_draws
from argosy.cli.output import show, table

QUARTER = 3


@capital_app.command(name="advise")
def advise_verb(
    plan: PlanFile,
    *,
    paths: Annotated[WholeNumber, Parameter(help="Futures that each change is tried on.")] = 10_000,
    seed: Annotated[WholeNumber, Parameter(help="Same seed, same futures.")] = 0,
    json: Json = False,
) -> None:
    """Say what to do: the cheapest change that makes the plan sure, when and how much to raise, where money does most.

    Example: argosy capital advise capital.toml
    """
    from argosy.progress import progress

    check_draws(paths, seed)
    found, path = capital.read_capital(plan)
    result = capital.advise(
        found, path.parent, paths=paths, seed=seed, watch=lambda most: progress("trying changes", most, "changes")
    )
    show(result, _text(result), as_json=json)


def _text(found: "capital.Advised") -> str:
    parts = [
        f"{found.event}: {100 * found.planned:.1f} ± {100 * found.standard_error:.1f} % in {found.paths:,} futures, "
        f"seed {found.seed}; to be reached: {100 * found.target_probability:.0f} %"
    ]
    head = ""
    for one in found.advice:
        title = "" if one.head == head else f"{one.head.upper()}\n\n"
        head = one.head
        figures = "\n".join(f"    {each.name}: {each.value} [{each.source}]" for each in one.figures)
        because = f"  how sure: {one.strength}\n  computed: {one.computed}\n  would change it: {one.changes_if}"
        parts.append(f"{title}{one.what}\n{because}\n{figures}")
    parts += [_actions(found), _allocation(found), _sources(found)]
    if found.not_answered:
        left = [(one.question, one.missing) for one in found.not_answered]
        parts.append("NOT ANSWERED\n\n" + table(left, ("what", "for want of")))
    return "\n\n".join(filter(None, parts))


def _actions(found: "capital.Advised") -> str:
    rows = [
        (
            one.rank or "",
            one.lever,
            one.what,
            f"{100 * one.effects[0].after:.1f} %",
            f"{100 * one.effects[0].change:+.1f} ± {100 * one.effects[0].standard_error:.1f}",
            f"{one.cost_cents / 100:+,.0f}",
            "; ".join(one.also_costs),
        )
        for one in found.actions
    ]
    header = ("rank", "lever", "change", found.event, "points", f"costs, {found.currency}", "and")
    return "ACTIONS\n\n" + table(rows, header) if rows else ""


def _allocation(found: "capital.Advised") -> str:
    areas = ", ".join(f"{area} {whole(cents)}" for area, cents in found.allocation.areas_cents.items())
    events = [one.event for one in found.allocation.moved[0].effects] if found.allocation.moved else []
    rows = [
        (
            f"{one.source} → {one.target}",
            whole(one.amount_cents),
            *(f"{100 * each.change:+.1f} ± {100 * each.standard_error:.1f}" for each in one.effects or ()),
            *([""] * (len(events) - len(one.effects))),
            "" if one.loss is None else f"{one.loss.after - one.loss.before:+.3f}",
            one.bought,
        )
        for one in found.allocation.moved
    ]
    header = ("moved", found.currency, *(f"points: {event}" for event in events), "loss", "which brings")
    return f"ALLOCATION\n\n{areas}" + ("\n\n" + table(rows, header) if rows else "")


def _sources(found: "capital.Advised") -> str:
    rows = [
        (
            one.name,
            one.kind,
            one.month,
            f"{100 * one.probability:.0f} %",
            whole(one.amount_cents),
            "; ".join(
                f"{each.event} {100 * each.before:.1f} % → {100 * each.after:.1f} %"
                for each in one.without
                if each.change
            ),
        )
        for one in found.allocation.sources
    ]
    if not rows:
        return ""
    months = [
        (one.month, f"{one.expected:,.0f}", f"{one.low:,.0f}", f"{one.high:,.0f}")
        for one in found.allocation.funding[QUARTER - 1 :: QUARTER]
    ]
    header = ("source", "kind", "month", "probability", found.currency, "with it → without it")
    fan = ("by the end of", f"expected, {found.currency}", "10 %", "90 %")
    return f"FUNDING\n\n{table(rows, header)}\n\n{table(months, fan)}"
