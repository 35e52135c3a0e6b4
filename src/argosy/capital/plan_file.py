"""capital.toml: the money side of a venture, beside its venture file."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import Field

from argosy.capital.advice_config import AdviceConfig, ExitConfig, OptionConfig
from argosy.capital.budget import (
    Amount,
    CostConfig,
    CreditConfig,
    FundingConfig,
    MilestoneConfig,
    RateConfig,
    RevenueConfig,
    RoleConfig,
    StatementRuleConfig,
    TrafficConfig,
    TrainingRunConfig,
    UncertaintyConfig,
)
from argosy.capital.market_config import ArtefactConfig, ChannelConfig, MarketConfig, market_problems
from argosy.capital.resources_config import PartnerConfig, ResourceConfig
from argosy.capital.table import cap_table
from argosy.capital.table_checks import table_problems
from argosy.capital.table_config import CapTableConfig
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
    start: date | None = None
    """First day of the plan."""
    months: int = Field(60, ge=1, le=240)
    """How far it goes."""
    cash: Amount | None = None
    """In the bank on the first day."""
    raising_months: int = Field(6, ge=0, le=36)
    """From the first talk about a round until its money is there."""
    cap_table: CapTableConfig | None = None
    """Who holds what, what converts, which rounds come."""
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
        if self.cap_table is not None:
            yield from table_problems(self.cap_table)
        yield from market_problems(self.channels, self.artefacts, self.milestones, bool(self.traffic))


def read_capital(path: Path | str) -> tuple[CapitalPlan, Path]:
    """The plan as its keys read, each valid alone, and the file it is in; `load_capital` checks them together."""
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    tree = toml_tree(path, missing=f"no capital plan at {path}", hint="docs/how-to/cap-table.md begins one")
    return validated(CapitalPlan, tree, str(path)), path


def load_capital(path: Path | str) -> CapitalPlan:
    """The validated plan in a file, or in the capital.toml of a folder.

    Raises `UserError` for a file that cannot be read, `VentureError` with every problem of the keys.
    """
    plan, path = read_capital(path)
    problems = tuple(plan.problems())
    if problems:
        raise VentureError(str(path), problems)
    if plan.cap_table is not None:
        cap_table(plan.cap_table, currency=plan.currency, source=str(path))
    return plan


def table_of(plan: CapitalPlan, source: str) -> CapTableConfig:
    """The plan's cap table; `UserError` where it has none."""
    if plan.cap_table is None:
        raise UserError("missing-key", f"{source} has no [cap_table]", hint="docs/how-to/cap-table.md begins one")
    return plan.cap_table
