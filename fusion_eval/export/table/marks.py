"""Which cells of a column are best, which cannot be told from these, and which differ from the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fusion_eval.export.table.grid import Column, Entry
from fusion_eval.export.table.scores import Measure, Scores
from fusion_eval.runs.comparison import Row

_BETTER, _WORSE = "*+", "*-"


def entries(
    scores: Scores, column: Column, measure: Measure, higher_is_better: bool | None, digits: int
) -> dict[str, Entry]:
    """The cells of one column by system, where anything is known of it. A metric without a better end has no best."""
    values = {
        system: value
        for system in scores.systems
        if (value := scores.value(system, column, measure)) is not None
    }
    best = _best(values, higher_is_better) if len(values) > 1 else []
    alike = _alike(scores, column, measure, values, best)
    return {
        system: Entry(
            f"{value:.{digits}f}",
            _spread(scores.error(system, column, measure), digits),
            system in best,
            system in alike,
            sign(scores.row(system, column, measure)),
        )
        for system, value in values.items()
    }


def _best(values: Mapping[str, float], higher_is_better: bool | None) -> list[str]:
    if higher_is_better is None:
        return []
    top = max(values.values()) if higher_is_better else min(values.values())
    return [name for name, value in values.items() if math.isclose(value, top, rel_tol=1e-9, abs_tol=1e-12)]


def _alike(
    scores: Scores, column: Column, measure: Measure, values: Mapping[str, float], best: list[str]
) -> list[str]:
    """The best and its equals; nobody where not every system of the column was tested against the best."""
    if not best:
        return []
    ranks = {system: scores.rank(system, column, measure) for system in values}
    letters = {system: set(rank.groups) for system, rank in ranks.items() if rank}
    if len(letters) == len(values):
        return [system for system in values if letters[system] & letters[best[0]]]
    rows = {s: scores.row(s, column, measure) for s in values if s != scores.baseline}
    tested = {system: row.significant for system, row in rows.items() if row}
    if len(tested) < len(values) - 1 or scores.baseline not in values:
        return []
    if scores.baseline in best:
        return [system for system in values if system in best or not tested[system]]
    if len(values) > 2:
        return []
    return [system for system in values if system in best or not tested[best[0]]]


def sign(row: Row | None) -> str:
    """Of a candidate's row: `*+` or `*-` where it is better or worse than the baseline."""
    if row is None or not row.significant or not row.delta:
        return ""
    return _BETTER if (row.delta > 0) == row.higher_is_better else _WORSE


def _spread(error: float | None, digits: int) -> str:
    return "" if error is None else f"± {error:.{digits}f}"
