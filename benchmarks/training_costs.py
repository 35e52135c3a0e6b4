"""Cost of published training runs from hardware, number and hours, beside Epoch AI's study (arXiv:2405.21015).

By definition: median and largest absolute relative error of the middle; how many of the study's costs lie in the 80 %
interval when its width is fitted without the system's organisation, with a bootstrap interval over organisations; the
width fitted to all, which `capital.training_costs.FACTORS` holds. It is fitted for the day that training began by the
study's own rule, 60 days and the training time before publication; "publication" tells what the later day does.

Then the rules of `capital.past_rents` on the price table: discounts of commitments, walk over a year, nearest
accelerator with each left out. The study's `updated_cost_usd` follows another definition and is not used. `--quick`
draws fewer resamples.
"""

import csv
import json
import math
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np

from _common import Results, arguments, header, print_table
from argosy.capital.technology import past_rents
from argosy.capital.technology.training_costs import FACTORS, Z80, Definition, training_cost
from argosy.hardware import PastPrice, accelerators, past_prices

BEFORE_PUBLICATION = timedelta(days=60)  # from the end of training: arXiv:2405.21015
DAYS = ("start", "publication")
ONE_COMPANY = {"google": "Google", "deepmind": "Google", "facebook": "Meta", "meta ai": "Meta"}
Case = tuple[str, str, float, float, float]  # system, organisation, log of study over ours, deviation, relative error


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="training_costs")
    if "ARGOSY_DATA" not in os.environ:
        raise SystemExit("set ARGOSY_DATA to the folder that holds capital/training_costs_dev.csv")
    resamples = 1000 if options.quick else 20_000
    head = header(["argosy", "numpy"], systems="training_costs_dev.csv", resamples=resamples)
    results = Results(options.output, head, fresh=options.fresh)
    rows = [
        {"definition": what, "date": day} | results.measure(f"{what}, {day}", partial(_measured, what, day, resamples))
        for what in get_args(Definition)
        for day in DAYS
    ]
    rules = results.measure("rules of prices", _rules)
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    columns = [key for key in rows[0] if key != "by system"]
    print_table(columns, [[row[key] for key in columns] for row in rows])
    print()
    print_table(("rule", "pairs", "middle", "deviation"), [(name, *row.values()) for name, row in rules.items()])


def _measured(what: Definition, day: str, resamples: int) -> dict[str, Any]:
    cases, begun = list(_cases(what, day)), list(_cases(what, "start"))
    held = {}
    for organisation in {case[1] for case in cases}:
        factor = _factor([case for case in begun if case[1] != organisation])
        held |= {case[0]: _holds(case, factor) for case in cases if case[1] == organisation}
    groups: dict[str, list[bool]] = {}
    for name, organisation, *_ in cases:
        groups.setdefault(organisation, []).append(held[name])
    between = _bootstrap(list(groups.values()), resamples)
    errors = [abs(case[4]) for case in cases]
    return {
        "systems": len(cases),
        "organisations": len(groups),
        "median error": round(statistics.median(errors), 3),
        "largest error": round(max(errors), 3),
        "coverage": round(sum(held.values()) / len(held), 3),
        "coverage, 95 %": [round(edge, 3) for edge in between],
        "factor": _factor(begun),
        "factor in use": FACTORS[what],
        "by system": {name: {"error": round(error, 3), "held": held[name]} for name, _, _, _, error in cases},
    }


def _cases(what: Definition, day: str) -> Iterator[Case]:
    path = Path(os.environ["ARGOSY_DATA"]) / "capital" / "training_costs_dev.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            study = row[f"{what}_cost_usd"]
            if not (study and row["hours"] and row["quantity"]):
                continue
            published, hours = date.fromisoformat(row["date"]), float(row["hours"])
            on = published if day == "publication" else published - BEFORE_PUBLICATION - timedelta(hours=hours)
            cost = training_cost(row["hardware"], int(float(row["quantity"])), hours, on, what)
            ratio = float(study) / cost.usd
            yield row["model"], _company(row["organization"]), math.log(ratio), cost.price.deviation, 1 / ratio - 1


def _company(organisations: str) -> str:
    found = [company for part, company in ONE_COMPANY.items() if part in organisations.lower()]
    return found[0] if found else organisations.split(",")[0]


def _factor(cases: Sequence[Case]) -> float:
    """The least twentieth of a factor around the middle that holds four fifths of the cases; hundredths are luck.

    It is more than 1, because a price on its very day is not certain either.
    """
    needed = sorted(math.sqrt(max(0.0, ratio**2 - (Z80 * deviation) ** 2)) for _, _, ratio, deviation, _ in cases)
    return max(1.05, math.ceil(20 * math.exp(needed[math.ceil(0.8 * len(needed)) - 1])) / 20)


def _holds(case: Case, factor: float) -> bool:
    _, _, ratio, deviation, _ = case
    return abs(ratio) <= math.hypot(math.log(factor), Z80 * deviation)


def _bootstrap(groups: Sequence[Sequence[bool]], resamples: int) -> tuple[float, float]:
    random = np.random.default_rng(0)
    sums = np.array([[sum(group), len(group)] for group in groups])
    drawn = sums[random.integers(len(groups), size=(resamples, len(groups)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(low), float(high)


def _rules() -> dict[str, Any]:
    """What the rules' constants are on the price table."""
    halves = {(row.accelerator, row.terms, row.on.year, row.on.month > 6): row.usd for row in past_prices()}

    def discounts(terms: str) -> list[float]:
        others = {(name, year, half): usd for (name, its, year, half), usd in halves.items() if its == terms}
        return [
            math.log(usd / others[name, year, half])
            for (name, its, year, half), usd in halves.items()
            if its == "3 years" and (name, year, half) in others
        ]

    found = {f"3 years of {terms}": discounts(terms) for terms in ("1 year", "on demand")}
    found["walk of a year, 3 years"] = list(_walk())
    kindred = list(_left_out())
    summary = {
        name: {"pairs": len(logs), "middle": math.exp(statistics.median(logs)), "deviation": statistics.pstdev(logs)}
        for name, logs in found.items()
    }
    # Heavy tails: the deviation that holds four fifths, as the interval needs it.
    summary["nearest accelerator, left out"] = {
        "pairs": len(kindred),
        "middle": math.exp(statistics.median(log for log, _ in kindred)),
        "deviation": _holding(lambda d: statistics.mean(abs(e) <= Z80 * math.hypot(d, more) for e, more in kindred)),
    }
    return {name: {key: round(value, 3) for key, value in row.items()} for name, row in summary.items()}


def _walk() -> Iterator[float]:
    rows: dict[str, list[PastPrice]] = {}
    for row in past_prices():
        if row.terms == "3 years":
            rows.setdefault(row.accelerator, []).append(row)
    for same in rows.values():
        for one, other in pairwise(same):
            years = max(0.1, (other.on - one.on).days / past_rents.DAYS_A_YEAR)
            yield math.log(other.usd / one.usd) / math.sqrt(years)


def _left_out() -> Iterator[tuple[float, float]]:
    """Logarithm of the nearest accelerator's price over its own, and the deviation of both prices."""
    for spec in accelerators():
        day = date(max(spec.year + 1, 2019), 7, 1)
        own_rent = past_rents.rent_on(spec, day)
        pairs = [(own_rent, past_rents.kindred_rent(spec, day))] if own_rent.deviation < past_rents.WALK else []
        if (own := past_rents.own_first_price(spec)) is not None:
            pairs.append((own, past_rents.kindred_first_price(spec)))
        for mine, theirs in pairs:
            besides = math.sqrt(max(0.0, theirs.deviation**2 - past_rents.KINDRED**2))
            yield math.log(theirs.usd / mine.usd), math.hypot(mine.deviation, besides)


def _holding(share: Callable[[float], float]) -> float:
    return next(d / 100 for d in range(300) if share(d / 100) >= 0.8)


if __name__ == "__main__":
    main()
