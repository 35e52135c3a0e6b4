"""Rent, reserve, take spot machines or buy: what each costs for this training, binds, and from how much use it pays."""

from collections.abc import Iterator

from argosy.planning.bill import AROUND, HOURS_A_MONTH, price_of
from argosy.planning.here import is_here
from argosy.planning.results import Cost, Question, Tenure

LIFETIME_YEARS = 4.0  # in which a bought accelerator is written off; an assumption, and resale is not counted


def tenures(question: Question, cost: Cost) -> Iterator[Tenure]:
    """Each way to have the accelerators that a price is known of, renting on demand first."""
    if is_here(question.accelerator):
        return
    hours, count = cost.accelerator_hours.middle, question.accelerators
    rent = _price(question, "on demand")
    if rent is not None:
        yield Tenure(name="rent on demand", usd=hours * rent, committed_usd=0.0, worth_from=None, gives_up="nothing")
    if (spot := _price(question, "spot")) is not None:
        gives_up = "machines that stay: they are taken back, and what that costs is in no price"
        yield Tenure(name="rent spot machines", usd=hours * spot, committed_usd=0.0, worth_from=None, gives_up=gives_up)
    if (reserved := question.reserved_usd_per_hour) is not None:
        months = max(question.reserved_months, hours / count / HOURS_A_MONTH)
        whole = count * months * HOURS_A_MONTH * reserved
        yield Tenure(
            name=f"reserve for {months:,.3g} months",
            usd=whole,
            committed_usd=whole,
            worth_from=reserved / rent if rent else None,
            gives_up="the money, used or not",
        )
    if (each := question.purchase_usd) is not None:
        running = _running_usd_per_hour(question)
        lifetime_h = LIFETIME_YEARS * 12 * HOURS_A_MONTH
        worth = None if rent is None or rent <= running else each / lifetime_h / (rent - running)
        yield Tenure(
            name="buy",
            usd=count * each + hours * running,
            committed_usd=count * each,
            worth_from=worth,
            gives_up="the money, the next generation, and the people who keep them running",
        )


def _price(question: Question, contract: str) -> float | None:
    """Dollars of an hour by that contract: what was given for it, else public lists'."""
    given = question.usd_per_hour if contract == question.contract else None
    asked = {"contract": contract, "usd_per_hour": given, "usd_per_kwh": None}
    return price_of(question.model_copy(update=asked))[0]


def _running_usd_per_hour(question: Question) -> float:
    """Electricity of an accelerator and what is around it."""
    power_w = question.accelerator.power_w
    if question.usd_per_kwh is None or power_w is None:
        return 0.0
    return question.usd_per_kwh * power_w / 1000 * AROUND
