"""Rates of return and the exit waterfall: how exact, how fast beside pyxirr, and whether the properties hold.

Rates: every shared file against its expected value, and against all changes of sign of the present value on a grid of
200,000 rates, which sees what a root-finder started from one guess does not; the time of one call beside pyxirr's,
which looks for one root, medians of interleaved rounds. Flows with roots built in: how many are found. Waterfall: drawn
companies (`tests/capital/brute_force.py`) at two prices each: payouts sum to the price to the cent, none is
negative, none falls as the price rises, nobody gains by deciding otherwise (payouts recomputed by the independent
solver); and of every tenth that all equilibria of the 2ⁿ sets of decisions pay the same.
"""

import csv
import json
import math
import os
import random
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.capital.brute_force import SOLD, drawn, drawn_exit, equilibria, gain_of_deviating, payouts

from _common import Results, arguments, header, interleaved_medians, print_table
from argosy.capital import Waterfall, exit_returns, xirr

CHUNK = 500
ROUNDS = 7


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="capital_returns")
    if "ARGOSY_DATA" not in os.environ:
        raise SystemExit("set ARGOSY_DATA to the folder that holds capital/xirr")
    cases = 1000 if options.quick else 10_000
    head = header(["argosy", "pyxirr", "numpy"], waterfall_cases=cases, built_in=cases // 20)
    results = Results(options.output, head, fresh=options.fresh)
    folder = Path(os.environ["ARGOSY_DATA"]) / "capital" / "xirr"
    expected = json.loads((folder / "vectors.json").read_text())["xirr"]
    rows = [results.measure(case["file"], partial(_file, folder, case)) for case in expected]
    built = results.measure("roots built in", partial(_built_in, cases // 20))
    chunks = [
        results.measure(f"waterfall, cases from {start}", partial(_waterfalls, start))
        for start in range(0, cases, CHUNK)
    ]
    summed = {key: sum(chunk[key] for chunk in chunks) for key in chunks[0]}
    results.measurements["waterfall, all"] = summed
    options.output.write_text(json.dumps(results.tree(), indent=2) + "\n")
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    columns = ("file", "flows", "expected", "off", "roots", "on the grid", "pyxirr", "ms", "pyxirr, ms")
    print_table(columns, [[row[key] for key in columns] for row in rows])
    print()
    print_table(("roots built in", ""), list(built.items()))
    print()
    print_table(("waterfall", ""), list(summed.items()))


def _file(folder: Path, case: dict[str, Any]) -> dict[str, Any]:
    import pyxirr

    with (folder / case["file"]).open() as file:
        rows = [(date.fromisoformat(day), Decimal(amount)) for day, amount in csv.reader(file)]
    dates, amounts = [day for day, _ in rows], [amount for _, amount in rows]
    floats = [float(amount) for amount in amounts]
    found = xirr(dates, amounts)
    wanted = [root for root in (case["expected"], case["other_root"]) if root is not None]
    times = interleaved_medians(
        {"argosy": partial(_seconds, xirr, dates, amounts), "pyxirr": partial(_seconds, pyxirr.xirr, dates, floats)},
        ROUNDS,
    )
    return {
        "file": case["file"],
        "flows": len(rows),
        "expected": case["expected"],
        "off": max((min(abs(root - one) for one in found.roots) for root in wanted), default=None),
        "roots": len(found.roots),
        "on the grid": _crossings(dates, floats),
        "pyxirr": pyxirr.xirr(dates, floats),
        "ms": round(times["argosy"] * 1e3, 3),
        "pyxirr, ms": round(times["pyxirr"] * 1e3, 3),
    }


def _seconds(function: Any, *given: Any) -> float:
    start = time.perf_counter()
    function(*given)
    return time.perf_counter() - start


def _crossings(dates: list[date], amounts: list[float]) -> int:
    """Changes of sign of the present value over rates from −99.99 % to 1000 %."""
    years = np.array([(day - min(dates)).days / 365 for day in dates])
    found, last = 0, 0.0
    for some in np.array_split(np.linspace(math.log(1e-4), math.log(11), 200_000), 2000):
        exponents = -some[:, None] * years
        values = np.exp(exponents - exponents.max(axis=1, keepdims=True)) @ np.array(amounts)
        signs = np.sign([last, *values] if last else values)
        found += int(np.count_nonzero(signs[1:] != signs[:-1]))
        last = float(values[-1])
    return found


def _built_in(cases: int) -> dict[str, Any]:
    """Yearly flows with one to four roots between −90 % and 900 %, in whole per cent, drawn."""
    import pyxirr

    chance = random.Random(0)
    count = {
        "cases": cases,
        "roots": 0,
        "found": 0,
        "found that are none": 0,
        "cases pyxirr answers": 0,
        "largest error": 0.0,
    }
    for _ in range(cases):
        rates = sorted({Fraction(chance.randint(-90, 900), 100) for _ in range(chance.randint(1, 4))})
        flows = [Fraction(1)]
        for rate in rates:
            flows = [a - b for a, b in zip([*flows, 0], [0, *(f * (1 + rate) for f in flows)], strict=True)]
        days = [date(2024, 1, 1) + timedelta(days=365 * i) for i in range(len(flows))]
        roots = xirr(days, flows).roots
        errors = [min((abs(float(rate) - root) for root in roots), default=math.inf) for rate in rates]
        count["roots"] += len(rates)
        count["found"] += sum(error < 1e-8 for error in errors)
        count["found that are none"] += max(0, len(roots) - len(rates))
        count["largest error"] = max(count["largest error"], *errors)
        theirs = pyxirr.xirr(days, [float(flow) for flow in flows])
        count["cases pyxirr answers"] += theirs is not None
    return count


def _waterfalls(start: int) -> dict[str, int]:
    count = dict.fromkeys(
        ("cases", "sum is off", "negative", "falls", "somebody gains by deviating", "solver disagrees",
         "all equilibria looked at", "equilibria that pay otherwise"), 0,
    )  # fmt: skip
    for seed in range(start, start + CHUNK):
        chance = random.Random(seed)
        securities, low, high = drawn(chance), *sorted((drawn_exit(chance), drawn_exit(chance)))
        below, above = (exit_returns(securities, cents, on=SOLD).payouts for cents in (low, high))
        count["cases"] += 1
        count["sum is off"] += sum(one.paid_cents for one in above) != high
        count["negative"] += any(one.paid_cents < 0 for one in above)
        count["falls"] += any(one.paid_cents > other.paid_cents for one, other in zip(below, above, strict=True))
        decided = frozenset(one.name for one in above if one.converted or one.exercised)
        count["somebody gains by deviating"] += gain_of_deviating(securities, high, decided) > 0
        exact = {one.name: one.exact_cents for one in above}
        count["solver disagrees"] += payouts(securities, high, decided) != exact
        if seed % 10 == 0:
            paid = Waterfall.of(securities, SOLD).at(high)
            count["all equilibria looked at"] += 1
            count["equilibria that pay otherwise"] += any(
                payouts(securities, high, one) != paid for one in equilibria(securities, high)
            )
    return count


if __name__ == "__main__":
    main()
