"""Several runs in order, with the groups that cannot be told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fusion_eval.compare.method import Method
from fusion_eval.compare.rows import pair, tested
from fusion_eval.compare.units import Unit
from fusion_eval.runs.comparison import RankedRun, Row
from fusion_eval.stats.ranking import groups

Correct = Callable[[list[float]], Iterable[float]]
"""p-values to adjusted ones."""


def ranked(
    units: Sequence[Unit], names: Sequence[str], rows: Sequence[Row], method: Method, correct: Correct
) -> list[RankedRun]:
    """The runs of every headline unit, best first.

    Pairs with the baseline have the adjusted p-values of their `rows`; the other pairs are adjusted in one family with all
    rows, so that the two tables never contradict each other.
    """
    found = headlines(units)
    others = [(unit, a, b) for unit in found for a, b in combinations(range(1, len(names)), 2)]
    raw = [tested(unit, pair(unit, a, b), a, b, method)[1] for unit, a, b in others]
    adjusted = list(correct([*(row.p_value for row in rows), *raw]))[len(rows) :]
    known = {(row.task, row.language, row.metric, row.filter, row.candidate): row.p_adjusted for row in rows}
    made = []
    for unit in found:
        first, p_values = unit.cells[0], np.ones((len(names), len(names)))
        for run, name in enumerate(names[1:], start=1):
            p_values[0, run] = p_values[run, 0] = known[
                unit.task, unit.language, first.metric, first.filter, name
            ]
        for (other, a, b), p_value in zip(others, adjusted, strict=True):
            if other is unit:
                p_values[a, b] = p_values[b, a] = p_value
        made += _ranked(unit, names, p_values, method)
    return made


def headlines(units: Sequence[Unit]) -> list[Unit]:
    """The widest unit of each metric: all tasks, else a family of languages, else the task.

    One name that is scored in several ways is several metrics, as it is in `units`.
    """
    widest = {}
    for unit in units:
        first = unit.cells[0]
        widest[first.metric, first.filter, first.score, first.higher_is_better] = unit
    return list(widest.values())


def _ranked(
    unit: Unit, names: Sequence[str], p_values: npt.NDArray[np.float64], method: Method
) -> list[RankedRun]:
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
