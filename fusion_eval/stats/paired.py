"""Two runs on the same items, as sums that any test can work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats], Floats]
"""Totals of sufficient statistics (..., k) to scores (...); NaN where there is nothing to score."""
Labels = Sequence[Any] | npt.NDArray[Any] | None


@dataclass(frozen=True, slots=True)
class Paired:
    """Sufficient statistics of both runs, (C, G, k): summed per cluster (C) and group (G, say languages).

    A run's value is the mean over groups of the scored total of each (macro average).
    """

    baseline: Floats
    candidate: Floats
    score: Score

    @property
    def n_clusters(self) -> int:
        """How many units are independent of each other."""
        return len(self.baseline)

    @property
    def baseline_value(self) -> float:
        """The baseline's score on all items."""
        return float(value(self.baseline.sum(axis=0), self.score))

    @property
    def candidate_value(self) -> float:
        """The candidate's score on all items."""
        return float(value(self.candidate.sum(axis=0), self.score))

    @property
    def delta(self) -> float:
        """Candidate - baseline."""
        return self.candidate_value - self.baseline_value


def mean_score(totals: Floats) -> Floats:
    """(sum, count) to the mean; NaN where the count is zero."""
    count = totals[..., 1]
    return np.where(count > 0, totals[..., 0] / np.where(count > 0, count, 1.0), np.nan)


def value(totals: Floats, score: Score) -> Floats:
    """Totals (..., G, k) to the mean score (...) over the groups that have any item."""
    return mean_over_groups(score(totals))


def mean_over_groups(scores: Floats) -> Floats:
    """Scores (..., G) to their mean (...), those that are NaN left out; 0 where all are."""
    known = ~np.isnan(scores)
    return np.asarray(np.where(known, scores, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1))


def paired_values(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, clusters: Labels = None, groups: Labels = None
) -> Paired:
    """Per-item metrics (n,), scored by their mean. Raises ValueError for shapes that differ, or NaN."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (baseline, candidate))
    one, other = (np.stack([values, np.ones_like(values)], axis=-1) for values in (first, second))
    return paired_segments(one, other, mean_score, clusters, groups)


def paired_segments(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    score: Score,
    clusters: Labels = None,
    groups: Labels = None,
) -> Paired:
    """Sentence statistics (n, k) of a corpus metric. Labels (n,) say which cluster and which group an item is of.

    Clusters stand in the order of their labels (of their statistics, where there are no labels), and items are summed
    in the order of their statistics, so that the order of items never matters. Raises ValueError for shapes that
    differ, for NaN, and for no items.
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (baseline, candidate))
    if first.shape != second.shape or first.ndim != 2 or not len(first):
        raise ValueError(
            f"Two runs need statistics of one shape (n, k), n > 0, not {first.shape} and {second.shape}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Statistics must be finite; leave items without a value out")
    n, k = first.shape
    group, n_groups = _codes(groups, n) if groups is not None else (np.zeros(n, dtype=np.intp), 1)
    cluster, n_clusters = _codes(clusters, n) if clusters is not None else (np.zeros(n, dtype=np.intp), n)
    if n_clusters < n or clusters is None:
        order = _canonical_order(first, second, group)
        first, second, group, cluster = first[order], second[order], group[order], cluster[order]
    if clusters is None:
        cluster = np.arange(n)
    place = cluster * n_groups + group
    summed = [
        _sums(values, place, n_clusters * n_groups).reshape(n_clusters, n_groups, k)
        for values in (first, second)
    ]
    return Paired(summed[0], summed[1], score)


def _canonical_order(first: Floats, second: Floats, group: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """An order of items that neither shuffling them nor swapping the runs changes.

    Sorted by one run and by the other, the table that comes first is chosen; two equal tables are runs that mirror
    each other, of which no order could tell one from the other.
    """
    tables = [np.column_stack([group, *runs]) for runs in ((first, second), (second, first))]
    orders = [np.lexsort(table.T[::-1]) for table in tables]
    one, other = (table[order] for table, order in zip(tables, orders, strict=True))
    differ = np.flatnonzero((one != other).any(axis=1))
    return orders[int(len(differ) > 0 and one[differ[0]].tolist() > other[differ[0]].tolist())]


def _codes(labels: Sequence[Any] | npt.NDArray[Any], n: int) -> tuple[npt.NDArray[np.intp], int]:
    if len(labels) != n or (isinstance(labels, np.ndarray) and labels.ndim != 1):
        raise ValueError(f"Labels need the shape ({n},), not {np.shape(labels)}")
    listed = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    try:
        known = sorted(set(listed))
    except TypeError:  # labels of several types have no order but by their names
        known = sorted(set(listed), key=repr)
    places = {label: place for place, label in enumerate(known)}
    return np.array([places[label] for label in listed], dtype=np.intp), len(places)


def _sums(values: Floats, place: npt.NDArray[np.intp], size: int) -> Floats:
    return np.stack([np.bincount(place, column, size) for column in values.T], axis=-1)
