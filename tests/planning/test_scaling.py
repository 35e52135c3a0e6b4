"""A scaling law of one's own runs: constants that made the losses are found, and intervals hold what they say."""

from pathlib import Path

import numpy as np
import pytest

from argosy.config import UserError
from argosy.planning import BESIROGLU, HOFFMANN, Point, ScalingLaw, backtest, fit_scaling

pytestmark = pytest.mark.fast

STEEP = BESIROGLU.model_copy(update={"irreducible": 1.2, "parameter_exponent": 0.3, "token_exponent": 0.3})


def runs(law: ScalingLaw, *, noise: float = 0.0, seed: int = 0) -> list[Point]:
    """Five sizes at four lengths each."""
    chance = np.random.default_rng(seed)
    sizes = [(n, n * ratio) for n in np.geomspace(3e6, 3e8, 5) for ratio in (5, 20, 80, 320)]
    return [Point(n, d, law.loss(n, d) * float(np.exp(noise * chance.standard_normal()))) for n, d in sizes]


@pytest.mark.parametrize("law", [BESIROGLU, HOFFMANN, STEEP], ids=lambda law: law.name[:9])
def test_the_constants_that_made_the_losses_are_found(law: ScalingLaw) -> None:
    found = fit_scaling(runs(law), name="own", text="own")
    assert found.law.irreducible == pytest.approx(law.irreducible, abs=0.06)
    assert found.law.parameter_exponent == pytest.approx(law.parameter_exponent, abs=0.03)
    assert found.law.token_exponent == pytest.approx(law.token_exponent, abs=0.03)
    middle, low, high = found.predict(7e9, 1.4e11)
    assert middle == pytest.approx(law.loss(7e9, 1.4e11), rel=0.02) and low < law.loss(7e9, 1.4e11) < high


def test_intervals_hold_nine_of_ten_and_widen_with_the_distance() -> None:
    inside = []
    for seed in range(30):
        found = fit_scaling(runs(STEEP, noise=0.01, seed=seed), name="own", text="own")
        _, low, high = found.predict(3e9, 6e10)
        inside.append(low <= STEEP.loss(3e9, 6e10) <= high)
    assert np.mean(inside) >= 0.9
    widths = [found.predict(n, 20 * n)[2] / found.predict(n, 20 * n)[1] for n in (1e8, 1e9, 1e10, 1e11)]
    assert widths == sorted(widths)


def test_a_few_bad_runs_do_not_move_it() -> None:
    points = runs(BESIROGLU, noise=0.002)
    spoilt = [*points[:-2], points[-2]._replace(loss=6.0), points[-1]._replace(loss=6.0)]
    usual, moved = (fit_scaling(some, name="own", text="own") for some in (points, spoilt))
    assert moved.predict(1e9, 2e10)[0] == pytest.approx(usual.predict(1e9, 2e10)[0], rel=0.02)
    assert moved.spread > usual.spread


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (runs(BESIROGLU)[:4], "takes 5 runs, and there are 4"),
        ([Point(1e8, d, 3.0) for d in np.geomspace(1e9, 1e10, 6)], "one size"),
        ([Point(n, 1e9, 3.0) for n in np.geomspace(1e7, 1e8, 6)], "one number of tokens"),
    ],
)
def test_runs_that_do_not_do(points: list[Point], said: str) -> None:
    with pytest.raises(UserError, match=said):
        fit_scaling(points, name="own", text="own")


def test_published_families_are_extrapolated_tenfold(data_folder: Path) -> None:
    found = backtest(data_folder / "planner" / "loss.csv", "loss")
    assert found.nominal_coverage == 0.9 and found.interval_coverage >= 0.85 and found.rows == 41
    assert found.median_absolute_percentage_error < 0.02 and len(found.by_regime) == 9
    assert any("one number of tokens" in row.reason for row in found.skipped)
