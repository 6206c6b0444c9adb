"""Leave one teacher out: what each model of a pool adds, from subsets of the pool alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fusion_eval.analysis.curves import interval
from fusion_eval.analysis.pools import Booleans, Floats, Integers
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import TeacherRow
from fusion_eval.stats.cluster_means import Means, Sample, cluster_means
from fusion_eval.stats.subsets import oracle_of_k

_TIE = 1e-9
"""Relative difference below which two values differ by rounding only."""


def teachers_of(unit: Unit) -> tuple[str, ...]:
    """Return the models that drew the pools of a unit, in their order; empty if there is only one."""
    names = tuple(dict.fromkeys(name for part in unit.parts for name in part.models))
    return names if len(names) > 1 else ()


def teacher_rows(unit: Unit, sample: Sample, alpha: float) -> Iterator[TeacherRow]:
    """Yield a row for each teacher whose candidates are a part of every pool, but not all of it."""
    values = unit.sign * np.concatenate([part.values for part in unit.parts])
    curve = oracle_of_k(values)
    for teacher in teachers_of(unit):
        own = np.concatenate([_drawn_by(teacher, part.models, part.model) for part in unit.parts])
        if own.any(axis=1).all() and not own.all(axis=1).any():
            yield _row(unit, teacher, values, own, curve, sample, alpha)


def _drawn_by(teacher: str, models: tuple[str, ...], model: Integers) -> Booleans:
    return np.asarray(model == (models.index(teacher) if teacher in models else -1))


def _row(
    unit: Unit, teacher: str, values: Floats, own: Booleans, curve: Floats, sample: Sample, alpha: float
) -> TeacherRow:
    """Return what a teacher adds. `values` (items, N) are higher where they are better."""
    others = np.where(own, -np.inf, values).max(axis=1)
    alone = np.where(own, values, -np.inf).max(axis=1)
    best, mine = values.max(axis=1), (values * own).sum(axis=1) / own.sum(axis=1)
    added = cluster_means(best - others, sample)
    low, high = interval(added, alpha, shares=False)
    left = values.shape[1] - own.sum(axis=1)
    equal: Means | None = None
    if (left == left[0]).all():
        equal = cluster_means(curve[:, left[0] - 1] - others, sample)
    equal_low, equal_high = interval(equal, alpha, shares=False) if equal else ([None], [None])
    p_value = float(equal.t_test()[0]) if equal else math.nan
    levels = cluster_means(np.stack([mine, best, others], axis=1), sample).mean * unit.sign
    return TeacherRow(
        **unit.head,
        teacher=teacher,
        mean=float(levels[0]),
        oracle=float(levels[1]),
        oracle_without=float(levels[2]),
        added=float(added.mean[0]),
        ci_low=low[0],
        ci_high=high[0],
        added_at_equal_size=float(equal.mean[0]) if equal else None,
        equal_size_low=equal_low[0],
        equal_size_high=equal_high[0],
        best_alone=int((alone > others + _TIE * np.abs(best)).sum()),
        items=unit.n_items,
        clusters=sample.n_clusters,
        p_value=None if math.isnan(p_value) else p_value,
    )
