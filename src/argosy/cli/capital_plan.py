"""The verbs of money over time: the ledger, its futures, and what a sale pays."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argosy import capital
from argosy.cli.app import Json, WholeNumber
from argosy.cli.capital import PlanFile, capital_app, whole
from argosy.cli.capital_market import market_text
from argosy.cli.capital_resources import partners_text, resources_text
from argosy.cli.output import show, table

QUARTER = 3


@capital_app.command(name="plan")
def plan_verb(plan: PlanFile, *, json: Json = False) -> None:
    """Follow the money by month: profit and loss, cash, runway, when to raise; training at the planner's price.

    Example: argosy capital plan capital.toml
    """
    found, path = capital.read_capital(plan)
    result = capital.outlook(found, path.parent)
    show(result, _outlook_text(result), as_json=json)


@capital_app.command
def simulate(
    plan: PlanFile,
    *,
    paths: Annotated[WholeNumber, Parameter(help="Futures to draw.")] = 10_000,
    seed: Annotated[WholeNumber, Parameter(help="Same seed, same futures.")] = 0,
    json: Json = False,
) -> None:
    """Draw many futures of the plan: how likely the money lasts, training ends, milestones are reached.

    Example: argosy capital simulate capital.toml --paths 20000
    """

    check_draws(paths, seed)
    found, path = capital.read_capital(plan)
    result = capital.chances(found, path.parent, paths=paths, seed=seed)
    show(result, _chances_text(result, found.currency), as_json=json)


@capital_app.command(name="actuals")
def actuals_verb(
    bank: Path,
    *,
    plan: PlanFile = Path("capital.toml"),
    json: Json = False,
) -> None:
    """Set a bank's list beside the plan: what was planned and what was spent, by month and head.

    Example: argosy capital actuals bank.csv --plan capital.toml

    Parameters
    ----------
    bank
        CSV with the columns date, amount and text; spending is negative.
    """
    found, path = capital.read_capital(plan)
    result = capital.actuals(found, path.parent, bank)
    show(result, _actuals_text(result), as_json=json)


@capital_app.command
def waterfall(
    plan: PlanFile,
    *,
    exit: Annotated[
        str | None, Parameter(name="--exit", help="Price of the sale: 50_000_000; every one of [[exits]] unless given.")
    ] = None,
    at: Annotated[str | None, Parameter(help="Day of the sale, as 2029-06-30; the last event's unless given.")] = None,
    json: Json = False,
) -> None:
    """Divide the price of a sale: debts, preferences, conversion, options; by class and by holder.

    Without --exit every sale of the plan, and what holders get on average, by its probabilities.

    Example: argosy capital waterfall capital.toml --exit 50_000_000 --at 2029-06-30
    """
    from argosy.config import UserError

    found = capital.load_capital(plan)
    if exit is None:
        if at is not None:
            raise UserError("bad-option", f"--at {at} is the day of an --exit, which is missing")
        if not found.exits:
            raise UserError("missing-key", f"{plan} has no [[exits]]", hint="--exit 50_000_000")
        sales = capital.weighted_returns(capital.scenarios_of(found, str(plan)))
        show(sales, _exits_text(sales, found), as_json=json)
        return
    day = None if at is None else capital.day(at)
    price = capital.asked("--exit", exit, cents=True)
    on = day or capital.table_at(found, str(plan)).table.date
    result = capital.exit_returns(capital.claims_on(found, str(plan), on), round(price * 100), on=on)
    show(result, _exit_text(result, found.currency), as_json=json)


def check_draws(paths: int, seed: int) -> None:
    """Refuse what no futures can be drawn with, as `UserError` `bad-option`."""
    from argosy.config import UserError

    if not 100 <= paths <= 1_000_000:
        raise UserError("bad-option", f"paths = {paths}: expected 100 to 1,000,000")
    if seed < 0:
        raise UserError("bad-option", f"seed = {seed}: expected 0 or more")


def _outlook_text(found: "capital.Outlook") -> str:
    signed, hoped = found.signed, found.hoped
    rows = []
    for number in range(0, len(signed.months), QUARTER):
        some, all_of = signed.months[number : number + QUARTER], hoped.months[number : number + QUARTER]
        rows.append(
            (
                some[0].month,
                whole(sum(one.revenue_cents for one in some)),
                whole(sum(sum(one.expenses_cents.values()) for one in some)),
                whole(sum(one.profit_cents for one in some)),
                whole(sum(one.credits_cents + one.resources_cents for one in some)),
                whole(some[-1].cash_cents),
                whole(all_of[-1].cash_cents),
            )
        )
    header = ("quarter", "revenue", "expenses", "profit", "by credits", "cash, signed", "cash, hoped")
    parts = [f"In {signed.currency}, by quarter:", table(rows, header)]
    parts += [
        f"{one.venture}: {whole(one.final_cents)} ({whole(one.low_cents)} to {whole(one.high_cents)}) for the final "
        f"run of {one.months:.1f} months, {whole(one.other_cents)} for others; {one.price}"
        for one in found.trainings
    ]
    parts += [_worth_text(one, signed.currency) for one in found.worths]
    if found.market is not None:
        parts.append(market_text(found.market, signed.currency))
    parts.append("\n".join(_runway_lines(found)))
    if found.outside:
        parts.append("not in the months of the plan, and not counted: " + "; ".join(found.outside))
    if found.resources is not None and any(one.kind != "credits" for one in found.resources.uses):
        parts.append(resources_text(found.resources))
    else:
        parts += [
            f"{use.name}: {whole(use.expired_cents)} will not be used before {use.expires} ends"
            for use in signed.credits
            if use.expired_cents
        ]
    if found.partners is not None:
        parts.append(partners_text(found.partners))
    return "\n\n".join(parts)


def _worth_text(one: "capital.TrainingWorth", currency: str) -> str:
    planned, best = one.as_planned, one.best
    rate = "none" if planned.rate.rate is None else f"{100 * planned.rate.rate:.1f} %"
    paid = "never" if planned.payback_months is None else f"in month {planned.payback_months + 1}"
    worth, at = whole(planned.net_present_value_cents), f"at {100 * planned.discount_rate:g} % a year"
    text = f"{one.venture}: worth {worth} {currency} more than it costs, {at}; returns {rate} a year, paid back {paid}"
    if planned.gain_factor_to_break_even is not None:
        text += f", even at {planned.gain_factor_to_break_even:.2f} times the gains"
    text += "; no start is possible and worth it" if best is None else f"; worth most if begun in {best.start}"
    text += f" ({whole(best.net_present_value_cents)})" if best and best.start != one.start else ""
    text += f"; waiting is worth {whole(one.value_of_waiting_cents)}"
    endless = one.best_with_endless_cash
    if endless is not None and endless != best:
        text += f"; were cash no matter, in {endless.start} ({whole(endless.net_present_value_cents)})"
    if one.fall is not None:
        text += (
            f"\n  its accelerator-hours are planned to move by {100 * one.price_change_per_year:+g} % a year; public "
            f"ones moved by {one.fall.moved} ({one.fall.source})"
        )
    return text


def _runway_lines(found: "capital.Outlook") -> list[str]:
    signed, hoped = found.signed, found.hoped
    lines = [f"runway {_months(signed)} with what is signed, {_months(hoped)} with what is hoped for"]
    lines.append(f"lowest cash {whole(signed.lowest_cash_cents)} at the end of {signed.lowest_month}, as signed")
    if found.raise_from is not None and found.safety_months is not None:
        late = " (that is past)" if found.safety_months < 0 else ""
        lines.append(f"a round has to begin by {found.raise_from}: {found.safety_months:.1f} months in{late}")
    alive = signed.default_alive_from
    never = "not alive by default: customers never pay for everything while signed money lasts"
    lines.append(f"alive by default from {alive}" if alive else never)
    if signed.owed_cents:
        lines.append(f"{whole(signed.owed_cents)} of commitments would still be owed when signed money is out")
    return lines


def _months(flow: "capital.CashFlow") -> str:
    return "for ever" if flow.runway_months is None else f"{flow.runway_months:.1f} months"


def _chances_text(found: "capital.Chances", currency: str) -> str:
    simulated = found.simulated
    rows = [
        (one.name, f"{100 * one.value:.1f} %", f"± {100 * one.standard_error:.1f}") for one in simulated.probabilities
    ]
    parts = [f"{simulated.paths:,} futures, seed {simulated.seed}", table(rows, ("", "probability", "standard error"))]
    fan = [
        (number + 1, *(f"{value:,.0f}" for value in row))
        for number, row in enumerate(simulated.fan)
        if (number + 1) % QUARTER == 0
    ]
    header = ("month", *(f"{100 * quantile:.0f} %" for quantile in simulated.quantiles))
    parts.append(f"Cash in {currency}, by share of the futures that have less:\n" + table(fan, header))
    if found.swings:
        swings = [
            (one.name, f"{100 * one.low:.0f} %", f"{100 * one.high:.0f} %", f"{100 * one.explained:+.1f}")
            for one in found.swings
        ]
        parts.append(
            "What the first probability hangs on:\n"
            + table(swings, ("", "worst tenth", "best tenth", "points, were it as planned"))
        )
    return "\n\n".join(parts)


def _actuals_text(found: "capital.Actuals") -> str:
    rows = [
        (one.month, one.kind, whole(one.planned_cents), whole(one.actual_cents), whole(one.difference_cents))
        for one in found.rows
    ]
    difference = found.actual_cents - found.planned_cents
    all_of = ("all", "", whole(found.planned_cents), whole(found.actual_cents), whole(difference))
    parts = [table([*rows, all_of], ("month", "head", f"planned, {found.currency}", "by the bank", "difference"))]
    if found.unmatched:
        left = [(one.date, whole(one.cents), one.text) for one in found.unmatched]
        parts.append("No [[statement]] rule has these:\n" + table(left, ("day", found.currency, "text")))
    return "\n\n".join(parts)


def _exits_text(found: "capital.WeightedReturns", plan: "capital.CapitalPlan") -> str:
    parts = []
    for one, sale in zip(plan.exits, found.exits, strict=True):
        parts.append(f"{one.name}, {100 * one.probability:g} % likely: {_exit_text(sale, plan.currency)}")
    rows = [
        (
            one.holder,
            whole(one.invested_cents),
            whole(one.expected_cents),
            *_rates(one.multiple, one.xirr),
            f"{100 * float(one.loss_probability):g} %",
        )
        for one in found.holders
    ]
    header = ("holder", "paid in", "gets", "multiple", "a year", "gets less than paid in")
    average = f"{whole(float(found.exit_cents))} {plan.currency}"
    parts.append(f"On average, if the rounds close and the money lasts, {average}:\n{table(rows, header)}")
    return "\n\n".join(parts)


def _rates(multiple: Fraction | None, xirr: float | None) -> tuple[str, str]:
    many = "" if multiple is None else f"{float(multiple):,.{0 if multiple >= 1000 else 2}f} ×"
    return many, "" if xirr is None else f"{100 * xirr:.1f} %"


def _exit_text(found: "capital.ExitReturns", currency: str) -> str:
    rows = [
        (
            one.name,
            whole(one.paid_cents),
            f"{100 * float(one.part):.2f} %",
            "converts" if one.converted else "exercised" if one.exercised else "",
        )
        for one in found.payouts
    ]
    holders = [
        (
            one.holder,
            whole(one.invested_cents),
            whole(one.paid_cents),
            *_rates(one.multiple, one.xirr),
            "" if one.break_even_cents is None else whole(one.break_even_cents),
        )
        for one in found.holders
    ]
    return "\n\n".join(
        [
            f"{whole(found.exit_cents)} {currency} on {found.on}",
            table(rows, ("what", "gets", "part", "")),
            table(holders, ("holder", "paid in", "gets", "multiple", "a year", "breaks even at")),
        ]
    )
