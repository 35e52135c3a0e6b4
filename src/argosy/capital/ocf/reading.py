"""From an Open Cap Format package to a cap table. What has no key here is kept, and named with the reason."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any

from argosy.capital.cap_table.table_config import CapTableConfig
from argosy.capital.ocf.package import Item, Package
from argosy.capital.ocf.terms import Unmodelled, note_terms, safe_terms, vesting_of
from argosy.config import Record, UserError, validated

ENDING = ("_CANCELLATION", "_RETRACTION", "_TRANSFER", "_CONVERSION", "_EXERCISE", "_REPURCHASE", "_RELEASE")
ISSUANCES = {
    "TX_STOCK_ISSUANCE": "holdings",
    "TX_EQUITY_COMPENSATION_ISSUANCE": "grants",
    "TX_PLAN_SECURITY_ISSUANCE": "grants",
    "TX_WARRANT_ISSUANCE": "grants",
    "TX_CONVERTIBLE_ISSUANCE": "safes",
}
RATIO_CHANGE = "TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT"
FOUNDERS = {"FOUNDER": "founder", "INVESTOR": "investor", "EMPLOYEE": "employee", "EXECUTIVE": "employee"}


class Kept(Record):
    """An object that is carried through unchanged; it changes nothing in the table unless the reason says so."""

    object_type: str
    """Its type."""
    id: str
    """Its identifier."""
    reason: str
    """Why the table has no place for it, or what of it the table has."""


class Reading(Record):
    """A package as a cap table."""

    currency: str
    """Of its amounts."""
    cap_table: dict[str, Any]
    """The `[cap_table]` section, as a file would have it."""
    kept: tuple[Kept, ...]
    """What is carried through without a key."""
    ids: dict[str, str]
    """Open Cap Format identifiers by `kind:name`."""

    def config(self, source: str) -> CapTableConfig:
        """The section, validated."""
        return validated(CapTableConfig, self.cap_table, source)


def interpret(package: Package) -> Reading:
    """The cap table in a package. Raises `UserError` for a package without a stakeholder or a class."""
    return _Reader(package).read()


class _Reader:
    def __init__(self, package: Package) -> None:
        self.package, self.kept, self.ids = package, [], {}  # type: tuple[Package, list[Kept], dict[str, str]]
        self.items = [item for _, item in package.items()]
        self.currency = _currency(self.items)
        self.ended = {
            security: item
            for item in self.items
            if item["object_type"].endswith(ENDING) or item["object_type"].endswith(("_REISSUANCE", "_CONSOLIDATION"))
            for security in [item.get("security_id"), *item.get("security_ids", ())]
            if security
        }

    def of(self, *types: str) -> list[Item]:
        return [item for item in self.items if item["object_type"] in types]

    def keep(self, item: Item, reason: str) -> None:
        self.kept.append(Kept(object_type=item["object_type"], id=item["id"], reason=reason))

    def read(self) -> Reading:
        issuer = self.package.issuer()
        self.ids[f"ISSUER:{issuer['legal_name']}"] = issuer["id"]
        for plan in self.of("STOCK_PLAN")[:1]:
            self.ids["STOCK_PLAN:pool"] = plan["id"]
        self.ids |= {f"start:{one['security_id']}": one["id"] for one in self.of("TX_VESTING_START")}
        self.holders = self._named("STAKEHOLDER", lambda one: one["name"]["legal_name"])
        self.classes = self._named("STOCK_CLASS", lambda one: one["name"])
        self.preferred = {one["id"] for one in self.of("STOCK_CLASS") if one["class_type"] == "PREFERRED"}
        if not self.holders or not self.classes:
            raise UserError("bad-ocf", "the package has no stakeholder, or no stock class: there is no table in it")
        section: dict[str, Any] = {
            "company": issuer["legal_name"],
            "formed": date.fromisoformat(issuer["formation_date"]),
            "country": issuer["country_of_formation"],
            "holders": [_holder(name, item) for name, item in self._by_name("STAKEHOLDER", self.holders)],
            "classes": [self._class(name, item) for name, item in self._by_name("STOCK_CLASS", self.classes)],
            "holdings": [],
            "grants": [],
            "safes": [],
            "notes": [],
        }
        repeated = Counter(item["security_id"] for item in self.of(*ISSUANCES))
        for item in self.of(*ISSUANCES):
            try:
                if repeated[item["security_id"]] > 1:
                    raise Unmodelled(
                        f"security_id {item['security_id']!r} is issued {repeated[item['security_id']]} times"
                    )
                part, entry = self._issuance(item)
                section[part].append(entry)
            except Unmodelled as error:
                self.keep(item, str(error))
        pool = self._pool(issuer, section)
        if pool:
            section["pool"] = pool
        self._keep_the_rest()
        return Reading(
            currency=self.currency,
            cap_table={key: value for key, value in section.items() if value},
            kept=tuple(self.kept),
            ids=self.ids,
        )

    def _named(self, kind: str, name_of: Any) -> dict[str, str]:
        """Name by identifier; a name that several have is told apart by the identifier."""
        items = self.of(kind)
        count = Counter(name_of(item) for item in items)
        names = {}
        for item in items:
            name = name_of(item)
            names[item["id"]] = name if count[name] == 1 else f"{name} ({item['id']})"
            self.ids[f"{kind}:{names[item['id']]}"] = item["id"]
        return names

    def _by_name(self, kind: str, names: dict[str, str]) -> Iterable[tuple[str, Item]]:
        return ((names[item["id"]], item) for item in self.of(kind))

    def _class(self, name: str, item: Item) -> Item:
        entry: Item = {"name": name, "kind": item["class_type"].lower(), "seniority": int(Fraction(item["seniority"]))}
        if Fraction(item["votes_per_share"]) != 1:
            entry["votes"] = _number(item["votes_per_share"])
        authorized = item["initial_shares_authorized"]
        if authorized not in ("UNLIMITED", "NOT APPLICABLE") and Fraction(authorized) >= 1:
            entry["authorized"] = int(Fraction(authorized))
        if entry["kind"] == "common":
            return entry
        right = next(iter(item.get("conversion_rights", ())), None)
        ratio = Fraction(1)
        if right is not None:
            changes = [one for one in self.of(RATIO_CHANGE) if one["stock_class_id"] == item["id"]]
            last = max(changes, key=lambda one: one["date"], default=None)
            found = (right["conversion_mechanism"] if last is None else last["new_ratio_conversion_mechanism"])["ratio"]
            ratio = Fraction(found["numerator"]) / Fraction(found["denominator"])
        price = item.get("price_per_share", {}).get("amount")
        if price is None and right is not None:
            price = Fraction(right["conversion_mechanism"]["conversion_price"]["amount"]) * ratio
        if price is not None:
            entry["price"] = _number(price)
            if ratio != 1:
                entry["conversion_price"] = _number(Fraction(price) / ratio)
        if "liquidation_preference_multiple" in item:
            entry["preference"] = _number(item["liquidation_preference_multiple"])
        cap = item.get("participation_cap_multiple")
        if cap is not None:
            entry |= {"participating": True, "participation_cap": _number(cap)}
        return entry

    def _issuance(self, item: Item) -> tuple[str, Item]:
        ended = self.ended.get(item["security_id"])
        if ended is not None:
            raise Unmodelled(f"ended on {ended['date']} by {ended['object_type']} {ended['id']}")
        holder = self.holders.get(item["stakeholder_id"])
        if holder is None:
            raise Unmodelled(f"stakeholder_id {item['stakeholder_id']!r} is not in the package")
        entry: Item = {"holder": holder, "date": date.fromisoformat(item["date"]), "id": item["security_id"]}
        self.ids[f"issuance:{item['security_id']}"] = item["id"]
        part = ISSUANCES[item["object_type"]]
        if part == "safes":
            return self._convertible(item, entry)
        entry["shares"] = self._quantity(item)
        vesting = vesting_of(item, self.items)
        if vesting is not None:
            entry["vesting"] = vesting
        if part == "holdings":
            entry["share_class"] = self.classes.get(item["stock_class_id"])
            if entry["share_class"] is None:
                raise Unmodelled(f"stock_class_id {item['stock_class_id']!r} is not in the package")
            entry["price"] = _number(self._money(item["share_price"]))
            return part, entry
        if item["object_type"] == "TX_WARRANT_ISSUANCE":
            entry["kind"] = "warrant"
        elif item["compensation_type"] in ("CSAR", "SSAR"):
            raise Unmodelled(f"{item['compensation_type']} is no share")
        elif item.get("stock_plan_id") not in {one["id"] for one in self.of("STOCK_PLAN")}:
            raise Unmodelled(f"stock_plan_id {item.get('stock_plan_id')!r} is not in the package")
        if "exercise_price" in item:
            entry["strike"] = _number(self._money(item["exercise_price"]))
        return part, entry

    def _quantity(self, item: Item) -> int:
        if "quantity" not in item:
            raise Unmodelled("it has no quantity of shares yet")
        quantity = Fraction(item["quantity"])
        for split in self.of("TX_STOCK_CLASS_SPLIT"):
            if split["stock_class_id"] == item.get("stock_class_id") and split["date"] > item["date"]:
                ratio = split["split_ratio"]
                quantity *= Fraction(ratio["numerator"]) / Fraction(ratio["denominator"])
        if quantity < 1 or quantity.denominator != 1:
            raise Unmodelled(f"quantity {item['quantity']} is no whole number of shares")
        return int(quantity)

    def _money(self, money: Item) -> Fraction:
        if money["currency"] != self.currency:
            raise Unmodelled(f"{money['currency']} in a table of {self.currency}")
        return Fraction(money["amount"])

    def _convertible(self, item: Item, entry: Item) -> tuple[str, Item]:
        entry |= {"amount": _number(self._money(item["investment_amount"])), "unconverted": True}
        if item["convertible_type"] == "NOTE":
            return "notes", entry | note_terms(item, self._money)
        return "safes", entry | safe_terms(item, self._money)

    def _pool(self, issuer: Item, section: dict[str, Any]) -> Item | None:
        plans = {item["id"]: Fraction(item["initial_shares_reserved"]) for item in self.of("STOCK_PLAN")}
        for item in sorted(self.of("TX_STOCK_PLAN_POOL_ADJUSTMENT"), key=lambda one: one["date"]):
            if item["stock_plan_id"] in plans:
                plans[item["stock_plan_id"]] = Fraction(item["shares_reserved"])
        shares = int(sum(plans.values()))
        if not shares:
            return None
        since = [item["board_approval_date"] for item in self.of("STOCK_PLAN") if "board_approval_date" in item]
        granted = [one["date"] for one in section["grants"] if one.get("kind") != "warrant"]
        return {"shares": shares, "date": min([date.fromisoformat(min([*since, issuer["formation_date"]])), *granted])}

    def _keep_the_rest(self) -> None:
        read = {"STAKEHOLDER", "STOCK_CLASS", "STOCK_PLAN", *ISSUANCES}
        modelled, plans = {one.id for one in self.kept}, {one["id"] for one in self.of("STOCK_PLAN")}
        for item in self.items:
            kind = item["object_type"]
            if kind in read or item["id"] in modelled:
                continue
            if kind == "TX_STOCK_CLASS_SPLIT" and item["stock_class_id"] in self.classes:
                self.keep(item, "applied to shares of the class; pool and options are as their own transactions say")
                continue
            if kind == RATIO_CHANGE and item["stock_class_id"] in self.preferred:
                continue
            if kind == "TX_STOCK_PLAN_POOL_ADJUSTMENT" and item["stock_plan_id"] in plans:
                continue
            security = item.get("security_id")
            if security in self.ended and f"issuance:{security}" not in self.ids and kind.endswith(ENDING):
                self.keep(item, "what it ends is not in the table")
            else:
                self.keep(item, "no key for it")
        for name in sorted(set(self.package.files) - self.package.listed()):
            self.kept.append(Kept(object_type="FILE", id=name, reason="the manifest does not name it"))


def _holder(name: str, item: Item) -> Item:
    relations = item.get(
        "current_relationships", [item["current_relationship"]] if "current_relationship" in item else []
    )
    kinds = [FOUNDERS[one] for one in relations if one in FOUNDERS]
    kind = next((one for one in ("founder", "investor", "employee") if one in kinds), "other")
    if kind == "other" and {"ADVISOR", "CONSULTANT", "BOARD_MEMBER"} & set(relations):
        kind = "advisor"
    return {"name": name, "kind": kind, "legal": item["stakeholder_type"].lower()}


def _currency(items: list[Item]) -> str:
    """The currency most issuances are in."""
    keys = ("share_price", "investment_amount", "exercise_price", "price_per_share")
    found = Counter(item[key]["currency"] for item in items for key in keys if key in item)
    return found.most_common(1)[0][0] if found else "USD"


def _number(value: Any) -> int | float | str:
    """The number as TOML would have it: an integer, a float that is read back as the same, or a fraction in quotes."""
    number = Fraction(value)
    if number.denominator == 1:
        return int(number)
    return float(number) if Fraction(repr(float(number))) == number else str(number)
