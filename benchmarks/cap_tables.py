"""Random rounds, solved exactly twice: by the library, and by Gauss over every choice of terms (tests/capital).

A case agrees when price, capitalisation, pool increase and every instrument's shares are equal as fractions, or when
both find no price. Each priced case is also rounded in three ways and must conserve shares and money.
"""

import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.capital.independent import drawn_offer, solutions

from _common import arguments, header, print_table
from argosy.capital import Impossible, Offer, Rounding, Solution, solve, solve_rounded

ROUNDINGS = (Rounding(), Rounding(price_places=4), Rounding(shares="nearest", price_places=5))


def main() -> None:
    """Solve, compare, keep, print."""
    options = arguments(__doc__ or "", name="cap_tables")
    cases = 1_000 if options.quick else 10_000
    priced = impossible = 0
    differing, unconserved = [], []
    began = time.perf_counter()
    for seed in range(cases):
        offer = drawn_offer(random.Random(seed), most=2)
        others = solutions(offer)
        try:
            found = solve(offer)
        except Impossible:
            impossible += 1
            if others:
                differing.append(seed)
            continue
        priced += 1
        if not others or others[0] != (
            1 / found.price,
            found.company_capitalization,
            found.pool_increase,
            *found.converted,
        ):
            differing.append(seed)
        if not all(_conserves(offer, solve_rounded(offer, rounding), rounding) for rounding in ROUNDINGS):
            unconserved.append(seed)
    row = {
        "cases": cases,
        "priced": priced,
        "without a price": impossible,
        "differing": differing,
        "not conserving": unconserved,
        "seconds": round(time.perf_counter() - began, 1),
    }
    result = {**header(["argosy"], cases=cases, instruments_at_most=2), "rows": [row]}
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    if options.json:
        print(json.dumps(result))
    else:
        shown = {key: len(value) if isinstance(value, list) else value for key, value in row.items()}
        print_table(tuple(shown), [tuple(shown.values())])
    if differing or unconserved:
        sys.exit(f"differing: {differing[:9]}, not conserving: {unconserved[:9]}")


def _conserves(offer: Offer, found: Solution, rounding: Rounding) -> bool:
    """Whether whole shares sum to the total, none is negative, and rounded-down purchases leave less than a share."""
    issued = (*found.new_shares, *found.converted, found.pool_increase)
    whole = all(each >= 0 and each.denominator == 1 for each in issued)
    sums = found.total == offer.shares + offer.pool + sum(issued)
    left = (amount - n * found.price for amount, n in zip(offer.new_money, found.new_shares, strict=True))
    return whole and sums and (rounding.shares != "down" or all(0 <= each < found.price for each in left))


if __name__ == "__main__":
    main()
