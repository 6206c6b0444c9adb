"""Mark the cells of a column: the best, those that cannot be told apart from it, and those that differ from the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fusion_eval.exports.table.grid import Column, TableCell
from fusion_eval.exports.table.scores import Measure, Scores
from fusion_eval.runs.comparison import Row

_BETTER, _WORSE = "*+", "*-"


def entries(
    scores: Scores, column: Column, measure: Measure, higher_is_better: bool | None, digits: int
) -> dict[str, TableCell]:
    """Return the cells of a column by system. Systems without a value are absent.

    A metric without a better direction (`higher_is_better` is None) has no best cell.
    """
    values = {
        system: value
        for system in scores.systems
        if (value := scores.value(system, column, measure)) is not None
    }
    best = _best(values, higher_is_better) if len(values) > 1 else []
    group = _best_group(scores, column, measure, values, best)
    return {
        system: TableCell(
            f"{value:.{digits}f}",
            _spread(scores.error(system, column, measure), digits),
            system in best,
            system in group,
            sign(scores.row(system, column, measure)),
        )
        for system, value in values.items()
    }


def sign(row: Row | None) -> str:
    """Return `*+` or `*-` if a candidate is significantly better or worse than the baseline, else an empty text."""
    if row is None or not row.significant or not row.delta:
        return ""
    return _BETTER if (row.delta > 0) == row.higher_is_better else _WORSE


def _best(values: Mapping[str, float], higher_is_better: bool | None) -> list[str]:
    if higher_is_better is None:
        return []
    top = max(values.values()) if higher_is_better else min(values.values())
    return [name for name, value in values.items() if math.isclose(value, top, rel_tol=1e-9, abs_tol=1e-12)]


def _best_group(
    scores: Scores, column: Column, measure: Measure, values: Mapping[str, float], best: list[str]
) -> list[str]:
    """Return the systems that cannot be told apart from the best. Empty unless all were tested against it."""
    if not best:
        return []
    ranks = {system: scores.rank(system, column, measure) for system in values}
    letters = {system: set(rank.groups) for system, rank in ranks.items() if rank}
    if len(letters) == len(values):
        return [system for system in values if letters[system] & letters[best[0]]]
    rows = {system: scores.row(system, column, measure) for system in values if system != scores.baseline}
    differs = {system: row.significant for system, row in rows.items() if row}
    if len(differs) < len(values) - 1 or scores.baseline not in values:
        return []
    if scores.baseline in best:
        return [system for system in values if system in best or not differs[system]]
    if len(values) > 2:
        return []
    return [system for system in values if system in best or not differs[best[0]]]


def _spread(error: float | None, digits: int) -> str:
    return "" if error is None else f"± {error:.{digits}f}"
