"""A plan and changes of it, tried on the same futures."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from argosy.capital.advice.advice_results import Effect, LossChange
from argosy.capital.cash.futures import Future, events, standard_error
from argosy.capital.cash.outlooks import Hoped, future_of, hoped
from argosy.capital.cash.pricing import Planner, Pricer
from argosy.capital.months import month_number
from argosy.capital.plan.budget import TrainingRunConfig
from argosy.capital.plan.plan_file import CapitalPlan
from argosy.config import UserError, nearest
from argosy.planning import BESIROGLU, Loss, Plan

Happened = Mapping[str, npt.NDArray[np.bool_]]
CLEAR = 2.0  # standard errors, within which two probabilities are called equal
Z90 = 1.645  # of a normal distribution, between whose negative and itself lie 90 %
CENTRE = (1e9, 2e10)  # parameters and tokens near which Besiroglu et al. fitted, as in `planning.predict_loss`


@dataclass(frozen=True)
class Case:
    """A plan, and what its trainings are planned with."""

    plan: CapitalPlan
    price: Pricer

    def with_plan(self, **sections: object) -> "Case":
        """The same with other sections."""
        return replace(self, plan=self.plan.model_copy(update=sections))


def nothing(amount: float) -> None:
    """Progress that nobody sees."""


class Study:
    """The futures of a plan, drawn once, and what changes of it do to them."""

    def __init__(
        self,
        plan: CapitalPlan,
        folder: Path,
        *,
        paths: int = 10_000,
        seed: int = 0,
        planner: Planner | None = None,
    ) -> None:
        """Raises as `outlook` does, and `UserError` `unknown-event` for an event that the plan has not."""
        self.paths, self.seed, self.folder = paths, seed, folder
        self.advance: Callable[[float], None] = nothing
        self.tries = 0
        self.planner = planner or Planner(folder)
        self.base = Case(plan, self.planner)
        self.future: Future = self.future_of(self.base)
        self.happened = events(self.future, paths, seed)
        self.outlook: Hoped = self.outlook_of(self.base)
        self.event, self.target = plan.advice.event, plan.advice.target_probability
        if self.event not in self.happened:
            known = list(self.happened)
            raise UserError(
                "unknown-event",
                f"advice.event = {self.event!r} is nothing that this plan has{nearest(self.event, known)}",
                hint=f"one of: {', '.join(known)}",
            )

    @property
    def plan(self) -> CapitalPlan:
        """As it is."""
        return self.base.plan

    def future_of(self, case: Case) -> Future:
        """Of a case."""
        return future_of(case.plan, self.folder, case.price)

    def outlook_of(self, case: Case) -> Hoped:
        """Ledger of a case."""
        return hoped(case.plan, self.folder, case.price)

    def tried(self, case: Case) -> Happened:
        """What happens in the same futures with a change."""
        self.tried_one()
        return events(self.future_of(case), self.paths, self.seed)

    def tried_one(self) -> None:
        """Count a change that was tried, also one that could not be planned."""
        self.tries += 1
        self.advance(1)

    def reached(self, happened: Happened) -> bool:
        """Whether the event is as probable as it is to be."""
        return self.event in happened and float(happened[self.event].mean()) >= self.target

    def effects(self, after: Happened, before: Happened | None = None) -> tuple[Effect, ...]:
        """Each probability before and after, the one asked for first; those that both have."""
        before = before or self.happened
        names = sorted(before, key=lambda name: name != self.event)
        return tuple(effect(name, before[name], after[name]) for name in names if name in after)

    def cost_cents(self, found: Hoped) -> int:
        """Expenses and interest less revenue of all months, more than planned."""
        return _net_cost(found) - _net_cost(self.outlook)

    def last_training(self) -> TrainingRunConfig | None:
        """The training that ends last, whose time is drawn."""
        ends = [_end(one.start, one.months) for one in self.outlook.trainings]
        return self.plan.training[ends.index(max(ends))] if ends else None

    def planned(self) -> Plan | None:
        """The planner's answer to it."""
        last = self.last_training()
        return None if last is None else self.planner(last)

    def delay_months(self, found: Hoped) -> float | None:
        """By which the median end of training is later."""
        if not found.trainings or not self.outlook.trainings:
            return None
        after, before = (max(_end(one.start, one.months) for one in each.trainings) for each in (found, self.outlook))
        return after - before

    def probability(self) -> tuple[float, float]:
        """Of the event as planned, with its standard error."""
        value = float(self.happened[self.event].mean())
        return value, standard_error(value, self.paths)


def effect(name: str, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Effect:
    """A probability before and after in the same futures, and the standard error of the difference: s/√n of the
    differences of the pairs."""
    differences = after.astype(np.float64) - before
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return Effect(
        event=name,
        before=float(before.mean()),
        after=float(after.mean()),
        change=float(differences.mean()),
        standard_error=spread / math.sqrt(len(differences)),
    )


def loss_change(before: Plan, after: Plan) -> LossChange | None:
    """What the predicted loss becomes; null where the model and its text stay.

    Both losses are of one law, whose errors they share: its irreducible part cancels, and each exponent's error counts
    by how much more one loss moves with it than the other (Besiroglu et al. 2024, as `planning.predict_loss` has it).
    """
    one, other = before.loss, after.loss
    if one == other:
        return None
    sizes = _slopes(before.active_parameters, one)
    others = _slopes(after.active_parameters, other)
    errors = (BESIROGLU.parameter_exponent_error, BESIROGLU.token_exponent_error)
    parts = ((new - old) * error for old, new, error in zip(sizes, others, errors, strict=True))
    change, far = other.nats_per_token - one.nats_per_token, Z90 * math.hypot(*parts)
    return LossChange(before=one.nats_per_token, after=other.nats_per_token, low=change - far, high=change + far)


def _slopes(parameters: float, loss: Loss) -> tuple[float, float]:
    """How the two terms of a loss move with their exponents, the fitted losses staying."""
    law = BESIROGLU
    size = law.parameter_factor / parameters**law.parameter_exponent * math.log(parameters / CENTRE[0])
    text = law.token_factor / loss.effective_tokens**law.token_exponent * math.log(loss.effective_tokens / CENTRE[1])
    return size, text


def _net_cost(found: Hoped) -> int:
    months = found.hoped.months
    return sum(sum(one.expenses_cents.values()) + one.interest_cents - one.revenue_cents for one in months)


def _end(start: str, months: float) -> float:
    return month_number(start) + months
