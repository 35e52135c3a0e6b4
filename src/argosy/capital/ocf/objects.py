"""The Open Cap Format objects that Argosy writes, as records: the fields it fills, in the format's own words."""

from typing import Any, Literal

from pydantic import Field

from argosy.config import Record


class Monetary(Record):
    """An amount of a currency."""

    amount: str
    currency: str


class Ratio(Record):
    """A fraction."""

    numerator: str
    denominator: str


class OcfObject(Record):
    """Anything with an identifier and a type."""

    id: str
    object_type: str

    def item(self) -> dict[str, Any]:
        """As JSON, without what is not said."""
        return self.model_dump(mode="json", exclude_none=True)


class Issuer(OcfObject):
    """The company."""

    object_type: Literal["ISSUER"] = "ISSUER"
    legal_name: str
    formation_date: str
    country_of_formation: str


class LegalName(Record):
    """A name."""

    legal_name: str


class Stakeholder(OcfObject):
    """Somebody who holds."""

    object_type: Literal["STAKEHOLDER"] = "STAKEHOLDER"
    name: LegalName
    stakeholder_type: str
    current_relationships: list[str]


class RatioConversion(Record):
    """So many common for one."""

    type: Literal["RATIO_CONVERSION"] = "RATIO_CONVERSION"
    ratio: Ratio
    conversion_price: Monetary
    rounding_type: Literal["FLOOR", "NORMAL"]


class ClassRight(Record):
    """What a preferred class converts into."""

    type: Literal["STOCK_CLASS_CONVERSION_RIGHT"] = "STOCK_CLASS_CONVERSION_RIGHT"
    conversion_mechanism: RatioConversion
    converts_to_stock_class_id: str


class StockClass(OcfObject):
    """A class of shares."""

    object_type: Literal["STOCK_CLASS"] = "STOCK_CLASS"
    name: str
    class_type: str
    default_id_prefix: str
    initial_shares_authorized: str
    votes_per_share: str
    seniority: str
    price_per_share: Monetary | None = None
    conversion_rights: list[ClassRight] | None = None
    liquidation_preference_multiple: str | None = None
    participation_cap_multiple: str | None = None


class StockPlan(OcfObject):
    """The pool."""

    object_type: Literal["STOCK_PLAN"] = "STOCK_PLAN"
    plan_name: str
    board_approval_date: str
    initial_shares_reserved: str
    stock_class_ids: list[str]


class PoolAdjustment(OcfObject):
    """The pool from a day on."""

    object_type: Literal["TX_STOCK_PLAN_POOL_ADJUSTMENT"] = "TX_STOCK_PLAN_POOL_ADJUSTMENT"
    date: str
    stock_plan_id: str
    shares_reserved: str


class RatioAdjustment(OcfObject):
    """A conversion price that fell."""

    object_type: Literal["TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT"] = "TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT"
    date: str
    stock_class_id: str
    new_ratio_conversion_mechanism: RatioConversion


class Condition(Record):
    """A step of vesting."""

    id: str
    portion: Ratio | None = None
    quantity: str | None = None
    trigger: dict[str, Any]
    next_condition_ids: list[str]


class VestingTerms(OcfObject):
    """Even months with a cliff."""

    object_type: Literal["VESTING_TERMS"] = "VESTING_TERMS"
    name: str
    description: str
    allocation_type: Literal["CUMULATIVE_ROUND_DOWN"] = "CUMULATIVE_ROUND_DOWN"
    vesting_conditions: list[Condition]


class VestingStart(OcfObject):
    """The day vesting starts."""

    object_type: Literal["TX_VESTING_START"] = "TX_VESTING_START"
    date: str
    security_id: str
    vesting_condition_id: str


class Issuance(OcfObject):
    """What all issues say."""

    security_id: str
    date: str
    stakeholder_id: str
    custom_id: str
    security_law_exemptions: list[Any] = Field(default_factory=list)


class StockIssuance(Issuance):
    """Shares."""

    object_type: Literal["TX_STOCK_ISSUANCE"] = "TX_STOCK_ISSUANCE"
    stock_class_id: str
    share_price: Monetary
    quantity: str
    stock_legend_ids: list[str] = Field(default_factory=list)
    vesting_terms_id: str | None = None


class OptionIssuance(Issuance):
    """Options from the pool."""

    object_type: Literal["TX_EQUITY_COMPENSATION_ISSUANCE"] = "TX_EQUITY_COMPENSATION_ISSUANCE"
    stock_plan_id: str
    compensation_type: Literal["OPTION"] = "OPTION"
    quantity: str
    exercise_price: Monetary
    vesting_terms_id: str | None = None
    termination_exercise_windows: list[Any] = Field(default_factory=list)

    def item(self) -> dict[str, Any]:
        """With the day of expiry, which the format wants even where there is none."""
        return {**super().item(), "expiration_date": None}


class Trigger(Record):
    """When, and how, something converts."""

    trigger_id: str
    type: str
    trigger_condition: str | None = None
    trigger_date: str | None = None
    conversion_right: dict[str, Any]


class WarrantIssuance(Issuance):
    """A warrant."""

    object_type: Literal["TX_WARRANT_ISSUANCE"] = "TX_WARRANT_ISSUANCE"
    quantity: str
    exercise_price: Monetary
    purchase_price: Monetary
    exercise_triggers: list[Trigger] = Field(default_factory=list)
    vesting_terms_id: str | None = None


class ConvertibleIssuance(Issuance):
    """A SAFE or a note."""

    object_type: Literal["TX_CONVERTIBLE_ISSUANCE"] = "TX_CONVERTIBLE_ISSUANCE"
    investment_amount: Monetary
    convertible_type: Literal["SAFE", "NOTE"]
    conversion_triggers: list[Trigger]
    seniority: int = 1


class ConvertibleConversion(OcfObject):
    """A SAFE or a note that became shares."""

    object_type: Literal["TX_CONVERTIBLE_CONVERSION"] = "TX_CONVERTIBLE_CONVERSION"
    date: str
    security_id: str
    trigger_id: str
    reason_text: str
    resulting_security_ids: list[str]


class ConvertibleCancellation(OcfObject):
    """A note that was paid back."""

    object_type: Literal["TX_CONVERTIBLE_CANCELLATION"] = "TX_CONVERTIBLE_CANCELLATION"
    date: str
    security_id: str
    reason_text: str
    amount: Monetary


class Financing(OcfObject):
    """A round and the shares issued in it."""

    object_type: Literal["FINANCING"] = "FINANCING"
    name: str
    date: str
    issuance_ids: list[str]
