"""Rank several runs, and find the groups of runs that cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fusion_eval.comparison.correction import adjust_p_values
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.comparison.rows import pair_runs, run_test
from fusion_eval.comparison.units import Unit
from fusion_eval.runs.comparison import RankedRun, Row
from fusion_eval.stats.multiplicity import letter_groups

RowKey = tuple[str, str | None, str, str, str]
"""Task, language, metric, filter and candidate of a row."""


def rank_runs(
    units: Sequence[Unit], names: Sequence[str], rows: Sequence[Row], options: ComparisonOptions
) -> list[RankedRun]:
    """Rank the runs on the widest unit of each metric, best first.

    Pairs with the baseline keep the adjusted p-values of their `rows`. The p-values of the other pairs are adjusted in
    the family of their unit's rows, so that the ranks never contradict the rows.
    """
    widest = widest_units(units)
    other_pairs = [(unit, a, b) for unit in widest for a, b in combinations(range(1, len(names)), 2)]
    raw = [run_test(unit, pair_runs(unit, a, b), a, b, options)[1] for unit, a, b in other_pairs]
    of_rows = {(row.task, row.language, row.metric, row.filter, row.candidate): row for row in rows}
    families = [_row_of(unit, names[1], of_rows).family for unit, _, _ in other_pairs]
    adjusted = _adjust_within(families, raw, rows, options)
    ranked = []
    for unit in widest:
        p_values = np.ones((len(names), len(names)))
        for run, name in enumerate(names[1:], start=1):
            p_value = _row_of(unit, name, of_rows).p_adjusted
            p_values[0, run] = p_values[run, 0] = p_value
        for (other_unit, a, b), p_value in zip(other_pairs, adjusted, strict=True):
            if other_unit is unit:
                p_values[a, b] = p_values[b, a] = p_value
        ranked += _rank(unit, names, p_values, options.alpha)
    return ranked


def _row_of(unit: Unit, candidate: str, rows: Mapping[RowKey, Row]) -> Row:
    first = unit.cells[0]
    return rows[unit.task, unit.language, first.metric, first.filter, candidate]


def _adjust_within(
    families: Sequence[str | None], raw: Sequence[float], rows: Sequence[Row], options: ComparisonOptions
) -> list[float]:
    """Adjust each raw p-value over its family: the family's rows, and the other raw p-values of the family."""
    adjusted = list(raw)
    for family in dict.fromkeys(families):
        places = [place for place, own in enumerate(families) if own == family]
        tested = [row.p_value for row in rows if row.family == family]
        together = adjust_p_values([*tested, *(raw[place] for place in places)], options.correction)
        for place, p_value in zip(places, together[len(tested) :], strict=True):
            adjusted[place] = p_value
    return adjusted


def widest_units(units: Sequence[Unit]) -> list[Unit]:
    """Return the widest unit of each metric: all tasks, else a family of languages, else a task.

    A name that is scored in several ways stands for several metrics.
    """
    widest = {}
    for unit in units:
        first = unit.cells[0]
        widest[first.metric, first.filter, first.score, first.higher_is_better] = unit
    return list(widest.values())


def _rank(
    unit: Unit, names: Sequence[str], p_values: npt.NDArray[np.float64], alpha: float
) -> list[RankedRun]:
    values = [pair_runs(unit, 0, run).candidate_value for run in range(len(names))]
    first = unit.cells[0]
    return [
        RankedRun(
            task=unit.task,
            language=unit.language,
            metric=first.metric,
            filter=first.filter,
            run=names[place.position],
            value=values[place.position],
            rank=place.rank,
            groups=place.letters,
        )
        for place in letter_groups(np.array(values), p_values, alpha, first.higher_is_better)
    ]
