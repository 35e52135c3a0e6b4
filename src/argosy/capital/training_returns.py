"""What a training run is worth: what it costs, by month, against the revenue or saving it brings, by month."""

from collections.abc import Sequence

from argosy.capital.rates import RateOfReturn, irr, npv
from argosy.config import Record, UserError

MONTHS_A_YEAR = 12


class TrainingReturn(Record):
    """A training run as an investment; month 0 is the one the figures are worth money in."""

    discount_rate: float
    """A year: what the money could earn elsewhere at the same risk. An input."""
    cost_cents: int
    gain_cents: int
    net_present_value_cents: float
    """Of gains less costs, each month's on its first day, month 0 undiscounted; 64-bit."""
    payback_months: int | None
    """Months until gains have made up for costs and go on doing so; none where they do not within the months given."""
    discounted_payback_months: int | None
    """The same with every month at its present value."""
    rate: RateOfReturn
    """A year, compounded from the monthly rates."""
    gain_factor_to_break_even: float | None
    """Times the gains at which the net present value is 0; none without gains."""


def training_return(cost_cents: Sequence[int], gain_cents: Sequence[int], discount_rate: float) -> TrainingReturn:
    """Cost and gain of each month, from month 0; the shorter list goes on with zeros.

    Gains are revenue that would not come, or costs that would not fall away, without the run: an input, as is the
    discount rate (a year). Raises `UserError`: `bad-rate`, `negative-amount`, `no-cash-flow` where nothing flows.
    """
    for key, cents in (("cost_cents", cost_cents), ("gain_cents", gain_cents)):
        for month, amount in enumerate(cents):
            if amount < 0:
                raise UserError("negative-amount", f"{key}[{month}] = {amount}: expected 0 or more")
    months = max(len(cost_cents), len(gain_cents))
    costs, gains = ([*some, *[0] * (months - len(some))] for some in (cost_cents, gain_cents))
    flows = [gain - cost for cost, gain in zip(costs, gains, strict=True)]
    monthly = monthly_rate(discount_rate)
    worth_of_gains = npv(monthly, gains)
    return TrainingReturn(
        discount_rate=discount_rate,
        cost_cents=sum(costs),
        gain_cents=sum(gains),
        net_present_value_cents=npv(monthly, flows),
        payback_months=_payback([float(flow) for flow in flows]),
        discounted_payback_months=_payback([flow * (1 + monthly) ** -month for month, flow in enumerate(flows)]),
        rate=_yearly(irr(flows)),
        gain_factor_to_break_even=npv(monthly, costs) / worth_of_gains if worth_of_gains else None,
    )


def monthly_rate(yearly: float) -> float:
    """`(1 + r)^(1/12) − 1`. Raises `bad-rate` at −1 and below."""
    if not yearly > -1:
        raise UserError("bad-rate", f"discount_rate = {yearly!r}: a rate lies above −1")
    return float((1 + yearly) ** (1 / MONTHS_A_YEAR) - 1)


def _payback(flows: Sequence[float]) -> int | None:
    """The first month from whose end on the sum so far is never negative again."""
    so_far, since = 0.0, None
    for month, flow in enumerate(flows):
        so_far += flow
        if so_far < 0:
            since = None
        elif since is None:
            since = month
    return since


def _yearly(monthly: RateOfReturn) -> RateOfReturn:
    def year(rate: float) -> float:
        return float((1 + rate) ** MONTHS_A_YEAR - 1)

    listed = tuple(found for rate in monthly.roots if (found := year(rate)) <= 10)
    rates = listed or ((year(monthly.rate),) if monthly.rate is not None else ())
    nearest = min(rates, key=lambda rate: abs(rate - 0.1), default=None)
    return RateOfReturn(rate=nearest, roots=listed, ambiguous=len(listed) > 1 or (monthly.ambiguous and not listed))
