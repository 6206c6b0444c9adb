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
    ones = np.ones_like(first)
    return paired_segments(
        np.stack([first, ones], -1), np.stack([second, ones], -1), mean_score, clusters, groups
    )


def paired_segments(
    baseline: npt.ArrayLike,
    candidate: npt.ArrayLike,
    score: Score,
    clusters: Labels = None,
    groups: Labels = None,
) -> Paired:
    """Sentence statistics (n, k) of a corpus metric. Labels (n,) say which cluster and which group an item is of.

    Clusters stand in the order of their labels (of their statistics, where there are no labels), so that the order of
    items never matters. Raises ValueError for shapes that differ, for NaN, and for no items.
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
    if clusters is None:
        cluster, n_clusters = np.empty(n, dtype=np.intp), n
        both = np.concatenate([first, second, group[:, None]], axis=1)
        cluster[np.lexsort(both.T)] = np.arange(n)
    else:
        cluster, n_clusters = _codes(clusters, n)
    place = cluster * n_groups + group
    summed = [
        _sums(values, place, n_clusters * n_groups).reshape(n_clusters, n_groups, k)
        for values in (first, second)
    ]
    return Paired(summed[0], summed[1], score)


def _codes(labels: Labels, n: int) -> tuple[npt.NDArray[np.intp], int]:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"Labels need the shape ({n},), not {array.shape}")
    known, codes = np.unique(array.astype(str) if array.dtype == object else array, return_inverse=True)
    return codes, len(known)


def _sums(values: Floats, place: npt.NDArray[np.intp], size: int) -> Floats:
    return np.stack([np.bincount(place, column, size) for column in values.T], axis=-1)
