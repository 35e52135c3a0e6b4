"""capital.toml: the money side of a venture, beside its venture file."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import Field

from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_checks import table_problems
from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.cap_table.table_results import CapTable
from argosy.capital.months import MoneyRounding, MonthText
from argosy.capital.ocf.table import with_package
from argosy.capital.plan.advice_config import AdviceConfig, ExitConfig, OptionConfig
from argosy.capital.plan.budget import (
    Amount,
    CostConfig,
    CreditConfig,
    FundingConfig,
    MilestoneConfig,
    RateConfig,
    RevenueConfig,
    RoleConfig,
    StatementRuleConfig,
    TaxConfig,
    TrafficConfig,
    TrainingRunConfig,
    UncertaintyConfig,
)
from argosy.capital.plan.market_config import ArtefactConfig, ChannelConfig, MarketConfig, market_problems
from argosy.capital.plan.plan_checks import plan_problems
from argosy.capital.plan.resources_config import PartnerConfig, ResourceConfig
from argosy.config import Problem, Section, UserError, VentureError, toml_tree, validated

NAME = "capital.toml"


class CapitalPlan(Section):
    """Everything capital.toml may say."""

    about: str = ""
    """One sentence on what the company does, for the investor's page."""
    about_zh: str = ""
    """The same in Chinese, for the Chinese page; `about` unless given."""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    """Currency of all amounts that name none, as three capitals."""
    start: date | None = Field(None, ge=date(1990, 1, 1), le=date(2199, 12, 31))
    """First day of the plan."""
    months: int = Field(60, ge=1, le=240)
    """How far it goes."""
    cash: Amount | None = None
    """In the bank on the first day."""
    raising_months: int = Field(6, ge=0, le=36)
    """From the first talk about a round until its money is there."""
    discount_per_year: float | None = Field(None, ge=0, le=10)
    """What money could earn elsewhere at the same risk; without it nothing has a present value."""
    worth_until: MonthText | None = None
    """Last month in which what a training brings counts, after the plan as much as at its end; that of the plan unless
    given."""
    cap_table: CapTableConfig | None = None
    """Who holds what, what converts, which rounds come."""
    rounding: MoneyRounding = "half-up"
    """Of all money to cents, in ledger, cap table and sale: halves away from zero, as spreadsheets do, or to the even
    cent. How share counts and prices of shares are rounded, `cap_table.rounding` says."""
    rates: tuple[RateConfig, ...] = Field((), strict=False)
    """Other currencies."""
    costs: tuple[CostConfig, ...] = Field((), strict=False)
    """What is paid once or again and again."""
    people: tuple[RoleConfig, ...] = Field((), strict=False)
    """Roles."""
    training: tuple[TrainingRunConfig, ...] = Field((), strict=False)
    """Trainings that ventures plan."""
    traffic: tuple[TrafficConfig, ...] = Field((), strict=False)
    """What serving takes."""
    revenue: tuple[RevenueConfig, ...] = Field((), strict=False)
    """What customers pay."""
    funding: tuple[FundingConfig, ...] = Field((), strict=False)
    """Money that is not earned."""
    credits: tuple[CreditConfig, ...] = Field((), strict=False)
    """What is not cash and pays bills."""
    resources: tuple[ResourceConfig, ...] = Field((), strict=False)
    """What is not cash and stands in for bills."""
    warn_months: int = Field(3, ge=0, le=36)
    """Before credits and resources expire, from when it is time to use them."""
    partners: tuple[PartnerConfig, ...] = Field((), strict=False)
    """Whom the plan hangs on."""
    tax: TaxConfig | None = None
    """Tax on profit."""
    milestones: tuple[MilestoneConfig, ...] = Field((), strict=False)
    """What is to be reached with money left."""
    statement: tuple[StatementRuleConfig, ...] = Field((), strict=False)
    """How bookings of the bank are counted."""
    uncertainty: UncertaintyConfig = UncertaintyConfig()
    """How far what is planned may be off."""
    exits: tuple[ExitConfig, ...] = Field((), strict=False)
    """Sales of the company."""
    options: tuple[OptionConfig, ...] = Field((), strict=False)
    """Other ways to have the model."""
    advice: AdviceConfig = AdviceConfig()
    """What advice is to reach."""
    market: MarketConfig = MarketConfig()
    """How the figures of the market are counted."""
    channels: tuple[ChannelConfig, ...] = Field((), strict=False)
    """Ways to customers."""
    artefacts: tuple[ArtefactConfig, ...] = Field((), strict=False)
    """What earns trust and talent."""

    def problems(self) -> Iterable[Problem]:
        """What is wrong across keys."""
        yield from plan_problems(self)
        if self.cap_table is not None:
            yield from table_problems(self.cap_table)
        yield from market_problems(self.channels, self.artefacts, self.milestones, bool(self.traffic))


def read_capital(path: Path | str, *, converting: bool = True) -> tuple[CapitalPlan, Path]:
    """The validated plan in a file, or in the capital.toml of a folder, and the file.

    Without `converting` the cap table is not checked: a round that is asked about may be what converts its SAFEs.
    Raises `UserError` for a file that cannot be read, `VentureError` with every problem of the keys.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    tree = toml_tree(path, missing=f"no capital plan at {path}", hint="docs/how-to/cap-table.md begins one")
    plan = validated(CapitalPlan, with_package(tree, path), str(path))
    problems = tuple(plan.problems() if converting else plan_problems(plan))
    if problems:
        raise VentureError(str(path), problems)
    if plan.cap_table is not None and converting:
        table_at(plan, str(path))
    return plan, path


def load_capital(path: Path | str) -> CapitalPlan:
    """The plan of `read_capital`."""
    return read_capital(path)[0]


def table_at(plan: CapitalPlan, source: str, at: date | None = None) -> CapTable:
    """The plan's cap table on a day, the last event's unless given; raises as `table_of` and `cap_table` do."""
    config = table_of(plan, source)
    return cap_table(config, currency=plan.currency, rounding=plan.rounding, at=at, source=source)


def table_of(plan: CapitalPlan, source: str) -> CapTableConfig:
    """The plan's cap table; `UserError` where it has none."""
    if plan.cap_table is None:
        raise UserError("missing-key", f"{source} has no [cap_table]", hint="docs/how-to/cap-table.md begins one")
    return plan.cap_table
