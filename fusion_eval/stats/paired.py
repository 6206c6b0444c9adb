"""Two runs on the same items, as the sums per cluster and group that every paired test works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.clusters import Labels, Numbers, number_by_label

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats], Floats]
"""Maps totals of sufficient statistics (..., k) to scores (...). A score is NaN if there is nothing to score."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The sufficient statistics of two runs on the same items.

    A run's value is a macro average: the totals of each group are scored, and the scores averaged over the groups.

    Attributes:
        baseline: Statistics (C, G, k), summed over the items of each of C clusters in each of G groups (e.g. languages).
        candidate: The same for the other run.
        score: Maps totals (..., k) to scores (...).
    """

    baseline: Floats
    candidate: Floats
    score: Score

    @property
    def n_clusters(self) -> int:
        """The number of clusters."""
        return len(self.baseline)

    @property
    def baseline_value(self) -> float:
        """The baseline's score on all items."""
        return float(score_groups(self.baseline.sum(axis=0), self.score))

    @property
    def candidate_value(self) -> float:
        """The candidate's score on all items."""
        return float(score_groups(self.candidate.sum(axis=0), self.score))

    @property
    def delta(self) -> float:
        """The candidate's score minus the baseline's."""
        return self.candidate_value - self.baseline_value


def mean_score(totals: Floats) -> Floats:
    """Return the means (...) of totals (..., 2), which are sums and counts. A mean is NaN if its count is 0."""
    count = totals[..., 1]
    return np.where(count > 0, totals[..., 0] / np.where(count > 0, count, 1.0), np.nan)


def score_groups(totals: Floats, score: Score) -> Floats:
    """Score the totals (..., G, k) of each group, and return the means (...) over the groups that have items."""
    return mean_over_groups(score(totals))


def mean_over_groups(scores: Floats) -> Floats:
    """Average scores (..., G) over the groups. NaN is left out; the mean of nothing is 0."""
    known = ~np.isnan(scores)
    return np.asarray(np.where(known, scores, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1))


def paired_values(
    baseline: npt.ArrayLike, candidate: npt.ArrayLike, clusters: Labels = None, groups: Labels = None
) -> Paired:
    """Pair two runs whose score is the mean of one value per item.

    Args:
        baseline: The baseline's values (n,).
        candidate: The candidate's values (n,) of the same items.
        clusters: The cluster of each item. By default each item is its own.
        groups: The group of each item. By default all items are one group.

    Raises:
        ValueError: The shapes differ, there are no items, or a value is not finite.
    """
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
    """Pair two runs whose score is a function of summed statistics, such as a corpus metric.

    The result does not depend on the order of the items: clusters are sorted by their labels, and items by their
    statistics, because sums in floating point depend on the order.

    Args:
        baseline: The baseline's statistics (n, k), a row per item.
        candidate: The candidate's statistics (n, k) of the same items.
        score: Maps totals (..., k) to scores (...).
        clusters: The cluster of each item. By default each item is its own.
        groups: The group of each item. By default all items are one group.

    Raises:
        ValueError: The shapes differ, there are no items, or a statistic is not finite.
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (baseline, candidate))
    if first.shape != second.shape or first.ndim != 2 or not len(first):
        raise ValueError(
            f"Two runs need statistics of one shape (n, k), n > 0, not {first.shape} and {second.shape}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Statistics must be finite; leave items without a value out")
    n, k = first.shape
    group, n_groups = number_by_label(groups, n) if groups is not None else (np.zeros(n, dtype=np.intp), 1)
    cluster, n_clusters = number_by_label(clusters, n)
    if n_clusters < n or clusters is None:
        order = _canonical_order(first, second, group)
        first, second, group, cluster = first[order], second[order], group[order], cluster[order]
    if clusters is None:
        cluster = np.arange(n)
    cell = cluster * n_groups + group
    sums = [
        _sum_cells(values, cell, n_clusters * n_groups).reshape(n_clusters, n_groups, k)
        for values in (first, second)
    ]
    return Paired(sums[0], sums[1], score)


def _canonical_order(first: Floats, second: Floats, group: Numbers) -> Numbers:
    """Return an order of the items that changes neither when they are shuffled nor when the runs are swapped.

    The items are sorted once by (first, second) and once by (second, first). The smaller of the two tables decides.
    The tables are equal only for runs that mirror each other, and no order could tell such runs apart.
    """
    tables = [np.column_stack([group, *runs]) for runs in ((first, second), (second, first))]
    orders = [np.lexsort(table.T[::-1]) for table in tables]
    one, other = (table[order] for table, order in zip(tables, orders, strict=True))
    different = np.flatnonzero((one != other).any(axis=1))
    return orders[int(len(different) > 0 and one[different[0]].tolist() > other[different[0]].tolist())]


def _sum_cells(values: Floats, cell: Numbers, size: int) -> Floats:
    return np.stack([np.bincount(cell, column, size) for column in values.T], axis=-1)


def independent_units(paired: Paired) -> int:
    """Return the number of clusters minus the number of strata, plus 1.

    A t test on it has C - S degrees of freedom, since the mean of each of S strata is estimated.
    """
    return paired.n_clusters - len(strata(paired)) + 1


def strata(paired: Paired) -> list[Numbers]:
    """Split the clusters into strata: parts of the data that share no cluster, such as unrelated tasks.

    Groups that have a cluster in common are one stratum, such as the languages of parallel texts. A stratum of one
    cluster has no spread of its own. Such strata are joined (collapsed strata, Cochran 1977, section 5A.12); if there
    is only one of them, it joins another stratum.

    Returns:
        The places of the clusters of each stratum.
    """
    n_clusters, n_groups = paired.baseline.shape[:2]
    if n_groups == 1:
        return [np.arange(n_clusters)]
    nonempty = ((paired.baseline != 0) | (paired.candidate != 0)).any(axis=2)
    component = _components(nonempty)
    parts = [np.flatnonzero(component == each) for each in np.unique(component)]
    single = [part for part in parts if len(part) == 1]
    rest = [part for part in parts if len(part) > 1]
    if len(single) == 1 and rest:
        single.append(rest.pop())
    return rest + ([np.sort(np.concatenate(single))] if single else [])


def _components(nonempty: npt.NDArray[np.bool_]) -> Numbers:
    """Number the connected components of clusters (C,), where groups (C, G) connect the clusters that they have."""
    component = np.arange(len(nonempty))
    while True:
        lowest = np.where(nonempty, component[:, None], len(nonempty)).min(axis=0)
        joined: Numbers = np.minimum(component, np.where(nonempty, lowest, len(nonempty)).min(axis=1))
        if (joined == component).all():
            return joined
        component = joined
