"""The money side held to its figures: rates, rounds, properties, Open Cap Format, many futures.

Rates: every shared file against its expected value, and against all changes of sign of the present value on a grid of
200,000 rates, which sees what a root-finder started from one guess does not; the time of one call beside pyxirr's,
which looks for one root, medians of interleaved rounds; flows with roots built in: how many are found.

Rounds: the published SAFE cases; drawn rounds, solved exactly twice, by the library and by Gauss over every choice of
terms (`tests/capital/independent.py`), and rounded in three ways, which must conserve shares and money; the same for
rounds that adjust protected classes.

Sales: drawn companies at two prices each, without and with open SAFEs and notes: payouts sum to the price, to the cent,
none is negative, none falls as the price rises, they are those of an independent solver, nobody gains by deciding
otherwise; of every tenth without SAFEs that all equilibria of the 2ⁿ sets of decisions pay the same.

Open Cap Format: the shared samples go round; exports are checked by the shared schemas. Futures: 10,000 paths of 60
months on one core, with standard errors; a closed form; how often drawn ventures live that were given a probability.
Costs of published training runs have a benchmark of their own.
"""

import csv
import json
import math
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.capital.brute_force import (
    SOLD,
    drawn,
    drawn_exit,
    drawn_with_safes,
    equilibria,
    free,
    gain_of_deviating,
    payouts,
)
from tests.capital.independent import disagreement, drawn_down_round, drawn_offer
from tests.capital.test_conversion import published

from _common import Results, arguments, header, interleaved_medians, print_table
from argosy.capital import (
    Future,
    Impossible,
    Offer,
    Rounding,
    Solution,
    Stream,
    TrainingTime,
    Waterfall,
    exit_returns,
    from_ocf,
    simulate,
    solve,
    solve_rounded,
    to_ocf,
    xirr,
)
from argosy.capital.sales.exits import Payout

CHUNK = 500
ROUNDS = 7
ROUNDINGS = (Rounding(), Rounding(price_places=4), Rounding(shares="nearest", price_places=5))


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="capital")
    if "ARGOSY_DATA" not in os.environ:
        raise SystemExit("set ARGOSY_DATA to the folder that holds capital/")
    cases = 1000 if options.quick else 10_000
    results = Results(options.output, header(["argosy", "pyxirr", "numpy"], cases=cases), fresh=options.fresh)
    data = Path(os.environ["ARGOSY_DATA"]) / "capital"
    expected = json.loads((data / "xirr" / "vectors.json").read_text())["xirr"]
    files = [results.measure(case["file"], partial(_file, data / "xirr", case)) for case in expected]
    wanted = [row["off"] for row in files if row["off"] is not None]
    summary = {
        "rates": {"files": len(files), "within 1e-8": sum(off < 1e-8 for off in wanted), "expected": len(wanted)},
        "roots built in": results.measure("roots built in", partial(_built_in, cases // 20)),
        "published SAFE cases": results.measure("published SAFE cases", partial(_published, data)),
        "rounds": _all(results, "rounds", partial(_rounds, drawn_offer), cases),
        "down rounds": _all(results, "down rounds", partial(_rounds, drawn_down_round), cases),
        "sales": _all(results, "sales", _sales, cases),
        "sales with open SAFEs": _all(results, "sales with open SAFEs", _open_sales, cases),
        "Open Cap Format": results.measure("Open Cap Format", partial(_open_cap_format, data / "ocf")),
        "futures": results.measure("futures", partial(_futures, 200 if options.quick else 2000)),
    }
    results.measurements["summary"] = summary
    options.output.write_text(json.dumps(results.tree(), indent=2) + "\n")
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    columns = ("file", "flows", "expected", "off", "roots", "on the grid", "pyxirr", "ms", "pyxirr, ms")
    print_table(columns, [[row[key] for key in columns] for row in files])
    for name, figures in summary.items():
        print()
        print_table((name, ""), list(figures.items()))


def _all(results: Results, name: str, chunk: Callable[[int], Mapping[str, int]], cases: int) -> dict[str, int]:
    """Counts of all cases, measured a chunk at a time."""
    found: Counter[str] = Counter()
    for start in range(0, cases, CHUNK):
        found.update(results.measure(f"{name}, from {start}", partial(chunk, start)))
    return dict(found)


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


def _published(data: Path) -> dict[str, int]:
    count = {"cases": 0, "off by a share or more": 0}
    for case, offer in published(data.parent):
        found, other = solve(offer), case["independent_unrounded"]
        off = [abs(float(a) - b) for a, b in zip(found.converted, other["safe_shares"], strict=True)]
        count["cases"] += 1
        count["off by a share or more"] += max(*off, abs(float(found.total) - other["total_shares"])) >= 1
    return count


def _rounds(draw: Callable[[random.Random], Offer], start: int) -> dict[str, int]:
    count = dict.fromkeys(("cases", "without a price", "protection adds shares", "differing", "not conserving"), 0)
    for seed in range(start, start + CHUNK):
        offer = draw(random.Random(seed))
        count["cases"] += 1
        count["differing"] += bool(disagreement(offer))
        try:
            rounded = [solve_rounded(offer, rounding) for rounding in ROUNDINGS]
        except Impossible:
            count["without a price"] += 1
            continue
        count["protection adds shares"] += rounded[0].protection > 0
        conserved = (_conserves(offer, found, how) for found, how in zip(rounded, ROUNDINGS, strict=True))
        count["not conserving"] += not all(conserved)
    return count


def _conserves(offer: Offer, found: Solution, rounding: Rounding) -> bool:
    """Whether whole shares sum to the total, none is negative, and rounded-down purchases leave less than a share."""
    issued = (*found.new_shares, *found.converted, found.pool_increase, found.protection)
    whole = all(each >= 0 and each.denominator == 1 for each in issued)
    sums = found.total == offer.shares + offer.pool + sum(issued)
    left = (amount - n * found.price for amount, n in zip(offer.new_money, found.new_shares, strict=True))
    return whole and sums and (rounding.shares != "down" or all(0 <= each < found.price for each in left))


def _paid_out(count: dict[str, int], below: Sequence[Payout], above: Sequence[Payout], exit_cents: int) -> None:
    """Count a case, and whether its payouts sum, are none negative, and do not fall when the price rises."""
    count["cases"] += 1
    count["sum is off"] += sum(one.paid_cents for one in above) != exit_cents
    count["negative"] += any(one.paid_cents < 0 for one in above)
    count["falls"] += any(one.paid_cents > other.paid_cents for one, other in zip(below, above, strict=True))


def _sales(start: int) -> dict[str, int]:
    count = dict.fromkeys(
        ("cases", "sum is off", "negative", "falls", "somebody gains by deviating", "solver disagrees",
         "all equilibria looked at", "equilibria that pay otherwise"), 0,
    )  # fmt: skip
    for seed in range(start, start + CHUNK):
        chance = random.Random(seed)
        securities, low, high = drawn(chance), *sorted((drawn_exit(chance), drawn_exit(chance)))
        below, above = (exit_returns(securities, cents, on=SOLD).payouts for cents in (low, high))
        _paid_out(count, below, above, high)
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


def _open_sales(start: int) -> dict[str, int]:
    count = dict.fromkeys(
        ("cases", "sum is off", "negative", "falls", "somebody gains by deviating", "solver disagrees",
         "a SAFE or note converts", "where SAFEs grow between two contracts"), 0,
    )  # fmt: skip
    for seed in range(start, start + CHUNK):
        chance = random.Random(seed)
        securities, low, high = drawn_with_safes(chance), *sorted((drawn_exit(chance), drawn_exit(chance)))
        below, above = (exit_returns(securities, cents, on=SOLD).payouts for cents in (low, high))
        last = Waterfall.of(securities, SOLD).last(high)
        decided, exact = last.converted | last.exercised, {one.name: one.exact_cents for one in above}
        between = bool(last.share_price_cents and not last.shares)
        _paid_out(count, below, above, high)
        gains = (payouts(securities, high, decided ^ {name})[name] - exact[name] for name in free(securities))
        count["somebody gains by deviating"] += max(gains, default=Fraction(0)) > 0
        count["solver disagrees"] += not between and payouts(securities, high, decided) != exact
        count["a SAFE or note converts"] += any(one.name in decided for one in securities.convertibles)
        count["where SAFEs grow between two contracts"] += between
    return count


def _open_cap_format(folder: Path) -> dict[str, Any]:
    """Exports are checked against the schemas before they are written."""
    with tempfile.TemporaryDirectory() as there:
        path = Path(there)
        read = from_ocf(folder / "samples", folder / "schema", path / "capital.toml")
        to_ocf(path / "capital.toml", path / "out", folder / "schema")
        before, after = (
            {one.name: json.loads(one.read_text()) for one in where.glob("*.ocf.json")}
            for where in (folder / "samples", path / "out")
        )
        own = to_ocf(ROOT / "examples" / "capital" / "capital.toml", path / "own", folder / "schema")
    return {
        "files": len(before),
        "unchanged after going round": sum(after.get(name) == content for name, content in before.items()),
        "objects named as kept": len(read.kept),
        "objects of the example, valid": own.objects,
    }


def _futures(ventures: int) -> dict[str, Any]:
    months = np.ones(60)
    streams = [Stream("costs", -4.0 * months, drift_deviation=0.2), Stream("staff", -2.0 * months, delay_months=1.0)]
    streams += [Stream(f"revenue {i}", 1.5 * months, size_deviation=0.5, delay_months=3.0) for i in range(3)]
    streams.append(Stream("round", 60.0 * np.eye(60)[12], probability=0.6, delay_months=2.0))
    training = TrainingTime(start_month=2.0, months=6.0, factor_80=1.5, per_month=5.0, price_deviation=0.2)
    future = Future(100.0, streams, 60, training, {"launch": 14.0})
    seconds = sorted(_seconds(simulate, future, 10_000) for _ in range(ROUNDS))
    busy = -time.process_time()
    shown = simulate(future, 10_000)
    busy += time.process_time()
    known = simulate(Future(75.0, [], 40, TrainingTime(2.0, 6.0, 1.5, 10.0)), 40_000).trained
    assert known is not None and shown.trained is not None
    exact = NormalDist().cdf(math.log(7.5 / 6.0) / (math.log(1.5) / NormalDist().inv_cdf(0.9)))
    return {
        "10,000 paths of 60 months, s": round(seconds[ROUNDS // 2], 3),
        "of a processor, s": round(busy, 3),
        "training ends before the money": shown.trained.value,
        "its standard error": round(shown.trained.standard_error, 5),
        "standard errors off a closed form": round((known.value - exact) / known.standard_error, 2),
        **_calibration(ventures),
    }


def _calibration(ventures: int) -> dict[str, Any]:
    """Of drawn ventures given a probability, so many live: the outcome is one more draw of the same future."""
    chance, said, happened, flat = np.random.default_rng(11), [], [], np.ones(24)
    for venture in range(ventures):
        revenue = Stream("revenue", chance.uniform(0, 4) * flat, size_deviation=chance.uniform(0.1, 0.8))
        costs = Stream("costs", -4.0 * flat, drift_deviation=0.2)
        future = Future(chance.uniform(20, 90), [costs, revenue], 24)
        said.append(simulate(future, 400, seed=venture).solvent.value)
        happened.append(simulate(future, 1, seed=10**6 + venture).solvent.value)
    told, came, rows = np.array(said), np.array(happened), {}
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
        inside = (told >= low) & (told < high)
        rows[f"calibration, {low:g} to {min(high, 1):g}: said, lived, ventures"] = (
            round(float(told[inside].mean()), 3), round(float(came[inside].mean()), 3), int(inside.sum()),
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
