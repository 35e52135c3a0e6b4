"""From a cap table to Open Cap Format objects: what was issued until a day, and what rounds made of it."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from argosy.capital.cap_table.table import cap_table
from argosy.capital.cap_table.table_config import (
    CapTableConfig,
    GrantConfig,
    HoldingConfig,
    NoteConfig,
    SafeConfig,
    VestingConfig,
)
from argosy.capital.cap_table.table_results import ClassLine, RoundResult
from argosy.capital.exact import CENTS
from argosy.capital.ocf import objects as ocf
from argosy.capital.ocf.terms import ACCRUAL, DAY_COUNT
from argosy.config import UserError

SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "argosy:open-cap-format")
PLACES = 10  # the format's Numeric has no more


class Maker:
    """Makes the objects of one table; identifiers come from `ids` where the table was read from a package."""

    def __init__(self, config: CapTableConfig, currency: str, at: date | None, ids: Mapping[str, str]) -> None:
        self.config, self.currency, self.ids = config, currency, ids
        self.table = cap_table(config, currency=currency, at=at)
        self.at = self.table.table.date
        self.plan = ids.get("STOCK_PLAN:pool") or self.id("STOCK_PLAN", "pool")
        self.terms: dict[str, ocf.VestingTerms] = {}

    def id(self, kind: str, name: str) -> str:
        """The identifier of something: the package's, else one made of its name, the same each time."""
        return self.ids.get(f"{kind}:{name}") or str(uuid.uuid5(SPACE, f"{self.config.company}/{kind}/{name}"))

    def money(self, amount: Fraction) -> ocf.Monetary:
        """An amount in the table's currency."""
        return ocf.Monetary(amount=numeric(amount), currency=self.currency)

    def issuer(self) -> ocf.Issuer:
        """The company; `UserError` where the day it was formed is missing."""
        if self.config.formed is None:
            raise UserError(
                "missing-key", "cap_table.formed: required key is missing: Open Cap Format asks for the day"
            )
        return ocf.Issuer(
            id=self.id("ISSUER", self.config.company),
            legal_name=self.config.company,
            formation_date=self.config.formed.isoformat(),
            country_of_formation=self.config.country,
        )

    def objects(self) -> list[ocf.OcfObject]:
        """Everything but the issuer."""
        made: list[ocf.OcfObject] = [
            ocf.Stakeholder(
                id=self.id("STAKEHOLDER", one.name),
                name=ocf.LegalName(legal_name=one.name),
                stakeholder_type=one.legal.upper(),
                current_relationships=[one.kind.upper()],
            )
            for one in self.config.holders
        ]
        made += [self._class(one) for one in self.table.classes]
        made += self._pool()
        for i, holding in enumerate(self.config.holdings):
            if holding.date <= self.at:
                made += self._holding(holding, i)
        for i, grant in enumerate(self.config.grants):
            if grant.date <= self.at:
                made += self._grant(grant, i)
        for part in ("safes", "notes"):
            for i, one in enumerate(getattr(self.config, part)):
                if one.date <= self.at:
                    made.append(self._convertible(one, f"{part}-{i}"))
        for done in self.table.rounds:
            made += self._round(done)
        made += self._repaid()
        return [*self.terms.values(), *made]

    def _class(self, one: ClassLine) -> ocf.StockClass:
        declared = next((each for each in self.config.classes if each.name == one.name), None)
        common = next((each.name for each in self.config.classes if each.kind == "common"), one.name)
        rights = None
        if one.kind == "preferred" and one.price is not None:
            first = one.price if declared is None else declared.conversion_price or one.price
            rights = [
                ocf.ClassRight(
                    conversion_mechanism=self._ratio(one.price, first),
                    converts_to_stock_class_id=self.id("STOCK_CLASS", common),
                )
            ]
        preferred = one.kind == "preferred"
        authorized = None if declared is None else declared.authorized
        return ocf.StockClass(
            id=self.id("STOCK_CLASS", one.name),
            name=one.name,
            class_type=one.kind.upper(),
            default_id_prefix="PS-" if preferred else "CS-",
            initial_shares_authorized="NOT APPLICABLE" if authorized is None else str(authorized),
            votes_per_share=numeric(Fraction(1) if declared is None else declared.votes),
            seniority=str(one.seniority),
            price_per_share=self.money(one.price) if preferred and one.price is not None else None,
            conversion_rights=rights,
            liquidation_preference_multiple=numeric(one.preference) if preferred else None,
            participation_cap_multiple=numeric(one.participation_cap) if one.participation_cap is not None else None,
        )

    def _ratio(self, price: Fraction, conversion_price: Fraction) -> ocf.RatioConversion:
        return ocf.RatioConversion(
            ratio=ocf.Ratio(numerator=numeric(price), denominator=numeric(conversion_price)),
            conversion_price=self.money(conversion_price),
            rounding_type="NORMAL" if self.config.rounding.shares == "nearest" else "FLOOR",
        )

    def _pool(self) -> Iterable[ocf.OcfObject]:
        pool = self.config.pool
        increases = [one for one in self.table.rounds if one.pool_increase]
        if pool is None and not increases:
            return
        reserved = Fraction(0 if pool is None else pool.shares)
        since = increases[0].date if pool is None else pool.date
        common = [each.name for each in self.config.classes if each.kind == "common"]
        yield ocf.StockPlan(
            id=self.plan,
            plan_name="Option pool",
            board_approval_date=since.isoformat(),
            initial_shares_reserved=numeric(reserved),
            stock_class_ids=[self.id("STOCK_CLASS", name) for name in common[:1] or [self.config.classes[0].name]],
        )
        for one in increases:
            reserved += one.pool_increase
            yield ocf.PoolAdjustment(
                id=self.id("pool", one.name),
                date=one.date.isoformat(),
                stock_plan_id=self.plan,
                shares_reserved=numeric(reserved),
            )

    def _issue(self, security: str, holder: str, on: date, number: str) -> dict[str, Any]:
        """What every issuance says."""
        return {
            "id": self.ids.get(f"issuance:{security}") or self.id("issuance", security),
            "security_id": security,
            "date": on.isoformat(),
            "stakeholder_id": self.id("STAKEHOLDER", holder),
            "custom_id": number,
        }

    def _holding(self, one: HoldingConfig, index: int) -> Iterable[ocf.OcfObject]:
        security = one.id or self.id("security", f"holding-{index}-{one.holder}-{one.date}")
        terms, start = self._vesting(one.vesting, one.date, security, f"cap_table.holdings.{index}")
        yield ocf.StockIssuance(
            **self._issue(security, one.holder, one.date, f"S-{index + 1}"),
            stock_class_id=self.id("STOCK_CLASS", one.share_class),
            share_price=self.money(one.price or Fraction(0)),
            quantity=str(one.shares),
            vesting_terms_id=terms,
        )
        yield from start

    def _grant(self, one: GrantConfig, index: int) -> Iterable[ocf.OcfObject]:
        security = one.id or self.id("security", f"grant-{index}-{one.holder}-{one.date}")
        terms, start = self._vesting(one.vesting, one.date, security, f"cap_table.grants.{index}")
        issue = self._issue(security, one.holder, one.date, f"{'O' if one.kind == 'option' else 'W'}-{index + 1}")
        if one.kind == "option":
            yield ocf.OptionIssuance(
                **issue,
                stock_plan_id=self.plan,
                quantity=str(one.shares),
                exercise_price=self.money(one.strike),
                vesting_terms_id=terms,
            )
        else:
            yield ocf.WarrantIssuance(
                **issue,
                quantity=str(one.shares),
                exercise_price=self.money(one.strike),
                purchase_price=self.money(Fraction(0)),
                vesting_terms_id=terms,
            )
        yield from start

    def _vesting(
        self, terms: VestingConfig | None, issued: date, security: str, key: str
    ) -> tuple[str | None, list[ocf.OcfObject]]:
        if terms is None:
            return None, []
        for gone in ("left", "accelerated"):
            if getattr(terms, gone) is not None:
                raise UserError(
                    "not-in-ocf", f"{key}.vesting.{gone}: to-ocf does not write this yet; write what remains"
                )
        if terms.cliff_months % terms.every_months or terms.months % terms.every_months:
            raise UserError("not-in-ocf", f"{key}.vesting: cliff and months are no multiple of every_months")
        name = f"{terms.months} months, cliff {terms.cliff_months}, every {terms.every_months}"
        if name not in self.terms:
            self.terms[name] = _terms(self.id("VESTING_TERMS", name), name, terms)
        start = ocf.VestingStart(
            id=self.id("start", security),
            date=(terms.start or issued).isoformat(),
            security_id=security,
            vesting_condition_id="start",
        )
        return self.terms[name].id, [start]

    def _convertible(self, one: SafeConfig | NoteConfig, place: str) -> ocf.ConvertibleIssuance:
        security = one.id or self.id("security", f"{place}-{one.holder}-{one.date}")
        safe = isinstance(one, SafeConfig)
        mechanism: dict[str, object] = {"type": "SAFE_CONVERSION" if safe else "CONVERTIBLE_NOTE_CONVERSION"}
        if one.cap is not None:
            mechanism["conversion_valuation_cap"] = self.money(one.cap).model_dump()
        if one.discount:
            mechanism["conversion_discount"] = numeric(one.discount)
        mechanism["conversion_mfn"] = one.mfn
        triggers = [("AUTOMATIC_ON_CONDITION", {"trigger_condition": "Next equity financing"})]
        if isinstance(one, SafeConfig):
            mechanism["conversion_timing"] = "POST_MONEY" if one.kind == "post-money" else "PRE_MONEY"
        else:
            triggers.append(("AUTOMATIC_ON_DATE", {"trigger_date": one.maturity.isoformat()}))
            mechanism |= _interest(one, f"cap_table.{place.replace('-', '.')}")
        right = {
            "type": "CONVERTIBLE_CONVERSION_RIGHT",
            "conversion_mechanism": mechanism,
            "converts_to_future_round": True,
        }
        return ocf.ConvertibleIssuance(
            **self._issue(security, one.holder, one.date, place),
            investment_amount=self.money(one.amount),
            convertible_type="SAFE" if safe else "NOTE",
            conversion_triggers=[
                ocf.Trigger(trigger_id=f"{place}.{i}", type=kind, conversion_right=right, **when)
                for i, (kind, when) in enumerate(triggers)
            ],
        )

    def _round(self, one: RoundResult) -> Iterable[ocf.OcfObject]:
        sold = [(each.holder, each.shares, one.price, one.share_class, "") for each in one.purchases]
        sold += [(each.holder, each.shares, each.price, each.share_class, each.key) for each in one.conversions]
        issued = []
        for i, (holder, shares, price, share_class, key) in enumerate(sold):
            issue = ocf.StockIssuance(
                **self._issue(self.id("security", f"{one.name}-{i}"), holder, one.date, f"{one.name}-{i + 1}"),
                stock_class_id=self.id("STOCK_CLASS", share_class),
                share_price=self.money(price),
                quantity=numeric(shares),
            )
            issued.append(issue.id)
            yield issue
            if key:
                yield ocf.ConvertibleConversion(
                    id=self.id("conversion", key),
                    date=one.date.isoformat(),
                    security_id=self._security(key),
                    trigger_id=f"{key.removeprefix('cap_table.').replace('.', '-')}.0",
                    reason_text=f"Converted in {one.name}",
                    resulting_security_ids=[issue.security_id],
                )
        yield ocf.Financing(
            id=self.id("FINANCING", one.name), name=one.name, date=one.date.isoformat(), issuance_ids=issued
        )
        for change in one.adjustments:
            price = next(each.price for each in self.table.classes if each.name == change.share_class) or Fraction(1)
            yield ocf.RatioAdjustment(
                id=self.id("adjustment", f"{one.name}-{change.share_class}"),
                date=one.date.isoformat(),
                stock_class_id=self.id("STOCK_CLASS", change.share_class),
                new_ratio_conversion_mechanism=self._ratio(price, change.after),
            )

    def _security(self, key: str) -> str:
        _, part, index = key.split(".")
        one = getattr(self.config, part)[int(index)]
        return one.id or self.id("security", f"{part}-{index}-{one.holder}-{one.date}")

    def _repaid(self) -> Iterable[ocf.OcfObject]:
        for one in self.table.instruments:
            if one.by != "maturity":
                continue
            if one.state == "converted":
                raise UserError("not-in-ocf", f"{one.key}: to-ocf does not write a conversion at maturity yet")
            assert one.on is not None
            yield ocf.ConvertibleCancellation(
                id=self.id("repayment", one.key),
                date=one.on.isoformat(),
                security_id=self._security(one.key),
                reason_text="Repaid at maturity",
                amount=self.money(Fraction(one.amount_cents, CENTS)),
            )


def numeric(number: Fraction) -> str:
    """A number as the format has it: decimal, ten places at most, the nearest where it has more."""
    if number.denominator == 1:
        return str(int(number))
    scaled = Decimal(round(number * 10**PLACES)).scaleb(-PLACES)
    return f"{scaled:f}".rstrip("0").rstrip(".")


def _interest(one: NoteConfig, key: str) -> dict[str, object]:
    counts = {value: name for name, value in DAY_COUNT.items()}
    if one.day_count not in counts:
        raise UserError("not-in-ocf", f"{key}.day_count = {one.day_count!r}: Open Cap Format knows {', '.join(counts)}")
    simple = one.compounding == "simple"
    periods = {value: name for name, value in ACCRUAL.items()}
    return {
        "interest_rates": [{"rate": numeric(one.interest), "accrual_start_date": one.date.isoformat()}],
        "day_count_convention": counts[one.day_count],
        "interest_payout": "DEFERRED",
        "interest_accrual_period": "DAILY" if simple else periods[one.compounding],
        "compounding_type": "SIMPLE" if simple else "COMPOUNDING",
    }


def _terms(identifier: str, name: str, terms: VestingConfig) -> ocf.VestingTerms:
    """Start, cliff where there is one, then even periods."""
    steps, relative = [], "start"
    if terms.cliff_months:
        steps.append(("cliff", terms.cliff_months, 1, terms.cliff_months))
    left = (terms.months - terms.cliff_months) // terms.every_months
    if left:
        steps.append(("monthly", terms.every_months, left, terms.every_months))
    follow = [step[0] for step in steps]
    conditions = [
        ocf.Condition(id="start", quantity="0", trigger={"type": "VESTING_START_DATE"}, next_condition_ids=follow[:1])
    ]
    for place, (step, length, times, months) in enumerate(steps):
        period = {
            "type": "MONTHS",
            "length": length,
            "occurrences": times,
            "day_of_month": "VESTING_START_DAY_OR_LAST_DAY_OF_MONTH",
        }
        conditions.append(
            ocf.Condition(
                id=step,
                portion=ocf.Ratio(numerator=str(months), denominator=str(terms.months)),
                trigger={"type": "VESTING_SCHEDULE_RELATIVE", "period": period, "relative_to_condition_id": relative},
                next_condition_ids=follow[place + 1 : place + 2],
            )
        )
        relative = step
    return ocf.VestingTerms(id=identifier, name=name, description=name, vesting_conditions=conditions)
