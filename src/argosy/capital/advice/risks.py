"""What the probability hangs on most, and which action helps where that turns out badly."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from argosy.capital.advice.actions import Tried
from argosy.capital.advice.advice_results import Risk
from argosy.capital.advice.study import CLEAR, Study, effect
from argosy.capital.cash.futures import cash_paths, drawn, is_uncertain, plain_name, standard_error

WORST = 0.1  # of the futures


def risks(study: Study, actions: Sequence[Tried]) -> tuple[Risk, ...]:
    """Each uncertain thing where it turns out at its worst tenth, or does not come; the largest fall first."""
    found = [_risk(study, name, bad, actions) for name, bad in _bad(study)]
    return tuple(sorted(found, key=lambda one: one.worst - one.planned))


def _bad(study: Study) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """The futures in which a thing turns out at its worst; money that may not come: in which it does not."""
    none = np.zeros(study.paths)
    for stream in study.future.streams:
        if not is_uncertain(stream):
            continue
        total = drawn(stream, study.future.months, none, study.seed).sum(axis=1)
        absent = total == 0
        if stream.probability < 1 and absent.any():
            yield f"{plain_name(stream.name)} does not come", absent
        else:
            yield plain_name(stream.name), _worst(total)
    training = study.future.training
    if training is not None and training.factor_80 > 1:
        _, end, _ = cash_paths(study.future, study.paths, study.seed)
        assert end is not None
        yield "training takes longer", _worst(-end)


def _worst(goodness: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    bad = np.zeros(len(goodness), dtype=bool)
    bad[np.argsort(goodness, kind="stable")[: max(1, round(WORST * len(goodness)))]] = True
    return bad


def _risk(study: Study, name: str, bad: npt.NDArray[np.bool_], actions: Sequence[Tried]) -> Risk:
    before = study.happened[study.event]
    worst, best, help_there = float(before[bad].mean()), "", None
    for one in actions:
        if study.event not in one.happened:
            continue
        there = effect(study.event, before[bad], one.happened[study.event][bad])
        if there.change > CLEAR * there.standard_error and (help_there is None or there.after > help_there.after):
            best, help_there = one.action.what, there
    return Risk(
        name=name,
        planned=float(before.mean()),
        worst=worst,
        worst_error=standard_error(worst, int(bad.sum())),
        lowered_by=best,
        then=worst if help_there is None else help_there.after,
        standard_error=0.0 if help_there is None else help_there.standard_error,
    )
