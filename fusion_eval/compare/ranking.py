"""Several runs in order, with the groups that cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from fusion_eval.compare.method import Method
from fusion_eval.compare.rows import pair, tested
from fusion_eval.compare.units import Unit
from fusion_eval.comparison import RankedRun
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.ranking import groups


def ranked(units: Sequence[Unit], names: Sequence[str], method: Method) -> list[RankedRun]:
    """The runs of every headline unit, best first. Each pair is tested, and the p-values of a unit adjusted by Holm."""
    return [place for unit in headlines(units) for place in _ranked(unit, names, method)]


def headlines(units: Sequence[Unit]) -> list[Unit]:
    """The widest unit of each metric: all tasks, else a family of languages, else the task."""
    widest = {(unit.cells[0].metric, unit.cells[0].filter): unit for unit in units}
    return list(widest.values())


def _ranked(unit: Unit, names: Sequence[str], method: Method) -> list[RankedRun]:
    pairs = list(combinations(range(len(names)), 2))
    p_values = np.ones((len(names), len(names)))
    adjusted = holm([tested(unit, pair(unit, a, b), a, b, method)[1] for a, b in pairs])
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        p_values[a, b] = p_values[b, a] = p_value
    values = [pair(unit, 0, run).candidate_value for run in range(len(names))]
    first = unit.cells[0]
    return [
        RankedRun(
            unit.task,
            unit.language,
            first.metric,
            first.filter,
            names[place.position],
            values[place.position],
            place.rank,
            place.letters,
        )
        for place in groups(np.array(values), p_values, method.alpha, first.higher_is_better)
    ]
